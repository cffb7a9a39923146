/* steps_test.c - a round takes its steps through everything that may happen to it, in every order:
 * answers at once, late, or never; the configuration, the relay, the admin, the gateway's end in
 * between. */
#include "world.h"

static void check_end(void)
{
	assert_int_equal(world.left, world.admitted);
	assert_int_equal(world.ended, 1);
	assert_int_equal(world.count, 0);
	assert_null(world.message);
	assert_true(list_empty(&deliveries_of(worker)->rounds));
	assert_true(list_empty(&deliveries_of(worker)->ready));
	assert_false(deliveries_of(worker)->running);
}

static void check_stopped(void)
{
	assert_true(world.ended <= 1);
	assert_true(list_empty(&deliveries_of(worker)->rounds));
	assert_true(list_empty(&deliveries_of(worker)->ready));
}

static void deliver_one(void)
{
	world.message = make_message();
	round_begin(world.message);
	world_run();
	if (world.stopped)
		check_stopped();
	else
		check_end();
}

/* So many choices at once are not what happens mostly. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ODD_CHOICES 3
#else
#define ODD_CHOICES 4
#endif

static void a_round_ends_once_whatever_comes_in_which_order(void **state)
{
	unsigned runs = world_each(deliver_one, ODD_CHOICES);
	print_message("%u orders of events\n", runs);
	assert_true(runs > 10000);
}

/* --- a client that waits --- */

static void answer_client(void)
{
	world.client_waits = true;
	deliver_one();
	assert_true(world.client_told == 1 || (world.stopped && world.client_told == 0));
	assert_true(!world.client_refused || world.ended_final);
}

static void a_client_that_waits_hears_once_and_what_it_hears_refused_is_not_reported(void **state)
{
	assert_true(world_each(answer_client, 3) > 10000);
}

/* --- with nothing in its way --- */

static void deliver_straight(void)
{
	deliver_one();
	assert_int_equal(world.ended_final, 1);
	assert_int_equal(world.sends, 1);
	assert_int_equal(world.asked[GW_HOOK_route], RCPTS);
	assert_int_equal(world.asked[GW_HOOK_admit], 1);
	assert_int_equal(world.asked[GW_HOOK_prepare], 1);
	assert_int_equal(world.asked[GW_HOOK_deliver], 1);
	assert_int_equal(world.asked[GW_HOOK_result], RCPTS);
	assert_int_equal(world.asked[GW_HOOK_leave], 1);
	assert_int_equal(world.asked[GW_HOOK_fallback], 0);
	assert_int_equal(world.asked[GW_HOOK_bounce], 0);
}

static void each_hook_is_asked_once_where_all_is_well(void **state)
{
	assert_int_equal(world_each(deliver_straight, 0), 1);
}

/* --- a relay that may have it already --- */

static void deliver_suspect(void)
{
	world.message = make_message();
	for (size_t i = 0; i < RCPTS; i++) {
		world.message->rcpts[i]->suspect = true;
		world.message->rcpts[i]->relay = relays[1].name;
	}
	world.recorded_mask = mask_of(world.message);
	round_begin(world.message);
	world_run();
	for (size_t i = 0; i < RCPTS; i++)
		assert_int_equal(world.tried[i] & ~relay_bit(&relays[1]), 0);
	assert_int_equal(world.asked[GW_HOOK_route] + world.asked[GW_HOOK_fallback], 0);
}

static void after_an_unknown_outcome_no_other_relay_is_asked(void **state)
{
	assert_true(world_each(deliver_suspect, 3) > 1000);
}

/* --- a message that somebody only asks about --- */

static void hear_step(void *arg, const struct explain_step *step)
{
	assert_false(world.explained);
}

static void hear_done(void *arg)
{
	world.explained++;
	world.message = NULL;
}

static void explain_one(void)
{
	struct explain_question question = { .worker = worker,
					     .snapshot = &snapshot,
					     .sender = gw_str("a@example.com"),
					     .rcpt = gw_str("one@example.net"),
					     .step = hear_step,
					     .done = hear_done };
	world.dry = true;
	explain_begin(&question);
	world_run();
	assert_int_equal(world.explained, world.stopped ? world.explained : 1);
	assert_int_equal(world.sends + world.asked[GW_HOOK_prepare] + world.asked[GW_HOOK_deliver] +
				 world.asked[GW_HOOK_bounce] + world.asked[GW_HOOK_result],
			 0);
	assert_int_equal(world.ended, 0);
}

static void an_explanation_takes_the_same_steps_and_keeps_nothing(void **state)
{
	unsigned runs = world_each(explain_one, 3);
	print_message("%u orders of events\n", runs);
	assert_true(runs > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_hook_is_asked_once_where_all_is_well),
		cmocka_unit_test(a_round_ends_once_whatever_comes_in_which_order),
		cmocka_unit_test(
			a_client_that_waits_hears_once_and_what_it_hears_refused_is_not_reported),
		cmocka_unit_test(after_an_unknown_outcome_no_other_relay_is_asked),
		cmocka_unit_test(an_explanation_takes_the_same_steps_and_keeps_nothing),
	};
	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}

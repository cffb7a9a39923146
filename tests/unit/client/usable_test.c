/* usable_test.c - one answer to whether a relay may be used now: what goes before what, and what
 * ends it. */
#include "peer.c"
#include "rig.c"

#include "client/usable.h"

#define TEXT "Subject: hello\r\n\r\nbody\r\n"
#define MANY 300 /* more than wait for a relay at most */

static struct relay_refusal refusal;
static struct gw_str way;

static enum relay_reason here(struct rig *rig, bool urgent)
{
	refusal = (struct relay_refusal){ .reason = RELAY_USABLE };
	bool usable = relay_is_usable_here(rig->worker, rig->relay, gw_str("rcpt.example"), urgent,
					   &refusal, &way);
	assert_int_equal(usable, refusal.reason == RELAY_USABLE);
	return refusal.reason;
}

static enum relay_reason anywhere(struct rig *rig)
{
	refusal = (struct relay_refusal){ .reason = RELAY_USABLE };
	bool usable = relay_is_usable(rig->relay, worker_wall(rig->worker), &refusal);
	assert_int_equal(usable, refusal.reason == RELAY_USABLE);
	return refusal.reason;
}

static void begin(struct rig *rig, struct peer *peer)
{
	peer_start(peer, NULL);
	rig_init(rig, 0, peer->port);
	rig->relay->enabled = true;
	assert_int_equal(here(rig, false), RELAY_USABLE);
	assert_int_equal(anywhere(rig), RELAY_USABLE);
}

static void unreach(struct rig *rig, unsigned short port)
{
	struct sending sending;

	rig->relay->port = port;
	assert_int_equal(rig_once(rig, &sending, TEXT, "to@rcpt.example").status, GW_DEFERRED);
	sending_finish(&sending);
}

static void end(struct rig *rig, struct peer *peer)
{
	rig_finish(rig);
	peer_stop(peer);
}

/* Until a link can be made, and at its next try at the latest. */
static void a_relay_that_takes_no_link_is_unreachable(void **state)
{
	struct sending sending;
	struct peer peer;
	struct rig rig;

	begin(&rig, &peer);
	unreach(&rig, 1);
	assert_int_equal(here(&rig, false), RELAY_UNREACHABLE);
	assert_int_equal(refusal.cause, GW_CAUSE_FAILURE);
	assert_true(refusal.until > worker_wall(rig.worker));
	assert_non_null(strstr(refusal.why, "the relay is down: "));
	assert_true(gw_str_eq(way, rig.relay->name)); /* the relay queue wakes what waits */
	int64_t until = refusal.until;
	assert_int_equal(anywhere(&rig), RELAY_UNREACHABLE);
	assert_int_equal(refusal.until, until);
	assert_int_equal(here(&rig, true), RELAY_USABLE);

	rig.relay->port = peer.port;
	sending_init(&sending, &rig, TEXT, "to@rcpt.example");
	sending.attempt.urgent = true;
	rig_send(&sending);
	rig_run(&rig);
	assert_int_equal(sending.outcomes[0].status, GW_DELIVERED);
	sending_finish(&sending);
	assert_int_equal(here(&rig, false), RELAY_USABLE);
	assert_int_equal(anywhere(&rig), RELAY_USABLE);
	end(&rig, &peer);
}

static void what_somebody_says_goes_before_what_is_found_out(void **state)
{
	struct peer peer;
	struct rig rig;

	begin(&rig, &peer);
	unreach(&rig, 1);
	relay_status_close(rig.relay->name, gw_str("quota"), GW_CAUSE_LIMIT, 0, gw_str("used up"));
	assert_int_equal(here(&rig, false), RELAY_CLOSED);
	assert_string_equal(refusal.why, "used up");
	assert_int_equal(way.len, 0); /* it waits for the relay to be opened */
	assert_int_equal(here(&rig, true), RELAY_CLOSED);
	assert_int_equal(anywhere(&rig), RELAY_CLOSED);
	rig.relay->enabled = false;
	assert_int_equal(here(&rig, true), RELAY_OFF);
	assert_int_equal(anywhere(&rig), RELAY_OFF);
	rig.relay->enabled = true;
	relay_status_open(rig.relay->name, gw_str("quota"), 0);
	assert_int_equal(here(&rig, false), RELAY_UNREACHABLE);
	end(&rig, &peer);
}

static void a_relay_with_enough_before_it_is_crowded_here(void **state)
{
	struct sending *sendings = calloc(MANY, sizeof(*sendings));
	struct peer peer;
	struct rig rig;

	begin(&rig, &peer);
	for (size_t i = 0; i < MANY; i++) {
		sending_init(&sendings[i], &rig, TEXT, "to@rcpt.example");
		rig_send(&sendings[i]);
	}
	assert_int_equal(here(&rig, false), RELAY_CROWDED);
	assert_int_equal(refusal.cause, GW_CAUSE_RATE);
	assert_true(gw_str_eq(way, rig.relay->name));
	assert_int_equal(anywhere(&rig), RELAY_USABLE); /* other workers may have room */
	assert_int_equal(here(&rig, true), RELAY_USABLE);
	rig_run(&rig);
	assert_int_equal(here(&rig, false), RELAY_USABLE);
	for (size_t i = 0; i < MANY; i++)
		sending_finish(&sendings[i]);
	free(sendings);
	end(&rig, &peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_relay_that_takes_no_link_is_unreachable),
		cmocka_unit_test(what_somebody_says_goes_before_what_is_found_out),
		cmocka_unit_test(a_relay_with_enough_before_it_is_crowded_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

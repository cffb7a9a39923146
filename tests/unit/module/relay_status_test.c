/* relay_status_test.c - why a relay is not used: each state of a relay, each thing that may happen
 * to it. */
#include "rig.h"

#include "module/relay_status.h"

#include <setjmp.h>

#include <cmocka.h>

#define NOW 1000
#define LATER 2000 /* until then `timed` closes */

/* Who has closed it, and whether the configuration has it off: any set of them is a state. */
enum { SUSPENDED = 1, LIMITED = 2, SWITCHED_OFF = 4, DISABLED = 8, STATES = 16 };

/* The answer in each state, by now: at NOW. A limit lasts until LATER, the others until somebody
 * opens it. */
static const struct {
	const char *by;
	enum relay_reason reason;
	enum gw_cause cause;
	int64_t until;
	bool urgent; /* open for who tries whatever failed */
} answers[STATES] = {
	[0] = { "", RELAY_USABLE, 0, 0, true },
	[SUSPENDED] = { "failover", RELAY_CLOSED, GW_CAUSE_FAILURE, 0, true },
	[LIMITED] = { "quota", RELAY_CLOSED, GW_CAUSE_LIMIT, LATER, false },
	[SUSPENDED | LIMITED] = { "failover", RELAY_CLOSED, GW_CAUSE_FAILURE, 0, false },
	[SWITCHED_OFF] = { "gatewayctl", RELAY_CLOSED, GW_CAUSE_OFF, 0, false },
	[SWITCHED_OFF | SUSPENDED] = { NULL, RELAY_CLOSED, 0, 0, false },
	[SWITCHED_OFF | LIMITED] = { "gatewayctl", RELAY_CLOSED, GW_CAUSE_OFF, 0, false },
	[SWITCHED_OFF | SUSPENDED | LIMITED] = { NULL, RELAY_CLOSED, 0, 0, false },
	[DISABLED] = { "", RELAY_OFF, GW_CAUSE_OFF, 0, false },
	[DISABLED | SUSPENDED] = { "", RELAY_OFF, GW_CAUSE_OFF, 0, false },
	[DISABLED | LIMITED] = { "", RELAY_OFF, GW_CAUSE_OFF, 0, false },
	[DISABLED | SUSPENDED | LIMITED] = { "", RELAY_OFF, GW_CAUSE_OFF, 0, false },
	[DISABLED | SWITCHED_OFF] = { "", RELAY_OFF, GW_CAUSE_OFF, 0, false },
	[DISABLED | SWITCHED_OFF | SUSPENDED] = { "", RELAY_OFF, GW_CAUSE_OFF, 0, false },
	[DISABLED | SWITCHED_OFF | LIMITED] = { "", RELAY_OFF, GW_CAUSE_OFF, 0, false },
	[DISABLED | SWITCHED_OFF | SUSPENDED | LIMITED] = { "", RELAY_OFF, GW_CAUSE_OFF, 0, false },
};

static const struct {
	unsigned bit;
	const char *by;
	enum gw_cause cause;
	int64_t until;
} owners[] = {
	{ SUSPENDED, "failover", GW_CAUSE_FAILURE, 0 },
	{ LIMITED, "quota", GW_CAUSE_LIMIT, LATER },
	{ SWITCHED_OFF, RELAY_STATUS_ADMIN, GW_CAUSE_OFF, 0 },
};

struct fixture {
	struct rig rig;  /* a configuration with failover and quota */
	struct rig bare; /* one with neither */
	struct gw_relay relay;
};

static unsigned opened;

static void note_opened(struct gw_str relay)
{
	assert_string_equal(relay.ptr, "one");
	opened++;
}

/* --- events --- */

static void closes(struct fixture *f, size_t owner)
{
	assert_int_equal(relay_status_close(f->relay.name, gw_str(owners[owner].by),
					    owners[owner].cause, owners[owner].until,
					    gw_str("why")),
			 0);
}

static void opens(struct fixture *f, size_t owner)
{
	relay_status_open(f->relay.name, gw_str(owners[owner].by), 0);
}

static void resumes(struct fixture *f, size_t owner)
{
	relay_status_open(f->relay.name, gw_str(""), GW_CAUSE_FAILURE);
}

static void time_passes(struct fixture *f, size_t owner)
{
	relay_status_tick(LATER);
}

static void a_moment_passes(struct fixture *f, size_t owner)
{
	relay_status_tick(LATER - 1);
}

static void reloads(struct fixture *f, size_t owner)
{
	relay_status_keep(&f->rig.snapshot);
}

static void reloads_without_modules(struct fixture *f, size_t owner)
{
	relay_status_keep(&f->bare.snapshot);
}

/* A reload makes another struct gw_relay of the name. */
static void reloads_enabled(struct fixture *f, size_t enabled)
{
	f->relay = (struct gw_relay){ .name = gw_str("one"), .enabled = enabled };
	relay_status_keep(&f->rig.snapshot);
}

static const struct {
	const char *name;
	void (*happens)(struct fixture *f, size_t which);
	size_t which;
	unsigned begins, ends; /* reasons */
} events[] = {
	{ "failover suspends it", closes, 0, SUSPENDED, 0 },
	{ "a limit is reached", closes, 1, LIMITED, 0 },
	{ "an admin switches it off", closes, 2, SWITCHED_OFF, 0 },
	{ "failover opens it", opens, 0, 0, SUSPENDED },
	{ "quota opens it", opens, 1, 0, LIMITED },
	{ "an admin switches it on", opens, 2, 0, SWITCHED_OFF },
	{ "an admin resumes it", resumes, 0, 0, SUSPENDED },
	{ "the limit begins anew", time_passes, 0, 0, LIMITED },
	{ "not yet", a_moment_passes, 0, 0, 0 },
	{ "a reload", reloads, 0, 0, 0 },
	{ "a reload with neither module", reloads_without_modules, 0, 0, SUSPENDED | LIMITED },
	{ "a reload that disables it", reloads_enabled, 0, DISABLED, 0 },
	{ "a reload that enables it", reloads_enabled, 1, 0, DISABLED },
};

#define CLOSURES (SUSPENDED | LIMITED | SWITCHED_OFF)

static void bring_to(struct fixture *f, unsigned state)
{
	f->relay = (struct gw_relay){ .name = gw_str("one"), .enabled = !(state & DISABLED) };
	for (size_t i = 0; i < 3; i++) {
		opens(f, i);
		if (state & owners[i].bit)
			closes(f, i);
	}
	opened = 0;
}

static void check_state(struct fixture *f, unsigned state)
{
	struct relay_refusal refusal = { .reason = RELAY_USABLE }, other;

	assert_int_equal(relay_status_is_open(&f->relay, NOW, false, &refusal), state == 0);
	assert_int_equal(refusal.reason, answers[state].reason);
	assert_int_equal(relay_status_is_open(&f->relay, NOW, true, &other), answers[state].urgent);
	assert_int_equal(refusal.until, answers[state].until);
	if (!answers[state].by) /* two that last equally long */
		return;
	assert_string_equal(refusal.by, answers[state].by);
	assert_int_equal(refusal.cause, answers[state].cause);
}

static void each_event_in_each_state(void **state)
{
	struct fixture *f = *state;

	for (unsigned before = 0; before < STATES; before++) {
		for (size_t e = 0; e < sizeof(events) / sizeof(events[0]); e++) {
			unsigned after = (before & ~events[e].ends) | events[e].begins;

			bring_to(f, before);
			check_state(f, before);
			events[e].happens(f, events[e].which);
			check_state(f, after);
			/* what waits is woken once: when the last closure is gone */
			assert_int_equal(opened, (before & CLOSURES) && !(after & CLOSURES));
		}
	}
	bring_to(f, 0);
}

/* Past its time it is none, though no tick has come yet. */
static void a_closure_ends_by_the_clock(void **state)
{
	struct fixture *f = *state;
	struct relay_refusal refusal;

	bring_to(f, LIMITED);
	assert_true(relay_status_is_open(&f->relay, LATER, false, &refusal));
	bring_to(f, LIMITED | SUSPENDED);
	assert_false(relay_status_is_open(&f->relay, LATER, false, &refusal));
	assert_string_equal(refusal.by, "failover");
	bring_to(f, 0);
}

static void what_an_owner_says_replaces_what_it_said(void **state)
{
	struct fixture *f = *state;
	struct relay_refusal refusal;

	bring_to(f, LIMITED);
	relay_status_close(f->relay.name, gw_str("quota"), GW_CAUSE_LIMIT, LATER + 1,
			   gw_str("again"));
	assert_true(relay_status_closed(&f->relay, NOW, &refusal));
	assert_int_equal(refusal.until, LATER + 1);
	assert_string_equal(refusal.why, "again");
	opens(f, 1);
	check_state(f, 0);
}

/* --- the pace --- */

static void the_lowest_pace_counts_and_goes_with_its_module(void **state)
{
	struct fixture *f = *state;
	struct gw_relay *relay = &f->relay;

	bring_to(f, 0);
	relay->connections = 10;
	assert_int_equal(relay_status_connections(relay), 10);
	relay_status_pace(relay, gw_str("failover"), 4);
	relay_status_pace(relay, gw_str("quota"), 2);
	assert_int_equal(relay_status_connections(relay), 2);
	relay_status_pace(relay, gw_str("quota"), 6);
	assert_int_equal(relay_status_connections(relay), 4);
	relay_status_pace(relay, gw_str("failover"), 0);
	assert_int_equal(relay_status_connections(relay), 6);
	relay_status_pace(relay, gw_str("failover"), 50); /* more than configured is no more */
	relay_status_pace(relay, gw_str("quota"), 0);
	assert_int_equal(relay_status_connections(relay), 10);
	relay_status_pace(relay, gw_str("failover"), 3);
	relay_status_keep(&f->rig.snapshot);
	assert_int_equal(relay_status_connections(relay), 3);
	relay_status_keep(&f->bare.snapshot);
	assert_int_equal(relay_status_connections(relay), 10);
}

static int set_up(void **state)
{
	static const struct gw_module failover = { .name = "failover" },
				      quota = { .name = "quota" };
	static struct fixture f;

	rig_init(&f.rig);
	rig_init(&f.bare);
	rig_add(&f.rig, "65-failover", GW_HOOK_tick, &failover)->module->name = (char *)"failover";
	rig_add(&f.rig, "70-limits", GW_HOOK_tick, &quota)->module->name = (char *)"quota";
	relay_status_set_opened(note_opened);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	rig_finish(&f->rig);
	rig_finish(&f->bare);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_event_in_each_state),
		cmocka_unit_test(a_closure_ends_by_the_clock),
		cmocka_unit_test(what_an_owner_says_replaces_what_it_said),
		cmocka_unit_test(the_lowest_pace_counts_and_goes_with_its_module),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

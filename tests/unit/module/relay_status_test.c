/* relay_status_test.c - closures of relays when the configuration changes. */
#include "rig.h"

#include "module/relay_status.h"

#include <setjmp.h>

#include <cmocka.h>

static char opened[64];

static void note_opened(struct gw_str relay)
{
	snprintf(opened, sizeof(opened), "%s%.*s", opened[0] ? "twice " : "", GW_STR_ARGS(relay));
}

static bool is_closed(const char *name)
{
	struct gw_relay relay = { .name = gw_str(name) };
	struct relay_status_closure closure;

	return relay_status_closed(&relay, 1000, &closure);
}

/* Nobody but its module opens what it closed, so what is left of one that is gone goes with it. */
static void closures_go_with_their_module(void **state)
{
	static const struct gw_module quota = { .name = "quota" };
	struct rig rig;

	rig_init(&rig);
	rig_add(&rig, "70-limits", GW_HOOK_tick, &quota)->module->name = (char *)"quota";
	relay_status_set_opened(note_opened);
	relay_status_close(gw_str("one"), gw_str("auth-oauth"), GW_CAUSE_FAILURE, 0, gw_str("x"));
	relay_status_close(gw_str("two"), gw_str("auth-oauth"), GW_CAUSE_FAILURE, 0, gw_str("x"));
	relay_status_close(gw_str("two"), gw_str("quota"), GW_CAUSE_LIMIT, 0, gw_str("x"));
	relay_status_close(gw_str("three"), gw_str(RELAY_STATUS_ADMIN), GW_CAUSE_OFF, 0,
			   gw_str("x"));
	relay_status_keep(&rig.snapshot);
	assert_false(is_closed("one"));
	assert_true(is_closed("two") && is_closed("three"));
	assert_string_equal(opened, "one");
	assert_true(relay_status_open(gw_str("two"), gw_str("quota"), 0));
	assert_false(is_closed("two"));
	rig_finish(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closures_go_with_their_module),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

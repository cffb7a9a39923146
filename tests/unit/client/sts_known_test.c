/* sts_known_test.c - however many domains have a policy, each one's counts, as long as its time is.
 */
#include "base/clock.h"
#include "client/sts_known.h"
#include "client/transport.h"
#include "queue/runtime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define MANY 10010 /* more than are known at once */

static const char *domain(char name[32], int nth)
{
	snprintf(name, 32, "d%d.example", nth);
	return name;
}

/* As it was kept, and mail goes there. */
static void use(int nth)
{
	static const struct attempt_tls tls = { .wanted = GW_STR("mta-sts") };
	char name[32], text[200];

	snprintf(text, sizeof(text),
		 "a1 %lld\nversion: STSv1\nmode: enforce\nmax_age: 86400\nmx: mx%d.example\n",
		 (long long)clock_wall(), nth);
	assert_int_equal(state_record_put(runtime.state, gw_str("mta-sts"),
					  gw_str(domain(name, nth)), gw_str(text)),
			 0);
	sts_note(gw_str(name), &tls, gw_str("mx"), gw_str(""));
}

static void assert_enforced(int nth)
{
	char name[32], host[32];
	const struct sts_policy *policy = sts_known(gw_str(domain(name, nth)));

	assert_non_null(policy);
	snprintf(host, sizeof(host), "mx%d.example", nth);
	assert_int_equal(policy->mode, STS_MODE_ENFORCE);
	assert_true(sts_policy_names(policy, gw_str(host)));
	sts_policy_release(policy);
}

static void each_policy_counts_however_many_there_are(void **state)
{
	for (int nth = 0; nth < MANY; nth++)
		use(nth);
	assert_enforced(MANY - 1);
	assert_enforced(0);
	assert_null(sts_known(gw_str("other.example")));
}

#define MINUTE ((int64_t)60 * 1000)
#define DAY (24 * 60 * MINUTE)

static const struct gw_str aged = GW_STR("aged.example");
static const char aged_body[] = "version: STSv1\nmode: enforce\nmax_age: 86400\nmx: mx\n";

static struct sts_policy *read_aged(const char *id, int64_t now)
{
	const char *why;
	struct sts_policy *policy = sts_policy_read(aged, gw_str(aged_body), id, now, &why);

	assert_non_null(policy);
	return policy;
}

static bool is_on_disk(void)
{
	char text[200];

	return state_record_get(runtime.state, gw_str("mta-sts"), aged, text, sizeof(text)) > 0;
}

static void a_domain_is_looked_at_every_five_minutes_until_its_policy_ends(void **state)
{
	const int64_t now = clock_wall();
	const struct sts_policy *policy;
	struct sts_told told;

	assert_int_equal(sts_known_look(aged, now), STS_KNOWN_NOT);
	sts_known_looked(aged, now, "there is none", "sts-policy-fetch-error");
	assert_string_equal(sts_known_failure(aged), "sts-policy-fetch-error");
	assert_int_equal(sts_known_look(aged, now + 5 * MINUTE - 1), STS_KNOWN_NEW);
	assert_int_equal(sts_known_look(aged, now + 5 * MINUTE), STS_KNOWN_NOT);
	sts_known_replace(read_aged("1", now), gw_str(aged_body));
	sts_known_replace(read_aged("2", now), gw_str(aged_body));
	assert_true(is_on_disk());
	policy = sts_known(gw_str("AGED.example"));
	assert_string_equal(policy->id, "2");
	sts_policy_release(policy);
	sts_known_looked(aged, now + 5 * MINUTE, "it was fetched", NULL);
	sts_tell(gw_str("Aged.Example"), &told);
	assert_string_equal(told.what, "it was fetched");
	assert_int_equal(told.looked_at, now + 5 * MINUTE);
	assert_int_equal(sts_known_look(aged, now + 9 * MINUTE), STS_KNOWN_NEW);
	assert_int_equal(sts_known_look(aged, now + DAY - 1), STS_KNOWN_OLD);
	assert_int_equal(sts_known_look(aged, now + DAY), STS_KNOWN_NOT);
	assert_false(is_on_disk());
	assert_null(sts_known(aged));
}

int main(void)
{
	char folder[] = "/tmp/gateway-sts-XXXXXX", path[64], command[64];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_domain_is_looked_at_every_five_minutes_until_its_policy_ends),
		cmocka_unit_test(each_policy_counts_however_many_there_are),
	};
	struct problems problems;

	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/state.db", folder);
	problems_init(&problems);
	runtime.state = state_open(path, &problems);
	problems_finish(&problems);
	int failed = runtime.state ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
	state_close(runtime.state);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command) != 0 || failed;
}

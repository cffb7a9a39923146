/* sts_test.c - however many domains have a policy, each one's counts. */
#include "base/clock.h"
#include "client/sts.h"
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

int main(void)
{
	char folder[] = "/tmp/gateway-sts-XXXXXX", path[64], command[64];
	const struct CMUnitTest tests[] = {
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

/* What a relay did last is known after a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/relay_past.h"
#include "client/relay_queue.h"
#include "queue/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[64];

static void open_store(void)
{
	struct problems problems;

	problems_init(&problems);
	runtime.state = state_open(path, &problems);
	problems_finish(&problems);
}

/* In a process of its own, since relays last as long as theirs. */
static void run(void (*life)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		open_store();
		life();
		relay_past_save();
		state_close(runtime.state);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static struct relay_shared *shared_of(const char *name)
{
	static struct gw_relay relays[2];
	static int used;

	relays[used].name = gw_str(name);
	return relay_shared(&relays[used++]);
}

static void expect(const char *name, int64_t succeeded, int64_t failed, const char *words)
{
	struct relay_shared *shared = shared_of(name);
	char text[256];

	attempt_last_error(shared, text, sizeof(text));
	if (atomic_load(&shared->succeeded_at) != succeeded ||
	    atomic_load(&shared->failed_at) != failed || strcmp(text, words) != 0)
		_exit(1);
}

static void both(void)
{
	struct relay_shared *shared = shared_of("both");

	expect("idle", 0, 0, "");
	atomic_store(&shared->succeeded_at, 1700000000000);
	attempt_set_last_error(shared, "rcpt: 451 later, 100 %", 1800000000000);
}

static void only_success(void)
{
	expect("both", 1700000000000, 1800000000000, "rcpt: 451 later, 100 %");
	atomic_store(&shared_of("success")->succeeded_at, 1900000000000);
}

static void all_is_known(void)
{
	expect("both", 1700000000000, 1800000000000, "rcpt: 451 later, 100 %");
	expect("success", 1900000000000, 0, "");
}

static void a_restart_knows_what_relays_did_last(void **state)
{
	run(both);
	run(only_success);
	run(all_is_known);
}

int main(void)
{
	char folder[] = "/tmp/gateway-past-XXXXXX", command[64];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_restart_knows_what_relays_did_last),
	};

	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/state.db", folder);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command) != 0 || failed;
}

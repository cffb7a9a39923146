#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/places.h"
#include "module/chain_private.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct places *places;
static struct instance_counters counters;
static struct instance dkim = { .name = "80-dkim", .counters = &counters },
		       archive = { .name = "70-archive", .counters = &counters };
static pthread_barrier_t inside;

static int make(void **state)
{
	places = places_create();
	return places ? 0 : -1;
}

static int drop(void **state)
{
	places_destroy(places);
	return 0;
}

/* --- what a process does before it dies; each ends it --- */

static void die_in_a_module(void)
{
	struct call_guard visit;
	call_guard_begin(&visit, &dkim, GW_HOOK_prepare, 42);
	abort();
}

static void die_after_a_module(void)
{
	struct call_guard visit;
	call_guard_begin(&visit, &dkim, GW_HOOK_prepare, 42);
	call_guard_end(&visit);
	abort();
}

static void die_in_the_outer_one(void)
{
	struct call_guard outer, inner;
	call_guard_begin(&outer, &dkim, GW_HOOK_prepare, 42);
	call_guard_begin(&inner, &archive, GW_HOOK_event, 43);
	call_guard_end(&inner);
	abort();
}

static void *wait_inside(void *arg)
{
	struct call_guard visit;
	call_guard_begin(&visit, &archive, GW_HOOK_message, 7);
	pthread_barrier_wait(&inside);
	pause();
	return NULL;
}

static void begin_other(void)
{
	pthread_t thread;
	pthread_barrier_init(&inside, NULL, 2);
	pthread_create(&thread, NULL, wait_inside, NULL);
	pthread_barrier_wait(&inside);
}

static void die_beside_others(void)
{
	begin_other();
	die_in_a_module();
}

static void die_outside_beside_others(void)
{
	begin_other();
	abort();
}

static void exit_beside_others(void)
{
	struct call_guard visit;
	begin_other();
	call_guard_begin(&visit, &dkim, GW_HOOK_tick, 0);
	_exit(3);
}

static void die_at_the_start(void)
{
	struct call_guard visit;
	call_guard_begin(&visit, &dkim, GW_HOOKS, 0);
	raise(SIGSEGV);
}

static int run(void (*act)(void))
{
	int status;
	places_clear(places);
	pid_t child = fork();
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		signal(SIGSEGV, SIG_DFL); /* the test's own */
		places_watch(places);
		act();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static const struct {
	const char *what;
	void (*act)(void);
	int signal;
	size_t count;
	const char *instance, *hook; /* of the first */
	uint64_t id;
} deaths[] = {
	{ "in a module", die_in_a_module, SIGABRT, 1, "80-dkim", "prepare", 42 },
	{ "after a module", die_after_a_module, SIGABRT, 0, NULL, NULL, 0 },
	{ "in the outer of two", die_in_the_outer_one, SIGABRT, 1, "80-dkim", "prepare", 42 },
	{ "others are not to blame", die_beside_others, SIGABRT, 1, "80-dkim", "prepare", 42 },
	{ "outside of modules", die_outside_beside_others, SIGABRT, 0, NULL, NULL, 0 },
	{ "without a signal all are suspect", exit_beside_others, 0, 2, "70-archive", "message",
	  7 },
	{ "at the start", die_at_the_start, SIGSEGV, 1, "80-dkim", "start or stop", 0 },
};

static void the_one_that_died_is_named(void **state)
{
	for (size_t i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++) {
		struct place blamed[4];
		int status = run(deaths[i].act);
		print_message("  %s\n", deaths[i].what);
		assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : 0, deaths[i].signal);
		assert_int_equal(places_blame(places, blamed, 4), deaths[i].count);
		if (!deaths[i].count)
			continue;
		assert_string_equal(blamed[0].instance, deaths[i].instance);
		assert_string_equal(place_hook(&blamed[0]), deaths[i].hook);
		assert_int_equal(blamed[0].id, deaths[i].id);
	}
}

/* The process that wrote the page may have been taken over. */
static void garbage_is_no_danger(void **state)
{
	struct place blamed[4];
	for (int byte = 0; byte < 256; byte++) {
		memset((void *)places, byte, sizeof(struct place) * 300);
		size_t count = places_blame(places, blamed, 4);
		for (size_t i = 0; i < count; i++) {
			assert_true(strlen(blamed[i].instance) <= PLACE_NAME);
			assert_non_null(place_hook(&blamed[i]));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_one_that_died_is_named),
		cmocka_unit_test(garbage_is_no_danger),
	};
	return cmocka_run_group_tests(tests, make, drop);
}

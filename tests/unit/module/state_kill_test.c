/* The process that counts is killed: what it had told is what the next one finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "module/state.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/state-kill-XXXXXX";
static char path[100], counters[100], aside[120];
static const struct gw_str quota = GW_STR("quota"), relay = GW_STR("relay");

static struct state *open_state(const char *warning)
{
	struct problems problems;

	problems_init(&problems);
	struct state *store = state_open(path, &problems);
	assert_non_null(store);
	assert_int_equal(problems.warnings, warning ? 1 : 0);
	if (warning)
		assert_non_null(strstr(problems.first->text, warning));
	problems_finish(&problems);
	return store;
}

static int64_t value_of(struct state *store, int64_t period)
{
	return state_counter_get(store, quota, relay, period);
}

/* --- a process that counts --- */

struct child {
	pid_t pid;
	int told; /* the values it was given, 8 octets each */
};

static struct child start(void (*counts)(struct state *store, int told))
{
	struct child child;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	child.pid = fork();
	assert_true(child.pid >= 0);
	if (child.pid == 0) {
		struct problems problems;
		close(ends[0]);
		problems_init(&problems);
		counts(state_open(path, &problems), ends[1]);
		pause();
	}
	close(ends[1]);
	child.told = ends[0];
	return child;
}

static void tell(int told, int64_t value)
{
	if (write(told, &value, sizeof(value)) != sizeof(value))
		_exit(1);
}

static int64_t hear(const struct child *child)
{
	int64_t value = -1;

	return read(child->told, &value, sizeof(value)) == sizeof(value) ? value : -1;
}

static int64_t hear_some(const struct child *child, int count)
{
	int64_t last = hear(child);

	while (count-- > 0)
		last = hear(child);
	return last;
}

/* The last value that it told; `last` where nothing came after that. */
static int64_t kill_child(const struct child *child, int64_t last)
{
	int64_t value;
	int status;

	kill(child->pid, SIGKILL);
	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	while ((value = hear(child)) >= 0)
		last = value;
	close(child->told);
	return last;
}

static void counts_up(struct state *store, int told)
{
	for (;;)
		tell(told, state_counter_add(store, quota, relay, 1, 1, -1));
}

static void killed_at_any_moment_nothing_is_lost(void **state)
{
	int64_t value = 0;

	for (int round = 0; round < 40; round++) {
		struct child child = start(counts_up);
		int64_t told = kill_child(&child, hear_some(&child, rand() % 200));
		struct state *store = open_state(NULL);
		value = value_of(store, 1);
		assert_in_range(value, told, told + 1);
		state_close(store);
	}
	assert_true(value >= 40);
}

/* A period lasts three counts: the killed one may have been on its way from one to the next. */
static void counts_in_periods(struct state *store, int told)
{
	int64_t count = state_counter_get(store, quota, gw_str("all"), 0);

	for (;; count++) {
		state_counter_add(store, quota, relay, count / 3, 1, -1);
		tell(told, state_counter_add(store, quota, gw_str("all"), 0, 1, -1));
	}
}

static void periods_change_whole_or_not_at_all(void **state)
{
	int64_t all = 0;

	for (int round = 0; round < 20; round++) {
		struct child child = start(counts_in_periods);
		int64_t told = kill_child(&child, hear_some(&child, rand() % 100));
		struct state *store = open_state(NULL);
		all = state_counter_get(store, quota, gw_str("all"), 0);
		assert_in_range(all, told, told + 1);
		int64_t now = value_of(store, all / 3), before = value_of(store, all / 3 - 1);
		assert_in_range(now, all % 3, all % 3 + 1); /* counted before it was told */
		if (all >= 3)
			assert_int_equal(before, 3);
		if (now > 0)
			assert_int_equal(value_of(store, all / 3 - 2), 0);
		if (now > all % 3) /* the next round begins where counting does */
			state_counter_add(store, quota, relay, all / 3, -1, -1);
		state_close(store);
	}
}

#define THREADS 3
#define COUNTERS 9000 /* more than the file has room for at first */

static struct state *shared;

static void *counts_its_share(void *arg)
{
	char text[20];

	for (intptr_t i = (intptr_t)arg; i < COUNTERS; i += THREADS) {
		int len = snprintf(text, sizeof(text), "relay-%05d", (int)i);
		state_counter_add(shared, quota, gw_str_n(text, (size_t)len), i, i + 1, -1);
	}
	return NULL;
}

static void counts_many(struct state *store, int told)
{
	pthread_t threads[THREADS];

	shared = store;
	for (intptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, counts_its_share, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	tell(told, COUNTERS);
}

static void many_counters_of_many_threads_are_there(void **state)
{
	struct child child = start(counts_many);
	struct stat info;
	char text[20];

	assert_int_equal(hear(&child), COUNTERS);
	kill_child(&child, 0);
	assert_int_equal(stat(counters, &info), 0);
	assert_true(info.st_size > 1 << 20);
	assert_int_equal(info.st_mode & 0777, 0600);
	struct state *store = open_state(NULL);
	for (int i = 0; i < COUNTERS; i++) {
		int len = snprintf(text, sizeof(text), "relay-%05d", i);
		assert_int_equal(state_counter_get(store, quota, gw_str_n(text, (size_t)len), i),
				 i + 1);
	}
	state_close(store);
}

/* --- which of the two counts: 10 is on disk, 7 or 15 in the slot --- */

static void gives_back(struct state *store, int told)
{
	state_counter_add(store, quota, relay, 1, 10, -1);
	state_sync(store);
	tell(told, state_counter_add(store, quota, relay, 1, -3, -1));
}

static void goes_on(struct state *store, int told)
{
	state_counter_add(store, quota, relay, 1, 10, -1);
	state_sync(store);
	tell(told, state_counter_add(store, quota, relay, 1, 5, -1));
}

/* As after another boot of the machine: the number behind the magic is another one. */
static void forget_boot(void)
{
	FILE *file = fopen(counters, "r+");

	assert_int_equal(fseek(file, 8, SEEK_SET), 0);
	assert_int_equal(fwrite("another", 1, 8, file), 8);
	fclose(file);
}

static void after_a_kill_the_slot_counts_and_after_a_boot_the_larger_value(void **state)
{
	static const struct {
		void (*counts)(struct state *store, int told);
		bool booted;
		int64_t value;
	} rows[] = { { gives_back, false, 7 },
		     { goes_on, false, 15 },
		     { gives_back, true, 10 },
		     { goes_on, true, 15 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct child child = start(rows[i].counts);
		assert_true(hear(&child) > 0);
		kill_child(&child, 0);
		if (rows[i].booted)
			forget_boot();
		for (int again = 0; again < 2; again++) {
			struct state *store = open_state(NULL);
			assert_int_equal(value_of(store, 1), rows[i].value);
			if (again == 0)
				assert_int_equal(state_sync(store), 0);
			else
				state_counter_add(store, quota, relay, 1, -100, -1);
			state_close(store);
		}
	}
}

/* --- the file --- */

static void an_orderly_end_leaves_the_database_alone(void **state)
{
	struct state *store = open_state(NULL);

	state_counter_add(store, quota, relay, 1, 4, -1);
	assert_int_equal(access(counters, F_OK), 0);
	state_close(store);
	assert_int_equal(access(counters, F_OK), -1);
	store = open_state(NULL);
	assert_int_equal(value_of(store, 1), 4);
	state_close(store);
}

static void a_foreign_file_is_set_aside(void **state)
{
	FILE *file = fopen(counters, "w");

	for (int i = 0; i < 1000; i++)
		fputs("this is no file of counters", file);
	fclose(file);
	struct state *store = open_state("it is damaged, or no file of this gateway");
	assert_int_equal(state_counter_add(store, quota, relay, 1, 1, -1), 1);
	assert_int_equal(access(aside, F_OK), 0);
	state_close(store);
}

static void a_damaged_slot_is_told_and_the_database_counts(void **state)
{
	struct child child = start(goes_on);
	FILE *file;

	assert_int_equal(hear(&child), 15);
	kill_child(&child, 0);
	file = fopen(counters, "r+");
	assert_int_equal(fseek(file, 3 * 64 + 14, SEEK_SET), 0); /* the counter's name */
	assert_int_equal(fwrite("X", 1, 1, file), 1);
	fclose(file);
	struct state *store = open_state("1 counters in it are damaged");
	assert_int_equal(value_of(store, 1), 10);
	state_close(store);
}

/* What counts on is safe in spite of a database that begins anew. */
static void counters_outlive_a_damaged_database(void **state)
{
	struct child child = start(goes_on);
	char beside[120];
	FILE *file;

	assert_int_equal(hear(&child), 15);
	kill_child(&child, 0);
	snprintf(beside, sizeof(beside), "%s-wal", path);
	unlink(beside);
	file = fopen(path, "w");
	for (int i = 0; i < 1000; i++)
		fputs("this is no database", file);
	fclose(file);
	struct state *store = open_state("counters and records begin again");
	assert_int_equal(value_of(store, 1), 15);
	state_close(store);
	snprintf(beside, sizeof(beside), "%s.damaged", path);
	assert_int_equal(unlink(beside), 0);
}

/* SQLite has room, the file of slots has not: as before it was thought of. */
static void without_slots_the_store_works(void **state)
{
	struct rlimit limit = { 1 << 19, RLIM_INFINITY };
	struct problems problems;

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	problems_init(&problems);
	struct state *store = state_open(path, &problems);
	assert_int_equal(problems.errors, 0);
	assert_int_equal(problems.warnings, 2);
	assert_int_equal(state_counter_add(store, quota, relay, 1, 1, -1), 1);
	problems_finish(&problems);
	state_close(store);
	limit.rlim_cur = RLIM_INFINITY;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	store = open_state(NULL);
	assert_int_equal(value_of(store, 1), 1);
	state_close(store);
}

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	srand((unsigned)getpid());
	signal(SIGXFSZ, SIG_IGN);
	snprintf(path, sizeof(path), "%s/state.db", folder);
	snprintf(counters, sizeof(counters), "%s/counters", folder);
	snprintf(aside, sizeof(aside), "%s.damaged", counters);
	return 0;
}

static int fresh(void **state)
{
	char wal[120];

	snprintf(wal, sizeof(wal), "%s-wal", path);
	unlink(path);
	unlink(wal);
	unlink(counters);
	unlink(aside);
	return 0;
}

static int remove_folder(void **state)
{
	fresh(state);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(killed_at_any_moment_nothing_is_lost, fresh),
		cmocka_unit_test_setup(periods_change_whole_or_not_at_all, fresh),
		cmocka_unit_test_setup(many_counters_of_many_threads_are_there, fresh),
		cmocka_unit_test_setup(
			after_a_kill_the_slot_counts_and_after_a_boot_the_larger_value, fresh),
		cmocka_unit_test_setup(an_orderly_end_leaves_the_database_alone, fresh),
		cmocka_unit_test_setup(a_foreign_file_is_set_aside, fresh),
		cmocka_unit_test_setup(a_damaged_slot_is_told_and_the_database_counts, fresh),
		cmocka_unit_test_setup(counters_outlive_a_damaged_database, fresh),
		cmocka_unit_test_setup(without_slots_the_store_works, fresh),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

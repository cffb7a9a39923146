#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "module/state.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/state-XXXXXX";
static char path[100];
static const struct gw_str quota = GW_STR("quota"), bounce = GW_STR("bounce");

static struct state *open_state(size_t errors, size_t warnings)
{
	struct problems problems;

	problems_init(&problems);
	struct state *store = state_open(path, &problems);
	assert_int_equal(problems.errors, errors);
	assert_int_equal(problems.warnings, warnings);
	problems_finish(&problems);
	return store;
}

static void counters_stop_at_their_limit(void **state)
{
	struct state *store = open_state(0, 0);
	struct gw_str name = gw_str("relay");

	assert_int_equal(state_counter_get(store, quota, name, 10), 0);
	assert_int_equal(state_counter_add(store, quota, name, 10, 2, 3), 2);
	assert_int_equal(state_counter_add(store, quota, name, 10, 2, 3), -1);
	assert_int_equal(state_counter_add(store, quota, name, 10, 1, 3), 3);
	assert_int_equal(state_counter_add(store, quota, name, 10, 5, -1), 8);
	assert_int_equal(state_counter_add(store, quota, name, 10, -1, 3), 7);
	assert_int_equal(state_counter_add(store, quota, name, 10, -100, 3), 0);
	assert_int_equal(state_counter_add(store, bounce, name, 10, 1, 3), 1);
	assert_int_equal(state_counter_add(store, quota, name, 10, INT64_MAX, -1), INT64_MAX);
	assert_int_equal(state_counter_add(store, quota, name, 10, 1, -1), -1);
	state_close(store);
}

static void last_two_periods_are_kept(void **state)
{
	struct state *store = open_state(0, 0);
	struct gw_str name = gw_str("days");

	state_counter_add(store, quota, name, 5, 50, -1);
	state_counter_add(store, quota, name, 7, 70, -1);
	state_counter_add(store, quota, name, 6, 60, -1);
	assert_int_equal(state_counter_get(store, quota, name, 5), 0);
	assert_int_equal(state_counter_get(store, quota, name, 6), 60);
	assert_int_equal(state_counter_get(store, quota, name, 7), 70);
	assert_int_equal(state_counter_add(store, quota, name, 4, 1, -1), 1);
	assert_int_equal(state_counter_get(store, quota, name, 4), 0);
	state_counter_add(store, quota, name, 8, 80, -1);
	state_close(store);
	store = open_state(0, 0);
	assert_int_equal(state_counter_get(store, quota, name, 6), 0);
	assert_int_equal(state_counter_get(store, quota, name, 7), 70);
	assert_int_equal(state_counter_get(store, quota, name, 8), 80);
	state_close(store);
}

static void records_are_bytes(void **state)
{
	struct state *store = open_state(0, 0);
	struct gw_str key = gw_str_n("a\0b", 3), value = gw_str_n("x\0y'; --", 8);
	char out[8] = "";

	assert_int_equal(state_record_get(store, bounce, key, out, sizeof(out)), -1);
	assert_int_equal(state_record_put(store, bounce, key, value), 0);
	assert_int_equal(state_record_put(store, bounce, gw_str("empty"), gw_str("")), 0);
	assert_int_equal(state_sync(store), 0);
	state_close(store);
	store = open_state(0, 0);
	assert_int_equal(state_record_get(store, bounce, key, out, sizeof(out)), 8);
	assert_memory_equal(out, value.ptr, 8);
	assert_int_equal(state_record_get(store, bounce, key, NULL, 0), 8);
	assert_int_equal(state_record_get(store, bounce, gw_str("empty"), out, sizeof(out)), 0);
	assert_int_equal(state_record_get(store, quota, key, out, sizeof(out)), -1);
	assert_int_equal(state_record_drop(store, bounce, key), 0);
	assert_int_equal(state_record_drop(store, bounce, key), -1);
	state_close(store);
	store = open_state(0, 0);
	assert_int_equal(state_record_get(store, bounce, key, out, sizeof(out)), -1);
	state_close(store);
}

static void records_have_bounds(void **state)
{
	struct state *store = open_state(0, 0);
	char *big = calloc(1, 70000);

	assert_int_equal(state_record_put(store, bounce, gw_str("k"), gw_str_n(big, 65536)), 0);
	assert_int_equal(state_record_put(store, bounce, gw_str("k"), gw_str_n(big, 65537)), -1);
	assert_int_equal(state_record_put(store, bounce, gw_str_n(big, 5000), gw_str("v")), -1);
	assert_int_equal(state_counter_add(store, bounce, gw_str_n(big, 5000), 1, 1, -1), -1);
	free(big);
	state_close(store);
}

static char order[200], no_key[] = "none", last_key[] = "q/c";
static struct state *used;

static int each(void *arg, struct gw_str key, struct gw_str value)
{
	strcat(order, key.ptr);
	strcat(order, "=");
	strcat(order, value.ptr);
	strcat(order, " ");
	state_record_drop(used, bounce, key); /* from inside: no deadlock, no harm */
	return strcmp(key.ptr, (const char *)arg) == 0 ? 7 : 0;
}

static void records_are_listed_in_order(void **state)
{
	used = open_state(0, 0);
	state_record_put(used, bounce, gw_str("p/b"), gw_str("2"));
	state_record_put(used, bounce, gw_str("p/a"), gw_str("1"));
	state_record_put(used, bounce, gw_str("q/c"), gw_str("3"));
	state_record_put(used, quota, gw_str("p/z"), gw_str("4"));
	state_record_put(used, bounce, gw_str("p/aa"), gw_str("5"));
	order[0] = '\0';
	assert_int_equal(state_record_each(used, bounce, gw_str("p/"), each, no_key), 0);
	assert_string_equal(order, "p/a=1 p/aa=5 p/b=2 ");
	order[0] = '\0';
	assert_int_equal(state_record_each(used, bounce, gw_str("q/"), each, last_key), 7);
	assert_string_equal(order, "q/c=3 ");
	order[0] = '\0';
	assert_int_equal(state_record_each(used, bounce, gw_str("p/"), each, no_key), 0);
	assert_string_equal(order, "");
	state_close(used);
}

static void second_process_is_refused(void **state)
{
	struct state *store = open_state(0, 0);

	assert_null(open_state(1, 0));
	state_close(store);
}

static void damaged_file_is_set_aside(void **state)
{
	char aside[120];
	FILE *file = fopen(path, "w");

	for (int i = 0; i < 1000; i++)
		fputs("this is no database", file);
	fclose(file);
	struct state *store = open_state(0, 1);
	assert_non_null(store);
	assert_int_equal(state_counter_add(store, quota, gw_str("n"), 1, 1, -1), 1);
	assert_int_equal(state_sync(store), 0);
	state_close(store);
	snprintf(aside, sizeof(aside), "%s.damaged", path);
	assert_int_equal(unlink(aside), 0);
}

static void file_is_private(void **state)
{
	struct stat info;

	state_close(open_state(0, 0));
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
}

static void missing_folder_is_an_error(void **state)
{
	struct problems problems;

	problems_init(&problems);
	assert_null(state_open("/nonexistent/state.db", &problems));
	assert_string_equal(problems.first->text,
			    "the state store cannot be opened: No such file or directory");
	problems_finish(&problems);
}

/* --- many threads --- */

#define THREADS 4
#define ROUNDS 5000
#define LIMIT 12345

static void *adder(void *arg)
{
	struct state *store = arg;
	intptr_t taken = 0;

	for (int i = 0; i < ROUNDS; i++) {
		taken += state_counter_add(store, quota, gw_str("shared"), 1, 1, LIMIT) > 0;
		if (i % 100 == 0) {
			state_record_put(store, bounce, gw_str("shared"), gw_str("value"));
			state_record_drop(store, bounce, gw_str("shared"));
		}
		if (i % 1000 == 0)
			state_sync(store);
	}
	return (void *)taken;
}

static void limit_holds_for_all_threads_together(void **state)
{
	struct state *store = open_state(0, 0);
	pthread_t threads[THREADS];
	intptr_t sum = 0;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, adder, store);
	for (int i = 0; i < THREADS; i++) {
		void *taken;
		pthread_join(threads[i], &taken);
		sum += (intptr_t)taken;
	}
	assert_int_equal(sum, LIMIT);
	state_close(store);
	store = open_state(0, 0);
	assert_int_equal(state_counter_get(store, quota, gw_str("shared"), 1), LIMIT);
	state_close(store);
}

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/state.db", folder);
	return 0;
}

static int fresh(void **state)
{
	char wal[120];

	unlink(path);
	snprintf(wal, sizeof(wal), "%s-wal", path);
	unlink(wal);
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
		cmocka_unit_test_setup(counters_stop_at_their_limit, fresh),
		cmocka_unit_test_setup(last_two_periods_are_kept, fresh),
		cmocka_unit_test_setup(records_are_bytes, fresh),
		cmocka_unit_test_setup(records_have_bounds, fresh),
		cmocka_unit_test_setup(records_are_listed_in_order, fresh),
		cmocka_unit_test_setup(second_process_is_refused, fresh),
		cmocka_unit_test_setup(damaged_file_is_set_aside, fresh),
		cmocka_unit_test_setup(file_is_private, fresh),
		cmocka_unit_test_setup(missing_folder_is_an_error, fresh),
		cmocka_unit_test_setup(limit_holds_for_all_threads_together, fresh),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

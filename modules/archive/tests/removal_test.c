/* removal_test.c - what a removal may not take: files with mail in them that nobody asked for, and
 * mail under a hold. */
#include "holds.h"
#include "removal.h"

#include <gateway/testkit.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOON INT64_C(1764331200000) /* 2025-11-28 12:00 UTC */
#define DAY INT64_C(86400000)

static struct testkit *kit;
static struct store *store;
static struct indexer *indexer;
static char folder[1024];

static void open_all(void)
{
	struct store_settings settings = {
		.folder = folder, .wrap_file = "", .delay_ms = 1, .level = 1
	};
	const char *why = "";

	settings.sign_file = testkit_file(kit, "sign", NULL);
	store = store_open(&settings, &why);
	assert_non_null(store);
	indexer = indexer_start(store);
	assert_non_null(indexer);
}

static void close_all(void)
{
	indexer_stop(indexer);
	store_close(store);
}

static int begin(void **state)
{
	(void)state;
	kit = testkit_create(gw_module_v1);
	snprintf(folder, sizeof folder, "%s", testkit_file(kit, "archive", NULL));
	open_all();
	return 0;
}

static int end(void **state)
{
	(void)state;
	close_all();
	testkit_destroy(kit);
	return 0;
}

/* On disk, in a batch of its own. */
static void keep(const char *id, int64_t time)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "id", gw_str(id));
	gw->json_string(json, "sender", gw_str("ann@example.com"));
	store_add(store, item_plain(RECORD_ARRIVED, time, json));
	assert_int_equal(store_flush(store), 0);
}

static void until_found(void)
{
	atomic_bool stop = false;

	assert_true(indexer_wait(indexer, &stop));
}

static int open_file(const char *name)
{
	char path[SEGMENT_PATH];

	segment_path(path, folder, name);
	return open(path, O_RDWR);
}

static bool is_there(const char *name)
{
	char path[SEGMENT_PATH];

	segment_path(path, folder, name);
	return access(path, F_OK) == 0;
}

/* Where the record of that number begins, COMMITs not counted. */
static uint64_t place_of(int file, unsigned number)
{
	struct record record;
	uint64_t at = 0;

	while (record_read(file, at, &record) == 1) {
		if (record.kind != RECORD_COMMIT && number-- == 0)
			return at;
		at += record_size(&record);
	}
	fail_msg("there is no such record");
	return 0;
}

/* --- the tests --- */

/* The key of one is destroyed, and the head of the other cannot be read: its file stays. */
static void test_a_damaged_file_stays(void **state)
{
	uint64_t second;
	int file;

	(void)state;
	keep("A1", NOON);
	keep("B2", NOON);
	keep("C3", NOON + DAY);
	file = open_file("2025-11-28.0");
	second = place_of(file, 1);
	assert_int_equal(record_destroy(file, place_of(file, 0)), 0);
	assert_int_equal(pwrite(file, "X", 1, (off_t)second), 1);
	assert_int_equal(removal_of_files(store, NOON + DAY), 0);
	assert_true(is_there("2025-11-28.0"));
	assert_int_equal(pwrite(file, "G", 1, (off_t)second), 1);
	assert_int_equal(removal_of_files(store, NOON + DAY), 0);
	assert_int_equal(record_destroy(file, second), 0);
	assert_int_equal(removal_of_files(store, NOON + DAY), 1);
	assert_false(is_there("2025-11-28.0"));
	close(file);
}

static void count(void *arg, const struct hit *hit)
{
	(void)hit;
	++*(unsigned *)arg;
}

static unsigned found(void)
{
	struct index *index = index_open(folder, false);
	struct query query = { .limit = 1000 };
	unsigned hits = 0;

	assert_true(index_search(index, &query, count, &hits));
	index_close(index);
	return hits;
}

/* What stands behind damage in the newest file is found, and what comes after it too. */
static void test_behind_damage_mail_is_found(void **state)
{
	struct store_state before, now;
	int file;

	(void)state;
	keep("A1", NOON);
	keep("B2", NOON);
	keep("C3", NOON);
	store_state(store, &before);
	close_all();
	file = open_file("2025-11-28.0");
	assert_int_equal(pwrite(file, "X", 1, (off_t)place_of(file, 1)), 1);
	close(file);
	remove(testkit_file(kit, "archive/index/2025-11.db", NULL));
	remove(testkit_file(kit, "archive/index/2025-11.db-wal", NULL));
	open_all();
	keep("D4", NOON);
	until_found();
	assert_int_equal(found(), 3);
	store_state(store, &now);
	assert_true(now.damaged);
	assert_string_equal(now.name, "2025-11-28.1");
	assert_true(now.link.number > before.link.number);
}

/* A hold of one mail is of that one. */
static void test_a_hold_of_one_mail(void **state)
{
	struct gw_str words[] = { gw_str("--id"), gw_str("A1") };
	struct holds holds;
	struct index *index;

	(void)state;
	keep("A1", NOON);
	keep("B2", NOON);
	until_found();
	assert_int_equal(holds_put(folder, "case-7", (struct gw_list){ words, 2 }, NOON), 0);
	holds_read(&holds, folder);
	index = index_open(folder, false);
	assert_string_equal(holds_cover(&holds, index, "A1"), "case-7");
	assert_null(holds_cover(&holds, index, "B2"));
	index_close(index);
	holds_finish(&holds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_damaged_file_stays, begin, end),
		cmocka_unit_test_setup_teardown(test_behind_damage_mail_is_found, begin, end),
		cmocka_unit_test_setup_teardown(test_a_hold_of_one_mail, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* removal_test.c - what a removal may not take: files with mail in them that nobody asked for, and
 * mail under a hold. */
#include "holds.h"
#include "index_private.h"
#include "removal.h"

#include <gateway/testkit.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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
	indexer = indexer_start(store, NULL);
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

static void add_until(const char *id, int64_t time, int64_t until)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "id", gw_str(id));
	gw->json_string(json, "sender", gw_str("ann@example.com"));
	gw->json_number(json, "until", until);
	store_add(store, item_plain(RECORD_ARRIVED, time, json));
}

static void add(const char *id, int64_t time)
{
	add_until(id, time, 0);
}

/* On disk. */
static void keep_until(const char *id, int64_t time, int64_t until)
{
	add_until(id, time, until);
	assert_int_equal(store_flush(store), 0);
}

static void keep(const char *id, int64_t time)
{
	keep_until(id, time, 0);
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

static void hold(const char *by, const char *value)
{
	struct gw_str words[] = { gw_str(by), gw_str(value) };

	assert_int_equal(holds_put(folder, "case-7", (struct gw_list){ words, 2 }, NOON), 0);
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

static unsigned months_open(void)
{
	GDir *dir = g_dir_open("/proc/self/fd", 0, NULL);
	const char *entry;
	unsigned count = 0;

	while ((entry = g_dir_read_name(dir)) != NULL) {
		char *path = g_strdup_printf("/proc/self/fd/%s", entry);
		char *leads = g_file_read_link(path, NULL);

		count += leads && g_str_has_suffix(leads, ".db-wal");
		g_free(leads);
		g_free(path);
	}
	g_dir_close(dir);
	return count;
}

/* The indexer's, and those of a search. */
static void test_few_months_are_open(void **state)
{
	struct query query = { .limit = 1000 };
	unsigned hits = 0, before, months;
	struct index *index;
	char id[16];

	(void)state;
	for (months = 0; months < 2 * MONTHS_OPEN; months++) {
		snprintf(id, sizeof id, "M%u", months);
		keep(id, NOON + 31 * months * DAY);
	}
	until_found();
	assert_in_range(months_open(), 1, MONTHS_OPEN);
	before = months_open();
	index = index_open(folder, false);
	assert_true(index_search(index, &query, count, &hits));
	assert_int_equal(hits, months);
	assert_in_range(months_open() - before, 1, MONTHS_OPEN);
	index_close(index);
}

/* A hold of one mail is of that one. */
static void test_a_hold_of_one_mail(void **state)
{
	struct holds holds;
	struct index *index;

	(void)state;
	keep("A1", NOON);
	keep("B2", NOON);
	until_found();
	hold("--id", "A1");
	holds_read(&holds, folder);
	index = index_open(folder, false);
	assert_string_equal(holds_cover(&holds, index, "A1"), "case-7");
	assert_null(holds_cover(&holds, index, "B2"));
	index_close(index);
	holds_finish(&holds);
}

static unsigned destroyed(int file)
{
	static const unsigned char zeros[SLOT_SIZE];
	struct record record;
	unsigned count = 0;
	uint64_t at = 0;

	for (; record_read(file, at, &record) == 1; at += record_size(&record))
		count += !(record.flags & RECORD_PLAIN) &&
			 memcmp(record.octets + RECORD_SLOT, zeros, SLOT_SIZE) == 0;
	return count;
}

static struct removal forgets(const char *person)
{
	static const atomic_bool goes_on;

	return (struct removal){ .store = store,
				 .indexer = indexer,
				 .query = { .person = person },
				 .what = "forgotten",
				 .time = NOON,
				 .stop = &goes_on };
}

static void *run(void *removal)
{
	removal_run(removal);
	return NULL;
}

/* The first chunk goes, the hold comes, the rest stays. */
static void test_a_hold_comes_in_between(void **state)
{
	struct removal removal = forgets("ann@example.com");
	char id[16];
	pthread_t thread;
	int i, file, rounds;

	(void)state;
	for (i = 0; i < 120; i++) {
		snprintf(id, sizeof id, "M%d", i);
		add(id, NOON);
	}
	assert_int_equal(store_flush(store), 0);
	until_found();
	file = open_file("2025-11-28.0");
	assert_int_equal(pthread_create(&thread, NULL, run, &removal), 0);
	for (rounds = 0; rounds < 20000 && destroyed(file) == 0; rounds++)
		usleep(100);
	hold("--sender", "ann@example.com");
	i = (int)destroyed(file);
	pthread_join(thread, NULL);
	assert_int_equal(destroyed(file), i);
	assert_int_equal(found(), 120 - i);
	if (removal.error) {
		assert_int_equal(removal.error, ECANCELED);
		assert_string_equal(removal.hold, "case-7");
	} else {
		assert_int_equal(i, 120);
	}
	close(file);
}

/* Nobody may set one while the keys are destroyed; who read them before one was set has to read
 * them again. */
static void test_holds_are_those_of_now(void **state)
{
	struct holds before, now;

	(void)state;
	keep("A1", NOON);
	holds_read(&before, folder);
	hold("--id", "A1");
	assert_false(holds_fasten(&before));
	holds_read(&now, folder);
	assert_true(holds_fasten(&now));
	holds_loosen();
	holds_finish(&before);
	holds_finish(&now);
}

/* Cut off between the index and the keys: the next removal, of whatever, destroys them. */
static void test_what_was_cut_off_goes_on(void **state)
{
	struct removal removal = forgets("nobody@example.com");
	GArray *places = g_array_new(FALSE, TRUE, sizeof(struct place));
	struct place place = { .name = "2025-11-28.0" };
	struct index *index;
	int file;

	(void)state;
	keep("A1", NOON);
	keep("B2", NOON);
	until_found();
	file = open_file("2025-11-28.0");
	place.at = place_of(file, 1);
	g_array_append_val(places, place);
	index = index_open(folder, true);
	assert_true(index_drop(index, "2025-11/2", NULL, places) && index_end(index, NULL, 0));
	assert_true(index_drop(index, "2025-11/2", NULL, places) && index_end(index, NULL, 0));
	index_close(index);
	assert_int_equal(found(), 1);
	assert_int_equal(destroyed(file), 0);
	removal_run(&removal);
	assert_int_equal(removal.error, 0);
	assert_int_equal(destroyed(file), 1);
	g_array_set_size(places, 0);
	index = index_open(folder, false);
	assert_true(index_doomed(index, places));
	assert_int_equal(places->len, 0);
	index_close(index);
	g_array_unref(places);
	close(file);
}

/* Where the keys cannot be destroyed the words are gone all the same, and their number is nobody
 * else's. */
static void test_rows_go_before_keys(void **state)
{
	struct removal removal = forgets("ann@example.com");
	int file;

	(void)state;
	keep("A1", NOON);
	until_found();
	file = open_file("2025-11-28.0");
	assert_int_equal(pwrite(file, "X", 1, 0), 1);
	removal_run(&removal);
	assert_int_equal(removal.error, EIO);
	assert_int_equal(found(), 0);
	assert_int_equal(destroyed(file), 0);
	assert_int_equal(pwrite(file, "G", 1, 0), 1);
	removal.error = 0;
	removal_run(&removal);
	assert_int_equal(removal.error, 0);
	assert_int_equal(destroyed(file), 1);
	close(file);
}

/* A kill between the archive and the spool: the next process archives the mail once more. */
static void test_what_is_there_twice_goes_twice(void **state)
{
	struct removal removal = forgets("ann@example.com");
	int file;

	(void)state;
	keep("A1", NOON);
	keep("B2", NOON);
	keep("A1", NOON);
	keep("A1", NOON + DAY);
	keep("A1", NOON + 7 * DAY);
	until_found();
	file = open_file("2025-11-28.0");
	assert_int_equal(found(), 3);
	removal_run(&removal);
	assert_int_equal(removal.error, 0);
	assert_int_equal(removal.mails, 3);
	assert_int_equal(found(), 0);
	assert_int_equal(destroyed(file), 3);
	close(file);
	file = open_file("2025-11-29.0");
	assert_int_equal(destroyed(file), 1);
	close(file);
}

/* Over the end of a month: each has a row, and goes when its own time is over. */
static void test_of_two_months_one_goes(void **state)
{
	struct removal removal = forgets("nobody@example.com");
	int before, after;

	(void)state;
	keep_until("A1", NOON, NOON + DAY);
	keep_until("A1", NOON + 7 * DAY, NOON + 8 * DAY);
	until_found();
	before = open_file("2025-11-28.0");
	after = open_file("2025-12-05.0");
	removal.query = (struct query){ .ended = NOON + 2 * DAY };
	removal_run(&removal);
	assert_int_equal(removal.mails, 1);
	assert_int_equal(destroyed(before), 1);
	assert_int_equal(found(), 1);
	removal.query.ended = NOON + 9 * DAY;
	removal_run(&removal);
	assert_int_equal(removal.mails, 2);
	assert_int_equal(destroyed(after), 1);
	assert_int_equal(found(), 0);
	close(before);
	close(after);
}

static bool is_scrub_owed(void)
{
	struct index *index = index_open(folder, false);
	bool owes = index_owes_scrub(index);

	index_close(index);
	return owes;
}

/* What a stop, or trouble, leaves of words that were taken out the next removal scrubs away, of
 * whatever mail. */
static void test_a_scrub_is_owed(void **state)
{
	static const atomic_bool goes_on, stops = true;
	struct removal removal = forgets("ann@example.com");
	int file;

	(void)state;
	keep("A1", NOON);
	until_found();
	file = open_file("2025-11-28.0");
	assert_int_equal(pwrite(file, "X", 1, 0), 1);
	removal.stop = &stops;
	removal_run(&removal);
	assert_int_equal(removal.error, EIO);
	assert_int_equal(found(), 0);
	assert_true(is_scrub_owed());
	assert_int_equal(pwrite(file, "G", 1, 0), 1);
	removal = forgets("nobody@example.com");
	removal.only_free = true;
	removal.stop = &goes_on;
	removal_run(&removal);
	assert_int_equal(removal.error, 0);
	assert_int_equal(removal.mails, 0);
	assert_false(is_scrub_owed());
	close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_damaged_file_stays, begin, end),
		cmocka_unit_test_setup_teardown(test_behind_damage_mail_is_found, begin, end),
		cmocka_unit_test_setup_teardown(test_few_months_are_open, begin, end),
		cmocka_unit_test_setup_teardown(test_a_hold_of_one_mail, begin, end),
		cmocka_unit_test_setup_teardown(test_a_hold_comes_in_between, begin, end),
		cmocka_unit_test_setup_teardown(test_holds_are_those_of_now, begin, end),
		cmocka_unit_test_setup_teardown(test_what_was_cut_off_goes_on, begin, end),
		cmocka_unit_test_setup_teardown(test_rows_go_before_keys, begin, end),
		cmocka_unit_test_setup_teardown(test_what_is_there_twice_goes_twice, begin, end),
		cmocka_unit_test_setup_teardown(test_of_two_months_one_goes, begin, end),
		cmocka_unit_test_setup_teardown(test_a_scrub_is_owed, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

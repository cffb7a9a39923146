/* segment_test.c - the archive's files: batches are whole or not there, and go on where they ended.
 */
#include "item.h"
#include "pace.h"
#include "store.h"

#include <gateway/testkit.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOON INT64_C(1764331200000) /* 2025-11-28 12:00 UTC */
#define DAY INT64_C(86400000)

static struct testkit *kit;
static struct keys keys;
static char folder[1024];

static int begin(void **state)
{
	const char *why = "";

	(void)state;
	kit = testkit_create(gw_module_v1);
	snprintf(folder, sizeof folder, "%s", testkit_file(kit, "archive", NULL));
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(keys_read(&keys, testkit_file(kit, "wrap", NULL),
				   testkit_file(kit, "sign", NULL), &why),
			 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	keys_finish(&keys);
	testkit_destroy(kit);
	return 0;
}

static long read_text(void *arg, uint64_t at, void *out, size_t len)
{
	memcpy(out, (const char *)arg + at, len);
	return (long)len;
}

static int write_batch(struct segment *segment, int64_t now, const char *text)
{
	struct source body = { .read = read_text, .arg = (void *)text, .len = strlen(text) };
	struct batch batch;

	batch_begin(&batch, segment, now, 3);
	batch_add(&batch, RECORD_ARRIVED, now, gw_str("{\"id\":\"1\"}"), &body);
	batch_add(&batch, RECORD_OUTCOME, now, gw_str("{\"id\":\"2\"}"), NULL);
	return batch_end(&batch, now);
}

static GByteArray *file_of(const char *name)
{
	char path[SEGMENT_PATH];
	gchar *octets = NULL;
	gsize len = 0;

	segment_path(path, folder, name);
	assert_true(g_file_get_contents(path, &octets, &len, NULL));
	return g_byte_array_new_take((guint8 *)octets, len);
}

/* Not on disk, as after a kill. */
static void put_file(const char *name, const void *octets, size_t len)
{
	char path[SEGMENT_PATH];
	int file;

	segment_path(path, folder, name);
	file = open(path, O_WRONLY | O_TRUNC);
	assert_true(file >= 0 && write(file, octets, len) == (ssize_t)len);
	close(file);
}

static uint64_t end_of(const char *name, struct link *link)
{
	char path[SEGMENT_PATH];
	uint64_t at;
	bool damaged;
	int file;

	segment_path(path, folder, name);
	file = open(path, O_RDONLY);
	assert_int_equal(segment_end(file, &keys, &at, link, &damaged), 0);
	close(file);
	return at;
}

/* What was sealed comes out; with another key file, or without its own key, it does not. */
static void test_records_are_sealed(void **state)
{
	struct segment segment;
	struct record record;
	struct bulk out;
	GByteArray *meta = g_byte_array_new(), *file;
	struct keys others = keys;
	struct opener opener = { NULL, NULL };

	(void)state;
	assert_int_equal(segment_open(&segment, folder, &keys), 0);
	assert_int_equal(write_batch(&segment, NOON, "a secret, a secret, a secret"), 0);
	assert_string_equal(segment.name, "2025-11-28.0");
	file = file_of(segment.name);
	assert_null(memmem(file->data, file->len, "secret", 6));
	assert_int_equal(record_read(segment.file, 0, &record), 1);
	bulk_init(&out, NULL);
	assert_int_equal(record_meta(segment.file, 0, &record, &keys, &opener, meta), OPENED);
	assert_int_equal(meta->len, 10);
	assert_memory_equal(meta->data, "{\"id\":\"1\"}", 10);
	assert_int_equal(record_body(segment.file, 0, &record, &keys, &opener, gw_str(""), 8, &out),
			 OPENED);
	assert_int_equal(out.len, 8);
	others.wrap[0][0] ^= 1;
	assert_int_equal(record_meta(segment.file, 0, &record, &others, &opener, meta),
			 OPENED_DAMAGED);
	memcpy(others.wrap[1], keys.wrap[0], KEY_SIZE);
	others.count = 2;
	assert_int_equal(record_meta(segment.file, 0, &record, &others, &opener, meta), OPENED);
	assert_int_equal(record_destroy(segment.file, 0), 0);
	assert_int_equal(record_read(segment.file, 0, &record), 1);
	assert_int_equal(record_meta(segment.file, 0, &record, &keys, &opener, meta),
			 OPENED_DESTROYED);
	opener_finish(&opener);
	bulk_finish(&out);
	g_byte_array_unref(meta);
	g_byte_array_unref(file);
	segment_close(&segment);
}

/* Where the COMMIT of the batch that begins at `at` stands. */
static uint64_t commit_of(uint64_t at)
{
	char path[SEGMENT_PATH];
	struct record record;
	int file;

	segment_path(path, folder, "2025-11-28.0");
	file = open(path, O_RDONLY);
	while (record_read(file, at, &record) == 1 && record.kind != RECORD_COMMIT)
		at += record_size(&record);
	close(file);
	return at;
}

/* Cut at each octet of the second batch, or with an octet of its COMMIT changed: the first stands,
 * the rest is taken away, and a third goes on from the first. With an octet of its records changed
 * its COMMIT still says that it was whole once: it stays. */
static void test_a_torn_batch_is_none(void **state)
{
	struct segment segment;
	GByteArray *file;
	uint64_t first, commit, at, ends;
	struct link link, found;
	int flip;

	(void)state;
	assert_int_equal(segment_open(&segment, folder, &keys), 0);
	assert_int_equal(write_batch(&segment, NOON, "one"), 0);
	first = segment.end;
	link = segment.link;
	assert_int_equal(write_batch(&segment, NOON, "two"), 0);
	assert_int_equal(segment.link.number, 2);
	segment_close(&segment);
	file = file_of("2025-11-28.0");
	commit = commit_of(first);
	for (flip = 0; flip < 2; flip++)
		for (at = first; at < file->len; at++) {
			file->data[at] ^= flip ? 0x20 : 0;
			put_file("2025-11-28.0", file->data, flip ? file->len : at);
			file->data[at] ^= flip ? 0x20 : 0;
			ends = end_of("2025-11-28.0", &found);
			if (ends != (flip && at < commit ? file->len : first))
				fail_msg("%s at %llu: ends at %llu", flip ? "changed" : "cut",
					 (unsigned long long)at, (unsigned long long)ends);
			if (ends == first)
				assert_memory_equal(&found, &link, sizeof link);
		}
	assert_int_equal(segment_open(&segment, folder, &keys), 0);
	assert_int_equal(segment.torn, file->len - first);
	assert_int_equal(write_batch(&segment, NOON, "three"), 0);
	segment_close(&segment);
	assert_int_equal(segment_open(&segment, folder, &keys), 0);
	assert_int_equal(segment.link.number, 2);
	assert_int_equal(segment.torn, 0);
	segment_close(&segment);
	g_byte_array_unref(file);
}

/* The magic or a length of a head is changed: nothing is taken away, the next batch follows the
 * last one that was signed, in another file. */
static void test_damage_takes_nothing_else(void **state)
{
	static const size_t heads[] = { 0, 16, 18, 24, 28 };
	struct segment segment;
	GByteArray *file, *after;
	uint64_t second;
	size_t i;

	(void)state;
	assert_int_equal(segment_open(&segment, folder, &keys), 0);
	assert_int_equal(write_batch(&segment, NOON, "one"), 0);
	second = segment.end;
	assert_int_equal(write_batch(&segment, NOON, "two"), 0);
	assert_int_equal(write_batch(&segment, NOON, "three"), 0);
	segment_close(&segment);
	file = file_of("2025-11-28.0");
	for (i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		file->data[second + heads[i]] ^= 0x41;
		put_file("2025-11-28.0", file->data, file->len);
		assert_int_equal(segment_open(&segment, folder, &keys), 0);
		assert_true(segment.damaged);
		assert_int_equal(segment.torn, 0);
		assert_int_equal(segment.link.number, 3);
		segment_close(&segment);
		after = file_of("2025-11-28.0");
		assert_int_equal(after->len, file->len);
		assert_memory_equal(after->data, file->data, file->len);
		g_byte_array_unref(after);
		file->data[second + heads[i]] ^= i + 1 < sizeof heads / sizeof heads[0] ? 0x41 : 0;
	}
	assert_int_equal(segment_open(&segment, folder, &keys), 0);
	assert_int_equal(write_batch(&segment, NOON, "four"), 0);
	assert_string_equal(segment.name, "2025-11-28.1");
	assert_int_equal(segment.link.number, 4);
	segment_close(&segment);
	g_byte_array_unref(file);
}

/* Another sign_file: it is not opened, and keeps its last batch. */
static void test_another_key_touches_nothing(void **state)
{
	struct segment segment;
	struct keys others;
	const char *why = "";
	GByteArray *file, *after;
	int batches;

	(void)state;
	assert_int_equal(keys_read(&others, testkit_file(kit, "wrap", NULL),
				   testkit_file(kit, "sign-2", NULL), &why),
			 0);
	for (batches = 0; batches < 2; batches++) {
		assert_int_equal(segment_open(&segment, folder, &keys), 0);
		assert_int_equal(write_batch(&segment, NOON, "one"), 0);
		segment_close(&segment);
		file = file_of("2025-11-28.0");
		assert_int_equal(segment_open(&segment, folder, &others), EKEYREJECTED);
		after = file_of("2025-11-28.0");
		assert_int_equal(after->len, file->len);
		g_byte_array_unref(after);
		g_byte_array_unref(file);
	}
	keys_finish(&others);
}

/* A file a day; none where the clock goes back; another where the last cannot be written. */
static void test_days(void **state)
{
	struct segment segment;

	(void)state;
	assert_int_equal(segment_open(&segment, folder, &keys), 0);
	assert_int_equal(write_batch(&segment, NOON, "one"), 0);
	assert_int_equal(write_batch(&segment, NOON + DAY, "two"), 0);
	assert_string_equal(segment.name, "2025-11-29.0");
	assert_int_equal(write_batch(&segment, NOON, "three"), 0);
	assert_string_equal(segment.name, "2025-11-29.0");
	segment_close(&segment);
	assert_int_equal(write_batch(&segment, NOON + DAY, "four"), 0);
	assert_string_equal(segment.name, "2025-11-29.1");
	assert_int_equal(segment.link.number, 4);
	segment_close(&segment);
	assert_int_equal(segment_open(&segment, folder, &keys), 0);
	assert_string_equal(segment.name, "2025-11-29.1");
	assert_int_equal(segment.link.number, 4);
	assert_int_equal(write_batch(&segment, NOON + 5 * DAY, "five"), 0);
	assert_string_equal(segment.name, "2025-12-03.0");
	segment_close(&segment);
}

static struct store *open_with(const char *wrap, const char *sign)
{
	struct store_settings settings = { .folder = folder, .delay_ms = 1, .level = 1 };
	const char *why = "";

	settings.wrap_file = *wrap ? testkit_file(kit, wrap, NULL) : "";
	settings.sign_file = testkit_file(kit, sign, NULL);
	return store_open(&settings, &why);
}

static void keep(struct store *store)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "id", gw_str("A1"));
	store_add(store, item_plain(RECORD_ARRIVED, NOON, json));
	assert_int_equal(store_flush(store), 0);
}

/* A reload: the instance before and the new one have the same store, which seals with the new key
 * file from then on. Another key that signs is refused, and the first instance goes on. */
static void test_a_reload_brings_a_key_file(void **state)
{
	struct store *before = open_with("", "sign"), *after;
	const struct keys *first = store_keys(before);
	GByteArray *meta = g_byte_array_new();
	struct opener opener = { NULL, NULL };
	struct record record;
	uint64_t at;
	char path[SEGMENT_PATH];
	int file;

	(void)state;
	keep(before);
	after = open_with("wrap-2", "sign");
	assert_ptr_equal(after, before);
	assert_int_equal(store_keys(after)->count, 1);
	assert_int_equal(first->count, 0);
	assert_null(open_with("", "wrap-2"));
	assert_null(open_with("wrap-2", "missing-sign"));
	segment_path(path, folder, "2025-11-28.0");
	file = open(path, O_RDONLY);
	at = (uint64_t)lseek(file, 0, SEEK_END);
	keep(before);
	while (record_read(file, at, &record) == 1 && record.kind != RECORD_ARRIVED)
		at += record_size(&record);
	assert_int_equal(record_meta(file, at, &record, first, &opener, meta), OPENED_DAMAGED);
	assert_int_equal(record_meta(file, at, &record, store_keys(after), &opener, meta), OPENED);
	opener_finish(&opener);
	close(file);
	g_byte_array_unref(meta);
	store_close(before);
	store_close(after);
}

/* A store whose disk takes nothing, with a mail that waits in memory. */
static struct store *broken_store(const char *wrap)
{
	struct store *store = open_with(wrap, "sign");
	struct gw_json *json = gw->json_create();
	struct item *item;
	char month[1100];
	int file;

	snprintf(month, sizeof month, "%s/2025-11", folder);
	file = open(month, O_WRONLY | O_CREAT, 0600);
	assert_true(file >= 0);
	close(file);
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	item = item_plain(RECORD_ARRIVED, NOON, json);
	item->store = store;
	store_add(store, item);
	assert_int_not_equal(store_flush(store), 0);
	return store;
}

/* A reload that sets another folder, since the first one fails: what waited is in that. Without
 * one, or with one whose key file cannot open it, it is lost, and counted. */
static void test_what_waits_goes_to_another_folder(void **state)
{
	struct store *broken = broken_store(""), *other;
	struct store_state now;

	(void)state;
	assert_int_equal(store_close(broken), 1);
	broken = broken_store("");
	snprintf(folder, sizeof folder, "%s", testkit_file(kit, "elsewhere", NULL));
	other = open_with("", "sign");
	assert_int_equal(store_close(broken), 0);
	assert_int_equal(store_flush(other), 0);
	store_state(other, &now);
	assert_int_equal(now.records, 1);
	snprintf(folder, sizeof folder, "%s", testkit_file(kit, "archive", NULL));
	broken = broken_store("wrap-2");
	assert_int_equal(store_close(broken), 1);
	assert_int_equal(store_close(other), 0);
}

/* What is flushed costs one batch, and nothing none. */
/* A key file that is gone is not made anew: what it sealed would be lost with that. */
static void test_a_key_file_that_is_away(void **state)
{
	struct store *store = open_with("", "sign");
	char *path = g_strdup(testkit_file(kit, "wrap", NULL));
	char *aside = g_strconcat(path, ".aside", NULL);

	(void)state;
	keep(store);
	store_close(store);
	assert_int_equal(rename(path, aside), 0);
	/* one that is set where there was none is made */
	store = open_with("wrap", "sign");
	assert_non_null(store);
	keep(store);
	store_close(store);
	assert_int_equal(rename(path, aside), 0);
	assert_null(open_with("wrap", "sign"));
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rename(aside, path), 0);
	store = open_with("wrap", "sign");
	assert_non_null(store);
	store_close(store);
	g_free(path);
	g_free(aside);
}

/* A month that cannot be read, or has not been mounted yet, is no archive that begins. */
static void test_a_month_that_is_away(void **state)
{
	struct gw_json *json = gw->json_create();
	struct store *store = open_with("", "sign");
	struct store_state now;
	char *month = g_build_filename(folder, "2025-11", NULL);
	char *aside = g_build_filename(folder, "aside", NULL);
	int nth;

	(void)state;
	keep(store);
	for (nth = 2; nth < 4; nth++) {
		store_close(store);
		assert_int_equal(rename(month, aside), 0);
		if (nth == 2)
			assert_true(g_file_set_contents(month, "", 0, NULL));
		else
			assert_int_equal(symlink("/nowhere", month), 0);
		store = open_with("", "sign");
		gw->json_begin(json, NULL, GW_JSON_OBJECT);
		gw->json_end(json);
		store_add(store, item_plain(RECORD_ARRIVED, NOON, json));
		json = gw->json_create();
		assert_true(store_flush(store) != 0);
		assert_int_equal(unlink(month), 0);
		assert_int_equal(rename(aside, month), 0);
		while (store_flush(store) != 0)
			;
		store_state(store, &now);
		assert_int_equal(now.link.number, nth);
		assert_string_equal(now.name, "2025-11-28.0");
	}
	gw->json_destroy(json);
	store_close(store);
	g_free(month);
	g_free(aside);
}

static void test_a_flush_is_one_batch(void **state)
{
	struct store *store = open_with("", "sign");
	struct store_state now;
	uint64_t nth;

	(void)state;
	for (nth = 1; nth < 20; nth++) {
		keep(store);
		assert_int_equal(store_flush(store), 0);
		store_state(store, &now);
		assert_int_equal(now.batches, nth);
		assert_int_equal(now.records, nth);
	}
	store_close(store);
}

/* A clock that is set ahead is not believed for a day; one that is set back, or goes on, is. */
static void test_a_clock_that_jumps(void **state)
{
	struct watch watch = { 0 };

	(void)state;
	watch_look(&watch, NOON, 1000);
	assert_true(watch_believes(&watch, 1000));
	watch_look(&watch, NOON + 30 * DAY, 1000 + 30 * DAY);
	assert_true(watch_believes(&watch, 1000 + 30 * DAY));
	watch_look(&watch, NOON, 1000 + 30 * DAY);
	assert_true(watch_believes(&watch, 1000 + 30 * DAY));
	watch_look(&watch, NOON + 400 * DAY, 2000 + 30 * DAY);
	assert_false(watch_believes(&watch, 2000 + 30 * DAY));
	watch_look(&watch, NOON + 401 * DAY - 1, 1999 + 31 * DAY);
	assert_false(watch_believes(&watch, 1999 + 31 * DAY));
	assert_true(watch_believes(&watch, 2000 + 31 * DAY));
}

/* The store asks that: mail whose time is over by such a clock alone stays. */
static void test_a_store_doubts_its_clock(void **state)
{
	struct store *store = open_with("", "sign");

	(void)state;
	store_set_clock(store, NOON);
	store_set_clock(store, NOON + CLOCK_STEP_MS);
	assert_true(store_clock_is_sure(store));
	store_set_clock(store, NOON + 400 * DAY);
	assert_false(store_clock_is_sure(store));
	store_close(store);
}

/* A twentieth of a processor while mail comes in; half of one when it does not, when somebody
 * waits, or when it did not have everything for a minute. */
static void test_how_long_the_index_rests(void **state)
{
	struct pace pace;

	(void)state;
	pace_begin(&pace, 1000, 7);
	assert_int_equal(pace_rest(&pace, 1000, 50, false), 50);
	pace_look(&pace, 1010, 7);
	assert_int_equal(pace_rest(&pace, 1010, 50, false), 50);
	pace_look(&pace, 1020, 8);
	assert_int_equal(pace_rest(&pace, 1020, 50, false), 950);
	assert_int_equal(pace_rest(&pace, 1020, 50, true), 50);
	assert_int_equal(pace_rest(&pace, 1020, 50000, false), PACE_REST_MOST_MS);
	assert_int_equal(pace_rest(&pace, 1019 + PACE_QUIET_MS, 50, false), 950);
	assert_int_equal(pace_rest(&pace, 1020 + PACE_QUIET_MS, 50, false), 50);
	pace_look(&pace, 1000 + PACE_BEHIND_MS, 9);
	assert_int_equal(pace_rest(&pace, 1000 + PACE_BEHIND_MS, 50, false), 50);
	pace.whole_at = 1001;
	assert_int_equal(pace_rest(&pace, 1000 + PACE_BEHIND_MS, 50, false), 950);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_records_are_sealed, begin, end),
		cmocka_unit_test_setup_teardown(test_a_torn_batch_is_none, begin, end),
		cmocka_unit_test_setup_teardown(test_damage_takes_nothing_else, begin, end),
		cmocka_unit_test_setup_teardown(test_another_key_touches_nothing, begin, end),
		cmocka_unit_test_setup_teardown(test_days, begin, end),
		cmocka_unit_test_setup_teardown(test_a_reload_brings_a_key_file, begin, end),
		cmocka_unit_test_setup_teardown(test_what_waits_goes_to_another_folder, begin, end),
		cmocka_unit_test_setup_teardown(test_a_key_file_that_is_away, begin, end),
		cmocka_unit_test_setup_teardown(test_a_month_that_is_away, begin, end),
		cmocka_unit_test_setup_teardown(test_a_flush_is_one_batch, begin, end),
		cmocka_unit_test(test_a_clock_that_jumps),
		cmocka_unit_test(test_how_long_the_index_rests),
		cmocka_unit_test_setup_teardown(test_a_store_doubts_its_clock, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

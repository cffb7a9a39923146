/* segment_test.c - the archive's files: batches are whole or not there, and go on where they ended.
 */
#include "segment.h"

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
	int file;

	segment_path(path, folder, name);
	file = open(path, O_RDONLY);
	assert_int_equal(segment_end(file, &keys, &at, link), 0);
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

	(void)state;
	assert_int_equal(segment_open(&segment, folder, &keys), 0);
	assert_int_equal(write_batch(&segment, NOON, "a secret, a secret, a secret"), 0);
	assert_string_equal(segment.name, "2025-11-28.0");
	file = file_of(segment.name);
	assert_null(memmem(file->data, file->len, "secret", 6));
	assert_int_equal(record_read(segment.file, 0, &record), 1);
	bulk_init(&out, NULL);
	assert_int_equal(record_meta(segment.file, 0, &record, &keys, meta), OPENED);
	assert_int_equal(meta->len, 10);
	assert_memory_equal(meta->data, "{\"id\":\"1\"}", 10);
	assert_int_equal(record_body(segment.file, 0, &record, &keys, gw_str(""), 8, &out), OPENED);
	assert_int_equal(out.len, 8);
	others.wrap[0][0] ^= 1;
	assert_int_equal(record_meta(segment.file, 0, &record, &others, meta), OPENED_DAMAGED);
	memcpy(others.wrap[1], keys.wrap[0], KEY_SIZE);
	others.count = 2;
	assert_int_equal(record_meta(segment.file, 0, &record, &others, meta), OPENED);
	assert_int_equal(record_destroy(segment.file, 0), 0);
	assert_int_equal(record_read(segment.file, 0, &record), 1);
	assert_int_equal(record_meta(segment.file, 0, &record, &keys, meta), OPENED_DESTROYED);
	bulk_finish(&out);
	g_byte_array_unref(meta);
	g_byte_array_unref(file);
	segment_close(&segment);
}

/* Cut at each octet of the second batch, and with each of its octets changed: the first stands, the
 * rest is taken away, and a third goes on from the first. */
static void test_a_torn_batch_is_none(void **state)
{
	struct segment segment;
	GByteArray *file;
	uint64_t first, at, ends, same = 0;
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
	for (flip = 0; flip < 2; flip++)
		for (at = first; at < file->len; at++) {
			file->data[at] ^= flip ? 0x20 : 0;
			put_file("2025-11-28.0", file->data, flip ? file->len : at);
			file->data[at] ^= flip ? 0x20 : 0;
			ends = end_of("2025-11-28.0", &found);
			/* what a key is wrapped in is for verify to tell */
			if (ends != first && !flip)
				fail_msg("cut at %llu: ends at %llu", (unsigned long long)at,
					 (unsigned long long)ends);
			same += ends != first;
			if (ends == first)
				assert_memory_equal(&found, &link, sizeof link);
		}
	assert_int_equal(segment_open(&segment, folder, &keys), 0);
	assert_int_equal(segment.torn, file->len - first);
	assert_int_equal(same, 2 * SLOT_SIZE); /* the keys */
	assert_int_equal(write_batch(&segment, NOON, "three"), 0);
	segment_close(&segment);
	assert_int_equal(segment_open(&segment, folder, &keys), 0);
	assert_int_equal(segment.link.number, 2);
	assert_int_equal(segment.torn, 0);
	segment_close(&segment);
	g_byte_array_unref(file);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_records_are_sealed, begin, end),
		cmocka_unit_test_setup_teardown(test_a_torn_batch_is_none, begin, end),
		cmocka_unit_test_setup_teardown(test_days, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* spill_test.c - copies that waited on another disk come back: each once, as they were signed, and
 * with nobody waiting for them. */
#include "spill.h"
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
#define TODAY "2025-11-28.0"
#define TOMORROW "2025-11-29.0"

static struct testkit *kit;
static struct keys keys;
static char archive[1024], waits[1024];
static struct segment segment; /* the archive's */
static struct spill *spill;

static void read_keys(struct keys *out, const char *sign)
{
	const char *why = "";

	assert_int_equal(keys_read(out, testkit_file(kit, "wrap", NULL),
				   testkit_file(kit, sign, NULL), &why),
			 0);
}

static int begin(void **state)
{
	(void)state;
	kit = testkit_create(gw_module_v1);
	snprintf(archive, sizeof archive, "%s", testkit_file(kit, "archive", NULL));
	snprintf(waits, sizeof waits, "%s", testkit_file(kit, "spill", NULL));
	assert_int_equal(mkdir(archive, 0700), 0);
	assert_int_equal(mkdir(waits, 0700), 0);
	read_keys(&keys, "sign");
	assert_int_equal(segment_open(&segment, archive, &keys), 0);
	spill = spill_create(waits);
	return 0;
}

static int end(void **state)
{
	(void)state;
	spill_destroy(spill);
	segment_close(&segment);
	keys_finish(&keys);
	testkit_destroy(kit);
	return 0;
}

/* As spill_put() leaves them. */
static void put_batches(const struct keys *signer, int64_t time, unsigned count)
{
	struct segment to;
	struct batch batch;

	assert_int_equal(segment_open(&to, waits, signer), 0);
	while (count--) {
		batch_begin(&batch, &to, time, 1);
		batch_add(&batch, RECORD_OUTCOME, time, gw_str("{\"id\":\"1\"}"), NULL);
		batch_add(&batch, RECORD_OUTCOME, time, gw_str("{\"id\":\"2\"}"), NULL);
		assert_int_equal(batch_end(&batch, time), 0);
	}
	segment_close(&to);
}

static int bring(void)
{
	return spill_bring(spill, &keys, &segment, archive, NOON, 1);
}

static unsigned bring_all(void)
{
	unsigned calls = 0;

	for (; spill_waiting(spill) && calls < 10000; calls++)
		assert_int_equal(bring(), 0);
	return calls;
}

/* Files of that month whose name begins so. */
static unsigned files_of(const char *folder, const char *begins)
{
	char *month = g_strdup_printf("%s/2025-11", folder);
	GDir *dir = g_dir_open(month, 0, NULL);
	const char *name;
	unsigned count = 0;

	while (dir && (name = g_dir_read_name(dir)) != NULL)
		count += g_str_has_prefix(name, begins);
	if (dir)
		g_dir_close(dir);
	g_free(month);
	return count;
}

static void mail_does_not_wait_for_it(void **state)
{
	(void)state;
	put_batches(&keys, NOON, 3000);
	assert_int_equal(bring(), 0);
	assert_true(spill_waiting(spill) > 0);
	assert_in_range(segment.link.number, 1, 2999);
	/* a kill in the middle */
	spill_destroy(spill);
	spill = spill_create(waits);
	assert_in_range(bring_all(), 2, 9999);
	assert_int_equal(segment.link.number, 3000);
	assert_int_equal(files_of(waits, TODAY), 0);
	assert_string_equal(spill_damaged(spill), "");
}

static void flip(off_t at)
{
	char path[SEGMENT_PATH];
	unsigned char octet;
	int file;

	segment_path(path, waits, TODAY);
	file = open(path, O_RDWR);
	assert_true(file >= 0 && pread(file, &octet, 1, at) == 1);
	octet ^= 1;
	assert_int_equal(pwrite(file, &octet, 1, at), 1);
	close(file);
}

static uint64_t size_of_batches(void)
{
	char path[SEGMENT_PATH];
	struct stat status;

	segment_path(path, waits, TODAY);
	assert_int_equal(stat(path, &status), 0);
	return (uint64_t)status.st_size;
}

static void forget_damaged(void)
{
	char *path = g_strdup_printf("%s/2025-11/" TODAY ".gwa.damaged-%lld", waits,
				     (long long)NOON);

	assert_int_equal(unlink(path), 0);
	g_free(path);
}

/* One octet: of a head, what is sealed, the COMMIT; then the other batches come. Of a length: then
 * what it leaps over stays too. */
static void what_was_changed_is_not_signed_again(void **state)
{
	static const struct {
		off_t place;
		uint64_t brought;
	} cases[] = { { 0, 2 }, { RECORD_HEAD + 5, 2 }, { -1, 2 }, { -RECORD_HEAD, 2 }, { 18, 2 },
		      { 17, 1 } };
	uint64_t one, number = 0;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		put_batches(&keys, NOON, 1);
		one = size_of_batches();
		put_batches(&keys, NOON, 2);
		flip((off_t)one + cases[i].place);
		bring_all();
		number += cases[i].brought;
		assert_int_equal(segment.link.number, number);
		assert_int_equal(files_of(waits, TODAY ".gwa.damaged-"), 1);
		assert_int_equal(files_of(waits, TODAY), 1);
		assert_string_equal(spill_damaged(spill), TODAY);
		forget_damaged();
	}
}

/* Whoever may write there, and has not the key that signs. */
static void what_others_put_there_is_not_taken(void **state)
{
	struct keys others;
	char path[SEGMENT_PATH];

	(void)state;
	put_batches(&keys, NOON, 2);
	read_keys(&others, "another");
	segment_path(path, waits, "2025-11-27.0");
	assert_int_equal(mkfifo(path, 0600), 0);
	segment_path(path, waits, "2025-11-27.1");
	assert_int_equal(mkdir(path, 0700), 0);
	segment_path(path, waits, "2025-11-27.2");
	assert_int_equal(symlink(testkit_file(kit, "sign", NULL), path), 0);
	bring_all();
	assert_int_equal(segment.link.number, 2);
	assert_int_equal(files_of(waits, "2025-11-27.0.gwa.damaged-"), 1);
	assert_int_equal(files_of(waits, "2025-11-27.1.gwa.damaged-"), 1);
	assert_int_equal(files_of(waits, "2025-11-27.2"), 0);
	assert_int_equal(access(testkit_file(kit, "sign", NULL), F_OK), 0);
	put_batches(&others, NOON, 1);
	bring_all();
	assert_int_equal(segment.link.number, 2);
	assert_int_equal(files_of(waits, TODAY ".gwa.damaged-"), 1);
	keys_finish(&others);
}

/* A kill, or a full disk, when the day's file was made and nothing was in it yet. */
static void an_empty_file_hides_nothing(void **state)
{
	struct store_settings settings = { .folder = archive,
					   .wrap_file = testkit_file(kit, "wrap", NULL),
					   .sign_file = testkit_file(kit, "sign", NULL),
					   .spill = waits,
					   .delay_ms = 1,
					   .level = 1 };
	struct store *store;
	const char *why = "";
	unsigned rounds;
	char path[SEGMENT_PATH];

	(void)state;
	put_batches(&keys, NOON, 2);
	segment_path(path, waits, TOMORROW);
	assert_true(g_file_set_contents(path, "", 0, NULL));
	segment_close(&segment);
	store = store_open(&settings, &why);
	assert_non_null(store);
	for (rounds = 0; rounds < 2000 && files_of(waits, "2025-11-2"); rounds++)
		usleep(10000);
	store_close(store);
	assert_int_equal(files_of(waits, "2025-11-2"), 0);
	assert_int_equal(segment_open(&segment, archive, &keys), 0);
	assert_int_equal(segment.link.number, 2);
	assert_string_equal(segment.name, TODAY);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(mail_does_not_wait_for_it),
		SCENE(what_was_changed_is_not_signed_again),
		SCENE(what_others_put_there_is_not_taken),
		SCENE(an_empty_file_hides_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

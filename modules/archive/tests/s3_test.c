/* s3_test.c - the archive in a bucket: signed as AWS says, complete whatever is cut off, nothing in
 * it that forget would not reach, and an archive again when the machine is lost. */
#include "fake_s3.h"
#include "s3_restore.h"
#include "s3_sign.h"
#include "s3_xml.h"
#include "verify.h"

#include <gateway/testkit.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY INT64_C(86400000)
#define PIECE 1500 /* octets: so that what is large is small */

static struct testkit *kit;
static struct keys keys;
static struct fake fake;
static struct s3_transport transport = { fake_ask, fake_now, &fake };
static struct s3_conf conf;
static struct s3_target target;
static struct segment segment;
static char folder[1024];

/* --- signatures: the examples of AWS's documentation --- */

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HOST                                                                                       \
	{                                                                                          \
		"host", "examplebucket.s3.amazonaws.com"                                           \
	}
#define DATE                                                                                       \
	{                                                                                          \
		"x-amz-date", "20130524T000000Z"                                                   \
	}

static const struct {
	const char *method, *path, *query, *payload, *service, *time, *access;
	struct s3_field fields[6];
	const char *signature;
} signed_requests[] = {
	{ "GET",
	  "/test.txt",
	  "",
	  EMPTY,
	  "s3",
	  "20130524T000000Z",
	  "AKIAIOSFODNN7EXAMPLE",
	  { HOST, { "range", "bytes=0-9" }, { "x-amz-content-sha256", EMPTY }, DATE },
	  "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41" },
	{ "PUT",
	  "/test%24file.text",
	  "",
	  "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
	  "s3",
	  "20130524T000000Z",
	  "AKIAIOSFODNN7EXAMPLE",
	  { { "date", "Fri, 24 May 2013 00:00:00 GMT" },
	    HOST,
	    { "x-amz-content-sha256",
	      "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072" },
	    DATE,
	    { "x-amz-storage-class", "REDUCED_REDUNDANCY" } },
	  "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd" },
	{ "GET",
	  "/",
	  "lifecycle=",
	  EMPTY,
	  "s3",
	  "20130524T000000Z",
	  "AKIAIOSFODNN7EXAMPLE",
	  { HOST, { "x-amz-content-sha256", EMPTY }, DATE },
	  "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },
	{ "GET",
	  "/",
	  "max-keys=2&prefix=J",
	  EMPTY,
	  "s3",
	  "20130524T000000Z",
	  "AKIAIOSFODNN7EXAMPLE",
	  { HOST, { "x-amz-content-sha256", EMPTY }, DATE },
	  "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" },
	/* get-vanilla of the test suite */
	{ "GET",
	  "/",
	  "",
	  EMPTY,
	  "service",
	  "20150830T123600Z",
	  "AKIDEXAMPLE",
	  { { "host", "example.amazonaws.com" }, { "x-amz-date", "20150830T123600Z" } },
	  "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
};

static void signatures_are_those_of_aws(void **state)
{
	size_t i, count;

	(void)state;
	for (i = 0; i < sizeof signed_requests / sizeof signed_requests[0]; i++) {
		bool suite = strcmp(signed_requests[i].service, "service") == 0;
		struct s3_signing signing = {
			.method = signed_requests[i].method,
			.path = signed_requests[i].path,
			.query = signed_requests[i].query,
			.fields = signed_requests[i].fields,
			.payload = signed_requests[i].payload,
			.time = signed_requests[i].time,
			.region = "us-east-1",
			.service = signed_requests[i].service,
			.access_key = signed_requests[i].access,
			.secret_key = suite ? "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
					    : "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		};
		char *value;

		for (count = 0; signed_requests[i].fields[count].name; count++)
			;
		signing.count = count;
		value = s3_sign(&signing);
		assert_string_equal(strstr(value, "Signature=") + 10, signed_requests[i].signature);
		g_free(value);
	}
}

static void names_are_encoded(void **state)
{
	char *path = s3_encode("a b/\303\244$~", true), *word = s3_encode("a/b+c=", false);

	(void)state;
	assert_string_equal(path, "a%20b/%C3%A4%24~");
	assert_string_equal(word, "a%2Fb%2Bc%3D");
	g_free(path);
	g_free(word);
}

/* --- an archive of three days, and a bucket --- */

static long read_text(void *arg, uint64_t at, void *out, size_t len)
{
	memcpy(out, (const char *)arg + at, len);
	return (long)len;
}

static void write_batch(int64_t now, const char *meta, size_t size)
{
	char *text = g_malloc(size + 1);
	struct source body = { .read = read_text, .arg = text, .len = size };
	struct batch batch;
	size_t i;

	for (i = 0; i < size; i++)
		text[i] = (char)g_random_int();
	batch_begin(&batch, &segment, now, 3);
	batch_add(&batch, RECORD_ARRIVED, now, gw_str(meta), &body);
	batch_add(&batch, RECORD_OUTCOME, now, gw_str("{\"id\":\"1\"}"), NULL);
	assert_int_equal(batch_end(&batch, now), 0);
	g_free(text);
}

static void write_archive(void)
{
	int64_t now = FAKE_NOW - 2 * DAY;

	assert_int_equal(segment_open(&segment, folder, &keys), 0);
	write_batch(now, "{\"id\":\"1\",\"until\":1803600000000}", 100);
	write_batch(now, "{\"id\":\"2\",\"until\":1803700000000}", 5000);
	write_batch(now + DAY, "{\"id\":\"3\"}", 300);
	write_batch(now + 2 * DAY, "{\"id\":\"4\",\"until\":1}", 700);
}

static void add_notice(const char *text)
{
	struct batch batch;

	batch_begin(&batch, &segment, FAKE_NOW, 3);
	batch_add(&batch, RECORD_NOTICE, FAKE_NOW, gw_str(text), NULL);
	assert_int_equal(batch_end(&batch, FAKE_NOW), 0);
}

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
	conf = (struct s3_conf){ .endpoint = gw_str("https://s3.test"),
				 .region = gw_str("us-east-1"),
				 .bucket = gw_str("bucket"),
				 .prefix = gw_str("gw 1/"),
				 .access_key = gw_str("me"),
				 .secret_key = gw_str("secret"),
				 .style = S3_STYLE_PATH,
				 .lock_most = 3650,
				 .local_days = -1 };
	fake_init(&fake);
	s3_target_init(&target, &conf, &transport);
	write_archive();
	return 0;
}

static int end(void **state)
{
	(void)state;
	segment_close(&segment);
	s3_target_finish(&target);
	fake_finish(&fake);
	keys_finish(&keys);
	testkit_destroy(kit);
	return 0;
}

static void begin_upload_of(struct s3_upload *upload)
{
	s3_upload_init(upload, folder, &target);
	upload->piece = PIECE;
	upload->keys = &keys;
	upload->now = FAKE_NOW;
}

/* Until nothing is left to do, or it fails. */
static enum s3_step upload_with(struct s3_upload *upload)
{
	enum s3_step step;
	unsigned rounds = 0;

	do
		step = s3_upload_step(upload);
	while (step == S3_MORE && rounds++ < 200);
	return step;
}

static enum s3_step upload_all(void)
{
	struct s3_upload upload;
	enum s3_step step;

	begin_upload_of(&upload);
	step = upload_with(&upload);
	s3_upload_finish(&upload);
	return step;
}

static unsigned count_of(const char *begin)
{
	unsigned count = 0;
	guint i;

	for (i = 0; i < fake.log->len; i++)
		count += g_str_has_prefix(fake.log->pdata[i], begin);
	return count;
}

static void run_work(void (*run)(struct s3_work *), const char *where, const char *expected)
{
	static const atomic_bool never;
	struct s3_work work = { .folder = where, .target = &target, .keys = &keys, .stop = &never };

	run(&work);
	if (!strstr(work.text->str, expected))
		fail_msg("%s", work.text->str);
	g_string_free(work.text, TRUE);
}

/* Another machine: everything comes out of the bucket, and is proved. */
static void assert_restores(const char *expected)
{
	static const atomic_bool never;
	static unsigned nth;
	char where[1100];
	struct verify verify = { .folder = where, .keys = &keys, .stop = &never };

	snprintf(where, sizeof where, "%s/../restored%u", folder, nth++);
	assert_int_equal(mkdir(where, 0700), 0);
	run_work(s3_restore_run, where, ": 0 faults");
	verify_run(&verify);
	if (!strstr(verify.text->str, expected))
		fail_msg("%s", verify.text->str);
	g_string_free(verify.text, TRUE);
}

static void what_is_there_is_the_archive(void **state)
{
	unsigned before;

	(void)state;
	assert_int_equal(upload_all(), S3_THERE);
	run_work(s3_verify_run, folder, ": 0 faults");
	assert_restores("8 objects in 4 batches, the keys of 0 destroyed: 0 faults");
	/* nothing is written twice, and what comes later is */
	before = count_of("PUT");
	assert_int_equal(upload_all(), S3_THERE);
	assert_int_equal(count_of("PUT"), before);
	write_batch(FAKE_NOW, "{\"id\":\"5\"}", 10);
	assert_int_equal(upload_all(), S3_THERE);
	assert_int_equal(count_of("PUT"), before + 2);
	assert_restores("10 objects in 5 batches, the keys of 0 destroyed: 0 faults");
}

/* No key, not even a wrapped one, is in what is locked. */
static void data_has_no_keys(void **state)
{
	GHashTableIter iter;
	gpointer name, body;
	struct s3_span span = { "2026-11-26.0", 0, 1 };
	char path[SEGMENT_PATH];
	struct record record;
	unsigned seen = 0;
	int file;

	(void)state;
	assert_int_equal(upload_all(), S3_THERE);
	segment_path(path, folder, span.name);
	file = open(path, O_RDONLY);
	assert_int_equal(record_read(file, 0, &record), 1);
	g_hash_table_iter_init(&iter, fake.objects);
	while (g_hash_table_iter_next(&iter, &name, &body)) {
		bool has = memmem(g_bytes_get_data(body, NULL), g_bytes_get_size(body),
				  record.octets + RECORD_SLOT, 16) != NULL;

		assert_int_equal(has, strstr(name, "keys/2026-11-26.0/000000000000000-") != NULL);
		seen += has;
	}
	assert_int_equal(seen, 1);
	close(file);
}

static void forget_all(void)
{
	char *path = g_build_filename(folder, "s3", "state", NULL);

	unlink(path);
	g_free(path);
	fake_finish(&fake);
	fake_init(&fake);
}

/* What is locked, written once more, would stay twice. */
static void assert_written_once(void)
{
	GHashTableIter iter;
	gpointer name;

	g_hash_table_iter_init(&iter, fake.old);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		assert_null(strstr(name, "data/"));
}

/* The process is killed, or the line cut, at each request, before or after it was done. */
static void nothing_is_lost_whatever_is_cut_off(void **state)
{
	enum fault fault;
	unsigned nth, failed;

	(void)state;
	for (fault = FAULT_BEFORE; fault <= FAULT_AFTER; fault++) {
		for (nth = 1, failed = 1; failed; nth++) {
			forget_all();
			fake.nth = nth;
			fake.fault = fault;
			failed = upload_all() == S3_FAILED;
			fake.nth = 0;
			assert_int_equal(upload_all(), S3_THERE);
			assert_int_equal(g_hash_table_size(fake.objects), 4 + 4);
			run_work(s3_verify_run, folder, ": 0 faults");
			assert_written_once();
			assert_true(nth < 60);
		}
		assert_true(nth > 10);
	}
}

/* Several at a time: whichever of them fails, what the state says is there. */
static void many_at_a_time(void **state)
{
	unsigned nth, failed = 1, i;
	struct s3_upload upload;

	(void)state;
	for (i = 0; i < 6; i++)
		write_batch(FAKE_NOW, "{\"id\":\"9\",\"until\":1803600000000}", 1200);
	conf.requests = 4;
	for (nth = 1; failed; nth += 3) {
		forget_all();
		fake.nth = nth;
		fake.fault = nth % 2 ? FAULT_BEFORE : FAULT_AFTER;
		failed = upload_all() == S3_FAILED;
		fake.nth = 0;
		begin_upload_of(&upload);
		assert_int_equal(upload_with(&upload), S3_THERE);
		assert_int_equal(upload.state.pending->len, 0);
		s3_upload_finish(&upload);
		assert_int_equal(g_hash_table_size(fake.objects), 2 * 10);
		run_work(s3_verify_run, folder, ": 0 faults");
		assert_written_once();
		assert_true(nth < 60);
	}
	assert_true(nth > 20);
	assert_restores(": 0 faults");
}

/* A large object is gone on with where the process before was: its parts are not sent again. */
/* Cut off with several on their way, and the state is lost with it: no gap stays, nor keys that are
 * not there. */
static void a_gap_is_found_again(void **state)
{
	unsigned nth, failed = 1, i;
	char *path = g_build_filename(folder, "s3", "state", NULL);

	(void)state;
	for (i = 0; i < 6; i++)
		write_batch(FAKE_NOW, "{\"id\":\"9\",\"until\":1803600000000}", 1200);
	conf.requests = 4;
	for (nth = 1; failed; nth++) {
		forget_all();
		fake.nth = nth;
		fake.fault = nth % 2 ? FAULT_BEFORE : FAULT_AFTER;
		failed = upload_all() == S3_FAILED;
		fake.nth = 0;
		unlink(path);
		assert_int_equal(upload_all(), S3_THERE);
		run_work(s3_verify_run, folder, ": 0 faults");
		assert_true(nth < 60);
	}
	g_free(path);
}

static void parts_outlive_a_restart(void **state)
{
	unsigned nth;

	(void)state;
	for (nth = 1; count_of("PUT gw 1/data/2026-11-26.0/") < 3; nth++) {
		assert_true(nth < 20);
		fake.nth = 2; /* one is done, the next breaks */
		fake.fault = FAULT_BEFORE;
		upload_all();
	}
	fake.nth = 0;
	assert_int_equal(upload_all(), S3_THERE);
	assert_int_equal(count_of("POST gw 1/data/2026-11-26.0/"), 2);
	assert_restores(": 0 faults");
}

static void an_upload_that_the_bucket_gave_up_begins_anew(void **state)
{
	(void)state;
	/* the list, two spans before it, the begin, a part; then its second part */
	fake.nth = 6;
	fake.fault = FAULT_BEFORE;
	assert_int_equal(upload_all(), S3_FAILED);
	g_hash_table_remove_all(fake.uploads);
	assert_int_equal(upload_all(), S3_FAILED);
	assert_int_equal(upload_all(), S3_THERE);
	assert_restores(": 0 faults");
}

static void refusals_are_told_and_waited_out(void **state)
{
	static const struct {
		int status;
		const char *code;
	} refusals[] = { { 403, "AccessDenied" },
			 { 404, "NoSuchBucket" },
			 { 503, "SlowDown" },
			 { 500, "InternalError" } };
	struct s3_upload upload;
	size_t i;

	(void)state;
	begin_upload_of(&upload);
	for (i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		fake.nth = 1;
		fake.lasting = true;
		fake.fault = FAULT_STATUS;
		fake.status = refusals[i].status;
		fake.code = refusals[i].code;
		assert_int_equal(upload_with(&upload), S3_FAILED);
		assert_int_equal(upload.status, refusals[i].status);
		assert_non_null(strstr(upload.why, refusals[i].code));
		assert_null(strstr(upload.why, "secret"));
	}
	assert_true(s3_upload_waiting(&upload) > 6000);
	fake.nth = 0;
	assert_int_equal(upload_with(&upload), S3_THERE);
	assert_int_equal(s3_upload_waiting(&upload), 0);
	s3_upload_finish(&upload);
}

static void the_buckets_clock_counts(void **state)
{
	(void)state;
	fake.ahead = 1;
	assert_int_equal(upload_all(), S3_THERE);
	assert_int_equal(target.skew, 2 * DAY);
}

static void objects_are_locked_by_what_is_in_them(void **state)
{
	static const struct {
		const char *name, *until;
	} expected[] = {
		{ "data/2026-11-26.0/000000000000000-", "2027-02-26" }, /* as its mail is kept */
		{ "data/2026-11-27.0/", "2036-11-25" },                 /* forever: lock_most */
		{ "data/2026-11-28.0/", NULL },                         /* its time is over */
		{ "keys/", NULL },
	};
	GHashTableIter iter;
	gpointer name, value;
	size_t i;

	(void)state;
	conf.lock = S3_LOCK_COMPLIANCE;
	assert_int_equal(upload_all(), S3_THERE);
	for (i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		const char *found = NULL;

		g_hash_table_iter_init(&iter, fake.locks);
		while (g_hash_table_iter_next(&iter, &name, &value))
			found = strstr(name, expected[i].name) ? value : found;
		if (expected[i].until)
			assert_string_equal(found ? found : "none", expected[i].until);
		else
			assert_null(found);
	}
}

/* Of an answer that is about something else nobody takes that there were no keys. */
static void a_restore_is_not_misled(void **state)
{
	static const atomic_bool never;
	char where[1100];
	unsigned nth;

	(void)state;
	assert_int_equal(upload_all(), S3_THERE);
	fake.fault = FAULT_STATUS;
	fake.status = 404;
	fake.code = "NoSuchBucket";
	fake.nth = 0;
	for (nth = 1; fake.nth == 0; nth++) {
		struct s3_work work = {
			.folder = where, .target = &target, .keys = &keys, .stop = &never
		};

		fake.nth = nth;
		snprintf(where, sizeof where, "%s/../misled%u", folder, nth);
		assert_int_equal(mkdir(where, 0700), 0);
		s3_restore_run(&work);
		if (fake.nth == 0 && !work.faults)
			fail_msg("request %u: %s", nth, work.text->str);
		if (fake.nth == 0 && strstr(work.text->str, "the holds") && work.files)
			fail_msg("%s", work.text->str);
		g_string_free(work.text, TRUE);
	}
	assert_in_range(nth, 8, 30);
	fake.nth = 0;
}

/* --- forgetting --- */

static void destroy_first(void)
{
	char path[SEGMENT_PATH];
	int file;

	segment_path(path, folder, "2026-11-26.0");
	file = open(path, O_RDWR);
	assert_int_equal(record_destroy(file, 0), 0);
	close(file);
}

static bool bucket_has_first_key(const unsigned char *slot)
{
	GHashTableIter iter;
	gpointer name, body;
	bool has = false;

	g_hash_table_iter_init(&iter, fake.objects);
	while (g_hash_table_iter_next(&iter, &name, &body))
		has |= memmem(g_bytes_get_data(body, NULL), g_bytes_get_size(body), slot, 16) !=
		       NULL;
	return has;
}

static void what_is_forgotten_is_so_in_the_bucket(void **state)
{
	char path[SEGMENT_PATH];
	struct record record;
	GHashTableIter iter;
	gpointer name, old;
	int file;

	(void)state;
	segment_path(path, folder, "2026-11-26.0");
	file = open(path, O_RDONLY);
	assert_int_equal(record_read(file, 0, &record), 1);
	close(file);
	assert_int_equal(upload_all(), S3_THERE);
	assert_true(bucket_has_first_key(record.octets + RECORD_SLOT));
	/* the notice is there before the key is gone here: its word counts */
	add_notice("{\"what\":\"forgotten\",\"by\":0,\"records\":[[\"2026-11-26.0\",0]]}");
	fake.nth = 4;
	fake.fault = FAULT_BEFORE;
	assert_int_equal(upload_all(), S3_FAILED);
	assert_int_equal(upload_all(), S3_THERE);
	assert_false(bucket_has_first_key(record.octets + RECORD_SLOT));
	g_hash_table_iter_init(&iter, fake.old);
	while (g_hash_table_iter_next(&iter, &name, &old))
		assert_int_equal(GPOINTER_TO_UINT(old), 0);
	destroy_first();
	assert_restores("the keys of 1 destroyed: 0 faults");
	run_work(s3_verify_run, folder, ": 0 faults");
}

static void files_that_are_no_more_go(void **state)
{
	char path[SEGMENT_PATH];

	(void)state;
	assert_int_equal(upload_all(), S3_THERE);
	segment_path(path, folder, "2026-11-26.0");
	unlink(path);
	add_notice(
		"{\"what\":\"removed\",\"file\":\"2026-11-26.0\",\"first\":1,\"before\":"
		"\"0000000000000000000000000000000000000000000000000000000000000000\",\"last\":2,"
		"\"link\":\"0000000000000000000000000000000000000000000000000000000000000000\"}");
	assert_int_equal(upload_all(), S3_THERE);
	assert_int_equal(g_hash_table_size(fake.objects), 5);
}

static unsigned keys_there(const char *name)
{
	const char *begin = "gw 1/keys/";
	GHashTableIter iter;
	gpointer key, body;
	unsigned count = 0;

	g_hash_table_iter_init(&iter, fake.objects);
	while (g_hash_table_iter_next(&iter, &key, &body))
		count += g_str_has_prefix(key, begin) &&
			 g_str_has_prefix((char *)key + strlen(begin), name);
	return count;
}

static void read_slot(const char *path, uint64_t at, struct record *record)
{
	int file = open(path, O_RDONLY);

	assert_int_equal(record_read(file, at, record), 1);
	close(file);
}

/* A file that is lost, or cannot be opened now, was not removed: its mail can be had back. */
static void what_is_lost_here_is_not_gone_there(void **state)
{
	char path[SEGMENT_PATH], *aside;
	struct record first, second;

	(void)state;
	segment_path(path, folder, "2026-11-26.0");
	aside = g_strconcat(path, ".aside", NULL);
	read_slot(path, 0, &first);
	read_slot(path, record_size(&first), &second);
	assert_int_equal(upload_all(), S3_THERE);
	add_notice("{\"what\":\"forgotten\",\"by\":0,\"records\":[[\"2026-11-26.0\",0]]}");
	assert_int_equal(rename(path, aside), 0);
	assert_int_equal(symlink(path, path), 0);
	assert_int_equal(upload_all(), S3_FAILED);
	assert_int_equal(keys_there("2026-11-26.0"), 2);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(upload_all(), S3_THERE);
	assert_int_equal(keys_there("2026-11-26.0"), 2);
	assert_false(bucket_has_first_key(first.octets + RECORD_SLOT));
	assert_true(bucket_has_first_key(second.octets + RECORD_SLOT));
	g_free(aside);
}

static bool bucket_has_holds(const char *text)
{
	GBytes *body = g_hash_table_lookup(fake.objects, "gw 1/holds");

	return body && g_bytes_get_size(body) == strlen(text) &&
	       memcmp(g_bytes_get_data(body, NULL), text, strlen(text)) == 0;
}

/* Holds that cannot be read, or are lost, are in the bucket as they were. */
static void holds_are_not_lost_with_their_file(void **state)
{
	char *path = g_build_filename(folder, "holds", NULL);

	(void)state;
	assert_true(g_file_set_contents(path, "held", -1, NULL));
	assert_int_equal(upload_all(), S3_THERE);
	assert_true(bucket_has_holds("held"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(upload_all(), S3_THERE);
	assert_true(bucket_has_holds("held"));
	assert_int_equal(symlink(path, path), 0);
	assert_int_equal(upload_all(), S3_FAILED);
	assert_true(bucket_has_holds("held"));
	assert_int_equal(unlink(path), 0);
	assert_true(g_file_set_contents(path, "", 0, NULL));
	assert_int_equal(upload_all(), S3_THERE);
	assert_true(bucket_has_holds(""));
	g_free(path);
}

/* Its disk went away, and what is compared with it finds nothing here. */
static void a_folder_that_is_empty_destroys_nothing(void **state)
{
	struct s3_upload upload;
	char *month = g_build_filename(folder, "2026-11", NULL);
	char *aside = g_build_filename(folder, "aside", NULL);

	(void)state;
	assert_int_equal(upload_all(), S3_THERE);
	begin_upload_of(&upload);
	upload.state.sweep = true;
	assert_int_equal(rename(month, aside), 0);
	upload_with(&upload);
	s3_upload_finish(&upload);
	assert_int_equal(keys_there(""), 4);
	g_free(month);
	g_free(aside);
}

/* A process before was cut off, or the state with what it had yet to forget was lost. */
static void a_lost_state_is_found_again(void **state)
{
	char *path = g_build_filename(folder, "s3", "state", NULL);
	unsigned before;

	(void)state;
	assert_int_equal(upload_all(), S3_THERE);
	destroy_first();
	add_notice("{\"what\":\"forgotten\",\"by\":0,\"records\":[[\"2026-11-26.0\",0]]}");
	unlink(path);
	g_free(path);
	before = count_of("PUT gw 1/data/");
	assert_int_equal(upload_all(), S3_THERE);
	assert_int_equal(count_of("PUT gw 1/data/"), before + 1);
	run_work(s3_verify_run, folder, ": 0 faults");
}

static void another_bucket_gets_all_of_it(void **state)
{
	unsigned before;

	(void)state;
	assert_int_equal(upload_all(), S3_THERE);
	before = g_hash_table_size(fake.objects);
	s3_target_finish(&target);
	conf.prefix = gw_str("elsewhere/");
	s3_target_init(&target, &conf, &transport);
	assert_int_equal(upload_all(), S3_THERE);
	assert_int_equal(g_hash_table_size(fake.objects), 2 * before);
	assert_restores(": 0 faults");
}

static void the_archive_of_others_is_not_mixed(void **state)
{
	struct s3_upload upload;
	unsigned before;

	(void)state;
	assert_int_equal(upload_all(), S3_THERE);
	before = g_hash_table_size(fake.objects);
	segment_close(&segment);
	snprintf(folder, sizeof folder, "%s", testkit_file(kit, "other", NULL));
	assert_int_equal(mkdir(folder, 0700), 0);
	begin_upload_of(&upload);
	assert_int_equal(upload_with(&upload), S3_FOREIGN);
	assert_non_null(strstr(upload.why, "archive restore"));
	s3_upload_finish(&upload);
	write_archive();
	assert_int_equal(upload_all(), S3_FOREIGN);
	run_work(s3_restore_run, folder, "an archive has begun here");
	assert_int_equal(g_hash_table_size(fake.objects), before);
}

static void what_was_changed_in_the_bucket_is_named(void **state)
{
	GHashTableIter iter;
	gpointer name, body;

	(void)state;
	assert_int_equal(upload_all(), S3_THERE);
	g_hash_table_iter_init(&iter, fake.objects);
	while (g_hash_table_iter_next(&iter, &name, &body))
		if (strstr(name, "data/2026-11-27.0")) {
			gsize len;
			unsigned char *octets = g_memdup2(g_bytes_get_data(body, &len),
							  g_bytes_get_size(body));

			octets[200] ^= 1;
			g_hash_table_iter_replace(&iter, g_bytes_new_take(octets, len));
		}
	run_work(s3_verify_run, folder, "differs: it was changed");
	g_hash_table_iter_init(&iter, fake.objects);
	while (g_hash_table_iter_next(&iter, &name, &body))
		if (strstr(name, "data/2026-11-27.0"))
			g_hash_table_iter_remove(&iter);
	run_work(s3_verify_run, folder, "are not in the bucket");
}

/* What is damaged here is not brought there as if it were whole. */
static void what_is_damaged_here_is_told(void **state)
{
	struct s3_upload upload;
	char path[SEGMENT_PATH];
	int file;

	(void)state;
	segment_path(path, folder, "2026-11-27.0");
	file = open(path, O_RDWR);
	assert_int_equal(file_write(file, 200, "x", 1), 0);
	close(file);
	begin_upload_of(&upload);
	assert_int_equal(upload_with(&upload), S3_THERE);
	assert_string_equal(upload.damaged, "2026-11-27.0");
	s3_upload_finish(&upload);
	assert_int_equal(count_of("PUT gw 1/data/2026-11-27.0"), 0);
	assert_true(count_of("PUT gw 1/data/2026-11-28.0") > 0);
}

static void the_configuration_is_looked_at(void **state)
{
	struct s3_conf wrong = conf;

	(void)state;
	assert_null(s3_conf_wrong(&conf));
	wrong.bucket = gw_str("Bucket");
	assert_non_null(s3_conf_wrong(&wrong));
	wrong = conf;
	wrong.endpoint = gw_str("http://s3.test");
	assert_non_null(s3_conf_wrong(&wrong));
	wrong.endpoint = gw_str("https://s3.test/path");
	assert_non_null(s3_conf_wrong(&wrong));
	wrong = conf;
	wrong.prefix = gw_str("a/../b/");
	assert_non_null(s3_conf_wrong(&wrong));
	wrong = conf;
	wrong.secret_key = gw_str("");
	assert_non_null(s3_conf_wrong(&wrong));
	wrong = conf;
	wrong.bucket = gw_str("a.b.c");
	assert_null(s3_conf_wrong(&wrong));
	wrong.style = S3_STYLE_HOST;
	assert_non_null(s3_conf_wrong(&wrong));
}

static char *asked_url;

static void note_url(void *arg, const struct s3_http *http, struct s3_answer *answer)
{
	(void)arg;
	g_free(asked_url);
	asked_url = g_strdup(http->url);
	answer->status = 200;
}

static void addresses_are_as_the_style_says(void **state)
{
	static const struct {
		const char *endpoint, *key, *url;
		enum s3_style style;
	} cases[] = {
		{ "", "data/x", "https://bucket.s3.us-east-1.amazonaws.com/gw%201/data/x",
		  S3_STYLE_HOST },
		{ "", NULL, "https://bucket.s3.us-east-1.amazonaws.com/?list-type=2",
		  S3_STYLE_HOST },
		{ "https://s3.test:443", "data/x", "https://s3.test/bucket/gw%201/data/x",
		  S3_STYLE_PATH },
		{ "https://s3.test:9000", NULL, "https://s3.test:9000/bucket/?list-type=2",
		  S3_STYLE_PATH },
	};
	struct s3_transport noting = { note_url, fake_now, NULL };
	struct s3_answer answer;
	size_t i;

	(void)state;
	target.transport = &noting;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		conf.endpoint = gw_str(cases[i].endpoint);
		conf.style = cases[i].style;
		assert_true(
			s3_ask(&target,
			       &(struct s3_request){ "GET", cases[i].key,
						     cases[i].key ? NULL : "list-type=2", NULL },
			       &answer));
		assert_string_equal(asked_url, cases[i].url);
	}
	g_clear_pointer(&asked_url, g_free);
}

/* --- temporary credentials --- */

static const char *renewed; /* what the file has when the bucket has called them over */
static char *credentials_path;

static void put_credentials(const char *token)
{
	char text[300];

	snprintf(
		text, sizeof text,
		"# of a tool\n[other]\naws_access_key_id=no\n[default]\naws_access_key_id = ASIA%s\naws_secret_access_key=s+/=\naws_session_token = %s\n",
		token, token);
	assert_true(g_file_set_contents_full(credentials_path, text, -1, G_FILE_SET_CONTENTS_NONE,
					     0600, NULL));
}

/* The second ones are good. */
static void ask_for_token(void *arg, const struct s3_http *http, struct s3_answer *answer)
{
	const char *token = field_of(http, "x-amz-security-token");
	const char *signature = field_of(http, "Authorization");

	assert_non_null(token);
	assert_non_null(strstr(signature, "x-amz-security-token"));
	assert_non_null(strstr(strstr(signature, "Credential=ASIA"), token));
	++*(unsigned *)arg;
	if (strcmp(token, "two") == 0)
		say(answer, 200, "");
	else
		refuse(answer, 403, "ExpiredToken");
	if (renewed)
		put_credentials(renewed);
}

static void temporary_credentials_are_renewed(void **state)
{
	static const struct {
		const char *before, *renewed;
		bool good;
		unsigned asked;
	} cases[] = { { "two", NULL, true, 1 },
		      { "one", NULL, false, 2 },
		      { "one", "two", true, 2 },
		      { NULL, NULL, false, 0 } };
	struct s3_target other;
	struct s3_transport asking = { ask_for_token, fake_now, NULL };
	struct s3_answer answer;
	unsigned asked;
	size_t i;

	(void)state;
	credentials_path = g_strdup(testkit_file(kit, "credentials", NULL));
	conf.credentials = gw_str(credentials_path);
	assert_non_null(s3_conf_wrong(&conf));
	conf.access_key = conf.secret_key = gw_str("");
	assert_null(s3_conf_wrong(&conf));
	s3_target_init(&other, &conf, &asking);
	asking.arg = &asked;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		asked = 0;
		renewed = cases[i].renewed;
		if (cases[i].before)
			put_credentials(cases[i].before);
		else
			assert_int_equal(chmod(credentials_path, 0644), 0);
		assert_int_equal(
			s3_ask(&other, &(struct s3_request){ "GET", "x", NULL, NULL }, &answer),
			cases[i].good);
		assert_int_equal(asked, cases[i].asked);
		assert_int_equal(answer.why[0] != 0, !cases[i].good);
		s3_answer_finish(&answer);
	}
	s3_target_finish(&other);
	g_clear_pointer(&credentials_path, g_free);
}

/* Whoever may not see old versions cannot say that no key is in one: it is not forgotten there. */
static void keys_that_may_be_there_are_not_forgotten(void **state)
{
	/* the list of keys, the keys, the versions; before them all the notice's span */
	static const struct {
		unsigned nth;
		int status;
		const char *code;
	} cases[] = { { 4, 403, "AccessDenied" },  { 3, 400, "ExpiredToken" },
		      { 3, 404, "NoSuchBucket" },  { 1, 200, "InternalError" },
		      { 2, 200, "InternalError" }, { 3, 200, "InternalError" } };
	struct s3_upload upload;
	size_t i;

	(void)state;
	assert_int_equal(upload_all(), S3_THERE);
	add_notice("{\"what\":\"forgotten\",\"by\":0,\"records\":[[\"2026-11-26.0\",0]]}");
	begin_upload_of(&upload);
	fake.fault = FAULT_STATUS;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		fake.nth = cases[i].nth;
		fake.status = cases[i].status;
		fake.code = cases[i].code;
		assert_int_equal(upload_with(&upload), S3_FAILED);
		assert_int_equal(upload.state.notices->len, 1);
	}
	assert_int_equal(count_of("GET ?prefix=gw%201%2Fkeys"), 4);
	/* mail goes on meanwhile */
	write_batch(FAKE_NOW, "{\"id\":\"6\"}", 10);
	fake.nth = 0;
	assert_int_equal(upload_with(&upload), S3_THERE);
	assert_int_equal(upload.state.notices->len, 0);
	s3_upload_finish(&upload);
}

/* A proxy says 200 to everything: nothing is known of the bucket, and nothing is there. */
static void a_page_of_a_proxy_is_no_answer(void **state)
{
	(void)state;
	fake.fault = FAULT_STATUS;
	fake.status = 200;
	fake.code = "Maintenance";
	fake.nth = 1;
	assert_int_equal(upload_all(), S3_FAILED);
	assert_int_equal(fake.log->len, 1);
	fake.nth = 2; /* behind the list */
	assert_int_equal(upload_all(), S3_FAILED);
	assert_int_equal(g_hash_table_size(fake.objects), 0);
	assert_int_equal(upload_all(), S3_THERE);
	run_work(s3_verify_run, folder, ": 0 faults");
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_are_those_of_aws),
		cmocka_unit_test(names_are_encoded),
		SCENE(what_is_there_is_the_archive),
		SCENE(data_has_no_keys),
		SCENE(nothing_is_lost_whatever_is_cut_off),
		SCENE(many_at_a_time),
		SCENE(a_gap_is_found_again),
		SCENE(parts_outlive_a_restart),
		SCENE(an_upload_that_the_bucket_gave_up_begins_anew),
		SCENE(refusals_are_told_and_waited_out),
		SCENE(the_buckets_clock_counts),
		SCENE(objects_are_locked_by_what_is_in_them),
		SCENE(a_restore_is_not_misled),
		SCENE(what_is_forgotten_is_so_in_the_bucket),
		SCENE(files_that_are_no_more_go),
		SCENE(what_is_lost_here_is_not_gone_there),
		SCENE(holds_are_not_lost_with_their_file),
		SCENE(a_folder_that_is_empty_destroys_nothing),
		SCENE(a_lost_state_is_found_again),
		SCENE(another_bucket_gets_all_of_it),
		SCENE(the_archive_of_others_is_not_mixed),
		SCENE(what_was_changed_in_the_bucket_is_named),
		SCENE(what_is_damaged_here_is_told),
		SCENE(the_configuration_is_looked_at),
		SCENE(addresses_are_as_the_style_says),
		SCENE(keys_that_may_be_there_are_not_forgotten),
		SCENE(a_page_of_a_proxy_is_no_answer),
		SCENE(temporary_credentials_are_renewed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

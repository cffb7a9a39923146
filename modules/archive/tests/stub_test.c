/* stub_test.c - files that are in the bucket alone: nothing goes before the bucket is shown to have
 * it, all of it is found, read, proved and forgotten as before, and what the bucket gives is
 * believed when it is what was signed. */
#include "fake_s3.h"
#include "removal.h"
#include "s3_fetch.h"
#include "s3_restore.h"
#include "stub.h"
#include "trust.h"
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
#define OLD "2026-11-26.0"
#define OLDER "2026-11-25.0"
#define NEWEST "2026-11-28.0"
#define FAULTS ": 0 faults"

static struct testkit *kit;
static struct keys keys;
static struct fake fake;
static struct s3_transport transport = { fake_ask, fake_now, &fake };
static struct s3_conf conf;
static struct s3_target target;
static struct segment segment;
static struct s3_fetch fetch;
static struct reader reader;
static char folder[1024];

/* --- an archive of three days; the oldest two come to be stubs --- */

static long read_text(void *arg, uint64_t at, void *out, size_t len)
{
	memcpy(out, (const char *)arg + at, len);
	return (long)len;
}

/* The mail of that number, which no compression makes small. */
static char *mail_of(unsigned nth, size_t size)
{
	GString *text = g_string_new(NULL);
	GRand *random = g_rand_new_with_seed(nth);

	g_string_printf(text, "Subject: mail%u\r\n\r\n", nth);
	while (text->len < size)
		g_string_append_c(text, (char)('!' + g_rand_int_range(random, 0, 90)));
	g_rand_free(random);
	return g_string_free(text, FALSE);
}

static void add_mail(struct batch *batch, int64_t time, unsigned nth, size_t size)
{
	char *text = mail_of(nth, size), *sealed = g_strconcat("Sign: 1\r\n", text, NULL);
	struct source body = { .read = read_text, .arg = text, .len = strlen(text) };
	struct source left = { .read = read_text, .arg = sealed, .len = 9 };
	char meta[200];

	snprintf(meta, sizeof meta,
		 "{\"id\":\"M%u\",\"sender\":\"ann@example.com\",\"until\":%lld}", nth,
		 (long long)FAKE_NOW);
	batch_add(batch, RECORD_ARRIVED, time, gw_str(meta), &body);
	snprintf(meta, sizeof meta, "{\"id\":\"M%u\",\"front\":0,\"back\":%zu}", nth, strlen(text));
	batch_add(batch, RECORD_LEFT, time, gw_str(meta), &left);
	g_free(text);
	g_free(sealed);
}

static void write_day(int64_t time, unsigned nth, size_t size)
{
	struct batch batch;

	batch_begin(&batch, &segment, time, 3);
	add_mail(&batch, time, nth, 300);
	assert_int_equal(batch_end(&batch, time), 0);
	batch_begin(&batch, &segment, time, 3);
	add_mail(&batch, time, nth + 1, size);
	assert_int_equal(batch_end(&batch, time), 0);
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
				 .access_key = gw_str("me"),
				 .secret_key = gw_str("secret"),
				 .style = S3_STYLE_PATH,
				 .lock_most = 3650,
				 .local_days = 0 };
	fake_init(&fake);
	s3_target_init(&target, &conf, &transport);
	s3_fetch_init(&fetch, &target, FETCH_ONE);
	reader_init(&reader, folder, &keys);
	reader.remote = &fetch.remote;
	assert_int_equal(segment_open(&segment, folder, &keys), 0);
	write_day(FAKE_NOW - 3 * DAY, 1, 9000);
	write_day(FAKE_NOW - 2 * DAY, 3, 3000);
	write_day(FAKE_NOW, 5, 1000);
	return 0;
}

static int end(void **state)
{
	(void)state;
	reader_finish(&reader);
	s3_fetch_finish(&fetch);
	segment_close(&segment);
	s3_target_finish(&target);
	fake_finish(&fake);
	keys_finish(&keys);
	testkit_destroy(kit);
	return 0;
}

static enum s3_step upload_with(struct s3_upload *upload)
{
	enum s3_step step;
	unsigned rounds = 0;

	do
		step = s3_upload_step(upload);
	while (step == S3_MORE && rounds++ < 200);
	return step;
}

static void upload_init(struct s3_upload *upload)
{
	s3_upload_init(upload, folder, &target);
	upload->piece = 4000;
	upload->keys = &keys;
	upload->now = FAKE_NOW;
	memcpy(upload->reached, segment.name, sizeof upload->reached);
	upload->end = segment.end;
}

static enum s3_step upload_all(void)
{
	struct s3_upload upload;
	enum s3_step step;

	upload_init(&upload);
	step = upload_with(&upload);
	s3_upload_finish(&upload);
	return step;
}

/* --- looks --- */

static bool is_there(const char *name, const char *ending)
{
	char *path = g_strdup_printf("%s/%.7s/%s%s", folder, name, name, ending);
	bool is = access(path, F_OK) == 0;

	g_free(path);
	return is;
}

static bool is_stub(const char *name)
{
	assert_true(is_there(name, ".gws") != is_there(name, ".gwa"));
	return is_there(name, ".gws");
}

static guint count_of(const char *begin)
{
	guint count = 0, i;

	for (i = 0; i < fake.log->len; i++)
		count += g_str_has_prefix(fake.log->pdata[i], begin);
	return count;
}

static void run_work(void (*run)(struct s3_work *), const char *expected)
{
	static const atomic_bool never;
	struct s3_work work = {
		.folder = folder, .target = &target, .keys = &keys, .stop = &never, .now = FAKE_NOW
	};

	run(&work);
	if (!strstr(work.text->str, expected))
		fail_msg("%s", work.text->str);
	g_string_free(work.text, TRUE);
}

static void assert_verifies(const char *expected)
{
	static const atomic_bool never;
	struct verify verify = { .folder = folder, .keys = &keys, .stop = &never };

	verify_run(&verify);
	if (!strstr(verify.text->str, expected))
		fail_msg("%s", verify.text->str);
	g_string_free(verify.text, TRUE);
}

/* The place of the nth record that is sealed. */
static struct place place_of(const char *name, unsigned nth)
{
	struct place place = { .at = 0 };
	struct record record;
	struct heads heads;

	assert_true(heads_open(&heads, folder, name, false));
	while (heads_next(&heads, &record))
		if (!(record.flags & RECORD_PLAIN) && nth-- == 0)
			place.at = heads.at + 1;
	heads_close(&heads);
	assert_true(place.at-- > 0);
	snprintf(place.name, sizeof place.name, "%s", name);
	return place;
}

/* Mail `nth` of the archive is the one of that file's `mail`th. */
static enum opened read_mail(const char *name, unsigned mail, unsigned nth, size_t size,
			     bool arrived)
{
	struct place from = place_of(name, 2 * mail), left = place_of(name, 2 * mail + 1);
	char *text = mail_of(nth, size), *sealed = g_strconcat("Sign: 1\r\n", text, NULL);
	enum opened opened;
	struct bulk out;

	bulk_init(&out, NULL);
	opened = arrived ? reader_arrived(&reader, &from, UINT64_MAX, &out)
			 : reader_left(&reader, &from, &left, &out);
	if (opened == OPENED) {
		assert_int_equal(out.len, strlen(arrived ? text : sealed));
		assert_memory_equal(bulk_text(&out).ptr, arrived ? text : sealed, out.len);
	}
	bulk_finish(&out);
	g_free(text);
	g_free(sealed);
	return opened;
}

static void make_stubs(void)
{
	assert_int_equal(upload_all(), S3_THERE);
	assert_true(is_stub(OLD) && is_stub(OLDER));
}

/* --- what goes, and what does not --- */

static void what_is_old_is_in_the_bucket_alone(void **state)
{
	guint asked;

	(void)state;
	conf.local_days = 2;
	assert_int_equal(upload_all(), S3_THERE);
	assert_true(is_stub(OLDER) && !is_stub(OLD));
	conf.local_days = 0;
	make_stubs();
	assert_false(is_stub(NEWEST));
	assert_verifies("the octets of 8 objects are in the bucket");
	assert_verifies("12 objects in 6 batches, the keys of 0 destroyed: 0 faults");
	run_work(s3_verify_run, FAULTS);
	asked = fake.log->len;
	assert_int_equal(read_mail(OLDER, 0, 1, 300, false), OPENED);
	/* what left came with what arrived */
	assert_int_equal(fake.log->len, asked + 1);
	assert_int_equal(read_mail(OLDER, 1, 2, 9000, true), OPENED);
	assert_int_equal(read_mail(OLD, 1, 4, 3000, false), OPENED);
	assert_int_equal(read_mail(NEWEST, 1, 6, 1000, false), OPENED);
	/* it goes on */
	write_day(FAKE_NOW, 7, 500);
	assert_int_equal(upload_all(), S3_THERE);
	assert_verifies("16 objects in 8 batches");
}

static void nothing_goes_that_is_not_there(void **state)
{
	static const struct {
		const char *key; /* begins so; it is taken away, or changed */
		bool changed;
	} cases[] = { { "data/" OLD, false }, { "data/" OLD, true }, { "keys/" OLD, false } };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		GList *names, *at;
		struct s3_upload upload;
		GBytes *body = NULL;
		char *key = NULL;

		conf.local_days = -1;
		assert_int_equal(upload_all(), S3_THERE);
		names = g_hash_table_get_keys(fake.objects);
		for (at = names; at && !key; at = at->next)
			if (g_str_has_prefix(at->data, cases[i].key))
				key = g_strdup(at->data);
		g_list_free(names);
		body = g_bytes_ref(g_hash_table_lookup(fake.objects, key));
		if (cases[i].changed)
			g_hash_table_insert(fake.objects, g_strdup(key),
					    g_bytes_new_from_bytes(body, 0, 10));
		else
			g_hash_table_remove(fake.objects, key);
		conf.local_days = 0;
		upload_init(&upload);
		assert_int_equal(upload_with(&upload), S3_THERE);
		assert_non_null(strstr(upload.stays_why, OLD));
		s3_upload_finish(&upload);
		assert_false(is_stub(OLD));
		assert_true(is_stub(OLDER));
		g_hash_table_insert(fake.objects, key, body);
	}
	make_stubs();
}

/* The line breaks at each request: what is here then is whole, and the rest follows. */
static void a_break_leaves_it_whole(void **state)
{
	unsigned nth, failed = 1;

	(void)state;
	conf.local_days = -1;
	assert_int_equal(upload_all(), S3_THERE);
	conf.local_days = 0;
	for (nth = 1; failed; nth++) {
		fake.nth = nth;
		fake.fault = FAULT_BEFORE;
		failed = upload_all() == S3_FAILED;
		fake.nth = 0;
		assert_verifies(FAULTS);
		assert_true(nth < 30);
	}
	assert_true(nth > 3);
	assert_true(is_stub(OLD) && is_stub(OLDER));
	run_work(s3_verify_run, FAULTS);
}

/* Cut off between the stub and the end of the file: the file counts, and no key is left in either.
 */
static void a_cut_between_the_two(void **state)
{
	struct doomed doomed = { .month = "2026-11" };
	GArray *all = g_array_new(FALSE, TRUE, sizeof(struct doomed));
	GArray *spans = g_array_new(FALSE, TRUE, sizeof(struct stub_span));
	struct stub_span span = { 0, 1 << 20 };
	char path[SEGMENT_PATH], old[SEGMENT_PATH + 8];
	int file;

	(void)state;
	conf.local_days = -1;
	assert_int_equal(upload_all(), S3_THERE);
	segment_path(path, folder, OLDER);
	file = open(path, O_RDONLY);
	g_array_append_val(spans, span);
	assert_int_equal(stub_make(folder, OLDER, file, spans, target.name), 0);
	close(file);
	assert_true(is_there(OLDER, ".gwa") && is_there(OLDER, ".gws"));
	assert_verifies("12 objects in 6 batches");
	doomed.place = place_of(OLDER, 0);
	g_array_append_val(all, doomed);
	assert_int_equal(removal_of_keys(folder, all), 0);
	assert_int_equal(read_mail(OLDER, 0, 1, 300, true), OPENED_DESTROYED);
	/* as if the power had gone behind the rename: only the stub's keys are there now */
	snprintf(old, sizeof old, "%.*s.gwo", (int)strlen(path) - 4, path);
	assert_int_equal(rename(path, old), 0);
	reader_close(&reader);
	assert_int_equal(read_mail(OLDER, 0, 1, 300, true), OPENED_DESTROYED);
	g_array_index(all, struct doomed, 0).place = place_of(OLDER, 1);
	assert_int_equal(removal_of_keys(folder, all), 0);
	assert_false(is_there(OLDER, ".gwo"));
	assert_int_equal(read_mail(OLDER, 1, 2, 9000, true),
			 OPENED_DAMAGED); /* of no such object */
	g_array_unref(all);
	g_array_unref(spans);
}

/* --- the bucket --- */

static void the_bucket_is_not_believed(void **state)
{
	GHashTableIter iter;
	gpointer name, body;

	(void)state;
	make_stubs();
	g_hash_table_iter_init(&iter, fake.objects);
	while (g_hash_table_iter_next(&iter, &name, &body))
		if (g_str_has_prefix(name, "data/" OLD)) {
			gsize size;
			guint8 *octets = g_bytes_unref_to_data(g_bytes_ref(body), &size);

			octets[200] ^= 1;
			g_hash_table_iter_replace(&iter, g_bytes_new_take(octets, size));
		}
	assert_int_equal(read_mail(OLD, 0, 3, 300, true), OPENED_DAMAGED);
	assert_string_equal(reader.why, "the bucket has other octets than were archived");
	assert_false(reader.later);
	run_work(s3_verify_run, "other octets than were archived");
	assert_int_equal(read_mail(OLDER, 0, 1, 300, true), OPENED);
}

static void trouble_is_told(void **state)
{
	static const struct {
		int status;
		const char *code;
		bool later;
	} cases[] = { { 403, "AccessDenied", true },      { 503, "SlowDown", true },
		      { 404, "NoSuchKey", false },        { 416, "InvalidRange", false },
		      { 400, "ExpiredToken", true },      { 404, "NoSuchBucket", true },
		      { 307, "TemporaryRedirect", true }, { 200, "InternalError", true },
		      { 206, "InternalError", false },    { 0, NULL, true } };
	size_t i;

	(void)state;
	make_stubs();
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		fake.nth = 1;
		fake.lasting = true;
		fake.fault = cases[i].status ? FAULT_STATUS : FAULT_BEFORE;
		fake.status = cases[i].status;
		fake.code = cases[i].code;
		assert_int_equal(read_mail(OLD, 0, 3, 300, true), OPENED_DAMAGED);
		assert_int_equal(reader.later, cases[i].later);
		assert_true(reader.why[0]);
	}
	fake.nth = 0;
	assert_int_equal(read_mail(OLD, 0, 3, 300, true), OPENED);
	reader_close(&reader);
	reader.remote = NULL;
	assert_int_equal(read_mail(OLD, 0, 3, 300, true), OPENED_DAMAGED);
	assert_non_null(strstr(reader.why, "no s3.bucket"));
}

/* A bucket whose clock is ahead, or that says so, makes no file old. */
static void the_buckets_clock_makes_nothing_old(void **state)
{
	struct s3_upload upload;

	(void)state;
	conf.local_days = 30;
	target.skew = 60 * DAY;
	upload_init(&upload);
	upload.now = FAKE_NOW + target.skew;
	assert_int_equal(upload_with(&upload), S3_THERE);
	assert_false(is_stub(OLDER));
	upload.now += 60 * DAY;
	assert_int_equal(upload_with(&upload), S3_THERE);
	assert_true(is_stub(OLDER));
	s3_upload_finish(&upload);
}

/* A stop does not wait until all octets of a file are hashed. */
static void a_stop_is_not_waited_for(void **state)
{
	atomic_bool stop = true;
	struct s3_upload upload;

	(void)state;
	conf.local_days = -1;
	assert_int_equal(upload_all(), S3_THERE);
	conf.local_days = 0;
	upload_init(&upload);
	upload.stop = &stop;
	assert_int_equal(upload_with(&upload), S3_FAILED);
	assert_false(is_stub(OLDER));
	upload.state.sweep = true;
	assert_int_equal(upload_with(&upload), S3_FAILED);
	assert_true(upload.state.sweep);
	stop = false;
	assert_int_equal(upload_with(&upload), S3_THERE);
	assert_true(is_stub(OLDER));
	s3_upload_finish(&upload);
}

/* Another bucket has not what is only in the first one: nothing goes there. */
static void another_bucket(void **state)
{
	struct s3_upload upload;

	(void)state;
	make_stubs();
	s3_target_finish(&target);
	conf.prefix = gw_str("elsewhere/");
	s3_target_init(&target, &conf, &transport);
	upload_init(&upload);
	assert_int_equal(upload_with(&upload), S3_FOREIGN);
	assert_non_null(strstr(upload.why, "in another bucket alone"));
	s3_upload_finish(&upload);
	assert_int_equal(read_mail(OLD, 0, 3, 300, true), OPENED_DAMAGED);
	assert_non_null(strstr(reader.why, "another bucket"));
	assert_true(reader.later);
}

/* A file was begun, and the power went before its first batch was there: the link goes on. */
static void the_link_goes_on_behind_stubs(void **state)
{
	char path[SEGMENT_PATH];

	(void)state;
	make_stubs();
	segment_close(&segment);
	segment_path(path, folder, NEWEST);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(segment_open(&segment, folder, &keys), 0);
	assert_int_equal(segment.link.number, 4);
	write_day(FAKE_NOW, 7, 500);
	assert_verifies("12 objects in 6 batches, the keys of 0 destroyed: 0 faults");
}

static void a_lost_state(void **state)
{
	char *path = g_build_filename(folder, "s3", "state", NULL);
	guint puts;

	(void)state;
	make_stubs();
	puts = count_of("PUT data/");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(upload_all(), S3_THERE);
	assert_int_equal(count_of("PUT data/"), puts);
	run_work(s3_verify_run, FAULTS);
	g_free(path);
}

/* --- forgetting --- */

static void destroy(const char *name, unsigned nth)
{
	GArray *all = g_array_new(FALSE, TRUE, sizeof(struct doomed));
	struct doomed doomed = { .place = place_of(name, nth), .month = "2026-11" };
	struct batch batch;
	char text[200];

	g_array_append_val(all, doomed);
	snprintf(text, sizeof text, "{\"what\":\"forgotten\",\"by\":0,\"records\":[[\"%s\",%llu]]}",
		 name, (unsigned long long)doomed.place.at);
	batch_begin(&batch, &segment, FAKE_NOW, 3);
	batch_add(&batch, RECORD_NOTICE, FAKE_NOW, gw_str(text), NULL);
	assert_int_equal(batch_end(&batch, FAKE_NOW), 0);
	assert_int_equal(removal_of_keys(folder, all), 0);
	g_array_unref(all);
}

static void what_is_forgotten_is_so_in_both(void **state)
{
	guint asked;

	(void)state;
	make_stubs();
	assert_int_equal(read_mail(OLD, 0, 3, 300, true), OPENED);
	destroy(OLD, 0);
	asked = fake.log->len;
	assert_int_equal(read_mail(OLD, 0, 3, 300, true), OPENED_DESTROYED);
	assert_int_equal(fake.log->len, asked);
	assert_int_equal(read_mail(OLD, 1, 4, 3000, true), OPENED);
	assert_verifies("the keys of 1 destroyed: 0 faults");
	/* a restore from what the bucket still has brings no key back */
	conf.local_days = -1;
	run_work(s3_restore_run, "2 files were fetched");
	reader_close(&reader);
	assert_false(is_stub(OLD));
	assert_int_equal(read_mail(OLD, 0, 3, 300, true), OPENED_DESTROYED);
	assert_int_equal(upload_all(), S3_THERE);
	run_work(s3_verify_run, FAULTS);
	assert_verifies("the keys of 1 destroyed: 0 faults");
	/* and of a stub it goes from the bucket too */
	conf.local_days = 0;
	make_stubs();
	destroy(OLDER, 1);
	assert_int_equal(upload_all(), S3_THERE);
	run_work(s3_verify_run, FAULTS);
}

/* --- another machine --- */

static void a_lost_machine(void **state)
{
	char *other = g_strdup_printf("%s.lost", folder);

	(void)state;
	make_stubs();
	assert_int_equal(rename(folder, other), 0);
	assert_int_equal(mkdir(folder, 0700), 0);
	reader_close(&reader);
	run_work(s3_restore_run, "3 files were fetched");
	assert_true(is_stub(OLD) && is_stub(OLDER) && !is_stub(NEWEST));
	assert_verifies("12 objects in 6 batches, the keys of 0 destroyed: 0 faults");
	run_work(s3_verify_run, "nothing was uploaded to this bucket yet");
	assert_int_equal(upload_all(), S3_THERE);
	run_work(s3_verify_run, FAULTS);
	assert_int_equal(read_mail(OLD, 1, 4, 3000, false), OPENED);
	g_free(other);
}

/* --- the index --- */

static struct store *store_of(void)
{
	struct store_settings settings = { .folder = folder,
					   .wrap_file = testkit_file(kit, "wrap", NULL),
					   .delay_ms = 1 };
	const char *why = "";
	struct store *store;

	settings.sign_file = testkit_file(kit, "sign", NULL);
	segment_close(&segment);
	store = store_open(&settings, &why);
	assert_non_null(store);
	return store;
}

static void count_hit(void *arg, const struct hit *hit)
{
	(void)hit;
	++*(unsigned *)arg;
}

static unsigned hits(const char *subject)
{
	struct index *index = index_open(folder, false);
	struct query query = { .subject = subject, .limit = 10 };
	unsigned count = 0;

	assert_true(index_search(index, &query, count_hit, &count));
	index_close(index);
	return count;
}

/* Made of what is in the bucket; and mail of a stub goes with its words, or not yet. */
static void the_index_is_made_and_unmade(void **state)
{
	static const atomic_bool goes_on;
	atomic_bool stop = false;
	struct store *store;
	struct indexer *indexer;
	struct removal removal;

	(void)state;
	make_stubs();
	store = store_of();
	indexer = indexer_start(store, &fetch.remote);
	assert_true(indexer_wait(indexer, &stop));
	assert_int_equal(hits("mail2"), 1);
	assert_int_equal(hits("mail6"), 1);
	assert_true(indexer_day(indexer) >= 20261125);
	removal = (struct removal){ .store = store,
				    .indexer = indexer,
				    .query = { .id = "M2" },
				    .what = "forgotten",
				    .time = FAKE_NOW,
				    .stop = &goes_on,
				    .remote = &fetch.remote };
	fake.nth = 1;
	fake.lasting = true;
	fake.fault = FAULT_BEFORE;
	removal_run(&removal);
	assert_int_equal(removal.error, EHOSTUNREACH);
	assert_int_equal(hits("mail2"), 1);
	fake.nth = 0;
	removal.error = 0;
	removal_run(&removal);
	assert_int_equal(removal.error, 0);
	assert_int_equal(removal.mails, 1);
	assert_int_equal(hits("mail2"), 0);
	reader_close(&reader);
	assert_int_equal(read_mail(OLDER, 1, 2, 9000, true), OPENED_DESTROYED);
	assert_verifies("the keys of 2 destroyed: 0 faults");
	/* a stub of which nothing can be read goes */
	removal.query.id = "M1";
	removal_run(&removal);
	assert_int_equal(removal_of_files(store, FAKE_NOW), 1);
	assert_false(is_there(OLDER, ".gws"));
	assert_verifies(FAULTS);
	indexer_stop(indexer);
	store_close(store);
	assert_int_equal(segment_open(&segment, folder, &keys), 0);
	assert_int_equal(upload_all(), S3_THERE);
	assert_int_equal(count_of("DELETE data/" OLDER), 2);
}

/* --- the clock --- */

/* After a restart `up` is of another process, or another boot. */
static void a_clock_is_believed_by_signs(void **state)
{
	static const struct {
		const char *what;
		int64_t clock, up; /* days, since the look before */
		bool sign, restarted, believed;
	} looks[] = {
		{ "an hour or so behind the newest mail", 0, 0, false, true, true },
		{ "it goes on", 30, 30, false, false, true },
		{ "it was off for a night", 1, 0, false, true, true },
		{ "it boots in 2099", 26000, 0, false, true, false },
		{ "and stays on", 26002, 2, false, false, false },
		{ "and boots there again", 26003, 0, false, true, false },
		{ "NTP comes", 3, 0, true, false, true },
		{ "it was off for a month, and is kept in time", 30, 0, true, true, true },
		{ "it boots in 1970", -20000, 0, false, true, true },
		{ "and is set by hand", 20000, 0, false, false, false },
		{ "the admin says so", 20000, 0, true, false, true },
	};
	int64_t last = FAKE_NOW, up = 5 * DAY;
	struct trust trust;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof looks / sizeof looks[0]; i++) {
		int64_t now = last + looks[i].clock * DAY;
		bool believed;

		if (looks[i].restarted) {
			up = DAY;
			trust_read(&trust, folder, FAKE_NOW, up);
		}
		up += looks[i].up * DAY;
		believed = trust_look(&trust, folder, now, up, looks[i].sign);
		if (believed != looks[i].believed)
			fail_msg("%s", looks[i].what);
		last = believed ? now : last;
	}
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(what_is_old_is_in_the_bucket_alone),
		SCENE(nothing_goes_that_is_not_there),
		SCENE(a_break_leaves_it_whole),
		SCENE(a_cut_between_the_two),
		SCENE(the_bucket_is_not_believed),
		SCENE(trouble_is_told),
		SCENE(the_buckets_clock_makes_nothing_old),
		SCENE(a_stop_is_not_waited_for),
		SCENE(another_bucket),
		SCENE(the_link_goes_on_behind_stubs),
		SCENE(a_lost_state),
		SCENE(what_is_forgotten_is_so_in_both),
		SCENE(a_lost_machine),
		SCENE(the_index_is_made_and_unmade),
		SCENE(a_clock_is_believed_by_signs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

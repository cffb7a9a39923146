/* s3_evict.c - files whose octets are in the bucket, and old enough, are here no longer but for
 * their stubs. */
#include "s3_upload.h"

#include "stub.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_MS INT64_C(86400000)

bool s3_may_be_stub(const struct s3_conf *conf, const char *name, int64_t now)
{
	return conf->local_days >= 0 && segment_day_end(name) <= now - conf->local_days * DAY_MS;
}

/* As this machine's clock has it, or the bucket's: one that is ahead makes nothing old. */
static int64_t sure_now(const struct s3_upload *upload)
{
	int64_t skew = upload->target->skew;

	return upload->now - (skew > 0 ? skew : 0);
}

/* It is there whole, as the state says, and nothing is left to be said of it. */
static bool may_go(const struct s3_upload *upload, const char *name)
{
	return segments_compare(name, upload->state.name) < 0 &&
	       segments_compare(name, upload->reached) < 0 &&
	       segments_compare(name, upload->stays) > 0 &&
	       s3_may_be_stub(upload->target->conf, name, sure_now(upload));
}

/* --- what the bucket has of it --- */

struct having {
	GArray *data;     /* struct s3_found, in order */
	GHashTable *keys; /* of the objects that have keys */
};

static void take_keys(void *arg, const struct s3_object *object)
{
	struct having *having = arg;
	struct s3_span span;

	if (s3_key_read(object->key, "keys", &span))
		g_hash_table_add(having->keys, g_strdup(object->key));
}

static void take_data(void *arg, const struct s3_object *object)
{
	struct having *having = arg;
	struct s3_found found = { .size = object->size };

	if (!s3_key_read(object->key, "data", &found.span))
		return;
	snprintf(found.etag, sizeof found.etag, "%s", object->etag);
	g_array_append_val(having->data, found);
}

static bool list(struct s3_upload *upload, const char *kind, const char *name,
		 void (*each)(void *, const struct s3_object *), struct having *having,
		 struct s3_answer *answer)
{
	char *begin = g_strdup_printf("%s/%s/", kind, name);
	bool good = s3_list(upload->target, begin, each, having, answer);

	g_free(begin);
	return good;
}

static bool has_keys(const struct having *having, const struct s3_part *part)
{
	char key[S3_KEY];

	s3_key_write(key, "keys", &part->span);
	return !part->slots->len || g_hash_table_contains(having->keys, key);
}

/* 1: the object has what is here from `at` on, and its keys are beside it; 0; -1: nobody knows. */
static int is_proved(struct s3_upload *upload, const struct having *having,
		     const struct s3_found *found, struct s3_answer *answer)
{
	const struct s3_span *span = &found->span;
	struct s3_part part;
	int same = 0;

	s3_part_init(&part);
	if (found->size == span->end - span->from &&
	    s3_part_find(&part, &upload->reader, span->name, span->from, span->end, UINT64_MAX) &&
	    part.span.end == span->end && has_keys(having, &part))
		same = s3_object_same(upload, &part, found->etag, answer);
	s3_part_finish(&part);
	return same;
}

/* The longest that begins there; NULL: none does. */
static const struct s3_found *next_at(const struct having *having, uint64_t at)
{
	const struct s3_found *next = NULL;
	guint i;

	for (i = 0; i < having->data->len; i++) {
		const struct s3_found *found = &g_array_index(having->data, struct s3_found, i);

		if (found->span.from == at && (!next || found->span.end > next->span.end))
			next = found;
	}
	return next;
}

/* The objects that have all of it, one behind the other. */
static int prove_all(struct s3_upload *upload, const struct having *having, uint64_t size,
		     GArray *spans, struct s3_answer *answer)
{
	const struct s3_found *found;
	uint64_t at = 0;
	int same = 1;

	while (same == 1 && at < size && !s3_upload_is_stopped(upload) &&
	       (found = next_at(having, at)) != NULL) {
		struct stub_span span = { at, found->span.end };

		same = is_proved(upload, having, found, answer);
		g_array_append_val(spans, span);
		at = span.end;
	}
	if (same == 1 && at != size)
		same = s3_upload_is_stopped(upload) ? -1 : 0;
	return same;
}

/* --- a file --- */

static enum s3_step stays(struct s3_upload *upload, const char *name, const char *why)
{
	memcpy(upload->stays, name, strlen(name) + 1);
	snprintf(upload->stays_why, sizeof upload->stays_why, "%s stays here: %s", name, why);
	return S3_MORE;
}

static enum s3_step replace(struct s3_upload *upload, const char *name, const GArray *spans)
{
	char path[SEGMENT_PATH];
	int error;

	segment_path(path, upload->folder, name);
	stub_lock();
	/* somebody may have removed it meanwhile */
	error = access(path, F_OK) != 0 ? errno : 0;
	if (!error)
		error = stub_make(upload->folder, name, reader_file(&upload->reader, name), spans,
				  upload->target->name);
	if (!error)
		error = stub_take_over(upload->folder, name);
	stub_unlock();
	reader_close(&upload->reader);
	upload->evicted += !error;
	return error ? stays(upload, name, strerrordesc_np(error)) : S3_MORE;
}

static enum s3_step evict(struct s3_upload *upload, const char *name)
{
	struct having having = { g_array_new(FALSE, TRUE, sizeof(struct s3_found)),
				 g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL) };
	GArray *spans = g_array_new(FALSE, TRUE, sizeof(struct stub_span));
	struct s3_answer answer = { .status = 0 };
	struct stat status;
	enum s3_step step = S3_MORE;
	int same = -1;

	reader_close(&upload->reader);
	if (list(upload, "keys", name, take_keys, &having, &answer)) {
		s3_answer_finish(&answer);
		if (list(upload, "data", name, take_data, &having, &answer) &&
		    fstat(reader_file(&upload->reader, name), &status) == 0)
			same = prove_all(upload, &having, (uint64_t)status.st_size, spans, &answer);
	}
	if (same == 1)
		step = replace(upload, name, spans);
	else if (same == 0)
		step = stays(upload, name, "the bucket does not have all of it as it is here");
	else
		step = s3_upload_fail(upload, &answer);
	s3_answer_finish(&answer);
	g_array_unref(spans);
	g_array_unref(having.data);
	g_hash_table_unref(having.keys);
	return step;
}

enum s3_step s3_evict(struct s3_upload *upload)
{
	GPtrArray *names;
	enum s3_step step = S3_THERE;
	guint i;

	if (upload->target->conf->local_days < 0 || !upload->now)
		return S3_THERE;
	names = segments_list(upload->folder);
	/* the newest is written on after a restart */
	for (i = 0; names && i + 1 < names->len && step == S3_THERE; i++)
		if (may_go(upload, names->pdata[i]))
			step = evict(upload, names->pdata[i]);
	if (names)
		g_ptr_array_unref(names);
	return step;
}

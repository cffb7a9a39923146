/* s3_forget.c - what was destroyed here is to be so in the bucket: keys of objects that notices
 * name, and objects of files that are no more. */
#include "s3_upload.h"

#include "notices.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define AT_ONCE 200 /* notices; what they name is looked for together */

/* What is gone, by file. */
struct gone {
	GHashTable *places; /* name -> GArray of uint64_t */
	GPtrArray *files;   /* names of those that were removed */
	GPtrArray *keys;    /* of objects that a list gave */
	const char *kind;
};

static void free_places(gpointer arg)
{
	g_array_unref(arg);
}

static GArray *places_of(struct gone *gone, const char *name)
{
	GArray *places = g_hash_table_lookup(gone->places, name);

	if (!places) {
		places = g_array_new(FALSE, FALSE, sizeof(uint64_t));
		g_hash_table_insert(gone->places, g_strdup(name), places);
	}
	return places;
}

static void take_records(struct gone *gone, const struct gw_json_value *json)
{
	const struct gw_json_value *records = gw->json_member(json, "records");
	size_t i;

	for (i = 0; i < gw->json_count(records); i++) {
		const struct gw_json_value *pair = gw->json_item(records, i);
		struct gw_str name = gw->json_value_string(gw->json_item(pair, 0));
		uint64_t at = (uint64_t)gw->json_value_number(gw->json_item(pair, 1), 0);

		if (name.ptr)
			g_array_append_val(places_of(gone, name.ptr), at);
	}
}

/* A notice that cannot be read any more is in a file that was damaged: then all is compared. */
static bool take_notice(struct gone *gone, struct s3_upload *upload, const struct s3_notice *notice)
{
	int file = reader_file(&upload->reader, notice->name);
	struct record record;
	struct gw_json_value *json = NULL;
	struct gw_str what, name;

	if (file >= 0 && record_read(file, notice->at, &record) == 1)
		json = notice_read(file, notice->at, &record);
	what = gw->json_value_string(gw->json_member(json, "what"));
	name = gw->json_value_string(gw->json_member(json, "file"));
	if (what.ptr && gw_str_eq(what, gw_str("removed")) && name.ptr)
		g_ptr_array_add(gone->files, g_strdup(name.ptr));
	else
		take_records(gone, json);
	gw->json_free(json);
	return what.ptr != NULL;
}

static gint compare_places(gconstpointer left, gconstpointer right)
{
	uint64_t one = *(const uint64_t *)left, two = *(const uint64_t *)right;

	return one < two ? -1 : one > two;
}

static void init(struct gone *gone)
{
	*gone = (struct gone){
		.places = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_places),
		.files = g_ptr_array_new_with_free_func(g_free),
		.keys = g_ptr_array_new_with_free_func(g_free),
	};
}

static void finish(struct gone *gone)
{
	g_hash_table_unref(gone->places);
	g_ptr_array_unref(gone->files);
	g_ptr_array_unref(gone->keys);
}

/* --- objects --- */

static void take_object(void *arg, const struct s3_object *object)
{
	struct gone *gone = arg;
	struct s3_span span;

	if (s3_key_read(object->key, gone->kind, &span))
		g_ptr_array_add(gone->keys, g_strdup(object->key));
}

static enum s3_step list_keys(struct s3_upload *upload, struct gone *gone, const char *kind,
			      const char *name)
{
	char *begin = g_strdup_printf("%s/%s%s", kind, name, *name ? "/" : "");
	struct s3_answer answer;
	enum s3_step step = S3_MORE;

	gone->kind = kind;
	g_ptr_array_set_size(gone->keys, 0);
	if (!s3_list(upload->target, begin, take_object, gone, &answer))
		step = s3_upload_fail(upload, &answer);
	s3_answer_finish(&answer);
	g_free(begin);
	return step;
}

static enum s3_step purge(struct s3_upload *upload, const char *key, bool all)
{
	struct s3_answer answer;
	enum s3_step step = s3_purge(upload->target, key, all, &answer)
				    ? S3_MORE
				    : s3_upload_fail(upload, &answer);

	s3_answer_finish(&answer);
	return step;
}

static bool touches(const GArray *places, const struct s3_span *span)
{
	guint i;

	for (i = 0; places && i < places->len; i++) {
		uint64_t at = g_array_index(places, uint64_t, i);

		if (at >= span->from && at < span->end)
			return true;
	}
	return false;
}

/* What cannot be opened now, or is on a disk that is not there, is not gone for that. */
static bool is_gone(const struct s3_upload *upload, const char *name)
{
	char path[SEGMENT_PATH], stub[SEGMENT_PATH];

	segment_path(path, upload->folder, name);
	stub_path(stub, upload->folder, name);
	return access(path, F_OK) != 0 && errno == ENOENT && access(stub, F_OK) != 0 &&
	       errno == ENOENT;
}

static bool was_removed(const struct gone *gone, const char *name)
{
	guint i;

	for (i = 0; i < gone->files->len; i++)
		if (strcmp(gone->files->pdata[i], name) == 0)
			return true;
	return false;
}

/* A file that was lost here comes back out of the bucket some day: the keys of all others stay. */
static enum s3_step renew_there(struct s3_upload *upload, const char *key, const GArray *places)
{
	struct s3_request request = { "GET", key, NULL, NULL, .answer_max = S3_KEYS_MOST };
	struct s3_answer answer;
	enum s3_step step = S3_MORE;
	GBytes *body = NULL;

	if (!s3_ask(upload->target, &request, &answer))
		step = s3_upload_fail(upload, &answer);
	else if (!(body = s3_slots_blank(answer.body, places)))
		step = s3_upload_broken(upload, "an object of keys in the bucket is damaged");
	s3_answer_finish(&answer);
	if (step == S3_MORE &&
	    !s3_ask(upload->target, &(struct s3_request){ "PUT", key, NULL, body }, &answer))
		step = s3_upload_fail(upload, &answer);
	s3_answer_finish(&answer);
	if (body)
		g_bytes_unref(body);
	return step;
}

static enum s3_step renew(struct s3_upload *upload, const struct gone *gone, const char *key,
			  const GArray *places, bool any)
{
	bool is_here, touched;
	struct s3_span span;
	enum s3_step step;

	if (!s3_key_read(key, "keys", &span))
		return S3_MORE;
	touched = touches(places, &span);
	is_here = !is_gone(upload, span.name);
	if (!is_here && was_removed(gone, span.name))
		return purge(upload, key, true);
	if (!touched && !(any && is_here))
		return S3_MORE;
	step = is_here ? s3_slots_put(upload, &span, places) : renew_there(upload, key, places);
	return step == S3_MORE ? purge(upload, key, false) : step;
}

static enum s3_step renew_file(struct s3_upload *upload, struct gone *gone, const char *name)
{
	GArray *places = g_hash_table_lookup(gone->places, name);
	enum s3_step step = list_keys(upload, gone, "keys", name);
	guint i;

	g_array_sort(places, compare_places);
	for (i = 0; i < gone->keys->len && step == S3_MORE; i++)
		step = renew(upload, gone, gone->keys->pdata[i], places, false);
	return step;
}

/* The octets of a file that is no more: nobody can read them, and where they are locked, or may not
 * be taken away, they stay for the bucket's own rules. */
static enum s3_step drop_file(struct s3_upload *upload, struct gone *gone, const char *name)
{
	enum s3_step step = list_keys(upload, gone, "keys", name);
	struct s3_answer answer;
	guint i;

	for (i = 0; i < gone->keys->len && step == S3_MORE; i++)
		step = purge(upload, gone->keys->pdata[i], true);
	if (step == S3_MORE)
		step = list_keys(upload, gone, "data", name);
	for (i = 0; i < gone->keys->len && step == S3_MORE; i++) {
		struct s3_request request = { "DELETE", gone->keys->pdata[i], NULL, NULL };

		if (!s3_ask(upload->target, &request, &answer) && !s3_answer_is_none(&answer) &&
		    answer.status != 403)
			step = s3_upload_fail(upload, &answer);
		s3_answer_finish(&answer);
	}
	return step;
}

/* --- all of it --- */

static enum s3_step bring(struct s3_upload *upload, struct gone *gone)
{
	enum s3_step step = S3_MORE;
	GHashTableIter iter;
	gpointer name;
	guint i;

	g_hash_table_iter_init(&iter, gone->places);
	while (step == S3_MORE && g_hash_table_iter_next(&iter, &name, NULL))
		step = renew_file(upload, gone, name);
	for (i = 0; i < gone->files->len && step == S3_MORE; i++)
		step = drop_file(upload, gone, gone->files->pdata[i]);
	return step;
}

/* Every key that is there is written as it is here. */
static enum s3_step sweep(struct s3_upload *upload, struct gone *gone)
{
	enum s3_step step = list_keys(upload, gone, "keys", "");
	struct notices notices;
	struct s3_span span;
	GHashTableIter iter;
	gpointer entry;
	guint i;

	if (step != S3_MORE)
		return step;
	if (!notices_read(&notices, upload->folder, upload->stop)) {
		notices_finish(&notices);
		return s3_upload_broken(upload, "the archive's folder cannot be read");
	}
	for (i = 0; i < notices.removed->len; i++)
		g_ptr_array_add(gone->files,
				g_strdup(g_array_index(notices.removed, struct removed, i).name));
	g_hash_table_iter_init(&iter, notices.destroyed);
	while (g_hash_table_iter_next(&iter, &entry, NULL)) {
		char *name = g_strndup(entry, strcspn(entry, ":"));
		uint64_t at = g_ascii_strtoull((char *)entry + strlen(name) + 1, NULL, 10);

		g_array_append_val(places_of(gone, name), at);
		g_free(name);
	}
	notices_finish(&notices);
	for (i = 0; i < gone->keys->len && step == S3_MORE; i++) {
		GArray *places = NULL;

		if (s3_key_read(gone->keys->pdata[i], "keys", &span))
			places = g_hash_table_lookup(gone->places, span.name);
		if (places)
			g_array_sort(places, compare_places);
		step = renew(upload, gone, gone->keys->pdata[i], places, true);
	}
	return step;
}

enum s3_step s3_forget(struct s3_upload *upload)
{
	struct s3_state *state = &upload->state;
	guint count = state->notices->len < AT_ONCE ? state->notices->len : AT_ONCE, i;
	struct gone gone;
	enum s3_step step;

	init(&gone);
	reader_close(&upload->reader);
	for (i = 0; i < count; i++)
		if (!take_notice(&gone, upload,
				 &g_array_index(state->notices, struct s3_notice, i)))
			state->sweep = true;
	step = state->sweep ? sweep(upload, &gone) : S3_MORE;
	if (step == S3_MORE)
		step = bring(upload, &gone);
	if (step == S3_MORE) {
		g_array_remove_range(state->notices, 0, count);
		state->sweep = false;
		step = s3_upload_save(upload);
	}
	finish(&gone);
	return step;
}

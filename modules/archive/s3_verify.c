/* s3_verify.c - whether the bucket has what is here. */
#include "s3_fetch.h"
#include "s3_restore.h"

#include <stdio.h>

struct comparing {
	struct s3_work *work;
	struct s3_upload upload; /* how far it is, and what is here */
	GHashTable *keys;        /* key of an object -> its ETag */
	struct s3_fetch fetch;   /* of what is not here */
	char name[SEGMENT_NAME]; /* the file that is looked at, */
	uint64_t reach;          /* and what of it was met */
};

static char *here_hash(struct comparing *comparing, const struct s3_span *span, GBytes **here)
{
	*here = s3_slots_read(comparing->work->folder, span, NULL);
	return *here ? g_compute_checksum_for_bytes(G_CHECKSUM_MD5, *here) : NULL;
}

/* An ETag may be of another kind. */
static bool same_keys(struct comparing *comparing, const char *key, GBytes *here)
{
	struct s3_answer answer;
	bool same = s3_ask(comparing->work->target,
			   &(struct s3_request){ "GET", key, NULL, NULL, .answer_max = 64u << 20 },
			   &answer) &&
		    answer.body && g_bytes_equal(answer.body, here);

	s3_answer_finish(&answer);
	return same;
}

static void compare_keys(struct comparing *comparing, const struct s3_part *part)
{
	char key[S3_KEY], *hash;
	const char *etag;
	GBytes *here;

	s3_key_write(key, "keys", &part->span);
	etag = g_hash_table_lookup(comparing->keys, key);
	hash = here_hash(comparing, &part->span, &here);
	if (!etag)
		s3_work_fault(comparing->work, "%s is not in the bucket", key);
	else if (!hash || (strcmp(hash, etag) != 0 && !same_keys(comparing, key, here)))
		s3_work_fault(
			comparing->work,
			"%s has other keys than there are here: what was destroyed a moment ago, or it was changed",
			key);
	g_free(hash);
	if (here)
		g_bytes_unref(here);
}

/* Of which only a stub is here: its octets have to be those that were hashed. */
static void compare_away(struct comparing *comparing, const struct s3_found *found)
{
	struct reader *reader = &comparing->upload.reader;
	struct s3_part part = { .span = found->span,
				.slots = g_array_new(FALSE, FALSE, sizeof(uint64_t)) };
	struct place place = { .at = 0 };
	struct record record;
	struct heads heads;
	bool good = heads_open(&heads, comparing->work->folder, found->span.name, false);

	memcpy(place.name, found->span.name, sizeof place.name);
	reader->remote = &comparing->fetch.remote;
	reader->proves = true;
	heads_seek(&heads, found->span.from);
	while (good && heads.next < found->span.end && heads_next(&heads, &record) &&
	       !*comparing->work->stop) {
		place.at = heads.at;
		if (!reader_has(reader, &place, true))
			s3_work_fault(comparing->work, "%s:%llu: %s", place.name,
				      (unsigned long long)place.at, reader->why);
		if (!(record.flags & RECORD_PLAIN))
			g_array_append_val(part.slots, heads.at);
	}
	if (!good || heads.next != found->span.end)
		s3_work_fault(comparing->work, "%s: its stub is damaged, or of another span",
			      found->span.name);
	else if (part.slots->len)
		compare_keys(comparing, &part);
	heads_close(&heads);
	g_array_unref(part.slots);
}

static void compare_whole(struct comparing *comparing, const struct s3_found *found)
{
	struct s3_work *work = comparing->work;
	const struct s3_span *span = &found->span;
	struct s3_answer answer = { .status = 0 };
	struct s3_part part;
	char key[S3_KEY];
	int same = 0;

	s3_key_write(key, "data", span);
	s3_part_init(&part);
	if (!s3_part_find(&part, &comparing->upload.reader, span->name, span->from, span->end,
			  UINT64_MAX))
		s3_work_fault(work, "%s is not here: archive restore", span->name);
	else if (part.span.end != span->end)
		s3_work_fault(work, "%s is damaged here, or not of this archive", key);
	else if (found->size != span->end - span->from)
		s3_work_fault(work, "%s has another size", key);
	else if ((same = s3_object_same(&comparing->upload, &part, found->etag, &answer)) != 1)
		s3_work_fault(work, "%s %s: %s", key, same ? "cannot be read" : "differs",
			      same ? answer.why : "it was changed");
	else if (part.slots->len)
		compare_keys(comparing, &part);
	s3_answer_finish(&answer);
	s3_part_finish(&part);
}

static void compare_object(struct comparing *comparing, const struct s3_found *found)
{
	struct place place = { .at = 0 };

	memcpy(place.name, found->span.name, sizeof place.name);
	if (reader_is_away(&comparing->upload.reader, &place))
		compare_away(comparing, found);
	else
		compare_whole(comparing, found);
	comparing->work->objects++;
	comparing->work->octets += found->size;
}

/* --- what is missing --- */

static void missing(struct comparing *comparing, const char *name, uint64_t from, uint64_t end)
{
	if (from < end)
		s3_work_fault(comparing->work, "%s: its octets %llu to %llu are not in the bucket",
			      name, (unsigned long long)from, (unsigned long long)end);
}

/* As far as the file goes, or the uploads have come. */
static uint64_t wanted_of(struct comparing *comparing, const char *name)
{
	const struct s3_state *state = &comparing->upload.state;
	int order = segments_compare(name, state->name), file;
	struct keys const *keys = comparing->work->keys;
	uint64_t end = 0;
	struct link link;
	bool damaged;

	if (order >= 0)
		return order == 0 ? state->at : 0;
	file = reader_file(&comparing->upload.reader, name);
	if (file >= 0 && comparing->upload.reader.stub.file >= 0)
		return comparing->upload.reader.stub.size;
	if (file < 0 || segment_end(file, keys, &end, &link, &damaged) != 0 || damaged)
		return 0;
	return end;
}

static void look_for_files(struct comparing *comparing, const GArray *list)
{
	GPtrArray *names = holdings_list(comparing->work->folder);
	guint i, k = 0;

	if (!names)
		s3_work_fault(comparing->work, "%s: it cannot be read", comparing->work->folder);
	for (i = 0; names && i < names->len && !*comparing->work->stop; i++) {
		const char *name = names->pdata[i];
		uint64_t reach = 0;

		for (; k < list->len; k++) {
			const struct s3_span *span = &g_array_index(list, struct s3_found, k).span;

			if (segments_compare(span->name, name) > 0)
				break;
			if (strcmp(span->name, name) != 0)
				continue;
			missing(comparing, name, reach, span->from);
			reach = span->end > reach ? span->end : reach;
		}
		missing(comparing, name, reach, wanted_of(comparing, name));
	}
	if (names)
		g_ptr_array_unref(names);
}

/* --- all of it --- */

static GHashTable *table_of(const GArray *list)
{
	GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	guint i;

	for (i = 0; i < list->len; i++) {
		const struct s3_found *found = &g_array_index(list, struct s3_found, i);
		char key[S3_KEY];

		s3_key_write(key, "keys", &found->span);
		g_hash_table_insert(table, g_strdup(key), g_strdup(found->etag));
	}
	return table;
}

static void compare_all(struct s3_work *work, const GArray *list, const GArray *keys)
{
	struct comparing comparing = { .work = work, .keys = table_of(keys) };
	guint i;

	s3_upload_init(&comparing.upload, work->folder, work->target);
	comparing.upload.reader.keys = work->keys;
	s3_fetch_init(&comparing.fetch, work->target, FETCH_AHEAD);
	if (!comparing.upload.state.target)
		s3_work_fault(work, "nothing was uploaded to this bucket yet");
	for (i = 0; i < list->len && !*work->stop; i++)
		compare_object(&comparing, &g_array_index(list, struct s3_found, i));
	look_for_files(&comparing, list);
	g_string_append_printf(work->text, "%llu objects, %llu octets, up to %s:%llu: %llu faults",
			       (unsigned long long)work->objects, (unsigned long long)work->octets,
			       comparing.upload.state.name,
			       (unsigned long long)comparing.upload.state.at,
			       (unsigned long long)work->faults);
	g_hash_table_unref(comparing.keys);
	s3_fetch_finish(&comparing.fetch);
	s3_upload_finish(&comparing.upload);
}

void s3_verify_run(struct s3_work *work)
{
	GArray *list, *keys;

	work->text = g_string_new(NULL);
	list = s3_found_list(work, "data");
	keys = list ? s3_found_list(work, "keys") : NULL;
	if (keys)
		compare_all(work, list, keys);
	if (list)
		g_array_unref(list);
	if (keys)
		g_array_unref(keys);
}

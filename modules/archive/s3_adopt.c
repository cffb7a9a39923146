/* s3_adopt.c - how far a bucket has this archive, of which nothing is known here: it is new, or the
 * state was lost, or another one was set. */
#include "s3_upload.h"

#include "stub.h"

#include <stdio.h>
#include <sys/stat.h>

/* The span that reaches farthest, and what the list says of it. */
struct farthest {
	struct s3_span span;
	char etag[80];
	uint64_t size;
};

/* The farthest, in order: of all but the first somebody may have been cut off in, since so many are
 * uploaded together. */
struct ends {
	struct farthest list[S3_TOGETHER_MOST + 1];
	guint count;
};

static bool is_farther(const struct s3_span *one, const struct s3_span *two)
{
	int order = segments_compare(one->name, two->name);

	return order > 0 || (order == 0 && one->end > two->end);
}

static void take(void *arg, const struct s3_object *object)
{
	struct farthest found = { .size = object->size };
	struct ends *ends = arg;
	guint at = ends->count;

	if (!s3_key_read(object->key, "data", &found.span))
		return;
	snprintf(found.etag, sizeof found.etag, "%s", object->etag);
	while (at && is_farther(&ends->list[at - 1].span, &found.span))
		at--;
	if (ends->count < G_N_ELEMENTS(ends->list)) {
		memmove(&ends->list[at + 1], &ends->list[at], (ends->count++ - at) * sizeof found);
		ends->list[at] = found;
	} else if (at) {
		memmove(&ends->list[0], &ends->list[1], (at - 1) * sizeof found);
		ends->list[at - 1] = found;
	}
}

static enum s3_step foreign(struct s3_upload *upload, const char *what)
{
	snprintf(upload->why, sizeof upload->why,
		 "%s: gatewayctl archive restore, or another s3.prefix", what);
	return S3_FOREIGN;
}

/* The octets of files of which only stubs are here would be nowhere else. */
static bool has_others(struct s3_upload *upload, char name[SEGMENT_NAME])
{
	GPtrArray *names = stubs_list(upload->folder);
	bool others = false;
	guint i;

	for (i = 0; names && i < names->len && !others; i++) {
		struct stub stub;

		others = stub_open(&stub, upload->folder, names->pdata[i]) &&
			 strcmp(stub.target, upload->target->name) != 0;
		snprintf(name, SEGMENT_NAME, "%s", (const char *)names->pdata[i]);
		stub_close(&stub);
	}
	if (names)
		g_ptr_array_unref(names);
	return others;
}

/* The farthest is in a file that is here as a stub alone. */
static bool stub_has(struct s3_upload *upload, const struct s3_span *span)
{
	struct stub_span found;
	struct stub stub;
	bool has = stub_open(&stub, upload->folder, span->name) &&
		   stub_span(&stub, span->from, &found) && found.end == span->end;

	stub_close(&stub);
	return has;
}

/* 1: the object is of this archive; 0; -1: nobody knows. */
static int is_ours(struct s3_upload *upload, const struct farthest *farthest,
		   struct s3_answer *answer)
{
	struct s3_part part;
	const struct s3_span *span = &farthest->span;
	int same = 0;

	if (stub_has(upload, span))
		return 1;
	s3_part_init(&part);
	if (s3_part_find(&part, &upload->reader, span->name, span->from, span->end, UINT64_MAX) &&
	    part.span.end == span->end && farthest->size == span->end - span->from)
		same = s3_object_same(upload, &part, farthest->etag, answer);
	s3_part_finish(&part);
	return same;
}

/* Goes on where all is surely there, with the keys beside it; what is behind is looked at again. */
static enum s3_step take_ends(struct s3_upload *upload, const struct ends *ends)
{
	struct s3_state *state = &upload->state;

	state->target = g_strdup(upload->target->name);
	if (ends->count == G_N_ELEMENTS(ends->list)) {
		memcpy(state->name, ends->list[0].span.name, sizeof state->name);
		state->at = ends->list[0].span.end;
	}
	state->sweep = ends->count != 0;
	upload->adopted = ends->count != 0;
	return s3_upload_save(upload);
}

enum s3_step s3_adopt(struct s3_upload *upload)
{
	struct ends ends = { .count = 0 };
	struct s3_answer answer = { .status = 0 };
	enum s3_step step = S3_MORE;
	char name[SEGMENT_NAME];
	int ours = 1;

	if (has_others(upload, name)) {
		snprintf(
			upload->why, sizeof upload->why,
			"the octets of %s are in another bucket alone: set that one, and s3.local_days = \"forever\", and gatewayctl archive restore",
			name);
		return S3_FOREIGN;
	}
	if (!s3_list(upload->target, "data/", take, &ends, &answer))
		step = s3_upload_fail(upload, &answer);
	if (step == S3_MORE && ends.count) {
		reader_close(&upload->reader);
		ours = is_ours(upload, &ends.list[ends.count - 1], &answer);
	}
	if (ours < 0)
		step = s3_upload_fail(upload, &answer);
	else if (!ours)
		step = foreign(upload, "the bucket has an archive that is not here");
	else if (step == S3_MORE)
		step = take_ends(upload, &ends);
	s3_answer_finish(&answer);
	return step;
}

/* s3_span.c - spans on their way: the next ones are chosen, said in the state, and uploaded,
 * several at a time where many wait; the state goes past those that are there up to the first that
 * is not. */
#include "s3_upload.h"

#include "words.h"

#include <pthread.h>
#include <stdio.h>

/* A span with what uploads it: of one alone that is the upload itself, whose state knows of its
 * parts. */
struct flight {
	struct s3_part part;
	struct s3_upload own;
	struct s3_target target;
	pthread_t thread;
	bool started;
	enum s3_step step;
};

struct flights {
	struct flight list[S3_TOGETHER_MOST];
	guint count;
};

/* --- finding --- */

/* A newest file that ends in what is no batch has one on its way; an older one is damaged. */
static void note_damage(struct s3_upload *upload, const char *name, const struct s3_part *part,
			bool is_last)
{
	if (part->damaged && !is_last && part->span.end == part->span.from)
		snprintf(upload->damaged, sizeof upload->damaged, "%s", name);
}

static bool find_in(struct s3_upload *upload, const char *name, uint64_t from, bool is_last,
		    struct s3_part *part)
{
	uint64_t limit = s3_limit_of(upload, name);

	if (from >= limit || s3_is_later(upload, name))
		return false;
	reader_close(&upload->reader);
	s3_part_init(part);
	if (s3_part_find(part, &upload->reader, name, from, limit, upload->piece) &&
	    part->span.end > part->span.from)
		return true;
	note_damage(upload, name, part, is_last);
	s3_part_finish(part);
	return false;
}

/* The first behind `at` of the file `after`. */
static bool find_next(struct s3_upload *upload, const GPtrArray *names, const char *after,
		      uint64_t at, struct s3_part *part)
{
	bool found = false;
	guint i;

	for (i = 0; i < names->len && !found; i++) {
		int order = segments_compare(names->pdata[i], after);

		if (order >= 0)
			found = find_in(upload, names->pdata[i], order ? 0 : at,
					i + 1 == names->len, part);
	}
	return found;
}

static bool is_large(const struct s3_upload *upload, const struct s3_part *part)
{
	return part->span.end - part->span.from > upload->piece;
}

/* Those that are large go alone, in parts. */
static void choose(struct s3_upload *upload, struct flights *flights)
{
	int64_t most = CLAMP(upload->target->conf->requests, 1, S3_TOGETHER_MOST);
	GPtrArray *names = segments_list(upload->folder);
	const char *after = upload->state.name;
	uint64_t at = upload->state.at;

	while (names && flights->count < most) {
		struct s3_part *part = &flights->list[flights->count].part;

		if (!find_next(upload, names, after, at, part))
			break;
		if (flights->count && is_large(upload, part)) {
			s3_part_finish(part);
			break;
		}
		flights->count++;
		after = part->span.name;
		at = part->span.end;
		if (is_large(upload, part))
			break;
	}
	if (names)
		g_ptr_array_unref(names);
}

/* Those that were begun, as they were chosen. False: one is not there any more. */
static bool choose_pending(struct s3_upload *upload, struct flights *flights)
{
	const GArray *pending = upload->state.pending;
	bool found = true;

	while (found && flights->count < MIN(pending->len, S3_TOGETHER_MOST)) {
		const struct s3_span *span = &g_array_index(pending, struct s3_span,
							    flights->count);
		struct s3_part *part = &flights->list[flights->count].part;

		reader_close(&upload->reader);
		s3_part_init(part);
		found = s3_part_find(part, &upload->reader, span->name, span->from, span->end,
				     UINT64_MAX) &&
			part->span.end == span->end;
		if (found)
			flights->count++;
		else
			s3_part_finish(part);
	}
	return found;
}

/* --- the state --- */

static enum s3_step begin(struct s3_upload *upload, const struct flights *flights)
{
	guint i;

	s3_state_drop_parts(&upload->state);
	g_array_set_size(upload->state.pending, 0);
	for (i = 0; i < flights->count; i++)
		g_array_append_val(upload->state.pending, flights->list[i].part.span);
	upload->resumed = upload->adopted;
	return s3_upload_save(upload);
}

/* What is pending was removed since its keys were all destroyed, or it is damaged by now. */
static enum s3_step forsake(struct s3_upload *upload)
{
	g_array_set_size(upload->state.pending, 0);
	s3_state_drop_parts(&upload->state);
	return s3_upload_save(upload);
}

/* The state goes past it. */
static void pass(struct s3_upload *upload, const struct s3_part *part)
{
	struct s3_state *state = &upload->state;
	guint i;

	for (i = 0; i < part->notices->len; i++) {
		struct s3_notice notice = { .at = g_array_index(part->notices, uint64_t, i) };

		memcpy(notice.name, part->span.name, sizeof notice.name);
		g_array_append_val(state->notices, notice);
	}
	memcpy(state->name, part->span.name, sizeof state->name);
	state->at = part->span.end;
	state->until = part->until ? part->until : state->until;
	g_array_remove_index(state->pending, 0);
	s3_state_drop_parts(state);
	upload->octets += part->span.end - part->span.from;
}

/* --- uploading --- */

static enum s3_step put(struct s3_upload *upload, const struct s3_part *part)
{
	enum s3_step step = s3_object_put(upload, part);

	return step == S3_MORE && part->slots->len ? s3_slots_put(upload, &part->span, NULL) : step;
}

static void *fly(void *arg)
{
	struct flight *flight = arg;

	flight->step = put(&flight->own, &flight->part);
	return NULL;
}

/* `until`: of the mail before it. */
static void flight_begin(struct flight *flight, const struct s3_upload *upload, int64_t until)
{
	s3_target_init(&flight->target, upload->target->conf, upload->target->transport);
	flight->target.skew = upload->target->skew;
	flight->own = (struct s3_upload){ .folder = upload->folder,
					  .target = &flight->target,
					  .keys = upload->keys,
					  .now = upload->now,
					  .piece = upload->piece,
					  .resumed = upload->resumed };
	s3_state_init(&flight->own.state);
	flight->own.state.until = until;
	reader_init(&flight->own.reader, upload->folder, upload->keys);
	flight->started = words_thread(&flight->thread, fly, flight) == 0;
	if (!flight->started)
		fly(flight);
}

/* What it did, and failed in, is said of the upload. */
static void flight_end(struct flight *flight, struct s3_upload *upload)
{
	if (flight->started)
		pthread_join(flight->thread, NULL);
	upload->objects += flight->own.objects;
	upload->target->skew = flight->target.skew;
	upload->target->agreed = MAX(upload->target->agreed, flight->target.agreed);
	if (flight->step == S3_FAILED && !upload->why[0]) {
		upload->status = flight->own.status;
		memcpy(upload->why, flight->own.why, sizeof upload->why);
	}
	s3_upload_finish(&flight->own);
	s3_target_finish(&flight->target);
}

static void put_together(struct s3_upload *upload, struct flights *flights)
{
	int64_t until = upload->state.until;
	guint i;

	for (i = 0; i < flights->count; i++) {
		flight_begin(&flights->list[i], upload, until);
		if (flights->list[i].part.until)
			until = flights->list[i].part.until;
	}
	for (i = 0; i < flights->count; i++)
		flight_end(&flights->list[i], upload);
}

static enum s3_step put_all(struct s3_upload *upload, struct flights *flights)
{
	enum s3_step step = S3_MORE, saved;
	guint i;

	if (flights->count == 1)
		flights->list[0].step = put(upload, &flights->list[0].part);
	else
		put_together(upload, flights);
	for (i = 0; i < flights->count && step == S3_MORE; i++) {
		step = flights->list[i].step;
		if (step == S3_MORE)
			pass(upload, &flights->list[i].part);
	}
	upload->resumed = step != S3_MORE;
	saved = s3_upload_save(upload);
	return step == S3_MORE ? saved : step;
}

enum s3_step s3_spans_put(struct s3_upload *upload)
{
	struct flights flights = { .count = 0 };
	bool begun = upload->state.pending->len != 0;
	enum s3_step step = S3_MORE;
	guint i;

	if (begun && !choose_pending(upload, &flights))
		step = forsake(upload);
	else if (begun)
		step = put_all(upload, &flights);
	else
		choose(upload, &flights);
	if (!begun && !flights.count)
		step = S3_THERE;
	else if (!begun && (step = begin(upload, &flights)) == S3_MORE)
		step = put_all(upload, &flights);
	for (i = 0; i < flights.count; i++)
		s3_part_finish(&flights.list[i].part);
	return step;
}

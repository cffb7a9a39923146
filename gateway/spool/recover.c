/* recover.c - from the files of the log to the index. See FORMAT.md for why each step is so.
 *
 * Records that were certainly on stable storage are "proven": those of a segment that a later SEAL
 * describes, and those whose group a later record says was synced. A bad range among them is
 * damage. What is not proven is the end of the log: bad ranges in it are what a crash left of
 * records nobody was answered for, and whole records in it count. */
#include "spool/recover_private.h"

#include "base/log.h"
#include "spool/header.h"
#include "spool/spool_private.h"

#include <stdlib.h>

void recover_keep_unread(struct recovery *recovery, struct segment *segment, const char *why)
{
	struct spool *spool = recovery->spool;

	if (segment->unread)
		return;
	segment->unread = true;
	problem_add(recovery->problems, false, spool->path, 0,
		    "segment %u is not read everywhere and stays as it is: %s", segment->number,
		    why);
	if (spool->dry)
		spool->stats.damaged++;
	else
		log_say(EVENT_SPOOL_UNREAD,
			"%s: segment %u is not read everywhere and stays as it is: %s", spool->path,
			segment->number, why);
}

void recover_keep_if_unread(struct recovery *recovery, struct segment *segment)
{
	if (recovery->buffer.error)
		recover_keep_unread(recovery, segment, strerror(recovery->buffer.error));
	recovery->buffer.error = 0;
}

/* --- reading --- */

static bool in_gap(const struct known *known, uint32_t at)
{
	const struct known *about = known->about;

	for (uint32_t i = 0; about && about->gaps && i < about->seal.gap_count; i++)
		if (at >= about->gaps[i].from && at < about->gaps[i].to)
			return true;
	return false;
}

static int add_pending(struct recovery *recovery, const struct pending *pending)
{
	if (recovery->first == recovery->end)
		recovery->first = recovery->end = 0;
	if (recovery->end == recovery->capacity) {
		size_t capacity = recovery->capacity ? recovery->capacity * 2 : 1024;
		struct pending *more = realloc(recovery->pending, capacity * sizeof(*more));
		if (!more)
			return -1;
		recovery->pending = more;
		recovery->capacity = capacity;
	}
	recovery->pending[recovery->end++] = *pending;
	return 0;
}

void recover_apply(struct recovery *recovery, const struct record_ref *ref)
{
	struct spool *spool = recovery->spool;

	if (ref->type == RECORD_MESSAGE && refcount_message(spool, ref, false) < 0)
		recovery->no_memory = true;
	else if (ref->type == RECORD_STATE)
		refcount_state(spool, ref);
	else if (ref->type == RECORD_FINAL)
		refcount_final(spool, ref);
}

static void prove(struct recovery *recovery, const struct pending *pending)
{
	const struct record_ref *ref = &pending->ref;

	if (pending->bad)
		quarantine(recovery->spool, ref->place.segment, ref->place.offset, pending->to,
			   ref->id, ref->id ? "a record's checksum is wrong" : "not a record");
	else
		recover_apply(recovery, ref);
}

/* Everything before a proven record is proven too: it was written earlier. */
static void prove_pending(struct recovery *recovery, bool all)
{
	size_t to = recovery->end;

	while (!all && to > recovery->first) {
		const struct pending *last = &recovery->pending[to - 1];
		if (!last->bad && last->group <= recovery->synced)
			break;
		to--;
	}
	while (recovery->first < to)
		prove(recovery, &recovery->pending[recovery->first++]);
}

static bool take_message(struct recovery *recovery, const struct scan *scan, struct record_ref *ref)
{
	struct spool_extent *extents;
	struct message_meta meta;
	struct gw_str envelope;
	const char *raw;
	bool failed;

	if (!record_message(scan->meta, &meta, &raw, &envelope))
		return false;
	if (meta.extent_count == 0)
		return true;
	extents = malloc(meta.extent_count * sizeof(*extents));
	failed = !extents;
	if (extents) {
		memcpy(extents, raw, meta.extent_count * sizeof(*extents));
		ref->spans = spans_make(extents, meta.extent_count, &failed);
	}
	free(extents);
	recovery->no_memory = recovery->no_memory || failed;
	return true;
}

static bool take_meta(struct recovery *recovery, const struct scan *scan, struct record_ref *ref)
{
	struct final_meta meta;

	if (ref->type == RECORD_MESSAGE)
		return ref->id != 0 && take_message(recovery, scan, ref);
	if (ref->type != RECORD_FINAL)
		return true;
	if (scan->meta.len < sizeof(meta))
		return false;
	memcpy(&meta, scan->meta.ptr, sizeof(meta));
	ref->closes = meta.segment;
	return true;
}

static void take_watermark(struct recovery *recovery, const struct record_head *head)
{
	if (head->group > recovery->group)
		recovery->group = head->group;
	if (head->group - head->lag > recovery->synced)
		recovery->synced = head->group - head->lag;
}

static int take(struct recovery *recovery, struct known *known, const struct scan *scan, bool good)
{
	const struct record_head *head = &scan->head;
	struct pending pending = { .group = head->group,
				   .to = scan->to,
				   .data_len = head->data_len,
				   .data_crc = head->data_crc };

	pending.ref.type = (enum record_type)head->type;
	pending.ref.id = head->id;
	pending.ref.place = (struct place){ scan->segment, scan->from };
	pending.ref.bytes = scan->to - scan->from;
	pending.bad = !good || !take_meta(recovery, scan, &pending.ref);
	if (pending.bad)
		pending.group = 0;
	if (add_pending(recovery, &pending))
		return -1;
	if (pending.bad)
		return 0;
	known->records++;
	known->segment->end = scan->to;
	take_watermark(recovery, head);
	return 0;
}

/* A described segment that is shorter than its SEAL says was cut by somebody. */
static uint32_t limit_of(struct recovery *recovery, const struct known *known)
{
	uint32_t length = known->about ? known->about->seal.length : known->size;

	if (length <= known->size)
		return length;
	quarantine(recovery->spool, known->segment->number, known->size, length, 0,
		   "the file is cut");
	return known->size;
}

static int read_segment(struct recovery *recovery, struct known *known)
{
	enum scan_result result;
	struct scan scan;

	if (!known->segment->key.version)
		return 0;
	scan_init(&scan, &recovery->buffer, known->segment, segment_begin(known->segment),
		  limit_of(recovery, known));
	while ((result = scan_next(&scan)) == SCAN_RECORD || result == SCAN_BAD) {
		if (in_gap(known, scan.from))
			continue;
		if (take(recovery, known, &scan, result == SCAN_RECORD) < 0)
			return -1;
		if (recovery->first < recovery->end &&
		    recovery->pending[recovery->first].group <= recovery->synced)
			prove_pending(recovery, false);
	}
	recover_keep_if_unread(recovery, known->segment);
	if (known->about) {
		known->segment->end = scan.limit;
		prove_pending(recovery, true);
	}
	return result == SCAN_FAILED || recovery->no_memory ? -1 : 0;
}

/* --- all of it --- */

static int read_log(struct recovery *recovery)
{
	if (recover_open_all(recovery) < 0)
		return -1;
	recover_read_seals(recovery);
	for (size_t i = 0; i < recovery->count; i++)
		if (read_segment(recovery, &recovery->known[i]) < 0)
			return -1;
	return recover_end(recovery);
}

static void recovery_finish(struct recovery *recovery)
{
	for (; recovery->first < recovery->end; recovery->first++)
		free(recovery->pending[recovery->first].ref.spans);
	for (size_t i = 0; i < recovery->count; i++) {
		free(recovery->known[i].gaps);
		if (recovery->known[i].segment)
			segment_unpin(recovery->spool, recovery->known[i].segment);
	}
	free(recovery->known);
	free(recovery->pending);
}

int recover_run(struct spool *spool, spool_found_fn *found, void *arg, struct problems *problems)
{
	struct recovery recovery = { .spool = spool,
				     .problems = problems,
				     .unproven = { UINT32_MAX, 0 } };
	size_t errors = problems->errors;
	int result;

	if (read_buffer_init(&recovery.buffer) < 0)
		return -1;
	result = read_log(&recovery);
	if (result == 0)
		result = replay_run(spool, &recovery.buffer, recovery.unproven, found, arg);
	if (result < 0 && problems->errors == errors)
		problem_add(problems, true, spool->path, 0, "no memory to recover the spool");
	recovery_finish(&recovery);
	read_buffer_finish(&recovery.buffer);
	return result;
}

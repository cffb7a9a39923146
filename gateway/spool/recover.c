/* recover.c - from the files of the log to the index. See FORMAT.md for why each step is so.
 *
 * Records that were certainly on stable storage are "proven": those of a segment that a later SEAL
 * describes, and those whose group a later record says was synced. A bad range among them is
 * damage. What is not proven is the end of the log: bad ranges in it are what a crash left of
 * records nobody was answered for, and whole records in it count. */
#include "spool/internal.h"

#include "base/crc32c.h"
#include "base/log.h"
#include "spool/disk.h"

#include <errno.h>
#include <stdlib.h>

/* What is known of a segment before its records are read. */
struct known {
	struct segment *segment;
	uint32_t size; /* of the file now */
	bool has_seal; /* its first record is one, about the segment before */
	struct seal_meta seal;
	struct segment_key seal_key;
	struct gap *gaps;    /* of the segment before */
	struct known *about; /* which has the SEAL about this one */
	uint32_t records;
};

/* A record or bad range that is not proven yet. */
struct pending {
	struct noted noted;
	uint64_t group;
	uint32_t to, data_len, data_crc;
	bool bad;
};

struct recovery {
	struct spool *spool;
	struct problems *problems;
	struct window window;
	struct known *known;
	size_t count;
	struct pending *pending;
	size_t first, end, capacity; /* pending[first..end) */
	uint64_t group, synced;      /* the greatest seen */
	struct place unproven;       /* MESSAGEs from here on are not proven */
	bool no_memory;
};

/* What is not read is not judged: the file stays as it is, for the next start or a person. */
static void keep_unread(struct recovery *recovery, struct segment *segment, const char *why)
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

static void keep_if_unread(struct recovery *recovery, struct segment *segment)
{
	if (recovery->window.error)
		keep_unread(recovery, segment, strerror(recovery->window.error));
	recovery->window.error = 0;
}

/* --- before reading --- */

/* SEALs of version 1 know no keys: what they describe has none. */
static void read_seal_key(struct known *known, struct gw_str rest)
{
	known->seal_key = segment_key_old(known->seal.segment);
	if (rest.len >= sizeof(known->seal_key))
		memcpy(&known->seal_key, rest.ptr, sizeof(known->seal_key));
	known->has_seal = known->seal_key.number == known->seal.segment;
}

static void read_seal(struct recovery *recovery, struct known *known)
{
	uint32_t begin = segment_begin(known->segment);
	struct scan scan;
	size_t gaps;

	if (known->size <= begin)
		return;
	scan_init(&scan, &recovery->window, known->segment, begin, known->size);
	if (scan_next(&scan) != SCAN_RECORD || scan.from != begin ||
	    scan.head.type != RECORD_SEAL || scan.meta.len < sizeof(known->seal))
		return;
	memcpy(&known->seal, scan.meta.ptr, sizeof(known->seal));
	if (known->seal.gap_count > (scan.meta.len - sizeof(known->seal)) / sizeof(struct gap))
		return;
	gaps = known->seal.gap_count * sizeof(struct gap);
	read_seal_key(known, gw_str_from(scan.meta, sizeof(known->seal) + gaps));
	if (!known->has_seal || gaps == 0)
		return;
	known->gaps = malloc(gaps);
	recovery->no_memory = recovery->no_memory || !known->gaps;
	if (known->gaps)
		memcpy(known->gaps, scan.meta.ptr + sizeof(known->seal), gaps);
}

/* How records are marked there: the header says it, or the SEAL in a later segment, or a first
 * record that is older than headers. Records that cannot be told from what mail contains are not
 * looked for: the file stays for a person. */
static void read_key(struct recovery *recovery, struct known *known)
{
	struct segment *segment = known->segment;
	int found = segment_header_read(segment, &segment->key);

	if (found <= 0 && known->about)
		segment->key = known->about->seal_key;
	else if (found <= 0 && segment_begins_old(segment))
		segment->key = segment_key_old(segment->number);
	else if (found < 0)
		keep_unread(recovery, segment, strerror(errno));
	else if (found == 0) {
		window_file(&recovery->window, segment->fd);
		if (!segment_never_used(&recovery->window, known->size))
			keep_unread(recovery, segment, "its header is damaged");
	}
	if (segment->key.version > RECORD_VERSION) {
		keep_unread(recovery, segment, "a later version of the gateway has written it");
		segment->key.version = 0;
	}
}

static int open_known(struct recovery *recovery, struct segment *segment)
{
	struct known *known = &recovery->known[recovery->count];
	struct stat st;

	if (segment_pin(recovery->spool, segment) < 0 || disk_fstat(segment->fd, &st) < 0) {
		problem_add(recovery->problems, true, recovery->spool->path, 0,
			    "segment %u cannot be opened: %s", segment->number, strerror(errno));
		return -1;
	}
	known->segment = segment;
	known->size = st.st_size > (off_t)SEGMENT_READ_MAX ? SEGMENT_READ_MAX
							   : (uint32_t)st.st_size;
	if (st.st_size > (off_t)SEGMENT_READ_MAX)
		keep_unread(recovery, segment, "the file is longer than any segment can be");
	segment->size = known->size;
	segment->sealed = true;
	recovery->count++;
	return 0;
}

static int open_all(struct recovery *recovery)
{
	struct segments *segments = &recovery->spool->segments;

	recovery->known = calloc(segments->count + 1, sizeof(*recovery->known));
	if (!recovery->known)
		return -1;
	for (size_t i = 0; i < segments->count; i++)
		if (!segments->items[i]->aside && open_known(recovery, segments->items[i]) < 0)
			return -1;
	return 0;
}

/* From the end: a SEAL tells what is to know of a segment before its own. */
static void read_seals(struct recovery *recovery)
{
	for (size_t i = recovery->count; i-- > 0;) {
		struct known *known = &recovery->known[i];

		for (size_t j = i + 1; j < recovery->count && !known->about; j++)
			if (recovery->known[j].has_seal &&
			    recovery->known[j].seal.segment == known->segment->number)
				known->about = &recovery->known[j];
		read_key(recovery, known);
		if (known->segment->key.version)
			read_seal(recovery, known);
		keep_if_unread(recovery, known->segment);
	}
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

static void apply(struct recovery *recovery, const struct noted *noted)
{
	struct spool *spool = recovery->spool;

	if (noted->type == RECORD_MESSAGE && refcount_message(spool, noted, false) < 0)
		recovery->no_memory = true;
	else if (noted->type == RECORD_STATE)
		refcount_state(spool, noted);
	else if (noted->type == RECORD_FINAL)
		refcount_final(spool, noted);
}

static void prove(struct recovery *recovery, const struct pending *pending)
{
	const struct noted *noted = &pending->noted;

	if (pending->bad)
		quarantine(recovery->spool, noted->place.segment, noted->place.offset, pending->to,
			   noted->id, noted->id ? "a record's checksum is wrong" : "not a record");
	else
		apply(recovery, noted);
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

static bool take_message(struct recovery *recovery, const struct scan *scan, struct noted *noted)
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
		noted->spans = spans_make(extents, meta.extent_count, &failed);
	}
	free(extents);
	recovery->no_memory = recovery->no_memory || failed;
	return true;
}

static bool take_meta(struct recovery *recovery, const struct scan *scan, struct noted *noted)
{
	struct final_meta meta;

	if (noted->type == RECORD_MESSAGE)
		return noted->id != 0 && take_message(recovery, scan, noted);
	if (noted->type != RECORD_FINAL)
		return true;
	if (scan->meta.len < sizeof(meta))
		return false;
	memcpy(&meta, scan->meta.ptr, sizeof(meta));
	noted->closes = meta.segment;
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

	pending.noted.type = (enum record_type)head->type;
	pending.noted.id = head->id;
	pending.noted.place = (struct place){ scan->segment, scan->from };
	pending.noted.bytes = scan->to - scan->from;
	pending.bad = !good || !take_meta(recovery, scan, &pending.noted);
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
	scan_init(&scan, &recovery->window, known->segment, segment_begin(known->segment),
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
	keep_if_unread(recovery, known->segment);
	if (known->about) {
		known->segment->end = scan.limit;
		prove_pending(recovery, true);
	}
	return result == SCAN_FAILED || recovery->no_memory ? -1 : 0;
}

/* --- the end of the log --- */

static bool data_good(struct recovery *recovery, const struct pending *pending)
{
	struct segment *segment = segment_find(&recovery->spool->segments,
					       pending->noted.place.segment);
	uint32_t crc = 0, left = pending->data_len, from;
	struct record_head head;

	if (segment_read(segment, &head, sizeof(head), pending->noted.place.offset) < 0) {
		keep_unread(recovery, segment, strerror(errno));
		return false;
	}
	window_file(&recovery->window, segment->fd);
	from = pending->noted.place.offset + RECORD_HEAD + head.meta_len;
	while (left > 0) {
		uint32_t len = left < 65536 ? left : 65536;
		const char *bytes = window_at(&recovery->window, from, len);

		if (!bytes)
			return false;
		crc = crc32c(crc, bytes, len);
		from += len;
		left -= len;
	}
	keep_if_unread(recovery, segment);
	return crc == pending->data_crc;
}

static int add_gap(struct spool *spool, uint32_t from, uint32_t to)
{
	struct gap *gaps = realloc(spool->gaps, (spool->gap_count + 1) * sizeof(*gaps));

	if (!gaps)
		return -1;
	gaps[spool->gap_count++] = (struct gap){ from, to };
	spool->gaps = gaps;
	return 0;
}

/* What is not proven: whole records count, torn ones are remembered as gaps of the segment, or cut
 * with its end. */
static int settle(struct recovery *recovery, const struct known *last)
{
	struct spool *spool = recovery->spool;
	uint32_t end = 0;

	if (recovery->first < recovery->end)
		recovery->unproven = recovery->pending[recovery->first].noted.place;
	for (; recovery->first < recovery->end; recovery->first++) {
		struct pending *pending = &recovery->pending[recovery->first];

		if (pending->bad || !data_good(recovery, pending)) {
			free(pending->noted.spans);
			if (pending->noted.place.segment == last->segment->number &&
			    add_gap(spool, pending->noted.place.offset, pending->to))
				return -1;
			continue;
		}
		apply(recovery, &pending->noted);
		if (pending->noted.place.segment == last->segment->number)
			end = pending->to;
	}
	if (last->segment->unread) {
		/* the next start may be able to read it: nothing there is declared to be none */
		spool->gap_count = 0;
		end = last->size;
	}
	if (end)
		last->segment->end = end;
	else if (spool->gap_count)
		last->segment->end = spool->gaps[0].from;
	while (spool->gap_count && spool->gaps[spool->gap_count - 1].from >= last->segment->end)
		spool->gap_count--;
	return 0;
}

/* Only where it is longer than what is valid. Not being able to is no reason to stop: the next SEAL
 * says the same. */
static void cut(struct spool *spool, const struct known *known, bool last)
{
	char name[SEGMENT_NAME];
	int fd;

	if (known->segment->unread) {
		spool->seal_hard = spool->seal_hard || last;
		return;
	}
	fd = disk_openat(spool->dir, segment_name(known->segment->number, name), O_RDWR);

	if (fd < 0 ||
	    (known->size > known->segment->end && disk_ftruncate(fd, known->segment->end) < 0)) {
		log_say(EVENT_SPOOL_UNCUT, "%s/%s: %s", spool->path, name, strerror(errno));
		spool->seal_hard = spool->seal_hard || last;
	}
	if (fd >= 0)
		disk_close(fd);
}

/* What was only in the page cache must be on the disk before a SEAL says so. */
static int seal_last(struct recovery *recovery, const struct known *last)
{
	struct spool *spool = recovery->spool;

	spool->seal_segment = last->segment->number;
	spool->seal_length = last->segment->end;
	spool->seal_key = last->segment->key;
	if (spool->dry)
		return 0;
	if (disk_fdatasync(last->segment->fd) < 0) {
		problem_add(recovery->problems, true, spool->path, 0,
			    "segment %u cannot be synced: %s", last->segment->number,
			    strerror(errno));
		return -1;
	}
	cut(spool, last, true);
	return 0;
}

static const struct known *last_known(const struct recovery *recovery)
{
	for (size_t i = recovery->count; i-- > 0;)
		if (recovery->known[i].records)
			return &recovery->known[i];
	return NULL;
}

/* Prepared and never used, or used and torn before anything was whole. */
static void remove_unused(struct recovery *recovery, const struct known *last)
{
	for (size_t i = recovery->count; i-- > 0 && &recovery->known[i] != last;) {
		struct segment *segment = recovery->known[i].segment;

		segment_unpin(recovery->spool, segment);
		recovery->known[i].segment = NULL;
		if (!recovery->spool->dry && !segment->unread)
			segment_remove(recovery->spool, segment);
	}
}

static int finish_log(struct recovery *recovery)
{
	struct spool *spool = recovery->spool;
	const struct known *last = last_known(recovery);

	for (size_t i = 0; !spool->dry && last && &recovery->known[i] != last; i++)
		if (recovery->known[i].about &&
		    recovery->known[i].size > recovery->known[i].segment->end)
			cut(spool, &recovery->known[i], false);
	if (last && (settle(recovery, last) < 0 || seal_last(recovery, last) < 0))
		return -1;
	remove_unused(recovery, last);
	spool->group_number = recovery->group + 1;
	spool->synced_group = recovery->group;
	return recovery->no_memory ? -1 : 0;
}

static int read_log(struct recovery *recovery)
{
	if (open_all(recovery) < 0)
		return -1;
	read_seals(recovery);
	for (size_t i = 0; i < recovery->count; i++)
		if (read_segment(recovery, &recovery->known[i]) < 0)
			return -1;
	return finish_log(recovery);
}

static void recovery_finish(struct recovery *recovery)
{
	for (; recovery->first < recovery->end; recovery->first++)
		free(recovery->pending[recovery->first].noted.spans);
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

	if (window_init(&recovery.window) < 0)
		return -1;
	result = read_log(&recovery);
	if (result == 0)
		result = announce(spool, &recovery.window, recovery.unproven, found, arg);
	if (result < 0 && problems->errors == errors)
		problem_add(problems, true, spool->path, 0, "no memory to recover the spool");
	recovery_finish(&recovery);
	window_finish(&recovery.window);
	return result;
}

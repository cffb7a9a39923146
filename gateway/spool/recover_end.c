/* recover_end.c - the end of the log, where a crash may have torn what was being written. */
#include "spool/recover_private.h"

#include "base/crc32c.h"
#include "base/log.h"
#include "spool/disk.h"
#include "spool/spool_private.h"

#include <errno.h>
#include <stdlib.h>

static bool data_good(struct recovery *recovery, const struct pending *pending)
{
	struct segment *segment = segment_find(&recovery->spool->segments,
					       pending->ref.place.segment);
	uint32_t crc = 0, left = pending->data_len, from;
	struct record_head head;

	if (segment_read(segment, &head, sizeof(head), pending->ref.place.offset) < 0) {
		recover_keep_unread(recovery, segment, strerror(errno));
		return false;
	}
	read_buffer_file(&recovery->buffer, segment->fd);
	from = pending->ref.place.offset + RECORD_HEAD + head.meta_len;
	while (left > 0) {
		uint32_t len = left < 65536 ? left : 65536;
		const char *bytes = read_buffer_at(&recovery->buffer, from, len);

		if (!bytes)
			return false;
		crc = crc32c(crc, bytes, len);
		from += len;
		left -= len;
	}
	recover_keep_if_unread(recovery, segment);
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
		recovery->unproven = recovery->pending[recovery->first].ref.place;
	for (; recovery->first < recovery->end; recovery->first++) {
		struct pending *pending = &recovery->pending[recovery->first];

		if (pending->bad || !data_good(recovery, pending)) {
			free(pending->ref.spans);
			if (pending->ref.place.segment == last->segment->number &&
			    add_gap(spool, pending->ref.place.offset, pending->to))
				return -1;
			continue;
		}
		recover_apply(recovery, &pending->ref);
		if (pending->ref.place.segment == last->segment->number)
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

int recover_end(struct recovery *recovery)
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

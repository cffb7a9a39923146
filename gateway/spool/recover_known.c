/* recover_known.c - what is known of a segment before its records are read. */
#include "spool/recover_private.h"

#include "spool/disk.h"
#include "spool/header.h"
#include "spool/spool_private.h"

#include <errno.h>
#include <stdlib.h>

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
	scan_init(&scan, &recovery->buffer, known->segment, begin, known->size);
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
		recover_keep_unread(recovery, segment, strerror(errno));
	else if (found == 0) {
		read_buffer_file(&recovery->buffer, segment->fd);
		if (!segment_never_used(&recovery->buffer, known->size))
			recover_keep_unread(recovery, segment, "its header is damaged");
	}
	if (segment->key.version > RECORD_VERSION) {
		recover_keep_unread(recovery, segment,
				    "a later version of the gateway has written it");
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
		recover_keep_unread(recovery, segment,
				    "the file is longer than any segment can be");
	segment->size = known->size;
	segment->sealed = true;
	recovery->count++;
	return 0;
}

int recover_open_all(struct recovery *recovery)
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
void recover_read_seals(struct recovery *recovery)
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
		recover_keep_if_unread(recovery, known->segment);
	}
}

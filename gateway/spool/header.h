/* header.h - the head of a segment: its key, twice. */
#ifndef SPOOL_HEADER_H
#define SPOOL_HEADER_H

#include "spool/segment.h"

#define SEGMENT_HEADER 8192u
/* Of a segment without a head, as version 1 had them; of a new one, with a salt that nobody can
 * guess (-1: no randomness). */
struct segment_key segment_key_old(uint32_t number);
int segment_key_make(struct segment_key *key, uint32_t number);
/* Both copies; the caller syncs them with the file, before any record. */
int segment_header_write(int fd, const struct segment_key *key);
/* 1: `key` is what the header says, of whatever version; 0: there is none that is whole;
 * SPOOL_UNREADABLE with errno. */
int segment_header_read(const struct segment *segment, struct segment_key *key);
bool segment_begins_old(const struct segment *segment); /* with a record of version 1 */
/* Where the first record lies, or would. */
static inline uint32_t segment_begin(const struct segment *segment)
{
	return segment->key.version == RECORD_VERSION_UNSALTED ? 0 : SEGMENT_HEADER;
}

#endif

/* record.h - the format of a record, see FORMAT.md. */
#ifndef SPOOL_RECORD_H
#define SPOOL_RECORD_H

#include "spool/spool.h"

#define RECORD_MAGIC 0x4c505347u
#define RECORD_VERSION 2
#define RECORD_VERSION_UNSALTED 1
#define RECORD_HEAD 48u
#define RECORD_MAX (1u << 29)
#define RECORD_LAG_MAX 60000u
/* What recovery reads of a file: all that the format's offsets reach. More than the writer makes,
 * since what it does not read it may not judge. */
#define SEGMENT_READ_MAX 0xfffff000u
_Static_assert(SPOOL_SEGMENT_MAX <= SEGMENT_READ_MAX, "whatever is written can be read");
_Static_assert(RECORD_MAX <= SPOOL_SEGMENT_MAX / 2, "the largest record has a segment to go to");

enum record_type { RECORD_SEAL = 1, RECORD_EXTENT, RECORD_MESSAGE, RECORD_STATE, RECORD_FINAL };

/* What each record of a segment carries. A record whose octets somebody outside has chosen does
 * not: he knows no salt. */
struct segment_key {
	uint32_t number, version; /* 0: not known, nothing is a record */
	uint32_t salt[2];         /* version 1: the magic and the number */
};

struct record_head {
	uint32_t salt_low;
	uint8_t type, version;
	/* group - lag is the last group that was on stable storage when this was written */
	uint16_t lag;
	uint32_t salt_high, meta_len;
	uint64_t group, id;
	uint32_t data_len, meta_crc, data_crc, head_crc;
};

/* The meta of a MESSAGE is this, the extents, and the envelope. */
struct message_meta {
	uint64_t size;
	uint32_t extent_count, zero;
};

/* The meta of a FINAL: where the MESSAGE was that it closes. */
struct final_meta {
	uint32_t segment, zero;
};

/* The meta of a SEAL is this, the gaps (ranges before `length` that were torn), and since version 2
 * the key of that segment. */
struct seal_meta {
	uint32_t segment, length; /* of the segment before, 0 if none */
	uint32_t gap_count, zero;
};
struct gap {
	uint32_t from, to;
};
static inline size_t seal_size(size_t gaps)
{
	return sizeof(struct seal_meta) + gaps * sizeof(struct gap) + sizeof(struct segment_key);
}

static inline uint32_t record_align(uint64_t size)
{
	return (uint32_t)((size + 7) & ~(uint64_t)7);
}
static inline uint32_t record_size(const struct record_head *head)
{
	return record_align((uint64_t)RECORD_HEAD + head->meta_len + head->data_len);
}
/* Completes a head: its checksum is good at this place alone. */
void record_seal(struct record_head *head, const struct segment_key *key, uint32_t offset);
bool record_valid(const struct record_head *head, const struct segment_key *key, uint32_t offset);
/* The parts of a MESSAGE's meta; false: they do not fit each other. */
bool record_message(struct gw_str meta, struct message_meta *message, const char **extents,
		    struct gw_str *envelope);
struct spool_extent record_extent(const char *extents, size_t at);
const char *record_name(unsigned type);

#endif

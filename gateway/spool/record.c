/* record.c - the head of a record and its checksums. */
#include "spool/record.h"

#include "base/crc32c.h"
#include "spool/index.h"
#include "spool/segment.h"

_Static_assert(sizeof(struct record_head) == RECORD_HEAD, "a head is written as it is in memory");
_Static_assert(sizeof(struct spool_extent) == 16, "extents are written as they are in memory");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the log is little endian");

/* The place is part of the checksum: a record found where it was not written is none. */
static uint32_t head_crc(const struct record_head *head, uint32_t segment, uint32_t offset)
{
	uint32_t place[2] = { segment, offset };
	return crc32c(crc32c(0, place, sizeof(place)), head,
		      offsetof(struct record_head, head_crc));
}

void record_seal(struct record_head *head, const struct segment_key *key, uint32_t offset)
{
	head->salt_low = key->salt[0];
	head->salt_high = key->salt[1];
	head->version = (uint8_t)key->version;
	head->head_crc = head_crc(head, key->number, offset);
}

bool record_valid(const struct record_head *head, const struct segment_key *key, uint32_t offset)
{
	if (key->version != RECORD_VERSION && key->version != RECORD_VERSION_UNSALTED)
		return false;
	if (head->salt_low != key->salt[0] || head->salt_high != key->salt[1] ||
	    head->version != key->version)
		return false;
	if (head->type < RECORD_SEAL || head->type > RECORD_FINAL)
		return false;
	if ((uint64_t)head->meta_len + head->data_len > RECORD_MAX)
		return false;
	return head->head_crc == head_crc(head, key->number, offset);
}

bool record_message(struct gw_str meta, struct message_meta *message, const char **extents,
		    struct gw_str *envelope)
{
	size_t bytes;

	if (meta.len < sizeof(*message))
		return false;
	memcpy(message, meta.ptr, sizeof(*message));
	bytes = (size_t)message->extent_count * sizeof(struct spool_extent);
	if (bytes > meta.len - sizeof(*message))
		return false;
	*extents = meta.ptr + sizeof(*message);
	*envelope = gw_str_n(*extents + bytes, meta.len - sizeof(*message) - bytes);
	return true;
}

struct spool_extent record_extent(const char *extents, size_t at)
{
	struct spool_extent extent;
	memcpy(&extent, extents + at * sizeof(extent), sizeof(extent));
	return extent;
}

const char *record_name(unsigned type)
{
	static const char *const names[] = {
		"none", "seal", "extent", "message", "state", "final"
	};
	return type < sizeof(names) / sizeof(*names) ? names[type] : "unknown";
}

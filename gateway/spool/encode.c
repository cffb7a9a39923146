/* encode.c - an append becomes a record at the end of the current segment. */
#include "spool/spool_private.h"

#include "base/crc32c.h"
#include "spool/append.h"
#include "spool/gather.h"
#include "spool/group.h"
#include "spool/index.h"
#include "spool/record.h"
#include "spool/segment.h"

#include <stdlib.h>

static struct message_meta message_meta(const struct spool_append *append)
{
	struct message_meta meta = { append->data.len, (uint32_t)append->extent_count, 0 };

	for (size_t i = 0; i < append->extent_count; i++)
		meta.size += append->extents[i].length;
	return meta;
}

void append_checksum(struct spool_append *append)
{
	struct message_meta meta = message_meta(append);
	uint32_t crc = 0;

	if (append->type == SPOOL_MESSAGE) {
		crc = crc32c(0, &meta, sizeof(meta));
		crc = crc32c(crc, append->extents, append->extent_count * sizeof(*append->extents));
	}
	append->meta_crc = crc32c(crc, append->meta.ptr, append->meta.len);
	append->data_crc = crc32c(0, append->data.ptr, append->data.len);
}

/* Done in the caller's thread: the checksums of what is large. */
void append_prepare(struct spool_append *append)
{
	append->spans = NULL;
	append->from_segment = append->from_offset = 0;
	memset(&append->extent, 0, sizeof(append->extent));
	if (append->type != SPOOL_MESSAGE)
		append->extent_count = 0;
	else
		append->durable = true;
	append_checksum(append);
}

uint32_t append_bytes(const struct spool_append *append)
{
	uint64_t bytes = RECORD_HEAD + append->meta.len + append->data.len;

	if (append->type == SPOOL_FINAL)
		return RECORD_HEAD + sizeof(struct final_meta);
	if (append->type == SPOOL_MESSAGE)
		bytes += sizeof(struct message_meta) +
			 append->extent_count * sizeof(*append->extents);
	return record_align(bytes);
}

bool append_fits(const struct spool_append *append)
{
	uint64_t bytes = RECORD_HEAD + sizeof(struct message_meta) + (uint64_t)append->meta.len +
			 append->data.len;

	return append->extent_count <= RECORD_MAX / sizeof(*append->extents) &&
	       bytes + append->extent_count * sizeof(*append->extents) <= RECORD_MAX;
}

static void add_head(struct spool *spool, struct record_head *head)
{
	struct segment *segment = spool->current;

	head->group = spool->group_number;
	head->lag = (uint16_t)(spool->group_number - spool->synced_group);
	record_seal(head, &segment->key, segment->end + (uint32_t)spool->group.gather.bytes);
	gather_add(&spool->group.gather, head, sizeof(*head));
}

static void add_padding(struct gather *gather)
{
	static const char zeros[8];
	gather_add(gather, zeros, record_align(gather->bytes) - gather->bytes);
}

void group_encode_seal(struct spool *spool)
{
	struct seal_meta seal = { spool->seal_segment, spool->seal_length,
				  (uint32_t)spool->gap_count, 0 };
	struct record_head head = { .type = RECORD_SEAL };
	size_t gaps = spool->gap_count * sizeof(*spool->gaps);

	head.meta_len = (uint32_t)seal_size(spool->gap_count);
	head.meta_crc = crc32c(crc32c(0, &seal, sizeof(seal)), spool->gaps, gaps);
	head.meta_crc = crc32c(head.meta_crc, &spool->seal_key, sizeof(spool->seal_key));
	add_head(spool, &head);
	gather_add(&spool->group.gather, &seal, sizeof(seal));
	gather_add(&spool->group.gather, spool->gaps, gaps);
	gather_add(&spool->group.gather, &spool->seal_key, sizeof(spool->seal_key));
	add_padding(&spool->group.gather);
}

static void encode_final(struct spool *spool, struct spool_append *append)
{
	struct final_meta meta = { append->extent.segment, 0 };
	struct record_head head = { .type = RECORD_FINAL,
				    .id = append->id,
				    .meta_len = sizeof(meta) };

	head.meta_crc = crc32c(0, &meta, sizeof(meta));
	add_head(spool, &head);
	gather_add(&spool->group.gather, &meta, sizeof(meta));
}

static void encode_other(struct spool *spool, struct spool_append *append)
{
	struct gather *gather = &spool->group.gather;
	size_t extents = append->extent_count * sizeof(*append->extents);
	struct record_head head = { .type = (uint8_t)(append->type + RECORD_EXTENT),
				    .id = append->id };
	struct message_meta meta;

	head.meta_len = (uint32_t)append->meta.len;
	head.data_len = (uint32_t)append->data.len;
	head.meta_crc = append->meta_crc;
	head.data_crc = append->data_crc;
	if (append->type == SPOOL_MESSAGE)
		head.meta_len += (uint32_t)(sizeof(meta) + extents);
	append->extent.segment = spool->current->number;
	append->extent.offset = spool->current->end + (uint32_t)gather->bytes;
	append->extent.length = head.data_len;
	append->extent.crc = head.data_crc;
	add_head(spool, &head);
	if (append->type == SPOOL_MESSAGE) {
		meta = message_meta(append);
		gather_add(gather, &meta, sizeof(meta));
		gather_add(gather, append->extents, extents);
	}
	gather_add(gather, append->meta.ptr, append->meta.len);
	gather_add(gather, append->data.ptr, append->data.len);
	add_padding(gather);
}

void group_encode(struct spool *spool, struct spool_append *append)
{
	if (append->type == SPOOL_FINAL)
		encode_final(spool, append);
	else
		encode_other(spool, append);
}

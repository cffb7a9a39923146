/* scan.c - reading a segment front to back: whole records, and ranges that are none. */
#include "spool/scan.h"

#include "base/crc32c.h"
#include "spool/disk.h"
#include "spool/record.h"
#include "spool/segment.h"

#include <errno.h>
#include <stdlib.h>

int read_buffer_init(struct read_buffer *buffer)
{
	memset(buffer, 0, sizeof(*buffer));
	buffer->fd = -1;
	buffer->bytes = malloc(READ_BUFFER_SIZE);
	return buffer->bytes ? 0 : -1;
}

void read_buffer_finish(struct read_buffer *buffer)
{
	free(buffer->bytes);
	buffer->bytes = NULL;
}

void read_buffer_file(struct read_buffer *buffer, int fd)
{
	buffer->fd = fd;
	buffer->start = 0;
	buffer->len = 0;
}

#define PAGE 4096u

/* A page that cannot be read is taken as zeros, so that what is around it is still found. */
static void fill(struct read_buffer *buffer, uint64_t offset, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = disk_pread(buffer->fd, buffer->bytes + got, len - got,
				       (off_t)(offset + got));
		size_t skip = PAGE - (offset + got) % PAGE;

		if (n == 0)
			break;
		if (n > 0) {
			got += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		buffer->error = errno;
		skip = skip > len - got ? len - got : skip;
		memset(buffer->bytes + got, 0, skip);
		got += skip;
	}
	memset(buffer->bytes + got, 0, len - got);
	buffer->start = offset;
	buffer->len = len;
}

/* A record's meta may be larger than the buffer; it grows then. */
static char *grow(struct read_buffer *buffer, size_t len)
{
	char *bytes = realloc(buffer->bytes, len);
	if (bytes)
		buffer->bytes = bytes;
	return bytes;
}

const char *read_buffer_at(struct read_buffer *buffer, uint64_t offset, size_t len)
{
	if (offset >= buffer->start && offset + len <= buffer->start + buffer->len)
		return buffer->bytes + (offset - buffer->start);
	if (len > READ_BUFFER_SIZE && !grow(buffer, len))
		return NULL;
	fill(buffer, offset, len > READ_BUFFER_SIZE ? len : READ_BUFFER_SIZE);
	return buffer->bytes;
}

void scan_init(struct scan *scan, struct read_buffer *buffer, const struct segment *segment,
	       uint32_t from, uint32_t limit)
{
	memset(scan, 0, sizeof(*scan));
	read_buffer_file(buffer, segment->fd);
	scan->buffer = buffer;
	scan->key = segment->key;
	scan->segment = segment->number;
	scan->at = from;
	scan->limit = limit;
}

/* 1: a whole head at `at`; 0: none; -1: no memory. */
static int head_at(struct scan *scan, uint32_t at, struct record_head *head)
{
	const char *bytes;

	if ((uint64_t)at + RECORD_HEAD > scan->limit)
		return 0;
	bytes = read_buffer_at(scan->buffer, at, RECORD_HEAD);
	if (!bytes)
		return -1;
	memcpy(head, bytes, sizeof(*head));
	return record_valid(head, &scan->key, at) && record_size(head) <= scan->limit - at;
}

static bool is_zero(struct scan *scan, uint32_t from, uint32_t to)
{
	while (from < to) {
		size_t len = to - from > PAGE ? PAGE : to - from;
		const char *bytes = read_buffer_at(scan->buffer, from, len);

		if (!bytes || bytes[0] || memcmp(bytes, bytes + 1, len - 1) != 0)
			return false;
		from += (uint32_t)len;
	}
	return true;
}

static uint32_t page_end(const struct scan *scan, uint32_t at)
{
	uint32_t left = PAGE - at % PAGE;
	return left < scan->limit - at ? at + left : scan->limit;
}

/* From a place that holds no record to the next that does. Zeros begin no record, and what follows
 * the last one is full of them. */
static enum scan_result skip_bad(struct scan *scan)
{
	struct record_head head;
	bool blank = is_zero(scan, scan->at, page_end(scan, scan->at));
	uint32_t at;
	int found = 0;

	scan->from = scan->at;
	for (at = scan->at + 8; at < scan->limit && !found; at += 8) {
		while (at % PAGE == 0 && at < scan->limit && is_zero(scan, at, page_end(scan, at)))
			at = page_end(scan, at);
		if (at >= scan->limit)
			break;
		blank = blank && at % PAGE != 0;
		found = head_at(scan, at, &head);
	}
	if (found < 0)
		return SCAN_FAILED;
	scan->to = found ? at - 8 : scan->limit;
	scan->head.id = 0;
	scan->at = scan->to;
	return found || !blank ? SCAN_BAD : SCAN_END;
}

enum scan_result scan_next(struct scan *scan)
{
	const char *meta;
	int found;

	if (scan->at >= scan->limit)
		return SCAN_END;
	found = head_at(scan, scan->at, &scan->head);
	if (found < 0)
		return SCAN_FAILED;
	if (!found)
		return skip_bad(scan);
	scan->from = scan->at;
	scan->to = scan->at + record_size(&scan->head);
	meta = read_buffer_at(scan->buffer, scan->at + RECORD_HEAD, scan->head.meta_len);
	if (!meta)
		return SCAN_FAILED;
	scan->meta = gw_str_n(meta, scan->head.meta_len);
	scan->at = scan->to;
	return crc32c(0, meta, scan->head.meta_len) == scan->head.meta_crc ? SCAN_RECORD : SCAN_BAD;
}

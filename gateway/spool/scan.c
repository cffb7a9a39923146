/* scan.c - reading a segment front to back: whole records, and ranges that are none. */
#include "spool/internal.h"

#include "base/crc32c.h"
#include "spool/disk.h"

#include <errno.h>
#include <stdlib.h>

int window_init(struct window *window)
{
	memset(window, 0, sizeof(*window));
	window->fd = -1;
	window->bytes = malloc(WINDOW_SIZE);
	return window->bytes ? 0 : -1;
}

void window_finish(struct window *window)
{
	free(window->bytes);
	window->bytes = NULL;
}

void window_file(struct window *window, int fd)
{
	window->fd = fd;
	window->start = 0;
	window->len = 0;
}

#define PAGE 4096u

/* A page that cannot be read is taken as zeros, so that what is around it is still found. */
static void fill(struct window *window, uint64_t offset, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = disk_pread(window->fd, window->bytes + got, len - got,
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
		window->error = errno;
		skip = skip > len - got ? len - got : skip;
		memset(window->bytes + got, 0, skip);
		got += skip;
	}
	memset(window->bytes + got, 0, len - got);
	window->start = offset;
	window->len = len;
}

/* A record's meta may be larger than the window; it grows then. */
static char *grow(struct window *window, size_t len)
{
	char *bytes = realloc(window->bytes, len);
	if (bytes)
		window->bytes = bytes;
	return bytes;
}

const char *window_at(struct window *window, uint64_t offset, size_t len)
{
	if (offset >= window->start && offset + len <= window->start + window->len)
		return window->bytes + (offset - window->start);
	if (len > WINDOW_SIZE && !grow(window, len))
		return NULL;
	fill(window, offset, len > WINDOW_SIZE ? len : WINDOW_SIZE);
	return window->bytes;
}

void scan_init(struct scan *scan, struct window *window, const struct segment *segment,
	       uint32_t from, uint32_t limit)
{
	memset(scan, 0, sizeof(*scan));
	window_file(window, segment->fd);
	scan->window = window;
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
	bytes = window_at(scan->window, at, RECORD_HEAD);
	if (!bytes)
		return -1;
	memcpy(head, bytes, sizeof(*head));
	return record_valid(head, &scan->key, at) && record_size(head) <= scan->limit - at;
}

static bool is_zero(struct scan *scan, uint32_t from, uint32_t to)
{
	while (from < to) {
		size_t len = to - from > PAGE ? PAGE : to - from;
		const char *bytes = window_at(scan->window, from, len);

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
	meta = window_at(scan->window, scan->at + RECORD_HEAD, scan->head.meta_len);
	if (!meta)
		return SCAN_FAILED;
	scan->meta = gw_str_n(meta, scan->head.meta_len);
	scan->at = scan->to;
	return crc32c(0, meta, scan->head.meta_len) == scan->head.meta_crc ? SCAN_RECORD : SCAN_BAD;
}

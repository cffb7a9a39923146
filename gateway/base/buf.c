#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#define FIRST_SIZE 256

void buf_init(struct buf *buf, size_t limit)
{
	memset(buf, 0, sizeof(*buf));
	buf->limit = limit;
}

void buf_finish(struct buf *buf)
{
	free(buf->data);
	buf_init(buf, buf->limit);
}

static void move_to_front(struct buf *buf)
{
	size_t len = buf_len(buf);

	if (len)
		memmove(buf->data, buf->data + buf->start, len);
	buf->start = 0;
	buf->end = len;
}

static int grow(struct buf *buf, size_t need)
{
	size_t capacity = buf->capacity ? buf->capacity : FIRST_SIZE;
	char *data;

	while (capacity < need)
		capacity = capacity > SIZE_MAX / 2 ? need : capacity * 2;
	if (buf->limit && capacity > buf->limit)
		capacity = buf->limit; /* not below need: that was checked against the limit */
	data = malloc(capacity);
	if (!data)
		return -1;
	if (buf_len(buf))
		memcpy(data, buf->data + buf->start, buf_len(buf));
	free(buf->data);
	buf->end = buf_len(buf);
	buf->start = 0;
	buf->data = data;
	buf->capacity = capacity;
	return 0;
}

char *buf_reserve(struct buf *buf, size_t len)
{
	size_t held = buf_len(buf);

	if (len > SIZE_MAX - held || (buf->limit && held + len > buf->limit))
		goto fail;
	if (buf->data && len <= buf->capacity - buf->end)
		return buf->data + buf->end;
	/* Moving is cheap where little is left in front; else double, so that each byte is moved a
	 * bounded number of times. */
	if (buf->data && held + len <= buf->capacity && buf->start >= held)
		move_to_front(buf);
	else if (grow(buf, held + len) != 0)
		goto fail;
	return buf->data + buf->end;
fail:
	buf->failed = true;
	return NULL;
}

void buf_added(struct buf *buf, size_t len)
{
	buf->end += len;
}

int buf_add(struct buf *buf, const void *bytes, size_t len)
{
	char *room;

	if (len == 0)
		return 0;
	room = buf_reserve(buf, len);
	if (!room)
		return -1;
	memcpy(room, bytes, len);
	buf->end += len;
	return 0;
}

int buf_add_str(struct buf *buf, struct gw_str text)
{
	return buf_add(buf, text.ptr, text.len);
}

int buf_add_text(struct buf *buf, const char *text)
{
	return buf_add(buf, text, strlen(text));
}

/* Formats into what is free and only where that was too little a second time; the bound need not
 * leave room for the NUL that vsnprintf writes, so what fills the buffer to the last byte takes a
 * detour. */
int buf_vprintf(struct buf *buf, const char *format, va_list args)
{
	va_list again;
	size_t room = buf->data ? buf->capacity - buf->end : 0;
	char *detour = NULL;
	int len, rc;

	va_copy(again, args);
	len = vsnprintf(room ? buf->data + buf->end : NULL, room, format, again);
	va_end(again);
	if (len >= 0 && (size_t)len < room &&
	    (!buf->limit || buf_len(buf) + (size_t)len <= buf->limit)) {
		buf->end += (size_t)len;
		return 0;
	}
	if (len >= 0)
		detour = malloc((size_t)len + 1);
	if (!detour) {
		buf->failed = true;
		return -1;
	}
	vsnprintf(detour, (size_t)len + 1, format, args);
	rc = buf_add(buf, detour, (size_t)len);
	free(detour);
	return rc;
}

int buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	int rc;

	va_start(args, format);
	rc = buf_vprintf(buf, format, args);
	va_end(args);
	return rc;
}

void buf_consume(struct buf *buf, size_t len)
{
	buf->start += len < buf_len(buf) ? len : buf_len(buf);
	if (buf->start == buf->end)
		buf->start = buf->end = 0;
}

void buf_clear(struct buf *buf)
{
	buf->start = buf->end = 0;
	buf->failed = false;
}

void buf_release(struct buf *buf)
{
	if (buf_len(buf) != 0)
		return;
	free(buf->data);
	buf->data = NULL;
	buf->start = buf->end = buf->capacity = 0;
}

void buf_trade(struct buf *a, struct buf *b)
{
	char *data = a->data;
	size_t capacity = a->capacity;

	a->data = b->data;
	a->capacity = b->capacity;
	b->data = data;
	b->capacity = capacity;
	a->start = a->end = b->start = b->end = 0;
}

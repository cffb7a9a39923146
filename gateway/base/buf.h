/* buf.h - a growable run of bytes with a bound.
 *
 * Bytes are appended at the end and consumed at the front. A buffer that is empty holds no memory
 * after buf_release, so that an idle session costs nothing. A failed append sets `failed`, which
 * stays: a writer may append many pieces and look once. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <gateway/str.h>

#include <stdarg.h>

struct buf {
	char *data;
	size_t start, end, capacity; /* data[start..end) is what the buffer holds */
	size_t limit;                /* most bytes it may hold; 0: no bound */
	bool failed;                 /* an append did not fit or memory was out */
};

void buf_init(struct buf *buf, size_t limit);
void buf_finish(struct buf *buf);

static inline size_t buf_len(const struct buf *buf)
{
	return buf->end - buf->start;
}
static inline char *buf_ptr(const struct buf *buf)
{
	return buf->data + buf->start;
}
static inline struct gw_str buf_str(const struct buf *buf)
{
	return gw_str_n(buf->data ? buf->data + buf->start : "", buf->end - buf->start);
}

/* Room for `len` more bytes at the end, or NULL (then `failed` is set); buf_added says how many
 * were used. */
char *buf_reserve(struct buf *buf, size_t len);
void buf_added(struct buf *buf, size_t len);

/* 0, or -1 and `failed`. */
int buf_add(struct buf *buf, const void *bytes, size_t len);
int buf_add_str(struct buf *buf, struct gw_str text);
int buf_add_text(struct buf *buf, const char *text);
int buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *buf, const char *format, va_list args);

/* Takes `len` bytes off the front. */
void buf_consume(struct buf *buf, size_t len);

/* Forgets the content, keeps the memory, clears `failed`. */
void buf_clear(struct buf *buf);

/* Gives the memory back when the buffer is empty. */
void buf_release(struct buf *buf);

/* Two empty buffers exchange their memory. */
void buf_trade(struct buf *a, struct buf *b);

#endif

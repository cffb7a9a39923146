/* dsn_private.h - the parts of a report, each written into a buffer of its own. Inside deliver/
 * only. */
#ifndef DELIVER_DSN_PRIVATE_H
#define DELIVER_DSN_PRIVATE_H

#include "base/buf.h"
#include "deliver/dsn.h"

#define DSN_FOLD 76  /* octets of a line where it can be broken at a blank */
#define DSN_WORD 400 /* octets of a word before it is broken anyway */
#define DSN_LINE 998
#define DSN_CLEAN 800 /* octets of words within a line; no address is that long */
#define DSN_HUMAN_RCPTS 100
#define DSN_DIAGNOSTIC 1000
#define DSN_HEADER (64u << 10)

/* dsn_text.c: words of others as data. What is no printable character becomes '?'; over 127 only
 * with `utf8`, and well-formed. */
void dsn_clean(struct buf *out, struct gw_str text, bool utf8); /* on one line */
void dsn_wrap(struct buf *out, const char *first, const char *indent, struct gw_str text,
	      bool utf8);
/* keeps its folds */
void dsn_raw_field(struct buf *out, struct gw_str field, bool utf8);
bool dsn_is_8bit(const struct buf *buf);

/* The reply as it came: "550 5.1.1 no such user", or our words. */
void dsn_said(struct buf *out, const struct outcome *outcome);

/* dsn_human.c, dsn_status.c */
void dsn_human(const struct dsn *dsn, const struct header_block *headers, struct buf *out);
void dsn_status(const struct dsn *dsn, struct buf *out);

static inline bool dsn_utf8(const struct dsn *dsn)
{
	return dsn->utf8;
}

#endif

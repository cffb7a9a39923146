/* header.h - the header block of a message (RFC 5322 section 2.2) as an index over its bytes. Pure
 * functions. */
#ifndef SMTP_HEADER_H
#define SMTP_HEADER_H

#include "base/arena.h"
#include "base/buf.h"

/* One field; the parts point into the block. */
struct header_field {
	struct gw_str name;  /* without the colon and blanks before it */
	struct gw_str value; /* raw: after the colon, folds kept, without the final CRLF */
	struct gw_str whole; /* name to final CRLF */
};

struct header_block {
	struct header_field *fields;
	size_t count;
	/* octets up to and with the blank line that ends the block; the body begins there */
	size_t size;
	bool blank; /* the blank line is there (a message may be all header, or have none) */
	/* the block ended at a line that is no field: the body begins at that line, */
	bool odd;
	/* and behind it, before a blank line, fields stand that lenient readers take for the
	 * header's */
	bool hidden;
};

#define HEADER_FIELDS_MAX 10000

/* Where the block ends in `text`: the size of header_block, or 0 when the end is not in these bytes
 * yet (also when the first line is no field: the block is empty then). */
size_t header_end(struct gw_str text);

/* Indexes the block at the start of `text` (the message or as much as holds its header). 0; -1: no
 * memory or too many fields: block->count says then which. */
int header_parse(struct gw_str text, struct arena *arena, struct header_block *block);

/* The nth (from 0) field of that name, in any case; NULL: there is none. */
const struct header_field *header_find(const struct header_block *block, struct gw_str name,
				       size_t nth);

/* The value unfolded and trimmed (CRLF before blanks taken out), in the arena. */
struct gw_str header_unfold(struct arena *arena, struct gw_str value);

/* A field as bytes: "Name: value\r\n", all or nothing; a value that begins with a blank or a fold
 * (a raw one does) gets no blank before it. What would break the block is refused (-1): CR or LF
 * that is not a fold, a fold of blanks only, NUL, a name with a character RFC 5322 does not allow.
 */
int header_write(struct buf *out, struct gw_str name, struct gw_str value);

#endif

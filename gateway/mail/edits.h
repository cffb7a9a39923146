/* edits.h - what one delivery changes about a message: a copy-on-write view over bytes that never
 * change.
 *
 * Fields are counted from 0 at the top of the received header block. A delivery without edits gives
 * the received bytes exactly; one with edits has the blank line between header and body where the
 * message has one, or got another body: a header that ends at an odd line is passed on as it came,
 * not mended. Everything added is in the arena given at the start. Reading what goes out takes no
 * memory, so it may happen on another thread while this one keeps its hands off. */
#ifndef MAIL_EDITS_H
#define MAIL_EDITS_H

#include "mail/body.h"
#include "mail/message.h"

struct edits {
	struct arena *arena;
	struct gw_message *message;
	struct header_field *fields; /* the header as it stands, NULL until the first edit */
	size_t count, room;
	uint64_t header_size;      /* octets of the fields, without the blank line */
	bool blank;                /* the blank line follows them */
	size_t cursor;             /* the field the last read was in, */
	uint64_t cursor_at;        /* and where it begins in the header */
	struct body body;          /* once `fields` are there */
	struct gw_str return_path; /* ptr NULL: the received sender */
};

void edits_init(struct edits *edits, struct gw_message *message, struct arena *arena);

/* The nth field of the view; false: there is none. Parts live as long as the message and the arena.
 */
bool edits_header(struct edits *edits, size_t nth, struct header_field *field);

/* Puts a field before the nth (count or more: at the end of the block); the value may hold folds
 * (CRLF and a blank). -1: it would break the block, or no memory. */
int edits_header_add(struct edits *edits, size_t nth, struct gw_str name, struct gw_str value);
int edits_header_replace(struct edits *edits, size_t nth, struct gw_str value);
int edits_header_drop(struct edits *edits, size_t nth);

/* Replaces the whole body (copied). -1: no memory; bare CR or LF in it. */
int edits_body(struct edits *edits, struct gw_str body);
/* Drops `drop` octets of the body as it stands at `offset`, and puts `text` (copied) there. -1: not
 * in the body; bare CR or LF in the text, or left by the cut; the header ends at an odd line; too
 * many pieces, or no memory. */
int edits_splice(struct edits *edits, uint64_t offset, uint64_t drop, struct gw_str text);
int edits_return_path(struct edits *edits, struct gw_str address);
struct gw_str edits_sender(const struct edits *edits);

/* The view's body. Size, and reading as spool_read does. */
uint64_t edits_body_size(struct edits *edits);
long edits_body_read(struct edits *edits, uint64_t offset, void *out, size_t len);

/* What goes out: trace, header, blank line, body, as one sequence of octets. Both may be used at
 * any offset, in any order; reading onward from where the last read ended is what is fast. */
uint64_t edits_size(struct edits *edits);
long edits_read(struct edits *edits, uint64_t offset, void *out, size_t len);
/* A piece without a copy where it is in memory, as spool_piece. */
long edits_piece(struct edits *edits, uint64_t offset, char *scratch, size_t len,
		 struct gw_str *piece);

#endif

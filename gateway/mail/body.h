/* body.h - the body of one delivery: pieces of the received one, and pieces that were put in.
 *
 * What is received is never copied: a notice of 300 octets in a body of 50 MB costs 300 octets and
 * two pieces. Offsets are into the body as it stands. Reading takes no memory; reading onward from
 * where the last read ended is what is fast. */
#ifndef MAIL_BODY_H
#define MAIL_BODY_H

#include "base/arena.h"
#include "spool/spool.h"

struct body_piece {
	struct gw_str text; /* ptr NULL: of the received body, from `from` on */
	uint64_t from, len;
};

struct body {
	struct body_piece *pieces; /* NULL: as received */
	size_t count, room;
	uint64_t size;
	size_t cursor;      /* the piece the last read was in, */
	uint64_t cursor_at; /* and where that begins */
};

#define BODY_PIECES_MAX 4096 /* so that reading a body stays cheap */

/* The body as received, of `size` octets, before the first splice. */
void body_init(struct body *body, uint64_t size);

/* Drops `drop` octets at `offset` and puts `text` there, which the arena of the delivery has to
 * hold. -1: out of the body's bounds, more than BODY_PIECES_MAX, or no memory; nothing changed. */
int body_splice(struct body *body, struct arena *arena, uint64_t offset, uint64_t drop,
		struct gw_str text);

/* At most `len` octets at `offset`, as spool_piece: without a copy where it is in memory.
 * `received` holds the received body from `begin` on. */
long body_piece(struct body *body, const struct spool_content *received, uint64_t begin,
		uint64_t offset, char *scratch, size_t len, struct gw_str *piece);

#endif

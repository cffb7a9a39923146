#include "mail/body.h"

#define SPARE_PIECES 8

void body_init(struct body *body, uint64_t size)
{
	memset(body, 0, sizeof(*body));
	body->size = size;
}

/* --- pieces --- */

static int make_room(struct body *body, struct arena *arena, size_t room)
{
	if (room <= body->room)
		return 0;
	struct body_piece *pieces = arena_alloc(arena, room * 2 * sizeof(*pieces));
	if (!pieces)
		return -1;
	if (body->pieces)
		memcpy(pieces, body->pieces, body->count * sizeof(*pieces));
	else
		pieces[body->count++] = (struct body_piece){ .len = body->size };
	body->pieces = pieces;
	body->room = room * 2;
	return 0;
}

static void insert(struct body *body, size_t nth, struct body_piece piece)
{
	memmove(&body->pieces[nth + 1], &body->pieces[nth],
		(body->count - nth) * sizeof(*body->pieces));
	body->pieces[nth] = piece;
	body->count++;
}

/* What is left of a piece without its first octets. */
static struct body_piece from(struct body_piece piece, uint64_t skip)
{
	piece.len -= skip;
	if (piece.text.ptr)
		piece.text = gw_str_from(piece.text, (size_t)skip);
	else
		piece.from += skip;
	return piece;
}

/* Which piece begins at `offset`, once the one that goes over it is two. There is room. */
static size_t part_at(struct body *body, uint64_t offset)
{
	size_t nth = 0;
	while (nth < body->count && offset >= body->pieces[nth].len)
		offset -= body->pieces[nth++].len;
	if (!offset)
		return nth;
	insert(body, nth + 1, from(body->pieces[nth], offset));
	body->pieces[nth].len = offset;
	body->pieces[nth].text.len = body->pieces[nth].text.ptr ? (size_t)offset : 0;
	return nth + 1;
}

int body_splice(struct body *body, struct arena *arena, uint64_t offset, uint64_t drop,
		struct gw_str text)
{
	if (offset > body->size || drop > body->size - offset || body->count >= BODY_PIECES_MAX ||
	    make_room(body, arena, body->count + SPARE_PIECES) != 0)
		return -1;
	size_t first = part_at(body, offset), end = part_at(body, offset + drop);
	memmove(&body->pieces[first], &body->pieces[end],
		(body->count - end) * sizeof(*body->pieces));
	body->count -= end - first;
	if (text.len)
		insert(body, first, (struct body_piece){ text, 0, text.len });
	body->size = body->size - drop + text.len;
	body->cursor = 0;
	body->cursor_at = 0;
	return 0;
}

/* --- reading --- */

static const struct body_piece *find(struct body *body, uint64_t offset)
{
	if (offset < body->cursor_at) {
		body->cursor = 0;
		body->cursor_at = 0;
	}
	while (body->cursor < body->count &&
	       offset - body->cursor_at >= body->pieces[body->cursor].len)
		body->cursor_at += body->pieces[body->cursor++].len;
	return body->cursor < body->count ? &body->pieces[body->cursor] : NULL;
}

long body_piece(struct body *body, const struct spool_content *received, uint64_t begin,
		uint64_t offset, char *scratch, size_t len, struct gw_str *piece)
{
	if (!body->pieces)
		return spool_piece(received, begin + offset, scratch, len, piece);
	const struct body_piece *at = find(body, offset);
	uint64_t skip = offset - body->cursor_at;
	*piece = gw_str("");
	if (!at)
		return 0;
	if (len > at->len - skip)
		len = (size_t)(at->len - skip);
	if (!at->text.ptr)
		return spool_piece(received, begin + at->from + skip, scratch, len, piece);
	*piece = gw_str_n(at->text.ptr + skip, len);
	return (long)len;
}

/* edits.c - the view of one delivery: fields in an array once something was edited, the body in
 * pieces.
 *
 * Fields that were not touched still point into the received bytes, so neighbours among them go out
 * as one piece. */
#include "mail/edits.h"

#define SPARE_FIELDS 16

void edits_init(struct edits *edits, struct gw_message *message, struct arena *arena)
{
	memset(edits, 0, sizeof *edits);
	edits->message = message;
	edits->arena = arena;
}

static bool ends_line(struct gw_str text)
{
	return text.len >= 2 && text.ptr[text.len - 1] == '\n' && text.ptr[text.len - 2] == '\r';
}

/* Only the last field of a message that ends in it can be without its CRLF. */
static int end_line(struct edits *edits, struct header_field *field)
{
	char *whole;

	if (ends_line(field->whole))
		return 0;
	whole = arena_alloc(edits->arena, field->whole.len + 3);
	if (!whole)
		return -1;
	memcpy(whole, field->whole.ptr, field->whole.len);
	memcpy(whole + field->whole.len, "\r\n", 2);
	field->whole = gw_str_n(whole, field->whole.len + 2);
	return 0;
}

static int grow(struct edits *edits, size_t room)
{
	struct header_field *fields = arena_alloc(edits->arena, room * sizeof *fields);

	if (!fields)
		return -1;
	if (edits->count)
		memcpy(fields, edits->fields, edits->count * sizeof *fields);
	edits->fields = fields;
	edits->room = room;
	return 0;
}

/* The first edit: from here on the view has an array of its own. */
static int begin(struct edits *edits)
{
	const struct header_block *block;
	size_t i;

	if (edits->fields)
		return 0;
	block = message_headers(edits->message);
	if (!block || grow(edits, block->count + SPARE_FIELDS) != 0)
		return -1;
	edits->header_size = 0;
	edits->blank = block->blank;
	body_init(&edits->body, edits->message->content.size - block->size);
	for (i = 0; i < block->count; i++) {
		struct header_field field = block->fields[i];

		if (end_line(edits, &field) != 0) {
			edits->fields = NULL;
			return -1;
		}
		edits->fields[i] = field;
		edits->header_size += field.whole.len;
	}
	edits->count = block->count;
	return 0;
}

bool edits_header(struct edits *edits, size_t nth, struct header_field *field)
{
	const struct header_block *block;

	if (edits->fields) {
		if (nth < edits->count)
			*field = edits->fields[nth];
		return nth < edits->count;
	}
	block = message_headers(edits->message);
	if (!block || nth >= block->count)
		return false;
	*field = block->fields[nth];
	return true;
}

/* The field as it will stand, in the arena. */
static int make_field(struct edits *edits, struct gw_str name, struct gw_str value,
		      struct header_field *field)
{
	struct buf text;
	struct gw_str whole = { NULL, 0 };

	buf_init(&text, 0);
	if (header_write(&text, name, value) == 0)
		whole = arena_str(edits->arena, buf_str(&text));
	buf_finish(&text);
	if (!whole.ptr)
		return -1;
	field->whole = whole;
	field->name = gw_str_n(whole.ptr, name.len);
	field->value = gw_str_n(whole.ptr + name.len + 1, whole.len - name.len - 3);
	return 0;
}

static void rewind_cursor(struct edits *edits)
{
	edits->cursor = 0;
	edits->cursor_at = 0;
}

int edits_header_add(struct edits *edits, size_t nth, struct gw_str name, struct gw_str value)
{
	struct header_field field;

	if (begin(edits) != 0 || edits->count >= HEADER_FIELDS_MAX ||
	    make_field(edits, name, value, &field) != 0)
		return -1;
	if (edits->count == edits->room && grow(edits, edits->room * 2) != 0)
		return -1;
	if (nth > edits->count)
		nth = edits->count;
	memmove(&edits->fields[nth + 1], &edits->fields[nth], (edits->count - nth) * sizeof field);
	edits->fields[nth] = field;
	edits->count++;
	edits->header_size += field.whole.len;
	rewind_cursor(edits);
	return 0;
}

int edits_header_replace(struct edits *edits, size_t nth, struct gw_str value)
{
	struct header_field *old, field;

	if (begin(edits) != 0 || nth >= edits->count)
		return -1;
	old = &edits->fields[nth];
	if (make_field(edits, old->name, value, &field) != 0)
		return -1;
	edits->header_size += field.whole.len - old->whole.len;
	*old = field;
	rewind_cursor(edits);
	return 0;
}

int edits_header_drop(struct edits *edits, size_t nth)
{
	if (begin(edits) != 0 || nth >= edits->count)
		return -1;
	edits->header_size -= edits->fields[nth].whole.len;
	edits->count--;
	memmove(&edits->fields[nth], &edits->fields[nth + 1],
		(edits->count - nth) * sizeof *edits->fields);
	rewind_cursor(edits);
	return 0;
}

/* A CR without LF, or an LF without CR, would end a line for some readers and not for others. */
static bool lines_are_clean(struct gw_str text)
{
	const char *at = text.ptr, *end = text.ptr + text.len;

	while (at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		size_t line = (size_t)((lf ? lf : end) - at);
		const char *cr = line ? memchr(at, '\r', line) : NULL;

		if (lf ? cr != lf - 1 || line == 0 : cr != NULL)
			return false;
		if (!lf)
			return true;
		at = lf + 1;
	}
	return true;
}

/* `text` is the arena's. */
static int put_body(struct edits *edits, uint64_t offset, uint64_t drop, struct gw_str text)
{
	struct gw_str copy = arena_str(edits->arena, text);

	if (!copy.ptr || body_splice(&edits->body, edits->arena, offset, drop, copy) != 0)
		return -1;
	edits->blank = true;
	return 0;
}

int edits_body(struct edits *edits, struct gw_str body)
{
	if (!lines_are_clean(body) || begin(edits) != 0)
		return -1;
	return put_body(edits, 0, edits->body.size, body);
}

/* A cut there would leave a CR or an LF alone. */
static bool is_within_line_end(struct edits *edits, uint64_t offset)
{
	char around[2];

	return offset > 0 && offset < edits->body.size &&
	       (edits_body_read(edits, offset - 1, around, 2) != 2 ||
		memcmp(around, "\r\n", 2) == 0);
}

int edits_splice(struct edits *edits, uint64_t offset, uint64_t drop, struct gw_str text)
{
	if (!lines_are_clean(text) || begin(edits) != 0 || offset > edits->body.size ||
	    drop > edits->body.size - offset || (!edits->blank && edits->body.size > 0) ||
	    is_within_line_end(edits, offset) || is_within_line_end(edits, offset + drop))
		return -1;
	return put_body(edits, offset, drop, text);
}

int edits_return_path(struct edits *edits, struct gw_str address)
{
	struct gw_str copy = arena_str(edits->arena, address);

	if (!copy.ptr)
		return -1;
	edits->return_path = copy;
	return 0;
}

struct gw_str edits_sender(const struct edits *edits)
{
	return edits->return_path.ptr ? edits->return_path : edits->message->sender;
}

/* --- reading --- */

static long piece_of(struct gw_str text, uint64_t offset, size_t len, struct gw_str *piece)
{
	*piece = gw_str_from(text, offset < text.len ? (size_t)offset : text.len);
	if (piece->len > len)
		piece->len = len;
	return (long)piece->len;
}

static long piece_of_body(struct edits *edits, uint64_t offset, char *scratch, size_t len,
			  struct gw_str *piece)
{
	const struct header_block *block = message_headers(edits->message);

	return block ? body_piece(&edits->body, &edits->message->content, block->size, offset,
				  scratch, len, piece)
		     : -1;
}

uint64_t edits_body_size(struct edits *edits)
{
	const struct header_block *block;

	if (edits->fields)
		return edits->body.size;
	block = message_headers(edits->message);
	return block ? edits->message->content.size - block->size : 0;
}

uint64_t edits_size(struct edits *edits)
{
	const struct gw_message *message = edits->message;

	if (!edits->fields)
		return message->trace.len + message->content.size;
	return message->trace.len + edits->header_size + (edits->blank ? 2 : 0) +
	       edits_body_size(edits);
}

/* A run of fields that follow each other in memory too, from `offset` in the header on. */
static long header_piece(struct edits *edits, uint64_t offset, size_t len, struct gw_str *piece)
{
	const struct header_field *fields = edits->fields;
	struct gw_str run;
	size_t next;

	if (offset < edits->cursor_at)
		rewind_cursor(edits);
	while (offset - edits->cursor_at >= fields[edits->cursor].whole.len)
		edits->cursor_at += fields[edits->cursor++].whole.len;
	run = gw_str_from(fields[edits->cursor].whole, (size_t)(offset - edits->cursor_at));
	for (next = edits->cursor + 1;
	     run.len < len && next < edits->count && fields[next].whole.ptr == run.ptr + run.len;
	     next++)
		run.len += fields[next].whole.len;
	return piece_of(run, 0, len, piece);
}

static long edited_piece(struct edits *edits, uint64_t offset, char *scratch, size_t len,
			 struct gw_str *piece)
{
	if (offset < edits->header_size)
		return header_piece(edits, offset, len, piece);
	offset -= edits->header_size;
	if (!edits->blank)
		return piece_of_body(edits, offset, scratch, len, piece);
	if (offset < 2)
		return piece_of(gw_str("\r\n"), offset, len, piece);
	return piece_of_body(edits, offset - 2, scratch, len, piece);
}

long edits_piece(struct edits *edits, uint64_t offset, char *scratch, size_t len,
		 struct gw_str *piece)
{
	const struct gw_message *message = edits->message;

	if (offset < message->trace.len)
		return piece_of(message->trace, offset, len, piece);
	offset -= message->trace.len;
	if (edits->fields)
		return edited_piece(edits, offset, scratch, len, piece);
	return spool_piece(&message->content, offset, scratch, len, piece);
}

typedef long piece_fn(struct edits *edits, uint64_t offset, char *scratch, size_t len,
		      struct gw_str *piece);

static long read_all(struct edits *edits, piece_fn *next, uint64_t offset, char *out, size_t len)
{
	size_t done = 0;

	while (done < len) {
		struct gw_str piece;
		long got = next(edits, offset + done, out + done, len - done, &piece);

		if (got < 0)
			return -1;
		if (got == 0)
			break;
		if (piece.ptr != out + done)
			memcpy(out + done, piece.ptr, piece.len);
		done += piece.len;
	}
	return (long)done;
}

long edits_body_read(struct edits *edits, uint64_t offset, void *out, size_t len)
{
	return read_all(edits, piece_of_body, offset, out, len);
}

long edits_read(struct edits *edits, uint64_t offset, void *out, size_t len)
{
	return read_all(edits, edits_piece, offset, out, len);
}

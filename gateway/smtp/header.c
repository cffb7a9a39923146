#include "smtp/header.h"

enum line_kind { LINE_FIELD, LINE_FOLD, LINE_BLANK, LINE_ODD };

struct line {
	struct gw_str text; /* without its CRLF */
	size_t size;        /* with it */
	size_t name;        /* of a field: octets of its name, blanks behind it not counted */
	size_t value;       /* of a field: where, behind the colon, its value begins */
	bool ended;         /* the CRLF is there */
	enum line_kind kind;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_name_char(char c)
{
	return c > ' ' && c < 127 && c != ':';
}

/* Where in `text`, from `start` on, the next CRLF stands; text.len: nowhere. */
static size_t find_crlf(struct gw_str text, size_t start)
{
	size_t at = start;

	while (at < text.len) {
		at += gw_str_find(gw_str_from(text, at), '\n');
		if (at < text.len && at > start && text.ptr[at - 1] == '\r')
			return at - 1;
		at++;
	}
	return text.len;
}

static enum line_kind line_kind(struct line *line, bool first)
{
	struct gw_str text = line->text;
	size_t at = 0;

	if (text.len == 0)
		return line->ended ? LINE_BLANK : LINE_ODD;
	if (is_blank(text.ptr[0]))
		return first ? LINE_ODD : LINE_FOLD;
	while (at < text.len && is_name_char(text.ptr[at]))
		at++;
	line->name = at;
	while (at < text.len && is_blank(text.ptr[at]))
		at++;
	if (line->name == 0 || at == text.len || text.ptr[at] != ':')
		return LINE_ODD;
	line->value = at + 1;
	return LINE_FIELD;
}

static struct line read_line(struct gw_str text, size_t at)
{
	size_t crlf = find_crlf(text, at);
	struct line line = { .text = gw_str_n(text.ptr + at, crlf - at), .ended = crlf < text.len };

	line.size = line.text.len + (line.ended ? 2 : 0);
	line.kind = line_kind(&line, at == 0);
	return line;
}

size_t header_end(struct gw_str text)
{
	size_t at = 0;

	while (at < text.len) {
		struct line line = read_line(text, at);
		if (!line.ended)
			return 0;
		if (line.kind == LINE_BLANK)
			return at + line.size;
		if (line.kind == LINE_ODD)
			return at;
		at += line.size;
	}
	return 0;
}

/* Whether a field stands before the next blank line. */
static bool hides_fields(struct gw_str text, size_t at)
{
	while (at < text.len) {
		struct line line = read_line(text, at);
		if (line.kind != LINE_ODD && line.kind != LINE_FOLD)
			return line.kind == LINE_FIELD;
		at += line.size;
	}
	return false;
}

/* Fills in all but the fields. */
static void measure(struct gw_str text, struct header_block *block)
{
	memset(block, 0, sizeof(*block));
	while (block->size < text.len) {
		struct line line = read_line(text, block->size);
		if (line.kind == LINE_ODD) {
			block->odd = true;
			block->hidden = hides_fields(text, block->size + line.size);
			return;
		}
		block->size += line.size;
		block->blank = line.kind == LINE_BLANK;
		if (block->blank)
			return;
		block->count += line.kind == LINE_FIELD;
	}
}

static void begin_field(struct header_field *field, const struct line *line)
{
	field->name = gw_str_n(line->text.ptr, line->name);
	field->value = gw_str_from(line->text, line->value);
	field->whole = gw_str_n(line->text.ptr, line->size);
}

static void grow_field(struct header_field *field, const struct line *line)
{
	const char *end = line->text.ptr + line->text.len;

	field->value.len = (size_t)(end - field->value.ptr);
	field->whole.len = (size_t)(end - field->whole.ptr) + (line->ended ? 2 : 0);
}

static void index_fields(struct gw_str text, struct header_block *block)
{
	size_t at = 0, count = 0;

	while (at < block->size) {
		struct line line = read_line(text, at);
		if (line.kind == LINE_FIELD)
			begin_field(&block->fields[count++], &line);
		else if (line.kind == LINE_FOLD)
			grow_field(&block->fields[count - 1], &line);
		at += line.size;
	}
}

int header_parse(struct gw_str text, struct arena *arena, struct header_block *block)
{
	measure(text, block);
	if (block->count > HEADER_FIELDS_MAX)
		return -1;
	if (block->count == 0)
		return 0;
	block->fields = arena_alloc(arena, block->count * sizeof(*block->fields));
	if (!block->fields)
		return -1;
	index_fields(text, block);
	return 0;
}

const struct header_field *header_find(const struct header_block *block, struct gw_str name,
				       size_t nth)
{
	size_t i;

	for (i = 0; i < block->count; i++)
		if (gw_str_ieq(block->fields[i].name, name) && nth-- == 0)
			return &block->fields[i];
	return NULL;
}

/* A CRLF with a blank behind it stands at `at`. */
static bool is_fold(struct gw_str value, size_t at)
{
	return value.len - at >= 3 && value.ptr[at] == '\r' && value.ptr[at + 1] == '\n' &&
	       is_blank(value.ptr[at + 2]);
}

static struct gw_str trim(struct gw_str text)
{
	while (text.len > 0 && is_blank(text.ptr[text.len - 1]))
		text.len--;
	while (text.len > 0 && is_blank(text.ptr[0]))
		text = gw_str_from(text, 1);
	return text;
}

struct gw_str header_unfold(struct arena *arena, struct gw_str value)
{
	char *copy = arena_alloc(arena, value.len + 1), *to = copy;
	struct gw_str text;
	size_t i;

	if (!copy)
		return gw_str_n(NULL, 0);
	for (i = 0; i < value.len; i++) {
		if (is_fold(value, i))
			i++;
		else
			*to++ = value.ptr[i];
	}
	text = trim(gw_str_n(copy, (size_t)(to - copy)));
	copy[(size_t)(text.ptr - copy) + text.len] = '\0';
	return text;
}

static bool name_is_safe(struct gw_str name)
{
	size_t i;

	for (i = 0; i < name.len; i++)
		if (!is_name_char(name.ptr[i]))
			return false;
	return name.len > 0;
}

/* A line of blanks only would pass as a fold here, and as the end of the block where blanks at line
 * ends are cut off. */
static bool fold_is_empty(struct gw_str value, size_t at)
{
	at += 2;
	while (at < value.len && is_blank(value.ptr[at]))
		at++;
	return at == value.len || value.ptr[at] == '\r';
}

static bool value_is_safe(struct gw_str value)
{
	size_t i;

	for (i = 0; i < value.len; i++) {
		if (value.ptr[i] == '\0' || value.ptr[i] == '\n')
			return false;
		if (value.ptr[i] != '\r')
			continue;
		if (!is_fold(value, i) || fold_is_empty(value, i))
			return false;
		i++;
	}
	return true;
}

int header_write(struct buf *out, struct gw_str name, struct gw_str value)
{
	bool spaced = value.len > 0 && (is_blank(value.ptr[0]) || value.ptr[0] == '\r');
	size_t size = name.len + (spaced ? 1 : 2) + value.len + 2;

	if (!name_is_safe(name) || !value_is_safe(value))
		return -1;
	if (!buf_reserve(out, size))
		return -1;
	buf_add_str(out, name);
	buf_add_text(out, spaced ? ":" : ": ");
	buf_add_str(out, value);
	return buf_add_text(out, "\r\n");
}

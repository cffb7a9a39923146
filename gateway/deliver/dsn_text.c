#include "deliver/dsn_private.h"

#include "base/utf8.h"

/* Appends the character at the start of `text`, or '?'; how many octets it took. */
static size_t put_char(struct buf *out, struct gw_str text, bool utf8)
{
	unsigned char c = (unsigned char)text.ptr[0];
	size_t len = 1;

	if (c >= 0x80)
		len = utf8_char(text);
	if (len == 0)
		len = 1;
	if ((c >= ' ' && c < 0x7f) || (utf8 && c >= 0x80 && utf8_printable(text) == len))
		buf_add(out, text.ptr, len);
	else
		buf_add_text(out, "?");
	return len;
}

void dsn_clean(struct buf *out, struct gw_str text, bool utf8)
{
	size_t begin = buf_len(out);
	while (text.len && buf_len(out) - begin < DSN_CLEAN)
		text = gw_str_from(text, put_char(out, text, utf8));
}

/* The next word into `word`, broken where it grows too long; what is left of the text. */
static struct gw_str next_word(struct gw_str text, bool utf8, struct buf *word)
{
	buf_clear(word);
	while (text.len && gw_is_space(text.ptr[0]))
		text = gw_str_from(text, 1);
	while (text.len && !gw_is_space(text.ptr[0]) && buf_len(word) < DSN_WORD)
		text = gw_str_from(text, put_char(word, text, utf8));
	return text;
}

void dsn_wrap(struct buf *out, const char *first, const char *indent, struct gw_str text, bool utf8)
{
	size_t column = strlen(first);
	bool begun = false;
	struct buf word;

	buf_init(&word, 0);
	buf_add_text(out, first);
	while (!out->failed) {
		text = next_word(text, utf8, &word);
		out->failed = out->failed || word.failed;
		if (buf_len(&word) == 0)
			break;
		if (begun && column + 1 + buf_len(&word) > DSN_FOLD) {
			buf_printf(out, "\r\n%s", indent);
			column = strlen(indent);
		} else if (begun) {
			buf_add_text(out, " ");
			column++;
		}
		buf_add_str(out, buf_str(&word));
		column += buf_len(&word);
		begun = true;
	}
	buf_add_text(out, "\r\n");
	buf_finish(&word);
}

/* One line of a field; folded where it is longer than a line may be. */
static void put_line(struct buf *out, struct gw_str line, bool utf8)
{
	size_t begin = buf_len(out);
	while (line.len) {
		if (buf_len(out) - begin > DSN_LINE - 8) {
			buf_add_text(out, "\r\n ");
			begin = buf_len(out) - 1;
		}
		if (line.ptr[0] == '\t') {
			buf_add_text(out, "\t");
			line = gw_str_from(line, 1);
		} else {
			line = gw_str_from(line, put_char(out, line, utf8));
		}
	}
	buf_add_text(out, "\r\n");
}

static size_t line_length(struct gw_str text)
{
	const char *end = memmem(text.ptr, text.len, "\r\n", 2);
	return end ? (size_t)(end - text.ptr) : text.len;
}

void dsn_raw_field(struct buf *out, struct gw_str field, bool utf8)
{
	while (field.len) {
		size_t len = line_length(field);
		put_line(out, gw_str_n(field.ptr, len), utf8);
		field = gw_str_from(field, len + 2);
	}
}

bool dsn_is_8bit(const struct buf *buf)
{
	struct gw_str text = buf_str(buf);
	size_t i;
	for (i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] >= 0x80)
			return true;
	return false;
}

void dsn_said(struct buf *out, const struct outcome *outcome)
{
	const struct smtp_reply *reply = &outcome->reply;
	if (reply->code)
		buf_printf(out, "%d ", reply->code);
	if (reply->code && reply->enhanced[0])
		buf_printf(out, "%u.%u.%u ", reply->enhanced[0], reply->enhanced[1],
			   reply->enhanced[2]);
	buf_add_str(out, reply->text);
}

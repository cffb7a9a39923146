#include "smtp/reply.h"

#include "base/utf8.h"

#define WRITTEN_LINE_MAX 500
#define ENHANCED_MAX 11 /* "5.999.999" and some */

void reply_reader_init(struct reply_reader *reader)
{
	memset(reader, 0, sizeof(*reader));
	buf_init(&reader->text, REPLY_TEXT_MAX + 1);
}

void reply_reader_finish(struct reply_reader *reader)
{
	buf_finish(&reader->text);
	memset(reader, 0, sizeof(*reader));
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* How many octets of printable ASCII the text begins with, at most `most`. */
static size_t plain_run(struct gw_str text, size_t most)
{
	size_t len = 0;

	while (len < text.len && len < most && text.ptr[len] >= ' ' && text.ptr[len] < 127)
		len++;
	return len;
}

/* Takes plain text, or else one character, off the text: gives what to print in its place; empty:
 * there is no room for it. */
static struct gw_str next_clean(struct gw_str *text, size_t room)
{
	const char *at = text->ptr;
	size_t plain = plain_run(*text, room), wide = plain > 0 ? plain : utf8_printable(*text);
	size_t used = wide > 0 ? wide : utf8_char(*text);
	struct gw_str clean = wide > 0 ? gw_str_n(at, wide) : gw_str_n("?", 1);

	*text = gw_str_from(*text, used > 0 ? used : 1);
	return clean.len <= room ? clean : gw_str_n("", 0);
}

/* Writes the cleaned text to `out`, at most `room` octets and whole characters; gives how many. */
static size_t clean_text(struct gw_str text, char *out, size_t room)
{
	size_t len = 0;

	while (text.len > 0) {
		struct gw_str clean = next_clean(&text, room - len);
		if (clean.len == 0)
			break;
		memcpy(out + len, clean.ptr, clean.len);
		len += clean.len;
	}
	return len;
}

/* The number of up to three digits at *at, or -1; *at is then behind it. More than 255 do not fit
 * and are no number. */
static int read_number(struct gw_str text, size_t *at)
{
	size_t start = *at;
	int number = 0;

	while (*at < text.len && *at - start < 3 && is_digit(text.ptr[*at]))
		number = number * 10 + (text.ptr[(*at)++] - '0');
	return *at > start && number <= UINT8_MAX ? number : -1;
}

/* How many octets an enhanced code of that class, with the blank behind it, takes at the start of
 * `text`; 0: there is none. */
static size_t read_enhanced(struct gw_str text, int class, uint8_t enhanced[3])
{
	size_t at = 0;
	int i;

	for (i = 0; i < 3; i++) {
		int number;
		if (i > 0 && (at >= text.len || text.ptr[at++] != '.'))
			return 0;
		number = read_number(text, &at);
		if (number < 0)
			return 0;
		enhanced[i] = (uint8_t)number;
	}
	if (enhanced[0] != class || (class != 2 && class != 4 && class != 5))
		return 0;
	if (at < text.len && text.ptr[at] != ' ')
		return 0;
	return at < text.len ? at + 1 : at;
}

/* The first code found is the reply's; in the other lines the same one is taken off, and any other
 * stays text. */
static struct gw_str take_enhanced(struct reply_reader *reader, struct gw_str text)
{
	uint8_t enhanced[3];
	size_t taken = read_enhanced(text, reader->code / 100, enhanced);

	if (taken == 0)
		return text;
	if (reader->enhanced[0] == 0)
		memcpy(reader->enhanced, enhanced, sizeof(enhanced));
	else if (memcmp(reader->enhanced, enhanced, sizeof(enhanced)) != 0)
		return text;
	return gw_str_from(text, taken);
}

/* Out of memory leaves the text short, as too much of it does: the codes are what counts. */
static void keep_text(struct reply_reader *reader, struct gw_str text)
{
	size_t room = REPLY_TEXT_MAX - buf_len(&reader->text);
	size_t want = text.len + 1 < room ? text.len + 1 : room;
	char *to = want > 0 ? buf_reserve(&reader->text, want) : NULL;
	size_t len = 0;

	if (!to)
		return;
	if (reader->lines > 1)
		to[len++] = '\n';
	len += clean_text(text, to + len, want - len);
	buf_added(&reader->text, len);
}

static struct gw_str whole_text(struct reply_reader *reader)
{
	char *end = buf_reserve(&reader->text, 1);

	if (!end)
		return gw_str(NULL);
	*end = '\0';
	return buf_str(&reader->text);
}

/* The code at the start of a line; 0: there is none. Codes to 599 are in use though the RFC ends at
 * 559. */
static int read_code(struct gw_str line)
{
	if (line.len < 3 || line.ptr[0] < '2' || line.ptr[0] > '5' || !is_digit(line.ptr[1]) ||
	    !is_digit(line.ptr[2]))
		return 0;
	if (line.len > 3 && line.ptr[3] != ' ' && line.ptr[3] != '-')
		return 0;
	return (line.ptr[0] - '0') * 100 + (line.ptr[1] - '0') * 10 + (line.ptr[2] - '0');
}

static void begin_reply(struct reply_reader *reader, int code)
{
	buf_clear(&reader->text);
	memset(reader->enhanced, 0, sizeof(reader->enhanced));
	reader->code = code;
}

enum reply_state reply_reader_line(struct reply_reader *reader, struct gw_str line,
				   struct smtp_reply *reply)
{
	int code = line.len <= REPLY_LINE_MAX ? read_code(line) : 0;

	if (reader->lines == 0)
		begin_reply(reader, code);
	if (code == 0 || code != reader->code || reader->lines == REPLY_LINES_MAX) {
		reader->lines = 0;
		return REPLY_BAD;
	}
	reader->lines++;
	keep_text(reader, take_enhanced(reader, gw_str_from(line, 4)));
	if (line.len > 3 && line.ptr[3] == '-')
		return REPLY_MORE;
	reader->lines = 0;
	reply->code = code;
	memcpy(reply->enhanced, reader->enhanced, sizeof(reply->enhanced));
	reply->text = whole_text(reader);
	return REPLY_DONE;
}

/* Most replies are written thousands of times a second: no formatting. */
static size_t write_codes(char *out, int code, char mark, const char *enhanced)
{
	size_t len = enhanced ? strnlen(enhanced, ENHANCED_MAX) : 0;

	out[0] = (char)('0' + code / 100 % 10);
	out[1] = (char)('0' + code / 10 % 10);
	out[2] = (char)('0' + code % 10);
	out[3] = mark;
	if (len == 0)
		return 4;
	memcpy(out + 4, enhanced, len);
	out[4 + len] = ' ';
	return 5 + len;
}

static int write_line(struct buf *out, int code, char mark, const char *enhanced,
		      struct gw_str text)
{
	char line[WRITTEN_LINE_MAX + 2];
	size_t len = write_codes(line, code, mark, enhanced);

	len += clean_text(text, line + len, WRITTEN_LINE_MAX - len);
	memcpy(line + len, "\r\n", 2);
	return buf_add(out, line, len + 2);
}

int reply_write(struct buf *out, int code, const char *enhanced, struct gw_str text)
{
	unsigned lines;

	for (lines = 1;; lines++) {
		size_t end = gw_str_find(text, '\n');
		bool last = end == text.len || lines == REPLY_LINES_MAX;
		if (write_line(out, code, last ? ' ' : '-', enhanced, gw_str_n(text.ptr, end)) != 0)
			return -1;
		if (last)
			return 0;
		text = gw_str_from(text, end + 1);
	}
}

#include "base/log_private.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/utf8.h"

/* Kept free for the end of a line that was cut: a closing quote, an id that came too late, the
 * mark, the line end. */
#define CUT_MARK " cut=yes"
#define ID_PAIR (4 + ID_TEXT - 1) /* " id=..." */
#define TAIL (1 + ID_PAIR + sizeof(CUT_MARK) - 1 + 1)

struct log_line {
	size_t len;
	int64_t second; /* of the time that `text` begins with, which outlives the line */
	enum log_level level;
	bool open, cut, carries_id;
	uint64_t id;
	char text[LOG_LINE_MAX];
};

static __thread struct log_line own;

const char *log_level_name(enum log_level level)
{
	static const char *const names[] = { "debug", "info", "warning", "error", "audit" };
	return names[level];
}

static void put(struct log_line *line, const char *bytes, size_t len)
{
	size_t room = LOG_LINE_MAX - TAIL - line->len;

	if (line->cut)
		return;
	if (len > room) {
		line->cut = true;
		return;
	}
	memcpy(line->text + line->len, bytes, len);
	line->len += len;
}

static void put_key(struct log_line *line, enum event_key key)
{
	const char *name = event_key_name(key);
	size_t len = strlen(name);

	if (len + 2 > LOG_LINE_MAX - TAIL - line->len)
		line->cut = true;
	put(line, " ", 1);
	put(line, name, len);
	put(line, "=", 1);
}

/* How a byte of a value is written: as it is, as it is within quotes, behind a backslash, or as
 * \xNN. Beyond ASCII its character decides: what steers a terminal is none that a log shows. */
enum { PLAIN, BLANK, ESCAPED, HEX };

static const unsigned char kinds[256] = {
	[0 ... 31] = HEX, [127 ... 255] = HEX, ['"'] = ESCAPED,
	['\\'] = ESCAPED, [' '] = BLANK,       ['='] = BLANK,
};

static void put_escaped(struct log_line *line, unsigned char c)
{
	static const char hex[] = "0123456789ABCDEF";
	const char as_hex[] = { '\\', 'x', hex[c >> 4], hex[c & 15] }, as_is[] = { '\\', (char)c };

	if (kinds[c] == HEX)
		put(line, as_hex, sizeof(as_hex));
	else
		put(line, as_is, sizeof(as_is));
}

static size_t plain_run(struct gw_str value, int most)
{
	size_t len = 0, wide;

	do {
		while (len < value.len && kinds[(unsigned char)value.ptr[len]] <= most)
			len++;
		wide = len < value.len && (unsigned char)value.ptr[len] > 127
			       ? utf8_harmless(gw_str_from(value, len))
			       : 0;
		len += wide;
	} while (wide);
	return len;
}

/* A run that does not fit is cut where the line is full, not left out. */
static void put_run(struct log_line *line, const char *bytes, size_t len)
{
	size_t room = LOG_LINE_MAX - TAIL - line->len;

	if (len <= room || line->cut) {
		put(line, bytes, len);
		return;
	}
	while (room && ((unsigned char)bytes[room] & 0xc0) == 0x80)
		room--; /* not within a character of UTF-8 */
	put(line, bytes, room);
	line->cut = true;
}

static void put_quoted(struct log_line *line, struct gw_str value)
{
	bool cut_before = line->cut;

	put(line, "\"", 1);
	if (line->cut)
		return;
	while (value.len && !line->cut) {
		size_t run = plain_run(value, BLANK);
		put_run(line, value.ptr, run);
		value = gw_str_from(value, run);
		if (value.len)
			put_escaped(line, (unsigned char)value.ptr[0]);
		value = gw_str_from(value, 1);
	}
	if (!cut_before)
		line->text[line->len++] = '"'; /* fits: the tail was kept free */
}

/* Of a time in the same second as the last one only the end differs. */
static void put_time(struct log_line *line)
{
	int64_t now = clock_wall(), second = now / 1000;
	unsigned ms = (unsigned)(now % 1000);
	char *end = line->text + CLOCK_RFC3339 - 5;

	if (second == line->second) {
		end[0] = (char)('0' + ms / 100);
		end[1] = (char)('0' + ms / 10 % 10);
		end[2] = (char)('0' + ms % 10);
	} else {
		clock_rfc3339(now, line->text);
		line->second = second;
	}
	line->len = CLOCK_RFC3339 - 1;
}

static struct log_line *open_line(enum log_level level, const char *word)
{
	struct log_line *line = &own;

	if (!log_enabled(level))
		return NULL;
	if (line->open) { /* a line within a line has nowhere to go */
		log_count_dropped(1);
		return NULL;
	}
	line->open = true;
	line->cut = line->carries_id = false;
	line->level = level;
	put_time(line);
	put(line, " ", 1);
	put(line, log_level_name(level), strlen(log_level_name(level)));
	put(line, " ", 1);
	put(line, word, strlen(word));
	return line;
}

struct log_line *log_open(enum event_id event)
{
	return open_line(event_level(event), event_name(event));
}

struct log_line *log_open_module(enum log_level level, const char *module)
{
	return open_line(level, module);
}

void log_str(struct log_line *line, enum event_key key, struct gw_str value)
{
	if (!line)
		return;
	put_key(line, key);
	if (value.len && plain_run(value, PLAIN) == value.len)
		put_run(line, value.ptr, value.len);
	else
		put_quoted(line, value);
}

void log_text(struct log_line *line, enum event_key key, const char *value)
{
	log_str(line, key, gw_str(value));
}

void log_int(struct log_line *line, enum event_key key, int64_t value)
{
	char digits[20], *at = digits + sizeof(digits);
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;

	if (!line)
		return;
	do
		*--at = (char)('0' + left % 10);
	while (left /= 10);
	if (value < 0)
		*--at = '-';
	put_key(line, key);
	put(line, at, (size_t)(digits + sizeof(digits) - at));
}

/* Without its id a line is lost to the journal, so the id finds room even behind a value that
 * filled the line. */
void log_id(struct log_line *line, uint64_t id)
{
	char pair[ID_PAIR + 1] = " id=";

	if (!line)
		return;
	id_format(id, pair + 4);
	put(line, pair, ID_PAIR);
	if (line->cut && !line->carries_id) {
		memcpy(line->text + line->len, pair, ID_PAIR);
		line->len += ID_PAIR;
	}
	line->carries_id = true;
	line->id = id;
}

static void put_formatted(struct log_line *line, enum event_key key, const char *format,
			  va_list args)
{
	char text[LOG_LINE_MAX];
	int len = vsnprintf(text, sizeof(text), format, args);

	if (len > 0)
		log_str(line, key,
			gw_str_n(text,
				 (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1));
}

void log_fmt(struct log_line *line, enum event_key key, const char *format, ...)
{
	va_list args;

	if (!line)
		return;
	va_start(args, format);
	put_formatted(line, key, format, args);
	va_end(args);
}

void log_close(struct log_line *line)
{
	unsigned where;

	if (!line)
		return;
	line->open = false;
	where = log_destinations(line->level, line->carries_id);
	if (!where)
		return;
	if (line->cut) {
		memcpy(line->text + line->len, CUT_MARK, sizeof(CUT_MARK) - 1);
		line->len += sizeof(CUT_MARK) - 1;
	}
	line->text[line->len++] = '\n';
	if ((where & LOG_TO_JOURNAL) && log_hold_line(line->id, line->text, line->len))
		where &= ~(unsigned)LOG_TO_JOURNAL;
	if (where)
		log_put(line->text, line->len, where);
}

void log_say(enum event_id event, const char *format, ...)
{
	struct log_line *line = log_open(event);
	va_list args;

	if (!line)
		return;
	va_start(args, format);
	put_formatted(line, KEY_TEXT, format, args);
	va_end(args);
	log_close(line);
}

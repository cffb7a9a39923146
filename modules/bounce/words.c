#include "words.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

const char *words_find(struct gw_str text, const char *word)
{
	size_t len = strlen(word), i;
	char low = (char)tolower((unsigned char)*word), up = (char)toupper((unsigned char)*word);

	for (i = 0; i + len <= text.len; i++)
		if ((text.ptr[i] == low || text.ptr[i] == up) &&
		    strncasecmp(text.ptr + i, word, len) == 0)
			return text.ptr + i;
	return NULL;
}

bool words_has(struct gw_str text, const char *word)
{
	return words_find(text, word) != NULL;
}

bool words_begin(struct gw_str text, const char *word)
{
	size_t len = strlen(word);

	return text.len >= len && strncasecmp(text.ptr, word, len) == 0;
}

bool words_end(struct gw_str text, const char *word)
{
	size_t len = strlen(word);

	return text.len >= len && strncasecmp(text.ptr + text.len - len, word, len) == 0;
}

bool words_have_one(struct gw_str text, const char *const *words)
{
	for (; *words; words++)
		if (words_has(text, *words))
			return true;
	return false;
}

bool words_begin_with_one(struct gw_str text, const char *const *words)
{
	for (; *words; words++)
		if (words_begin(text, *words))
			return true;
	return false;
}

bool words_line(struct gw_str *text, struct gw_str *line)
{
	size_t len = gw_str_find(*text, '\n');

	if (text->len == 0)
		return false;
	*line = gw_str_n(text->ptr, len);
	*text = gw_str_from(*text, len + 1);
	if (line->len && line->ptr[line->len - 1] == '\r')
		line->len--;
	return true;
}

/* --- addresses --- */

static bool is_local(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+/=?^_`{|}~.-", c));
}

static bool is_domain(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == '-' || c == '_' ||
	       (unsigned char)c >= 0x80;
}

#define LOCAL_MOST 256 /* octets before an @ that are looked at: more than any local part has */

/* Where a quoted local part begins whose closing mark is at `close`; NULL: nowhere. */
static const char *quoted_begin(const char *floor, const char *close)
{
	const char *at = close;

	while (at > floor && close - at < LOCAL_MOST && at[-1] != '\n')
		if (*--at == '"')
			return at;
	return NULL;
}

static const char *local_begin(const char *floor, const char *at)
{
	const char *from = at, *quoted;

	if (at > floor && at[-1] == '"') {
		quoted = quoted_begin(floor, at - 1);
		return quoted ? quoted : at;
	}
	while (from > floor && at - from < LOCAL_MOST && is_local(from[-1]))
		from--;
	while (from < at && strchr("'`=/*|.", *from))
		from++;
	return from;
}

/* Where the domain ends whose octets go up to `to`: text in another script that stands right behind
 * it is none of it. No top level domain mixes them. */
static const char *domain_end(const char *at, const char *to)
{
	const char *label = to, *i;

	while (label > at + 1 && label[-1] != '.')
		label--;
	if (label == to || (unsigned char)*label >= 0x80)
		return to;
	for (i = label; i < to && (unsigned char)*i < 0x80; i++)
		;
	return i;
}

struct gw_str words_address(struct gw_str text, const char *from)
{
	const char *end = text.ptr + text.len, *at = from, *begin, *to;

	while (at < end && (at = memchr(at, '@', (size_t)(end - at))) != NULL) {
		begin = local_begin(from, at);
		for (to = at + 1; to < end && is_domain(*to); to++)
			;
		to = domain_end(at, to);
		while (to > at && (to[-1] == '.' || to[-1] == '-'))
			to--;
		if (begin < at && to > at + 1 && memchr(at, '.', (size_t)(to - at)))
			return gw_str_n(begin, (size_t)(to - begin));
		at++;
	}
	return gw_str_n(NULL, 0);
}

struct gw_str words_domain(struct gw_str address)
{
	size_t at = address.len;

	while (at > 0 && address.ptr[at - 1] != '@')
		at--;
	return at ? gw_str_from(address, at) : gw_str("");
}

/* --- codes --- */

static size_t number(struct gw_str text, size_t most)
{
	size_t len = 0;

	while (len < text.len && len <= most && is_digit(text.ptr[len]))
		len++;
	return len >= 1 && len <= most ? len : 0;
}

size_t words_status(struct gw_str text, char status[STATUS_SIZE])
{
	size_t first, second;

	if (text.len < 5 || !strchr("245", text.ptr[0]) || text.ptr[1] != '.')
		return 0;
	first = number(gw_str_from(text, 2), 3);
	if (!first || text.len <= 2 + first || text.ptr[2 + first] != '.')
		return 0;
	second = number(gw_str_from(text, 3 + first), 3);
	if (!second)
		return 0;
	first += 3 + second;
	/* an address of a host has one number more */
	if (text.len > first + 1 && text.ptr[first] == '.' && is_digit(text.ptr[first + 1]))
		return 0;
	snprintf(status, STATUS_SIZE, "%.*s", (int)first, text.ptr);
	return first;
}

static bool may_begin(struct gw_str text, size_t i)
{
	return i == 0 || gw_is_space(text.ptr[i - 1]) || strchr("([<:;#-\"'=,>", text.ptr[i - 1]);
}

/* "550 ", "550-", "550:" or the end. */
static bool is_code(struct gw_str text, size_t i)
{
	const char *p = text.ptr + i;

	if (i + 3 > text.len || !strchr("245", p[0]) || p[1] < '0' || p[1] > '7' ||
	    !is_digit(p[2]) || !may_begin(text, i))
		return false;
	return i + 3 == text.len || strchr(" -\t\r\n:,]", p[3]) != NULL;
}

bool words_says_nothing(const char *status)
{
	return !*status || strcmp(status + 1, ".0.0") == 0;
}

/* What stands for a number of something else: "after 500 seconds", "port 25 ...". */
static bool is_count(struct gw_str text, size_t i)
{
	struct gw_str rest = gw_str_trim(gw_str_from(text, i + 3)), before;
	static const char *const units[] = { "second", "hour", "minute",  "day",   "byte", "octet",
					     "kb",     "mb",   "message", "recip", "%",    NULL };
	size_t from = i > 8 ? i - 8 : 0;

	before = gw_str_trim(gw_str_n(text.ptr + from, i - from));
	return words_begin_with_one(rest, units) || words_end(before, "port") ||
	       words_end(before, "size=") || words_end(before, "after");
}

/* The status right behind a code, "550-5.1.1", "550 #5.1.1", "550-'5.7.1". */
static size_t status_behind(struct gw_str text, size_t code, char status[STATUS_SIZE])
{
	size_t i = code + 3, end = code + 7;

	for (; i < end && i < text.len && strchr(" -#('[:\t", text.ptr[i]); i++)
		;
	return words_status(gw_str_from(text, i), status);
}

struct codes words_codes(struct gw_str text)
{
	struct codes codes = { 0 };
	char status[STATUS_SIZE];
	size_t i;

	for (i = 0; i + 3 <= text.len; i++) {
		if (!is_digit(text.ptr[i]) || !may_begin(text, i))
			continue;
		if (!codes.code && is_code(text, i) && text.ptr[i] != '2' && !is_count(text, i)) {
			codes.code = atoi(text.ptr + i);
			codes.at = text.ptr + i;
			if (status_behind(text, i, status) && !words_says_nothing(status))
				strcpy(codes.status, status);
		} else if (words_says_nothing(codes.status) &&
			   words_status(gw_str_from(text, i), status) &&
			   (!codes.status[0] || !words_says_nothing(status))) {
			strcpy(codes.status, status);
			if (!codes.at)
				codes.at = text.ptr + i;
		}
	}
	return codes;
}

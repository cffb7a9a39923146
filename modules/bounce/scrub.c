#include "scrub.h"

#include "words.h"

#include <ctype.h>

#define SHORT_WORD 10  /* a single word below that length is no evidence of an echo */
#define SHORT_PHRASE 5 /* nor are several that are shorter together */

static void blot(char *from, const char *to)
{
	memset(from, SCRUB_MARK, (size_t)(to - from));
}

static bool is_blank(char c)
{
	return isspace((unsigned char)c);
}

/* "550-5.1.1 ...\n550 5.1.1 ...": lines become one, runs of blanks one blank. */
static size_t flatten(struct gw_str text, char out[SCRUB_MAX])
{
	size_t i, len = 0;

	for (i = 0; i < text.len && len < SCRUB_MAX - 1; i++) {
		char c = text.ptr[i];

		if (is_blank(c) || c == '\0' || c == SCRUB_MARK)
			c = ' ';
		if (c != ' ' || (len && out[len - 1] != ' '))
			out[len++] = c;
	}
	out[len] = '\0';
	return len;
}

static void scrub_form(char *text, size_t len)
{
	struct gw_str all = gw_str_n(text, len), address;
	const char *at = text;

	while ((address = words_address(all, at)).ptr) {
		at = address.ptr + address.len;
		blot(text + (address.ptr - text), at);
	}
}

/* The host of a link may be a list's; its path is anything. */
static void scrub_links(char *text)
{
	char *at = text, *end;

	while ((at = strstr(at, "://")) != NULL) {
		for (at += 3; *at && !is_blank(*at) && *at != '/' && *at != '?'; at++)
			;
		for (end = at; *end && !is_blank(*end); end++)
			;
		blot(at, end);
		at = end;
	}
}

struct gw_str scrub_copy(struct gw_str text, char out[SCRUB_MAX])
{
	size_t len = flatten(text, out);

	scrub_form(out, len);
	scrub_links(out);
	return gw_str_n(out, len);
}

static struct gw_str trim(struct gw_str words)
{
	while (words.len && !isalnum((unsigned char)words.ptr[0]) &&
	       (unsigned char)words.ptr[0] < 0x80)
		words = gw_str_from(words, 1);
	while (words.len && !isalnum((unsigned char)words.ptr[words.len - 1]) &&
	       (unsigned char)words.ptr[words.len - 1] < 0x80)
		words.len--;
	return words;
}

static bool is_telling(struct gw_str words)
{
	size_t i;

	for (i = 0; i < words.len; i++)
		if (!isalnum((unsigned char)words.ptr[i]) && (unsigned char)words.ptr[i] < 0x80)
			return words.len >= SHORT_PHRASE;
	return words.len >= SHORT_WORD;
}

void scrub_words(char *text, struct gw_str words)
{
	char word[256];
	const char *at;

	words = trim(words);
	if (!is_telling(words) || words.len >= sizeof word || gw_str_has_nul(words))
		return;
	memcpy(word, words.ptr, words.len);
	word[words.len] = '\0';
	while ((at = words_find(gw_str(text), word)) != NULL)
		blot(text + (at - text), at + words.len);
}

void scrub_address(char *text, struct gw_str address)
{
	size_t at = address.len;

	while (at > 0 && address.ptr[at - 1] != '@')
		at--;
	scrub_words(text, address);
	if (at == 0)
		return;
	scrub_words(text, gw_str_n(address.ptr, at - 1));
	scrub_words(text, gw_str_from(address, at));
}

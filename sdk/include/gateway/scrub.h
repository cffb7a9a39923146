/* gateway/scrub.h - takes out of a server's words what the message itself put there: servers echo
 * addresses, subjects and more, and whoever writes a message must not be able to choose what a
 * module reads in a reply or in a bounce.
 *
 * The text is the caller's own copy, ended by NUL; each call compares the words at each of its
 * octets, so its length should be bounded. Any thread. */
#ifndef GATEWAY_SCRUB_H
#define GATEWAY_SCRUB_H

#include <gateway/str.h>

#include <ctype.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Stands for what was cut, so that what was before it and what was behind it never become one
 * phrase. */
#define GW_SCRUB_MARK '\1'

/* A single word below that length is no evidence of an echo: it is the servers' own as often. Nor
 * are several that are shorter together. */
#define GW_SCRUB_SHORT_WORD 10
#define GW_SCRUB_SHORT_PHRASE 5

static inline bool gw_scrub_is_letter(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

static inline bool gw_scrub_is_blank(char c)
{
	return isspace((unsigned char)c);
}

static inline void gw_scrub_blot(char *from, const char *to)
{
	memset(from, GW_SCRUB_MARK, (size_t)(to - from));
}

/* How much of the text at `at` those words are, 0: it is not they. Capitals and the kind and number
 * of blanks mean nothing. */
static inline size_t gw_scrub_matches(const char *at, struct gw_str words)
{
	const char *begin = at;
	size_t i = 0;

	while (i < words.len && *at) {
		bool blank = gw_scrub_is_blank(words.ptr[i]);
		if (blank != gw_scrub_is_blank(*at) ||
		    (!blank && tolower((unsigned char)*at) != tolower((unsigned char)words.ptr[i])))
			return 0;
		for (at++, i++; blank && gw_scrub_is_blank(*at); at++)
			;
		while (blank && i < words.len && gw_scrub_is_blank(words.ptr[i]))
			i++;
	}
	return i < words.len ? 0 : (size_t)(at - begin);
}

/* Without what is around the first and the last letter. */
static inline struct gw_str gw_scrub_trim(struct gw_str words)
{
	while (words.len && !gw_scrub_is_letter(words.ptr[0]))
		words = gw_str_from(words, 1);
	while (words.len && !gw_scrub_is_letter(words.ptr[words.len - 1]))
		words.len--;
	return words;
}

static inline bool gw_scrub_is_telling(struct gw_str words)
{
	size_t i;

	for (i = 0; i < words.len; i++)
		if (!gw_scrub_is_letter(words.ptr[i]))
			return words.len >= GW_SCRUB_SHORT_PHRASE;
	return words.len >= GW_SCRUB_SHORT_WORD;
}

/* Blots out those words wherever they are, a header field's value folded or not. Single short words
 * stay. */
static inline void gw_scrub_words(char *text, struct gw_str words)
{
	size_t len;

	words = gw_scrub_trim(words);
	if (!gw_scrub_is_telling(words))
		return;
	for (; *text; text++)
		if ((len = gw_scrub_matches(text, words)) > 0)
			gw_scrub_blot(text, text + len);
}

/* The same of an address, its local part and its domain. */
static inline void gw_scrub_address(char *text, struct gw_str address)
{
	size_t at = address.len;

	while (at > 0 && address.ptr[at - 1] != '@')
		at--;
	gw_scrub_words(text, address);
	if (at == 0)
		return;
	gw_scrub_words(text, gw_str_n(address.ptr, at - 1));
	gw_scrub_words(text, gw_str_from(address, at));
}

#ifdef __cplusplus
}
#endif
#endif

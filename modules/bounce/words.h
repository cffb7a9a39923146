/* words.h - reading people's text: lines, words whatever their capitals, addresses, reply codes.
 * Each looks at every octet a bounded number of times. */
#ifndef BOUNCE_WORDS_H
#define BOUNCE_WORDS_H

#include <gateway/str.h>

/* Where `word` begins in the text, ASCII capitals or not; NULL: nowhere. */
const char *words_find(struct gw_str text, const char *word);
bool words_has(struct gw_str text, const char *word);
bool words_begin(struct gw_str text, const char *word);
bool words_end(struct gw_str text, const char *word);
/* One of a list that ends with NULL. */
bool words_have_one(struct gw_str text, const char *const *words);
bool words_begin_with_one(struct gw_str text, const char *const *words);

/* Takes the next line off, without its end; false: there is none. */
bool words_line(struct gw_str *text, struct gw_str *line);

/* The next address in the text at or behind `from`; ptr NULL: none. "a@b.example", without
 * brackets; a domain has a dot in it. */
struct gw_str words_address(struct gw_str text, const char *from);

/* What is behind the last @; empty: there is none. */
struct gw_str words_domain(struct gw_str address);

#define STATUS_SIZE 16

/* The codes of a reply in somebody's words, "550-5.1.1 ..." anywhere in them. code 0, status "":
 * there is none. An enhanced code that says something is taken before one that ends in .0.0. */
struct codes {
	int code;
	char status[STATUS_SIZE];
	const char *at; /* where the reply begins in the text; NULL: nowhere */
};
struct codes words_codes(struct gw_str text);

/* There is none, or it ends in .0.0. */
bool words_says_nothing(const char *status);

/* "5.1.1" whatever is behind it; its length, 0: it is none. */
size_t words_status(struct gw_str text, char status[STATUS_SIZE]);

#endif

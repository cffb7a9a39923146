/* encoded_words.h - what a field's text says in UTF-8: encoded words (RFC 2047) decoded, by who
 * wants no doubt: what readers could show in more than one way is not decoded. */
#ifndef COMMON_ENCODED_WORDS_H
#define COMMON_ENCODED_WORDS_H

#include <gateway/str.h>

#include <glib.h>

/* The text, in UTF-8, to be g_free()d. NULL: an unknown charset, a broken word, octets that are no
 * UTF-8, a NUL. Folds are the caller's to take out first. */
char *encoded_words_decode(struct gw_str text);

#endif

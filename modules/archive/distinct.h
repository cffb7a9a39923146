/* distinct.h - a text with each of its words once.
 *
 * The index keeps of a word whether it is in a mail, not where or how often: to be told again costs
 * time, and changes nothing. */
#ifndef ARCHIVE_DISTINCT_H
#define ARCHIVE_DISTINCT_H

#include <stddef.h>

/* The words in their order, a blank behind each, to be g_free'd; the same for the same text. What
 * differs only in the case of ASCII letters is one word; octets above ASCII are of words. */
char *distinct_words(const char *text, size_t len);

#endif

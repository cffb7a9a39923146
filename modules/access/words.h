/* words.h - what a reader is shown of a name: encoded words decoded (RFC 2047), and signs that only
 * look like others made those others. */
#ifndef ACCESS_WORDS_H
#define ACCESS_WORDS_H

#include <gateway/str.h>

/* The text as it is shown, in UTF-8 and compatibility form (NFKC), without what is invisible;
 * words_free() is due. False: readers could show it in more than one way (an unknown charset, a
 * broken word, octets that are no UTF-8, characters that turn the order of others), or no memory.
 */
bool words_decode(char **shown, struct gw_str text);
void words_free(char *shown);

#endif

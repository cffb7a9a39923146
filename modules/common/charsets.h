/* charsets.h - names of charsets that a mail made up, taken out of it before GMime reads it.
 *
 * GMime remembers each charset's name that it ever met, for as long as the process lives, so a mail
 * whose thousand encoded words name a thousand charsets that there are not leaves all of them
 * behind. Octets of a mail go through one of these functions before GMime is given them; then what
 * it can meet are the names that iconv has, which are a bounded number. Octets are replaced one by
 * one, so lengths and offsets stay. What names such a charset is plain text then, or has none. */
#ifndef COMMON_CHARSETS_H
#define COMMON_CHARSETS_H

#include <gateway/str.h>

/* A charset that iconv converts, by a name of at most 40 letters, digits, and "-_.:"; or a name
 * that GMime knows for one of these. */
bool charsets_has(struct gw_str name);

/* Encoded words (RFC 2047): for the value of any field, and for addresses. */
void charsets_mask_words(char *value, size_t len);
/* Of the value of Content-Type or Content-Disposition the parameters too (RFC 2231). What it says
 * of its part's charset stays: it is the caller who asks GMime for that, or does not. */
void charsets_mask_parameters(char *value, size_t len);
/* A whole mail with all parts in it, and what these say of their charsets. The bodies too, where
 * they look like fields or encoded words: who wants these as they came copies the mail's octets
 * back when the parser has its headers. */
void charsets_mask_mail(char *mail, size_t len);

#endif

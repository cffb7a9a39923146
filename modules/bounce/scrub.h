/* scrub.h - takes out of somebody's words what the mail itself put there: addresses, paths of
 * links, its subject. Whoever writes a mail must not be able to choose what is read in a bounce. */
#ifndef BOUNCE_SCRUB_H
#define BOUNCE_SCRUB_H

#include <gateway/str.h>

#define SCRUB_MAX 4096 /* octets that are looked at; what is behind them counts for nothing */

/* Stands for what was cut, so that what was before it and behind it never become one phrase. */
#define SCRUB_MARK '\1'

/* The text in one line, cut to SCRUB_MAX - 1 octets and ended by NUL, without addresses and paths
 * of links. */
struct gw_str scrub_copy(struct gw_str text, char out[SCRUB_MAX]);

/* Blots out those words wherever they are in a copy. Single short words stay: they are everybody's.
 */
void scrub_words(char *text, struct gw_str words);

/* The same of an address, its local part and its domain. */
void scrub_address(char *text, struct gw_str address);

#endif

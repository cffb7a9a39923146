/* scrub.h - takes out of somebody's words what by its form is the mail's own: addresses, paths of
 * links. What is known of the mail is taken out of the copy by <gateway/scrub.h>. */
#ifndef BOUNCE_SCRUB_H
#define BOUNCE_SCRUB_H

#include <gateway/str.h>

#define SCRUB_MAX 4096 /* octets that are looked at; what is behind them counts for nothing */

/* The text in one line, cut to SCRUB_MAX - 1 octets and ended by NUL, without addresses and paths
 * of links. */
struct gw_str scrub_copy(struct gw_str text, char out[SCRUB_MAX]);

/* What was cut out, and the marks around it, are one blank: "User <...> unknown" is "User unknown".
 */
struct gw_str scrub_close(char *text);

#endif

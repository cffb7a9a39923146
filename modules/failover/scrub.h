/* scrub.h - takes out of a next hop's words what the message itself put there: next hops echo
 * addresses, subjects and more, and whoever writes a message must not be able to choose what is
 * read in a reply. */
#ifndef FAILOVER_SCRUB_H
#define FAILOVER_SCRUB_H

#include <gateway/module.h>

#define SCRUB_MAX 2048 /* octets that are looked at; what is behind them counts for nothing */

/* Copies the text, cut to SCRUB_MAX - 1 octets and ended by NUL. */
struct gw_str scrub_copy(struct gw_str text, char out[SCRUB_MAX]);

/* Blots out what looks like an address, whatever stands in <>, "" or '', and what another host
 * "said". */
void scrub_quoted(char *text);

/* That, and by <gateway/scrub.h> all that is known of the message: sender, recipients, From,
 * Subject, Message-ID, HELO name. */
void scrub_message(struct gw_delivery *delivery, char *text);

#endif

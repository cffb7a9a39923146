/* scrub.h - takes out of a next hop's words what the message itself put there: next hops echo
 * addresses, subjects and more, and whoever writes a message must not be able to choose what is
 * read in a reply. */
#ifndef FAILOVER_SCRUB_H
#define FAILOVER_SCRUB_H

#include <gateway/module.h>

#define SCRUB_MAX 2048 /* octets that are looked at; what is behind them counts for nothing */

/* Stands for what was cut, so that what was before it and what was behind it never become one
 * phrase. */
#define SCRUB_MARK '\1'

/* Copies the text, cut to SCRUB_MAX - 1 octets and ended by NUL. */
struct gw_str scrub_copy(struct gw_str text, char out[SCRUB_MAX]);

/* Blots out what looks like an address, whatever stands in <>, "" or '', and what another host
 * "said". */
void scrub_quoted(char *text);

/* Blots out those words wherever they are. Single short words stay: they are the providers' own as
 * often. */
void scrub_words(char *text, struct gw_str words);

/* Both, with all that is known of the message: sender, recipients, From, Subject, Message-ID, HELO
 * name. */
void scrub_message(struct gw_delivery *delivery, char *text);

#endif

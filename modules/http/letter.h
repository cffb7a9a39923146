/* letter.h - what a webhook is sent: events that it wants, as a JSON array, octets as they are
 * signed. */
#ifndef HTTP_LETTER_H
#define HTTP_LETTER_H

#include "conf.h"
#include "event_store.h"

#include <glib.h>

#define LETTER_EVENTS 100
#define LETTER_OCTETS ((size_t)1 << 20) /* no further event after so many */

struct letter {
	GString *body;
	int64_t numbers[LETTER_EVENTS]; /* of events; of a letter of dead ones, of those */
	int64_t times[LETTER_EVENTS];
	size_t count, most;
	int64_t last; /* all events up to here are in it, or not for this webhook */
	bool of_dead;
	const struct webhook_conf *to;
	const struct event_store *store;
};

void letter_init(struct letter *letter, const struct webhook_conf *to);
void letter_finish(struct letter *letter);

/* Writes it anew: of dead ones that somebody wants sent again, else of what is behind `cursor`.
 * False: the store cannot be read. Where count is 0 there is nothing to send; `last` is where to go
 * on. */
bool letter_write(struct letter *letter, struct event_store *store, int64_t cursor);

/* Whether that webhook is sent an event of that name and client. */
bool letter_wants(const struct webhook_conf *to, struct gw_str name, struct gw_str client);

#endif

/* closing.h - a relay is closed, and comes back: the book, the gateway's relay status and those who
 * listen are told of it together. */
#ifndef FAILOVER_CLOSING_H
#define FAILOVER_CLOSING_H

#include "book.h"

/* Under the book's lock: closes it, unless it is closed already. True: relay_tell_closed() is to be
 * called after the lock. */
bool relay_close(struct gw_call *call, const struct gw_relay *relay, struct book *book,
		 enum gw_cause cause, int64_t until, const char *why);

/* The same without the lock. */
void relay_tell_closed(struct gw_call *call, const struct gw_relay *relay, struct book *book);
/* as the book has it, after a restart */
void relay_close_again(struct gw_call *call, const struct gw_relay *relay, struct book *book);
/* when the closure's time is over */
void relay_back_in_time(struct gw_call *call, const struct gw_relay *relay, struct book *book);
/* an admin says so */
void relay_resume(struct gw_call *call, const struct gw_relay *relay, struct book *book);

/* "suspended", or "closed" where it is a limit. */
const char *closure_word(const struct closure *closure);

#endif

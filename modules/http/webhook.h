/* webhook.h - sends what is in the store to who wants it, by a thread of its own: each webhook by
 * itself, in order, at least once; one that is dead keeps nobody waiting but itself.
 *
 * What was not taken is tried again, later each time. Past `give_up` what is older than that is set
 * aside as a dead letter, and the next is tried. */
#ifndef HTTP_WEBHOOK_H
#define HTTP_WEBHOOK_H

#include "conf.h"
#include "event_store.h"
#include "letter.h"
#include "ticks.h"

struct webhooks;

/* NULL: no memory, or no thread. */
struct webhooks *webhooks_begin(struct gw_call *call, const struct http_conf *conf,
				struct event_store *store, const struct ticks *ticks);
void webhooks_end(
	struct webhooks *webhooks); /* what is on its way is sent again later; NULL is fine */

void webhooks_wake(void *webhooks); /* there is something new [any thread] */

/* Sets aside what the letter has of `before` or earlier; the state is behind that only when it is
 * kept. How many; 0: none is so old, or it cannot be kept now. */
size_t webhook_bury(struct event_store *store, struct gw_str name, struct hook_state *state,
		    const struct letter *letter, int64_t before);

/* What was answered counts (status 0: nothing was), whatever became of the answer's body, and of
 * other addresses of the same name, which it may not go to: `refused`. Else `why` says what was. */
bool webhook_is_taken(long status, bool refused, int result, char *why, size_t size);

/* It is time to try: as `next` says, but one that a clock gave which was ahead is waited for no
 * longer than any other. */
bool webhook_is_due(const struct http_conf *conf, const struct hook_state *state, int64_t now);

/* How long after so many tries that failed, ms. */
int64_t webhook_delay(const struct http_conf *conf, int64_t tries);

#endif

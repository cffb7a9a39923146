/* delivery.h - a message on its way through one relay to some of its recipients: what other rooms
 * may do with it.
 *
 * The queue gives a message to round_begin; steps.c has the table of what is done with it from then
 * on. It ends with queue_final, queue_later or queue_hold. All on the message's worker. */
#ifndef DELIVER_DELIVERY_H
#define DELIVER_DELIVERY_H

#include "client/transport.h"
#include "module/chain.h"
#include "queue/queue.h"

#define ROUTE_MAX 32

/* The ordered list of relays that may take a recipient. */
struct route {
	struct gw_relay *relays[ROUTE_MAX];
	size_t count;
};

int delivery_start(struct worker *worker);
/* lets go of what runs, on the worker's thread: the queue keeps the messages */
void delivery_stop(struct worker *worker);
void delivery_finish(struct worker *worker); /* frees, after the worker has ended */

/* The runner of the queue. */
void round_begin(struct gw_message *message);

/* Each message that is under way to a relay on this worker. */
void delivery_each(struct worker *worker,
		   void (*each)(void *arg, const struct gw_message *message,
				const struct gw_relay *relay),
		   void *arg);

/* An admin moved the message: what is in the air ends as it is, the rest of it begins a new round.
 */
void delivery_send_back(struct worker *worker, uint64_t id);

/* --- what the services for modules look at and set --- */

struct gw_message *delivery_message(const struct gw_delivery *delivery);
/* The try at the relay it is at now: recipients, host, what the next hop offers. */
const struct attempt *delivery_attempt(const struct gw_delivery *delivery);
struct edits *delivery_edits(const struct gw_delivery *delivery);
/* Private bytes of instances, anew for each relay; *NULL before they are asked for. */
char **delivery_data(struct gw_delivery *delivery);
/* Why the relay before this one was left; 0: this is the first. */
enum gw_cause delivery_cause(const struct gw_delivery *delivery);

/* [login]: what to log in as, in memory of the message. */
void delivery_set_login(struct gw_delivery *delivery, const struct gw_login *login);

/* [deliver, probe]: what `login` gave; NULL: it was not asked. */
const struct gw_login *delivery_login(const struct gw_delivery *delivery);

/* [deliver, probe]: the next hop did not take that login, and said so. Copied. */
void delivery_refuse_login(struct gw_delivery *delivery, struct gw_str said);

/* [deliver, probe]: what became of a recipient; one that is not of this delivery is ignored.
 * Everything is copied. */
void delivery_set_outcome(struct gw_delivery *delivery, const struct gw_rcpt *rcpt,
			  const struct gw_outcome *given);

/* [result]: the message is on hold after this round. `why` is in memory of the message. */
void delivery_set_hold(struct gw_delivery *delivery, struct gw_str why);

/* [admit]: the recipients from `count` on are asked about at this relay again, as a delivery of
 * their own. -1: no memory. */
int delivery_split(struct gw_delivery *delivery, size_t count);
/* The same of those whose `keep` is false, of which there is one at least, and not all. */
int delivery_split_by(struct gw_delivery *delivery, const bool *keep);

#endif

/* send.h - one delivery, or a probe, on its way to an API.
 *
 * Those have it: the request, until the hook `http` is told, a timer, until it comes, and the held
 * call, until it goes on or is dropped. The last one frees it. A call that is gone lets its request
 * run: what was read whole by then cannot be taken back; of what was not, no octet more is given.
 */
#ifndef MAIL_API_SEND_H
#define MAIL_API_SEND_H

#include "lane.h"
#include "said.h"

struct send;

/* What an instance has on a worker: what is on its way. */
struct place {
	struct send *sends;
};

/* An instance: the lane of each relay, in their order; NULL: it is none of ours. */
struct post {
	size_t count;
	struct lane **lanes;
	int64_t began; /* ms since 1970 UTC */
	bool later;    /* there is a relay that says later what became of a mail: azure */
};

struct lane *lane_of(struct gw_call *call, const struct gw_relay *relay);

/* The hooks. */
enum gw_verdict on_deliver(struct gw_call *call, struct gw_delivery *delivery,
			   struct gw_relay *relay);
enum gw_verdict on_probe(struct gw_call *call, struct gw_delivery *delivery,
			 struct gw_relay *relay);
void on_http(struct gw_call *call, const struct gw_http_answer *answer, void *arg);
void on_timer(struct gw_call *call, void *arg);
void on_kept(struct gw_call *call, const struct gw_kept *kept, void *arg);

/* Nobody will answer any more; in worker_stop. */
void sends_give_up(struct place *place);

#endif

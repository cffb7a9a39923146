/* usable.h - may this relay be used now? All that is known of it, as one answer: what
 * module/relay_status.h keeps, then what the SMTP client knows. */
#ifndef CLIENT_USABLE_H
#define CLIENT_USABLE_H

#include "loop/worker.h"
#include "module/relay_status.h"

/* For this worker, and of a relay with host = "mx" for that domain; asked before anything is done
 * for a delivery. Where not, `way` is the wait key under which the relay queue wakes what waits for
 * it, valid until the loop goes on; empty: it waits for the relay to be opened. `urgent`: tried
 * whatever failed or waits there. On the worker. */
bool relay_is_usable_here(struct worker *worker, struct gw_relay *relay, struct gw_str domain,
			  bool urgent, struct relay_refusal *refusal, struct gw_str *way);

/* For all workers: unreachable is what none of them reaches; short and crowded is never said, nor
 * is a set of mail hosts that nobody reaches. [any thread] */
bool relay_is_usable(struct gw_relay *relay, int64_t now, struct relay_refusal *refusal);

#endif

/* on_worker.h - an instance on each worker: begun there before its first hook, ended after its
 * last, with its timers and what it keeps there.
 *
 * A snapshot enters a worker once, with the first hook or before (on_worker_enter), and leaves it
 * when nobody holds the snapshot any more, or when the gateway stops. Then its timers are gone, and
 * worker_stop() has run on each worker before stop() does in the main thread. */
#ifndef MODULE_ON_WORKER_H
#define MODULE_ON_WORKER_H

#include "module/chain.h"
#include "module/state.h"

/* Room for what each instance has on each worker, where one of them wants anything there. False: no
 * memory. Main thread. */
bool on_worker_prepare(struct snapshot *snapshot);
void on_worker_forget(struct snapshot *snapshot); /* before it is freed; main thread */

/* On that worker. Does nothing on another loop, and the second time. */
void on_worker_enter(struct worker *worker, struct snapshot *snapshot);

/* For a snapshot that nobody holds any more: true while it has a worker to leave. Then it is held,
 * and let go of after that. [any thread] */
bool on_worker_retire(struct snapshot *snapshot);

/* Holds a snapshot that somebody holds; false: nobody does, it is about to leave its workers. [any
 * thread, while an instance of it lives] */
bool on_worker_hold(struct snapshot *snapshot);

/* The gateway stops: every snapshot leaves this worker, and enters it no more. The main thread
 * waits meanwhile. */
void on_worker_leave_all(struct worker *worker);

/* Requests under way whose answers a stop waits for. [any thread] */
size_t on_worker_awaited(void);

/* --- behind the services of the same names --- */
void *on_worker_data(struct gw_call *call);
void on_worker_data_set(struct gw_call *call, void *data);
gw_timer on_worker_timer_set(struct gw_call *call, int64_t ms, int64_t repeat_ms, void *arg);
int on_worker_timer_clear(struct gw_call *call, gw_timer number);
gw_http on_worker_http_request(struct gw_call *call, const struct gw_http_request *request,
			       void *arg);
int on_worker_http_cancel(struct gw_call *call, gw_http number);
gw_dns on_worker_dns_ask(struct gw_call *call, const struct gw_dns_question *question, void *arg);
int on_worker_dns_cancel(struct gw_call *call, gw_dns number);
/* For the owner in the store of this name. The store outlives the workers, and is synced
 * (state_sync) between on_worker_leave_all() and their end. */
int on_worker_record_keep(struct gw_call *call, struct state *state, struct gw_str key,
			  struct gw_str value, void *arg);

#endif

/* runtime.h - what the rooms from here on share: the one spool, pool, state of the process, and
 * what each worker has of its own.
 *
 * Filled in by main before the workers start, constant until they have ended. */
#ifndef QUEUE_RUNTIME_H
#define QUEUE_RUNTIME_H

#include "base/id.h"
#include "loop/dns.h"
#include "loop/offload.h"
#include "loop/resolver.h"
#include "module/snapshot.h"
#include "module/state.h"
#include "spool/spool.h"

#include <stdatomic.h>

struct runtime {
	struct spool *spool;
	struct offload_pool *pool;
	struct state *state;
	struct worker *main; /* the main thread's loop: control socket, signals, ticks */
	struct worker **workers;
	unsigned worker_count;
	const char *state_dir;
	char log_path[4096];   /* "-": standard error */
	int64_t started_at;    /* wall, ms */
	_Atomic bool stopping; /* no new work is begun */
};
extern struct runtime runtime;

/* Slots of worker_set: each room's own state on a worker. */
enum worker_slot {
	SLOT_IDS /* struct id_maker */,
	SLOT_RESOLVER /* struct resolver */,
	SLOT_QUEUE,
	SLOT_RECEIVE,
	SLOT_TRANSPORT,
	SLOT_DELIVERY,
	SLOT_TICKS
};

/* Counters of the whole process, told by `gatewayctl status`. Relaxed atomics. */
/* clang-format off */
#define COUNTERS(X) \
	X(sessions) X(sessions_refused) X(tls_handshakes) X(tls_failed) X(logins) X(logins_failed) X(messages) X(messages_refused) X(bytes) \
	X(attempts) X(delivered) X(deferred) X(bounced) X(unknown) X(dsns) X(discarded) X(deleted) X(held) X(connections) X(connections_reused) X(loops)
/* clang-format on */
struct counters {
#define X(name) _Atomic uint64_t name;
	COUNTERS(X)
#undef X
	_Atomic int64_t sessions_open, deliveries_open, connections_open, on_hold, unread;
};
extern struct counters counters;
#define COUNT(name) atomic_fetch_add_explicit(&counters.name, 1, memory_order_relaxed)
#define COUNT_ADD(name, n) atomic_fetch_add_explicit(&counters.name, (n), memory_order_relaxed)

#endif

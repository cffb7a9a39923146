/* receive.h - the listeners of a worker and the sessions they begin. */
#ifndef RECEIVE_RECEIVE_H
#define RECEIVE_RECEIVE_H

#include "module/snapshot.h"
#include "queue/runtime.h"

int receive_start(struct worker *worker); /* before the worker runs; -1: no memory */

/* A socket that main bound for this worker, and the row of the snapshot it belongs to. */
struct listen_socket {
	int fd;
	const struct listen_settings *settings;
};

/* Listens on these sockets (taken over) from now on and on no others; new sessions run under
 * `snapshot` (held). On the worker's thread, or before it runs. A socket whose address was listened
 * to before replaces the old one without a gap. -1: no memory. */
int receive_listen(struct worker *worker, struct snapshot *snapshot,
		   const struct listen_socket *sockets, size_t count);

/* Stops listening; sessions between two transactions get 421 and end, the others when theirs has.
 */
void receive_drain(struct worker *worker);

/* Ends every session, on the worker's thread; receive_finish frees, after the worker has ended. */
void receive_stop(struct worker *worker);
void receive_finish(struct worker *worker);

size_t receive_open(const struct worker *worker);

#endif

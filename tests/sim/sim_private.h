/* sim_private.h - what the files of the simulation share. */
#ifndef TESTS_SIM_PRIVATE_H
#define TESTS_SIM_PRIVATE_H

#include "sim.h"

#include "base/list.h"
#include "loop/worker_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <cmocka.h>

/* One end of a connection is a stream of the gateway, the other is somebody of the test. */
struct peer_end {
	struct list_link link; /* of all peers that were not forgotten */
	int fd;                /* what the gateway's end is called */
	struct stream *stream; /* NULL: not taken, or left */
	struct buf said;       /* and not read by the gateway yet */
	struct buf heard;
	bool closed, reset, deaf;
	bool shaken, bad_shake; /* its part of the handshake was said */
	bool left;              /* by the gateway */
	struct sockaddr_storage address;
};

void peer_enter(struct peer_end *peer);
struct peer_end *peer_of(int fd); /* fails the test where there is none */

/* True: there was something to do. */
bool listeners_run(struct worker *worker);
bool streams_read(struct worker *worker);

#endif

/* supervisor_private.h - what the files of the supervisor's own process share: supervisor.c (its
 * turns, signals, time), starter.c (who waits for the start), orders.c (what the serving process
 * says), child.c (its end). */
#ifndef SUPERVISOR_SUPERVISOR_PRIVATE_H
#define SUPERVISOR_SUPERVISOR_PRIVATE_H

#include "supervisor/breaker.h"
#include "supervisor/channel.h"
#include "supervisor/hang.h"
#include "supervisor/supervisor.h"

#include <signal.h>

#define PAUSE_FIRST_MS 1000 /* before the next start, when this is not the first that failed */

enum phase { WAITING /* to start it */, STARTING, SERVING };

struct supervisor {
	const struct supervisor_options *options;
	enum phase phase;
	pid_t self, child;
	int folder, signals, link, ready, adopted;
	sigset_t mask_before;
	struct places *places;
	struct crashes crashes;
	struct hangs hangs;
	struct hang hung; /* why it is killed; seconds 0: it is not */
	int64_t look_at;
	struct breaker breaker;
	/* the last one, until a serving process that was ready told of it */
	struct death death;
	unsigned failures, restarts;
	/* why conf.d did not start; empty: it did, or was not tried yet */
	char refused[CHANNEL_TEXT];
	/* the process begins, or serves, with the last good configuration */
	bool kept;
	int64_t began_at, start_at, kill_at, watchdog_ms, watchdog_at;
	bool served, stopping, reload, over;
	int code;
};

/* The loop is over, with this exit code. */
void supervisor_end(struct supervisor *supervisor, int code);

/* starter.c: who waits leaves when the gateway serves, or with its exit code. The first forks, and
 * gives the descriptor by which the parent hears of it; -1: there is none. */
int starter_detach(struct supervisor *supervisor);
void starter_tell(struct supervisor *supervisor, int code);

/* orders.c: does what the serving process asked for by now. */
void orders_read(struct supervisor *supervisor);

/* child.c: where the serving process has ended, says of what, and has it started again or ends. */
void child_reap(struct supervisor *supervisor);

#endif

/* supervisor.h - the process that outlives the one that serves.
 *
 * It forks the serving process and starts it again when it dies: at once, then after 1 s, 2 s, ...
 * at most 30 s, from the beginning again when it served for a minute. It keeps the listening
 * sockets, so that clients who connect meanwhile wait instead of being refused; it counts during
 * which messages the process died; when a configuration that was changed meanwhile does not start,
 * it has the last good one tried (kept.h), and conf.d again after that: only who never served ends
 * for it; it speaks to the service manager; it forwards signals. It has one thread, reads no mail
 * and no configuration, and is the only one that stays root. */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include "supervisor/crashes.h"
#include "supervisor/death.h"
#include "base/problem.h"

struct supervisor_options {
	const char *state; /* the folder: there from here on, and locked */
	/* seconds after which a worker that does not turn is ended with the process; 0: never */
	unsigned worker_timeout;
	/* else the caller ends when the gateway serves, and the supervisor has a session of its own
	 */
	bool foreground;
	/* In the serving process: leaves root; then serves. Exit codes of sysexits.h. */
	int (*become)(void *arg);
	int (*serve)(void *arg);
	void *arg;
};

/* Returns in both processes, with the exit code. A serving process that ends before it served for
 * the first time ends the supervisor with its code. */
int supervise(const struct supervisor_options *options);

/* --- in the serving process: what the supervisor knew when it forked --- */

/* Those with CRASHES_TO_HOLD or more are to be put on hold before anything is tried. */
const struct crashes *supervisor_crashes(void);

/* Of which instances it died how often: as it was when this serving process began. */
const struct breaker *supervisor_breaker(void);

/* Why conf.d is not to be read, which the process before this one did not start with: the last good
 * configuration serves instead. NULL: it is. */
const char *supervisor_refused(void);

/* Whether a process served before this one. */
bool supervisor_served(void);

/* How the process before this one ended; all 0 where there was none. */
const struct death *supervisor_death(void);

/* Logs how the process before ended, so that the journal of a message tells it too. */
void supervisor_log_death(void);

/* How often CHANNEL_ALIVE is wanted, ms; 0: not at all. */
int64_t supervisor_watchdog(void);

#endif

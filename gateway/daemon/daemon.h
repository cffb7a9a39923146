/* daemon.h - the pieces of the serving process that main puts together. */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "admin/admin.h"
#include "supervisor/breaker.h"
#include "base/problem.h"
#include "queue/runtime.h"

struct arguments {
	const char *config, *state, *modules;
	const char *user;        /* NULL: not said */
	unsigned worker_timeout; /* seconds; 0: none */
	/* for init: NULL, not said; where the shipped fragments lie */
	const char *hostname, *shipped;
	char **answer; /* words to be answered, ended by NULL; NULL: none */
	bool foreground, check, check_spool, init, core_dumps;
};

/* arguments.c: fills it in; ends the process with EX_USAGE or after --help. */
void arguments_parse(struct arguments *arguments, int argc, char **argv);

/* configuration.c: loads, publishes, reloads. */
void configuration_init(const struct arguments *arguments);
/* the last good one instead of conf.d, and why; NULL: conf.d */
void configuration_use_kept(const char *refused);
/* instances of which it died too often */
void configuration_leave_out(const struct breaker *breaker);
struct snapshot *configuration_load(struct problems *problems);
struct snapshot *configuration_read(struct problems *problems); /* without starting what is in it */
bool configuration_reload(bool apply, struct problems *problems);
void configuration_started(void); /* the published one serves: it is kept as the last good one */
void configuration_log_problems(const struct problems *problems);
const struct configuration_notes *configuration_notes(void);
void configuration_enter_workers(struct snapshot *snapshot); /* that modules begin on them */

/* rehearsal.c. The first runs the body in a child, and gives its exit code; where it crashes or
 * takes a minute, the module in which it was is named on stderr, and the code is EX_SOFTWARE. The
 * second checks the configuration in a new process: false, and a problem, when that ends so; errors
 * of other kinds are left to who loads it. Main thread; waits. */
int rehearsal_run(int (*body)(const struct arguments *arguments),
		  const struct arguments *arguments);
bool rehearsal_passes(const struct arguments *arguments, struct problems *problems);

/* privileges.c: exit codes. Before anything else, decides whom to become; before the fork, hands
 * the state folder over; in the serving process, and in one that only checks, before it reads
 * anything: leaves root and what else it needs no more. */
int privileges_choose(const struct arguments *arguments);
int privileges_hand_over(const struct arguments *arguments);
int privileges_drop(void);

/* sockets.c: the listening sockets of a snapshot, from the supervisor; it keeps them, so they
 * outlive reloads and restarts. */
struct sockets;
/* binds what is new; NULL: problems, nothing changed */
struct sockets *sockets_open(const struct snapshot *snapshot, struct problems *problems);
/* Each worker listens on its own; what is no longer named closes. Takes `sockets`. */
void sockets_hand_out(struct sockets *sockets, struct snapshot *snapshot, bool running);
void sockets_close(struct sockets *sockets); /* those that are not handed out; NULL: none */

/* workers.c */
int workers_create(const struct settings *settings, struct problems *problems);
int workers_start(void);
void workers_end(void); /* ends the threads: workers, pool, spool */
void workers_free(void);

/* recovery.c: after the workers were created, before they start. */
int recovery_run(const struct settings *settings, struct problems *problems);

/* ticks.c: each worker says that it turns, and the first runs the modules' tick. The first of these
 * before the workers run, -1: no memory; the second on each of them; the third when none runs. */
int ticks_create(struct worker *worker);
void ticks_begin(void);
void ticks_end(struct worker *worker);
void ticks_destroy(struct worker *worker);

/* alive.c: the supervisor hears that all loops turn. Main thread; NULL where nobody asked for it.
 */
struct alive;
struct alive *alive_begin(void);
void alive_end(struct alive *alive);

/* serve.c: the serving process but for its rights; returns the exit code when it is over. */
int serve(const struct arguments *arguments);

/* init.c: a first configuration; exit code. As root before, as the serving user after it. */
int init_run(const struct arguments *arguments);

/* precheck.c: errors and warnings about folders and ports that a start with these settings would
 * want. */
void precheck(const struct arguments *arguments, const struct settings *settings,
	      struct problems *problems);

/* offline.c: answers the words of gatewayctl without a gateway that runs: help, options, dkim
 * keygen. Prints JSON; exit code. */
int offline_answer(const struct arguments *arguments);

void print_problems(const struct problems *problems);

#endif

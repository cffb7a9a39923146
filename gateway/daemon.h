/* daemon.h - the pieces of the serving process that main puts together. */
#ifndef GATEWAY_DAEMON_H
#define GATEWAY_DAEMON_H

#include "base/problem.h"
#include "queue/runtime.h"

struct arguments {
	const char *config, *state, *modules;
	bool foreground, check, check_spool;
};

/* arguments.c: fills it in; ends the process with EX_USAGE or after --help. */
void arguments_parse(struct arguments *arguments, int argc, char **argv);

/* configuration.c: loads, publishes, reloads. */
void configuration_init(const struct arguments *arguments);
struct snapshot *configuration_load(struct problems *problems);
bool configuration_reload(bool apply, struct problems *problems);

/* sockets.c: the listening sockets of all workers, by name; they outlive reloads. */
int sockets_open(const struct snapshot *snapshot, struct problems *problems);   /* binds what is new; -1: problems, nothing changed */
void sockets_hand_out(struct snapshot *snapshot, bool running);                 /* each worker listens on its own; what is no longer named closes */
void sockets_close(void);

/* serve.c: workers, spool, control socket, signals; returns the exit code when it is over. */
int serve(const struct arguments *arguments);

void print_problems(const struct problems *problems);

#endif

/* admin.h - the control socket: gatewayctl asks, verbs answer. Runs on the main thread's loop.
 *
 * A request is one line of JSON, {"words": ["queue", "list"]}, with "ask": true where there is a
 * person to be asked; the answer is one line of JSON:
 *     {"code": 0, "text": "...", "columns": [["id", "ID"], ...], "rows": [{"id": "..."}, ...],
 * "data": {...}} code is an exit code of sysexits.h; text is for people; columns and rows are a
 * table; data is what --json prints, the rows where it is not there; confirm, where it is there, is
 * the question before a change: the same request without "ask" is the yes. The socket's input is
 * hostile until proven otherwise: bounded in size, strict JSON, and who may ask what is decided by
 * the kernel's word on who is calling. */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "base/problem.h"
#include "loop/worker.h"
#include "queue/runtime.h"

/* How the configuration in use is another than that of conf.d. */
struct configuration_notes {
	char restart[512]; /* keys of the gateway fragment that wait for a restart, separated by ",
			      "; empty: none */
	/* why conf.d does not start: the last good one is in use; empty: conf.d is */
	char refused[512];
};

/* What main does for the verbs. */
struct admin_operations {
	/* Reads the configuration anew; swaps it in when `apply` and it has no errors. True: it has
	 * none. */
	bool (*reload)(void *arg, bool apply, struct problems *problems);
	void *arg; /* reload's */
	void (*each_metric)(void (*each)(void *arg, const char *name, int64_t value), void *arg);
	const char *config_dir, *module_dir;
	const char *release;
	const struct configuration_notes *notes; /* changed by reload */
};

struct admin;

/* Closes again the relays that an admin switched off before the restart: before mail moves. */
void relay_switch_restore(void);

/* Listens where control_socket.h says. NULL: told in problems. Main thread. */
struct admin *admin_create(struct worker *main, const char *state, const struct settings *settings,
			   const struct admin_operations *operations, struct problems *problems);
void admin_destroy(struct admin *admin);

/* One question without a socket, of the published snapshot (there may be none): the answer is a
 * line on standard output. Verbs that ask of what runs are refused. Exit code. */
int admin_answer_alone(struct worker *main, const struct admin_operations *operations,
		       const char *const *words);

/* After a reload: the socket is for the groups that are named now. */
void admin_reloaded(const struct admin *admin, const struct settings *settings);

#endif

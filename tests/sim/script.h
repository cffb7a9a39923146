/* script.h - what a client says, which replies it may get, and everything that may happen
 * meanwhile, in every order. */
#ifndef TESTS_SIM_SCRIPT_H
#define TESTS_SIM_SCRIPT_H

#include "client.h"
#include "paths.h"

/* What happens at most once, at any point or never. */
enum disturbance {
	NOTHING,
	CLIENT_RESETS, /* the link is lost */
	CLIENT_CLOSES, /* no more is said, the replies are read */
	CLIENT_DEAF,   /* reads no reply for a minute */
	ANSWER_LATE,   /* the module's deadline passes */
	CLIENT_SILENT, /* the longest time-out passes */
	SYNC_FAILS,
	DISK_FULL,
	SHUTDOWN, /* nothing new is begun */
	RESTART,  /* all ends, whatever is on its way */
	RELOAD,
};

#define CLIENTS_MOST 2

struct script {
	/* of each client; the last step has neither words nor replies */
	const struct step *steps[CLIENTS_MOST];
	enum disturbance disturbance; /* of the first client, where it is one of a client */
	bool deaf;                    /* the clients read no reply at all */
	/* the answers of the module for this walk */
	void (*prepare)(void);
	/* looked at in the end, when the host is at rest; may be NULL */
	void (*judge)(const struct client *clients);
};

/* Walks all paths. */
void script_walk(const struct script *script);
/* Of a test: they say how many walks it took; where one failed, what had happened until then, and
 * let no other begin. */
int script_setup(void **state);
int script_teardown(void **state);
#define script_test(name) cmocka_unit_test_setup_teardown(name, script_setup, script_teardown)

#endif

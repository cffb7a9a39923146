/* script.h - what a client says, which replies it may get, and everything that may happen
 * meanwhile, in every order. */
#ifndef TESTS_SIM_SCRIPT_H
#define TESTS_SIM_SCRIPT_H

#include "host.h"
#include "paths.h"

/* A piece of what the client says, as it arrives: a part of a command, or many. */
struct step {
	const char *say;
	/* one for each command that ends in it: how its reply may begin, "250 2.1.0|4|5". A 421 may
	 * come in the place of any, and is then the last. NULL ends them */
	const char *replies[8];
	bool waits;  /* until all replies to what was said before are here */
	int after;   /* not 0: waits too, and is said only where this was the last reply */
	bool secret; /* its part of a TLS handshake, and nothing said */
};

#define STEPS_MOST 16

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

struct client {
	struct peer_end *peer;
	const struct step *steps;
	size_t said;
	const char *due[64]; /* replies that are to come */
	size_t due_count;
	size_t looked_at; /* replies */
	bool is_gone;     /* by itself */
	bool is_reset;
	bool has_missed; /* what was said while it read nothing */
};

struct script {
	const struct step *steps; /* the last has neither words nor replies */
	enum disturbance disturbance;
	/* the answers of the module for this walk */
	void (*prepare)(void);
	/* looked at in the end, when the host is at rest; may be NULL */
	void (*judge)(const struct client *client);
};

/* Walks all paths; gives how many. */
unsigned long script_walk(const struct script *script);
/* Of a test: where a walk failed they say what had happened until then, and let no other begin. */
int script_setup(void **state);
int script_teardown(void **state);
#define script_test(name) cmocka_unit_test_setup_teardown(name, script_setup, script_teardown)

void client_begin(struct client *client, const struct step *steps);
bool client_may_say(const struct client *client);
void client_say(struct client *client);
/* So far each reply was due and of its kind. */
void client_check(struct client *client);
size_t client_replies(const struct client *client);
void client_end(struct client *client);

#endif

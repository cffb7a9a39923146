/* client.h - one client: what it says, step by step, and which replies it may get. */
#ifndef TESTS_SIM_CLIENT_H
#define TESTS_SIM_CLIENT_H

#include "host.h"

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

void client_begin(struct client *client, const char *address, const struct step *steps);
bool client_may_say(const struct client *client);
void client_say(struct client *client);
/* So far each reply was due and of its kind. */
void client_check(struct client *client);
size_t client_replies(const struct client *client);
void client_end(struct client *client);

#endif

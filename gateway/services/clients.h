/* clients.h - which clients there are: what modules that identify them say of those they know. They
 * are asked each time, and nothing is kept: who is in a file of users may change any moment. */
#ifndef SERVICES_CLIENTS_H
#define SERVICES_CLIENTS_H

#include "module/chain.h"

/* Asks the instances of the snapshot that have started, in their order, until `each` says false.
 * Strings live until it returns. Main thread. */
void clients_each(struct snapshot *snapshot, struct worker *main,
		  bool (*each)(void *arg, const struct gw_client *client), void *arg);

/* What a client of this name would be in a message: both of what its address and its login say of
 * it, as a session would take them one after the other. The first that is told of by that name is
 * it; one that needs a login has one in `logins`, and none otherwise. In the arena. False: nobody
 * knows it, or no memory. Main thread. */
bool clients_find(struct snapshot *snapshot, struct worker *main, struct arena *arena,
		  struct gw_str name, struct gw_client *client);

#endif

/* caller.h - who is at the other end of a control connection, by the kernel's word, and what the
 * settings let them do. */
#ifndef ADMIN_CALLER_H
#define ADMIN_CALLER_H

#include "module/snapshot.h"

struct caller {
	uid_t uid;
	pid_t pid;   /* 0: of another pid namespace */
	bool view;   /* may look */
	bool change; /* may change things too */
	bool own;    /* root or the gateway's own user: a place is kept for them */
};

/* False: the kernel does not say. `socket` is connected. */
bool caller_find(struct caller *caller, int socket, const struct settings *settings);

#endif

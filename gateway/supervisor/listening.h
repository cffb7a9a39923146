/* listening.h - the listening sockets that the supervisor keeps while serving processes come and
 * go: who connects meanwhile waits in the backlog. */
#ifndef SUPERVISOR_LISTENING_H
#define SUPERVISOR_LISTENING_H

#include "supervisor/channel.h"

/* Takes over sockets that the service manager opened. They are given out when their address is
 * asked for, and stay. */
void listening_adopt(const int *fds, unsigned count);

/* Binds what is missing; gives the kept sockets of the address and how many in `count`. NULL:
 * errno. */
const int *listening_give(const struct channel_order *order, unsigned *count);

/* Everything asked for is in use and the rest closes, or nothing changed and what is new closes. */
void listening_settle(bool keep);

/* A serving process begins: nothing was asked for yet. */
void listening_forget(void);

void listening_close(void);

#endif

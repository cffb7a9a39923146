/* listener.h - the socket that the API listens on: one for the process, whatever instance has it.
 */
#ifndef HTTP_LISTENER_H
#define HTTP_LISTENER_H

#include "conf.h"

struct server;

/* A descriptor of its own for `server`, which has it from now on; the one before is told to let go.
 * -1 with errno. */
int listener_take(struct server *server, struct gw_str text);
/* It listens no more: where nobody has taken it, it is closed. */
void listener_leave(struct server *server);

#endif

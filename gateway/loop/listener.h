/* listener.h - a listening socket on one worker. */
#ifndef LOOP_LISTENER_H
#define LOOP_LISTENER_H

#include "loop/worker.h"
#include <sys/socket.h>

struct listener;

/* Binds and listens (SO_REUSEADDR, SO_REUSEPORT when `shared`, IPV6_V6ONLY); gives the descriptor,
 * or -1 with errno. [any thread] */
/* False with errno: another process has the address. Asked without SO_REUSEPORT, with which two
 * gateways would share it and the mail. */
bool listener_is_free(const struct sockaddr *address, socklen_t len);

int listener_bind(const struct sockaddr *address, socklen_t len, bool shared, int backlog);

/* Accepts on `fd` (taken over) in this worker; `accepted` owns each new descriptor (non-blocking,
 * close-on-exec, TCP_NODELAY). When descriptors run out (EMFILE, ENFILE, ENOBUFS, ENOMEM) accepting
 * pauses for a second instead of spinning, and is logged once. */
struct listener *listener_create(struct worker *worker, int fd,
				 void (*accepted)(int fd, const struct sockaddr *peer,
						  socklen_t len, void *arg),
				 void *arg);
void listener_pause(struct listener *listener);
void listener_resume(struct listener *listener);
void listener_destroy(struct listener *listener); /* closes; NULL is fine */

/* Closes an accepted descriptor that nobody serves, with this as the last words; whether they get
 * there does not matter. [any thread] */
void listener_refuse(int fd, struct gw_str why);

/* A text address and port, "0.0.0.0" or "::1", to a socket address; false: it is none. */
bool listener_address(struct gw_str text, uint16_t port, struct sockaddr_storage *address,
		      socklen_t *len);

#endif

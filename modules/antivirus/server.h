/* server.h - the scanners, in the order in which they are asked, and what is known of each. Shared
 * by the workers. */
#ifndef ANTIVIRUS_SERVER_H
#define ANTIVIRUS_SERVER_H

#include "protocol.h"

#include <pthread.h>
#include <sys/socket.h>

struct server {
	char name[120]; /* as configured */
	char host[120]; /* of an ICAP service: its address and port */
	const struct protocol *protocol;
	struct sockaddr_storage address;
	socklen_t address_len;
	bool local; /* a unix socket: takes descriptors */
	/* under the lock of the servers */
	bool down, told_down;
	char version[120]; /* what it said to VERSION last; empty: not known */
	char fault[160];   /* why it is down */
};

struct servers {
	pthread_mutex_t lock;
	struct server *items;
	size_t count;
};

/* `names`: of clamds "/run/clamav/clamd.ctl", "192.0.2.1:3310", "[2001:db8::1]:3310", of ICAP
 * services "icap://192.0.2.1:1344/avscan". The name that is none, in `wrong`; or NULL in it: no
 * memory. */
bool servers_init(struct servers *servers, struct gw_list names, const char **wrong);
void servers_finish(struct servers *servers);

/* The first that is up and not in `tried` (a bit each); of those that are down the first, when none
 * is up. -1: all were tried. */
int servers_next(struct servers *servers, uint32_t tried);
#define SERVERS_MOST 16

void servers_fail(struct servers *servers, size_t which, const char *why);
/* It answered. True: its signatures are others than when it was asked last. */
bool servers_answered(struct servers *servers, size_t which, struct gw_str version);

/* What is known of it now. True: it went down, or came up, since this was asked last. */
bool servers_look(struct servers *servers, size_t which, struct server *known);

/* Whether it takes a connection now, within a second; why not, else NULL. Blocks. */
const char *server_refuses(const struct server *server);

/* A number that changes whenever the signatures do; 0: it does not say which it has. */
uint64_t servers_signatures(struct servers *servers, size_t which);

#endif

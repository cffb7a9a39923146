/* channel.h - what the serving process says to its supervisor and asks of it.
 *
 * One packet an order, over a socketpair; only CHANNEL_LISTEN has an answer. The serving process
 * may be taken over by whoever sends it mail, so the supervisor trusts an order no further than
 * what it names: it binds TCP addresses, and says things to the service manager. */
#ifndef SUPERVISOR_CHANNEL_H
#define SUPERVISOR_CHANNEL_H

#include <gateway/str.h>

#include <sys/socket.h>

enum channel_kind {
	/* sockets that listen on `address`, `count` of them: the same ones each time it is asked */
	CHANNEL_LISTEN,
	/* those asked for since the last KEEP or UNDO are in use: others close */
	CHANNEL_KEEP,
	CHANNEL_UNDO,  /* those that were made new since then close */
	CHANNEL_READY, /* it serves, or serves again after RELOADING */
	CHANNEL_RELOADING,
	CHANNEL_ALIVE,   /* every worker turns */
	CHANNEL_LOG,     /* with the log file: what the supervisor says stands there too */
	CHANNEL_REFUSED, /* conf.d does not start, and why: `text`; empty: it does again */
	CHANNEL_KINDS
};

#define CHANNEL_TEXT 512

struct channel_order {
	uint32_t kind;
	uint32_t count;
	uint32_t len;
	union {
		struct sockaddr_storage address;
		char text[CHANNEL_TEXT];
	};
};

struct link_answer {
	int32_t error; /* errno; 0: the descriptors come along */
	uint32_t count;
};

#define CHANNEL_SOCKETS 128 /* descriptors in one answer */

/* --- in the serving process --- */

void channel_use(int fd);

/* Fills in at most `count` listening sockets; gives how many, at least 1, or -1 with errno. Main
 * thread. */
int channel_listen(const struct sockaddr_storage *address, socklen_t len, unsigned count, int *fds);
void channel_say(enum channel_kind kind);
void link_say_refused(const char *why); /* for people, cut at CHANNEL_TEXT */
void channel_say_log(const char *path); /* the file of the log, or of its successor */

/* --- both --- */

/* Packets with descriptors; -1 with errno. */
int channel_send_fds(int link, const void *packet, size_t len, const int *fds, unsigned count);
ssize_t channel_receive_fds(int link, void *packet, size_t len, int *fds, unsigned *count);

#endif

/* host.h - the host in the world of sim.h: one worker that receives, a spool on a disk in memory, a
 * module whose answers the test gives, and in the place of the delivery a list of what it was
 * given.
 *
 * What always holds is looked at by host_settle and host_end: a 250 is said of what a power cut
 * would leave, no reply is missing or too many, a message is told once and delivered once, and in
 * the end nothing is left: no session, hold, timer, message or extent. */
#ifndef TESTS_SIM_HOST_H
#define TESTS_SIM_HOST_H

#include "sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../unit/module/rig.h"

#include "queue/runtime.h"
#include "receive/receive.h"

#define HOST_LISTENER 25 /* its descriptor */
#define HOST_SEEN 256
#define REPLY_TEXT 96

struct reply {
	int code;
	char text[REPLY_TEXT]; /* of its last line */
};

/* What the module says to a hook: at once, or when host_answer is called. */
struct says {
	enum gw_verdict verdict;
	bool later;   /* it holds the call */
	bool on_pool; /* it gives work to the pool */
	bool begun;   /* ... which begins at once: nobody can call it back */
};

struct held_call {
	struct held_call *next;
	enum gw_hook hook;
	gw_ticket ticket;
	bool on_pool;
	const struct gw_call *call;
	const struct gw_message *message; /* NULL: it is about none */
	uint64_t id;
};

struct told {
	uint64_t id; /* 0: no message */
	bool accepted, unanswered;
};

struct host {
	struct worker *worker;
	struct disk *disk;
	struct rig rigs[2], *now; /* configurations: before and after a reload */
	struct listen_settings listener;
	struct id_maker ids;
	int64_t retry_ms;
	struct says says[GW_HOOKS];
	/* what happened */
	struct held_call *held; /* the newest first */
	unsigned asked[GW_HOOKS], answered, dropped;
	uint64_t checked[HOST_SEEN]; /* messages that the hook `message` saw */
	size_t checked_count;
	uint64_t delivered[HOST_SEEN];
	size_t delivered_count;
	bool delivers_later; /* when host_deliver is called */
	struct gw_message *work[HOST_SEEN];
	size_t at_work;
	struct told told[HOST_SEEN];
	size_t told_count;
	size_t refusals; /* told, before all of a message was there */
};

/* One host at a time: what the rooms share is of the process. */
extern struct host host;

void host_begin(void);
void host_start(void); /* listens; between the two the test may change settings and answers */
void host_end(void);

void host_settle(void);
void host_rest(void); /* until nothing waits for the module, the pool or the disk */
void host_pass(int64_t ms);
void host_disk_work(void);
/* The module answers the call that it holds, or the pool is done with it. */
void host_answer(void);
bool host_holds(void);
void host_deliver(void);
void host_reload(void);  /* the same configuration, newly loaded: another generation */
void host_drain(void);   /* a shutdown begins */
void host_restart(void); /* all ends now, whatever is on its way, and begins again */
void host_module(struct rig *rig);

/* All that a client was told, parsed: fails the test where it is no row of replies. */
size_t replies_of(const struct peer_end *peer, struct reply *replies, size_t most);
bool message_is_safe(uint64_t id); /* after a power cut now */
size_t host_kept(void);            /* messages in the spool */

#endif

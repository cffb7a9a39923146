/* asker.h - the client that waits for what the next hop says of its message.
 *
 * The message is in the spool and in the queue before anybody is asked: whatever happens, it is as
 * accepted. The asker is in memory the caller owns, named by the message's id; it is told once, on
 * the worker, and from then on the queue knows it no more. What is refused is told after FINAL is
 * on the disk: no restart reports what a client has heard. */
#ifndef QUEUE_ASKER_H
#define QUEUE_ASKER_H

#include "mail/message.h"
#include "queue/runtime.h"

enum asker_end {
	ASKER_DELIVERED, /* all have it; with the reply about the first */
	ASKER_REFUSED,   /* nobody will have it, and FINAL is on the disk */
	ASKER_LOST,      /* nobody will have it, and whether FINAL is on the disk is not known */
	/* from here on the message is as accepted, and its sender gets reports */
	ASKER_OPEN,    /* the first round of work ended otherwise */
	ASKER_LATE,    /* ... or took too long */
	ASKER_ORDERED, /* an admin said what is to become of it */
	ASKER_STOPPED, /* the gateway stops */
	ASKER_ENDS,
};

enum asker_state {
	ASKER_DONE,    /* told, or gone */
	ASKER_WAITS,   /* the queue knows it */
	ASKER_CLAIMED, /* refuse() said yes: queue_final follows in the same turn */
	ASKER_WRITES,  /* FINAL is on its way to the disk, and cannot be called back */
};

struct asker {
	uint64_t id; /* first: the key of the map */
	enum asker_state state;
	struct timer timer;
	struct spool_append final;
	/* The next hop refuses it. False: the client has left, or cannot be told; else REFUSED or
	 * LOST follows, and the caller has kept the reply. */
	bool (*refuse)(struct asker *asker, const struct smtp_reply *reply);
	/* reply NULL but for DELIVERED. May free the asker, but for LOST while it is written: then
	 * queue_unask is false and this comes once more. */
	void (*told)(struct asker *asker, enum asker_end end, const struct smtp_reply *reply);
};

/* From now on the end of the first round is told, or LATE after `ms`. -1: no memory. */
int queue_ask(struct worker *worker, struct asker *asker, int64_t ms);

/* The client left: nothing is told. False: FINAL is being written, told() follows and the asker has
 * to stay until then. */
bool queue_unask(struct worker *worker, struct asker *asker);

bool queue_is_asked(const struct worker *worker, uint64_t id);

/* Nothing happens where nobody asks. */
void queue_tell(struct gw_message *message, enum asker_end end, const struct smtp_reply *reply);

/* True: the client will hear the refusal, and nobody else; queue_final has to follow at once.
 * False: nobody waits any more, the message is as accepted. */
bool queue_refuse(struct gw_message *message, const struct smtp_reply *reply);

/* Each that waits on this worker. */
void queue_tell_all(struct worker *worker, enum asker_end end);

#endif

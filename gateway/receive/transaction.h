/* transaction.h - a message whose bytes are coming in, from DATA or the first BDAT to the reply to
 * its end.
 *
 * What fits in one extent stays in memory and becomes the tail of one record; more goes out in
 * extents as it arrives, and the session reads on only while fewer than two of them are on their
 * way. data.c takes the bytes, extent.c keeps them, check.c asks whether they are to be kept,
 * commit.c keeps the promise, cutthrough.c has the client hear its next hop instead. */
#ifndef RECEIVE_TRANSACTION_H
#define RECEIVE_TRANSACTION_H

#include "queue/asker.h"
#include "receive/session.h"

#define EXTENTS_IN_FLIGHT 2

struct transaction {
	/* NULL: the client is gone, the extents are still on their way */
	struct gw_session *session;
	struct worker *worker;
	uint64_t id;
	struct data_reader reader;
	struct buf bytes; /* what is not in an extent yet */
	uint64_t size;    /* octets so far */
	size_t extent_size;
	struct spool_extent *extents;
	unsigned extent_count, extent_room, in_flight;
	enum spool_result result; /* the worst so far */
	bool ended;               /* the final dot was read */
	int64_t ended_at;         /* monotonic ms */
	bool too_big;
	bool chunked; /* it comes by BDAT */
	struct buf envelope;
	struct spool_append append; /* of the message */
	/* while it is committed: it is kept even if the client leaves now */
	struct gw_message *message;
	/* cutthrough.c: the queue has the message, and the client waits for what becomes of it */
	bool queued;
	struct asker asker;
	struct smtp_reply
		refusal; /* what it will hear; text in the arena of the session's message */
};

struct transaction *transaction_create(struct gw_session *session);
void transaction_free(struct transaction *transaction);
/* frees, and gives the extents' space back */
void transaction_abandon(struct transaction *transaction);
/* extent.c: what is in memory goes out as an extent */
void transaction_flush(struct transaction *transaction);
/* check.c: all bytes are here, every extent is in the log */
void transaction_check(struct transaction *transaction);
void transaction_commit(struct gw_session *session); /* commit.c */
/* data.c: octets were added to bytes */
void transaction_account(struct transaction *transaction, size_t written);
/* data.c: how many may be taken at once */
size_t transaction_bite(const struct transaction *transaction, size_t have);
void transaction_end(struct gw_session *session); /* data.c: the last octet was taken */
/* commit.c: 250, in these words or that it is queued; everybody is told that it was accepted */
void message_accept(struct gw_session *session, const char *enhanced, struct gw_str text,
		    const char *json);
void message_accept_queued(struct gw_session *session);
/* commit.c: its client left without an answer */
void message_unanswered(const struct gw_message *message, bool kept);
/* cutthrough.c: the message is on the disk. False: its client is told 250 now. */
bool cutthrough_begin(struct gw_session *session);
/* ... and its message is as accepted, should it leave now */
bool cutthrough_waits(const struct gw_session *session);
/* the client left, or heard it: the queue has the message, the transaction goes */
void cutthrough_end(struct transaction *transaction);
void message_refuse(struct gw_session *session, int code, const char *enhanced, const char *text);

#endif

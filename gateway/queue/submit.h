/* submit.h - messages that the gateway makes itself (DSNs, warnings, a module's submission): they
 * run the same hooks, the same commit, the same queue as any other. */
#ifndef QUEUE_SUBMIT_H
#define QUEUE_SUBMIT_H

#include "queue/queue.h"

struct submission {
	struct worker *worker;
	struct snapshot *snapshot; /* held by submit until it is done */
	struct gw_str sender;      /* empty: the null sender */
	const struct gw_str *rcpts;
	size_t rcpt_count;
	struct gw_str bytes; /* header and body; copied */
	struct gw_str type;  /* empty: the default */
	bool smtputf8, requiretls;
	uint64_t id; /* of the new message; 0: one is made */
	/* Told on the worker, from the loop or from inside: taken (durable) or not. May be NULL. */
	void (*done)(void *arg, uint64_t id, bool taken);
	void *arg;
};

/* Begins; everything named by the struct is copied before it returns. */
void submit(const struct submission *submission);

/* The message a submission would make, without submitting it; NULL: no memory. Whoever destroys it
 * lets go of its snapshot. */
struct gw_message *submission_message(const struct submission *submission);

/* A new id of this worker. */
uint64_t submit_id(struct worker *worker);

#endif

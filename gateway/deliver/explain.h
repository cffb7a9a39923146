/* explain.h - what would become of a message: the hooks are asked as for a real one
 * (GW_MESSAGE_DRY), nothing is kept, counted or sent. */
#ifndef DELIVER_EXPLAIN_H
#define DELIVER_EXPLAIN_H

#include "module/snapshot.h"

/* One step of the explanation. */
struct explain_step {
	struct gw_str relay; /* empty: it is about no relay */
	const char *answer; /* "client", "rule", "type", "passed over", "takes it", "next"; else how
			       it ends */
	struct gw_str by;   /* the instance that said it; empty: none, or the relay says enough */
	/* where its client would hear a reply, or its sender get it in a report: that reply */
	struct gw_str why;
};

/* A question, in memory of whoever asks until `done` runs. */
struct explain_question {
	struct worker *worker;
	struct snapshot *snapshot; /* held by whoever asks */
	struct gw_str sender, rcpt;
	/* who hands it in: a name alone, or all that is known of it; NULL: nobody is named */
	const struct gw_client *client;
	bool known;
	struct gw_str type;  /* empty: the default type, or what the message hook says */
	struct gw_str bytes; /* the message: a header at least */
	/* the bytes are a real message: what the message hook says of its type is told */
	bool whole;
	bool all; /* relays that are no candidates are told too */
	/* Both on the worker. The step's strings live until `step` returns. */
	void (*step)(void *arg, const struct explain_step *step);
	void (*done)(void *arg);
	void *arg;
};

/* Its client hears the reply, at RCPT or at the end of the data. */
#define EXPLAIN_REFUSED "refused"
#define EXPLAIN_GIVEN_BACK "given back" /* it is taken, and its sender gets a report */

/* On the question's worker; `done` runs from the loop or from inside. */
void explain_begin(const struct explain_question *question);

#endif

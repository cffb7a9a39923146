/* posting.h - whether Azure may have a recipient's mail, and as which operation: noted for each
 * recipient before the mail is posted, and kept until there is a definite answer.
 *
 * A group of recipients is not the same at each try (one is suppressed meanwhile, others come from
 * another relay), the operation as which they were posted is. So it belongs to the recipient.
 *
 * It is a record in the gateway's state and no note of the message: a note reaches the disk when
 * the try is over, and this has to be there before the mail is on its way: posting_keep(). */
#ifndef MAIL_API_POSTING_H
#define MAIL_API_POSTING_H

#include "operation.h"

enum posting_state {
	POSTING_NONE, /* it was never posted, or a definite answer said that it is not there */
	POSTING_OVER, /* its operation failed, and not by the mail's fault: the next has a new id */
	POSTING_MADE, /* posted, or about to be: Azure may have it */
};

struct posting {
	enum posting_state state;
	unsigned generation; /* operations of it that are over */
	char id[OPERATION_ID];
	char relay[256]; /* at which */
};

struct posting posting_of(struct gw_call *call, struct gw_delivery *delivery,
			  const struct gw_rcpt *rcpt);

/* What all of a delivery are. False: they are not the same. */
bool posting_of_all(struct gw_call *call, struct gw_delivery *delivery, struct posting *posting);

/* Of all in the delivery, at its relay. -1: it could not be kept, and nothing may be posted. */
int posting_note(struct gw_call *call, struct gw_delivery *delivery, const struct posting *posting);

/* The same, and the hook `kept` is told, with `arg`, whether that of all is on disk. */
int posting_keep(struct gw_call *call, struct gw_delivery *delivery, const struct posting *posting,
		 void *arg);

/* Nothing of theirs is at Azure, or it has answered for good. */
void posting_forget(struct gw_call *call, struct gw_delivery *delivery);

/* In admit: leaves in the delivery those that were posted as its first one was, or nowhere; the
 * others are asked about anew. -1: no memory. */
int posting_part(struct gw_call *call, struct gw_delivery *delivery);

/* Forgets what is so old that its message has left the queue by another way. In start. */
void postings_sweep(struct gw_call *call);

#endif

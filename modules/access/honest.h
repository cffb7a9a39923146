/* honest.h - whether a message says that it is from whom it may be: its From and Sender fields
 * against the domains of its client. */
#ifndef ACCESS_HONEST_H
#define ACCESS_HONEST_H

#include "access.h"

struct finding {
	/* what is wrong, one word for logs and counters ("from-twice"); NULL: nothing */
	const char *id;
	char text[400]; /* the same for people */
	/* the field is sound, and names somebody else: what FROM_REWRITE mends */
	bool is_foreign;
};

/* `client`: who it is, for the text. */
void honest_check(struct gw_call *call, struct gw_message *message, struct gw_str domains,
		  struct gw_str client, struct finding *finding);

/* prepare: From becomes `address`, with the name that it had where that is no address; the old From
 * becomes Reply-To where there is none; Sender and the DKIM signatures go, which the new From
 * contradicts and breaks. -1: it cannot be edited. */
int honest_rewrite(struct gw_call *call, struct gw_delivery *delivery, struct gw_str address);

#define FLAG_FIELD "X-Sender-Check"

/* prepare: what was found stands in FLAG_FIELD; what came as one does not. */
int honest_flag(struct gw_call *call, struct gw_delivery *delivery, struct gw_str text);

#endif

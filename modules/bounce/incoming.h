/* incoming.h - mail to the bounce domain: a bounce, proven by its token, is read and remembered
 * before the 250, and the client that sent the message hears of it. Anything else is refused. */
#ifndef BOUNCE_INCOMING_H
#define BOUNCE_INCOMING_H

#include "bounce.h"
#include "token.h"

/* The private bytes of a message. */
struct incoming {
	bool is_bounce;
	struct path path; /* what it is about */
};

/* The hooks. */
enum gw_verdict incoming_rcpt(struct gw_call *call, struct gw_message *message,
			      struct gw_rcpt *rcpt);
enum gw_verdict incoming_message(struct gw_call *call, struct gw_message *message);

#endif

/* flow.h - a login by a person: a code for a device (RFC 8628), or a page to open and what it sends
 * back (RFC 6749 with PKCE). It is begun and asked about by gatewayctl in the main thread, and goes
 * on in ticks, on a worker. */
#ifndef OAUTH_FLOW_H
#define OAUTH_FLOW_H

#include "answer.h"
#include "conf.h"
#include "text.h"

enum flow_at {
	FLOW_NONE,
	FLOW_BEGUN,   /* device: the code is to be asked for, or is being asked for */
	FLOW_SHOWN,   /* device: somebody is to type the code somewhere */
	FLOW_OPENED,  /* page: somebody is to open it */
	FLOW_CODE,    /* page: it sent a code back, which is to be exchanged */
	FLOW_STORING, /* the token is there, or is being asked for without a person */
	FLOW_DONE,
	FLOW_FAILED, /* `said` is why */
};

struct flow {
	enum flow_at at;
	unsigned number; /* of the login: who asks about another one is told so */
	char said[ANSWER_TEXT];
	bool told; /* what a person is to do was shown */
	/* a device's */
	char device_code[2048], user_code[64], verification[512];
	int64_t interval, next_poll, until;
	/* a page's */
	char verifier[RANDOM_WORD], state[RANDOM_WORD], redirect[64], code[2048];
	char *page;
	int door, visitor; /* descriptors: 127.0.0.1 listens, somebody came; -1: none */
	unsigned patience; /* with a visitor who says nothing: browsers connect ahead of need */
};

void flow_init(struct flow *flow);
/* Wipes, closes, and begins as after flow_init, but for the number. */
void flow_finish(struct flow *flow);
void flow_fail(struct flow *flow, const char *why);

/* NULL, or why it cannot be begun. */
const char *flow_begin_device(struct flow *flow, int64_t now);
/* of a grant that needs no person: the next renewal is what is waited for */
const char *flow_begin_alone(struct flow *flow);
const char *flow_begin_page(struct flow *flow, const struct oauth_relay *conf,
			    const struct gw_relay *relay, int64_t now);

/* The page's answer as somebody pasted it: the whole address, or the code alone. NULL: it is taken,
 * else what is wrong with it. */
const char *flow_paste(struct flow *flow, struct gw_str text);

/* Whether the browser came to the door by itself; never blocks. */
void flow_look(struct flow *flow);

/* --- what to ask, in a tick --- */

/* What the answer to the device's first question, or to its polls, means: PENDING and LATER go on.
 */
void flow_shown(struct flow *flow, const struct answer *answer, int64_t now);
/* True: the account is to take the answer (a token). */
bool flow_polled(struct flow *flow, const struct answer *answer, int64_t now);

/* NULL, or why it cannot be asked; `now`: by the server's clock. */
const char *flow_form(struct form *form, const struct flow *flow, const struct oauth_relay *conf,
		      const struct gw_relay *relay, int64_t now);

#endif

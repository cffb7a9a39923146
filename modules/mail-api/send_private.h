/* send_private.h - what send.c and azure_send.c have together: a delivery on its way. */
#ifndef MAIL_API_SEND_PRIVATE_H
#define MAIL_API_SEND_PRIVATE_H

#include "azure_key.h"
#include "given.h"
#include "letter.h"
#include "operation.h"
#include "send.h"

#define MARGIN 15000 /* ms that a call waits longer than its request may take */

/* azure: what is under way. */
enum azure_step {
	AZURE_LOOKUP,  /* does it have the mail from a try before? */
	AZURE_LAG,     /* a pause before that is asked once more */
	AZURE_NOTE,    /* until it is on disk that the mail is posted */
	AZURE_POST,    /* the mail itself */
	AZURE_RECHECK, /* it was refused: since it was there already? */
	AZURE_WAIT,    /* a pause before the next question */
	AZURE_POLL,    /* what has become of it? */
	AZURE_PROBE,   /* a question about a mail that there is not */
};

struct azure_send {
	enum azure_step step;
	enum operation operation; /* of the answer that came last */
	int64_t until;            /* then somebody else asks again: ms since 1970 UTC */
	int64_t pause;            /* ms: as the answer asked */
	bool doubt;               /* it may have the mail, or has it */
	bool missed;              /* it was not found, at the first LOOKUP */
	bool durable;             /* what was noted is on disk */
	unsigned generation;      /* operations of these recipients that are over */
	struct said refused;      /* of the mail, until it was asked for */
	int made;                 /* as letter_make() says */
	struct refusal refusal;
	char id[OPERATION_ID];
	char hash[AZURE_HASH]; /* of what it is told */
};

struct send {
	struct send *next, **link; /* of its place */
	struct letter letter;
	const struct api *api;
	const struct api_relay *conf; /* the instance's, which lives as long as the call */
	struct lane *lane;            /* the instance's, which lives until the answer is told */
	struct gw_delivery *delivery;
	struct said said;
	gw_ticket ticket;
	bool asked, held, timed, kept; /* by whom it is had: request, call, timer, record */
	bool probe;
	char host[256];
	struct azure_send azure;
};

/* Frees it, when nobody has it any more. */
void send_unref(struct send *send);

/* Whoever asks, or sets a timer: a stop frees what still waits for either. */
void send_enlist(struct gw_call *call, struct send *send);

/* The call is over: its end, and the verdict again. */
enum gw_verdict send_end(struct send *send, enum gw_verdict verdict);

/* For gw_async. */
void send_dropped(void *arg);

/* What may have arrived is said before it is on its way: it stands if nobody is there to hear the
 * answer. */
void send_expect_nothing(struct gw_call *call, struct send *send);

/* Asks with these header lines, and with the letter as body where the method is POST. False: it
 * could not be begun. */
bool send_ask(struct gw_call *call, struct send *send, const char *method, struct gw_str url,
	      struct gw_list headers);

/* --- azure_send.c, azure_ask.c --- */

/* Whoever has a letter with its header made: tells it, asks for what has become of it. `made`,
 * `refusal`: as letter_make() says; what is refused now may have been posted before. */
enum gw_verdict azure_begin(struct gw_call *call, struct send *send, int made,
			    const struct refusal *refusal);
enum gw_verdict azure_begin_probe(struct gw_call *call, struct send *send);
void azure_take_answer(struct send *send, const struct gw_http_answer *answer, int64_t now);

/* Asks for what `azure.step` says, with a token, or signed with the access key. False: it could not
 * be begun. */
bool azure_ask(struct gw_call *call, struct send *send, struct gw_str secret);

#endif

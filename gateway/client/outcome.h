/* outcome.h - what one attempt gave for one recipient, as a value with all its parts: from the
 * socket to the DSN. */
#ifndef CLIENT_OUTCOME_H
#define CLIENT_OUTCOME_H

#include "base/event.h"
#include "smtp/reply.h"

#include <gateway/module.h>

/* Where in the conversation with the next hop it was decided. */
enum stage {
	STAGE_NONE,
	STAGE_RESOLVE,
	STAGE_CONNECT,
	STAGE_GREETING,
	STAGE_EHLO,
	STAGE_TLS,
	STAGE_AUTH,
	STAGE_MAIL,
	STAGE_RCPT,
	STAGE_DATA,
	STAGE_BODY,
	STAGE_DOT,
	STAGE_MODULE,
};

/* This machine could not try, whatever the relay is like. */
enum local {
	LOCAL_NONE,
	/* it lacks memory, descriptors or ports: it waits, since another relay would need them too
	 */
	LOCAL_SHORT,
	/* no way leads there, or no name server answers: for another relay there may be one */
	LOCAL_NETWORK,
};

struct outcome {
	/* 0: nothing yet. UNKNOWN: the link was lost after the final dot, before its reply */
	enum gw_status status;
	enum stage stage;
	/* it is about the link, the relay or our account there, not about this recipient or message
	 */
	bool link;
	/* the next hop lacks what the message needs: others are asked before it is bounced */
	bool unfit;
	enum local local;
	enum gw_fault fault;     /* whose it is, as a module said; NONE: outcome_fault() */
	struct smtp_reply reply; /* code 0: no reply; text then says what happened in our words */
	struct gw_str host;      /* "mx.example.net [192.0.2.7]:25", empty: none was reached */
};

const char *stage_name(enum stage stage);   /* "rcpt" */
enum stage stage_named(struct gw_str name); /* what is no stage's: STAGE_MODULE */
/* What is decided there is about the link, the relay or our account at it. */
bool stage_is_of_link(enum stage stage);
/* "relay" "account" "recipient" "message" "unknown" "local" */
const char *fault_name(enum gw_fault fault);
/* The event of a recipient that came to this; what is no status is tried again. */
enum event_id status_event(enum gw_status status);

/* The RFC 3463 code to report: the reply's own, else one that fits stage and status ("4.4.1",
 * "5.0.0"). */
void outcome_enhanced(const struct outcome *outcome, uint8_t enhanced[3]);

/* The recipient has it, or may have it: sent once more it may be there twice. */
bool outcome_is_taken(const struct outcome *outcome);

/* Whose fault it was, as far as the gateway itself can tell. */
enum gw_fault outcome_fault(const struct outcome *outcome);

/* What a system call's error on the way to a next hop says about this machine. */
enum local local_of(int error);

/* Fills in what modules are told of it; the strings are the outcome's. */
void outcome_tell(const struct outcome *outcome, struct gw_outcome *told, struct gw_result *result);

/* An outcome in our words. `text` is copied into the arena. */
struct arena;
void outcome_set(struct outcome *outcome, struct arena *arena, enum gw_status status,
		 enum stage stage, bool link, int code, const char *enhanced, struct gw_str text,
		 struct gw_str host);

/* The same with what the next hop said. Everything is copied, so it also moves an outcome into
 * another arena. */
void outcome_reply(struct outcome *outcome, struct arena *arena, enum gw_status status,
		   enum stage stage, bool link, const struct smtp_reply *reply, struct gw_str host);

#endif

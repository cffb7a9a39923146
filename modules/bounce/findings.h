/* findings.h - what a mail says of its recipients, one finding each. */
#ifndef BOUNCE_FINDINGS_H
#define BOUNCE_FINDINGS_H

#include "rules.h"

#include <glib.h>

#define FINDINGS_MAX 50     /* recipients of one mail */
#define DIAGNOSTIC_MAX 1000 /* octets of the remote's words that are kept */
#define ADDRESS_MAX 320

/* Where it was read. */
enum source {
	SOURCE_NONE,
	SOURCE_DSN,    /* fields of RFC 3464 */
	SOURCE_NOTICE, /* text for people */
	SOURCE_ARF,    /* a complaint */
	SOURCE_REPLY,  /* somebody's machine answers for him */
	SOURCE_SMTP,   /* a reply in a session */
};
const char *source_name(enum source source);

/* What it is to who waits for it: "bounce", "delayed", "delivered", "complaint", "auto_reply" or
 * "suppressed". */
struct finding;
const char *finding_event(const struct finding *finding);

enum action { ACTION_FAILED, ACTION_DELAYED, ACTION_DELIVERED };
const char *action_name(enum action action);

struct finding {
	char recipient[ADDRESS_MAX]; /* "": of nobody known */
	char original[ADDRESS_MAX];  /* whom the mail was for at first, as a report says; "" */
	enum kind kind;
	enum reason reason;
	enum action action;
	int code; /* 0: none */
	char status[STATUS_SIZE];
	char diagnostic[DIAGNOSTIC_MAX];
	char rule[RULE_SIZE];
	char remote[128]; /* who said so: "mx.example.net [192.0.2.7]", or a part of it */
};

struct findings {
	enum source source;
	size_t count;
	char message_id[256]; /* of the mail it is about, "<...>"; "": not known */
	char envelope_id[128];
	char reporting[128]; /* who made the report */
	struct finding items[FINDINGS_MAX];
};

/* Empty; to be freed with findings_free(). */
struct findings *findings_create(void);
void findings_free(struct findings *findings); /* NULL is fine */

/* A finding of that recipient: a new one, or the one that is there. NULL: there is no room. */
struct finding *findings_add(struct findings *findings, struct gw_str recipient);
struct finding *findings_of(struct findings *findings, struct gw_str recipient);

/* Keeps what fits: one line, whole characters. */
void text_keep(char *out, size_t size, struct gw_str text);

#endif

/* notice.h - the text of a report that is written for people: whom it is about, and what was said
 * of each. The forms of qmail, Exim, Postfix, sendmail, Exchange, Gmail, Zoho, Domino and others
 * have in common that an address begins a line, or stands behind a word like "recipient". */
#ifndef BOUNCE_NOTICE_H
#define BOUNCE_NOTICE_H

#include "findings.h"

#define MARKS_MAX 400 /* addresses of a text that are looked at */

struct mark {
	struct gw_str address;
	const char *line; /* where its line begins */
	bool strong;      /* it stands where recipients stand */
};

struct notice {
	struct gw_str text;
	size_t count;
	struct mark marks[MARKS_MAX];
};

void notice_read(struct notice *notice, struct gw_str text);

/* The text says that something was not delivered. */
bool notice_fails(struct gw_str text);
/* ... or not yet. */
bool notice_is_delay(struct gw_str text);

/* Adds the recipients that the text names, but for `sender`. */
void notice_recipients(const struct notice *notice, struct gw_str sender,
		       struct findings *findings);

/* What is said of that recipient: his part of the text; of the only one all of it. */
struct gw_str notice_part(const struct notice *notice, const struct findings *findings,
			  struct gw_str recipient);

/* The reply of a server within a text: from its code to the end of its lines. Empty: none. */
struct gw_str notice_reply(struct gw_str text);

/* An address stands in a line of its own. */
bool notice_lists(const struct notice *notice);

/* What stands above the first that is named. */
struct gw_str notice_head(const struct notice *notice);

#endif

/* returned.h - a mail that came back, whichever way: what it means for the recipients of the
 * message it is about, remembered with what has to follow. */
#ifndef BOUNCE_RETURNED_H
#define BOUNCE_RETURNED_H

#include "bounce.h"
#include "store.h"

struct returned {
	const struct bounce_conf *conf;
	struct store *store;
	const char *domain; /* the bounce domain */
	int64_t now;
	char *bytes;
	size_t len;
	struct sent sent; /* its id is what a token said, until is_known */
	bool is_known;
	struct findings *findings;
	int64_t numbers[FINDINGS_MAX]; /* 0: it is a copy */
	bool is_matched[FINDINGS_MAX]; /* the message had that recipient */
	bool failed;                   /* nothing is kept */
};

/* Room for MAIL_MAX octets. NULL: no memory. To be freed with returned_free(). */
struct returned *returned_create(struct gw_call *call, struct store *store);
void returned_free(void *returned);

/* Reads it and remembers what it says, on disk when this returns. It is about the message that
 * sent.id names, or, with `by_message_id`, whose Message-ID the mail returns. [any] */
void returned_take(struct returned *returned, bool by_message_id);

/* The client has to hear of what is said of this recipient. */
bool returned_is_owed(const struct returned *returned, size_t nth);

#endif

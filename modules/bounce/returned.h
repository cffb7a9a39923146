/* returned.h - a mail that came back, whichever way: what it means for the recipients of the
 * message it is about, remembered with what has to follow. */
#ifndef BOUNCE_RETURNED_H
#define BOUNCE_RETURNED_H

#include "bounce.h"
#include "writer.h"

struct returned {
	struct writing writing;
	gw_ticket ticket; /* of the call that waits for it */
	const struct bounce_conf *conf;
	struct store *store;
	const char *domain; /* the bounce domain */
	int64_t now;
	char *bytes;
	size_t len;
	struct sent sent; /* its id is what a token said, until is_known */
	bool is_known;
	struct findings *findings;
	struct record records[FINDINGS_MAX]; /* of each finding */
	int64_t numbers[FINDINGS_MAX];       /* 0: it is a copy */
	bool is_matched[FINDINGS_MAX];       /* the message had that recipient */
	bool failed;                         /* nothing is kept */
};

/* Room for MAIL_MAX octets. NULL: no memory. To be freed with returned_free(). */
struct returned *returned_create(struct gw_call *call, struct store *store);
void returned_free(void *returned);

/* Reads it, and finds the message that it is about: the one that sent.path names, or, with
 * `by_message_id`, whose Message-ID the mail returns. [any] */
void returned_read(struct returned *returned, bool by_message_id);
/* Whether there is anything to be kept of it. */
bool returned_has_records(const struct returned *returned, bool by_message_id);
/* Keeps it; it is the store's until the call of its ticket is resumed, and freed where nobody
 * waits any more. On disk then, unless it `failed`. */
void returned_keep(struct returned *returned);
/* The same for who may wait. */
void returned_keep_now(struct returned *returned);

#endif

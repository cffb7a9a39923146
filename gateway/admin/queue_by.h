/* queue_by.h - what waiting mail is counted under: why, where to, whose, for how long. */
#ifndef ADMIN_QUEUE_BY_H
#define ADMIN_QUEUE_BY_H

#include "admin/queue_filter.h"

/* What one message adds. */
struct queue_share {
	const struct queue_entry *entry;
	const struct gw_message *message;
	const struct gw_rcpt *rcpt; /* pending; NULL: it has none, or cannot be read */
	int64_t now;
};

enum { QUEUE_BY_REASON, QUEUE_BY_RELAY, QUEUE_BY_DOMAIN, QUEUE_BY_CLIENT, QUEUE_BY_AGE, QUEUE_BYS };

struct queue_by {
	const char *name; /* behind --by */
	/* appends the group's name; nothing: it has none */
	void (*put)(const struct queue_share *share, struct buf *out);
};
extern const struct queue_by queue_bys[QUEUE_BYS];

/* Where a name that QUEUE_BY_AGE put stands among them, the youngest first. */
size_t queue_age_rank(struct gw_str name);

#endif

/* queue_filter.h - which messages a queue verb means: the same words for each of them. */
#ifndef ADMIN_QUEUE_FILTER_H
#define ADMIN_QUEUE_FILTER_H

#include "admin/request.h"
#include "admin/tour.h"

/* The rows of a verb's table of words. */
#define FILTER_WORDS                                                                               \
	{ "--relay", "NAME",                                                                       \
	  "those that wait for this relay, were tried there last, or are moved to it", false },    \
		{ "--from", "TEXT", "those whose sender contains it", false },                     \
		{ "--to", "TEXT", "those with a recipient that contains it", false },              \
		{ "--client", "NAME", "those of this client", false },                             \
		{ "--type", "TYPE", "those of this type", false },                                 \
		{ "--reason", "TEXT",                                                              \
		  "those whose last reply, or reason of the hold, contains it", false },           \
		{ "--older", "TIME", "those that are older than 90s, 30m, 2h, 3d", false },        \
	{                                                                                          \
		"--status", "WORD", "waiting, active or held", false                               \
	}

struct queue_filter {
	const char *relay, *from, *to, *client, *type, *reason; /* NULL: any */
	int64_t received_before;                                /* wall, ms; 0: any */
	int state;                                              /* enum entry_state; -1: any */
	/* the message itself has to be looked at */
	bool reads;
	bool any; /* some word was said */
};

/* From the words of the request. False: one makes no sense, it was said, and the request is over.
 */
bool queue_filter_take(struct queue_filter *filter, struct request *request);

/* A message while it is looked at: in memory anyway, or read for this. */
struct queue_look {
	const struct queue_entry *entry;
	struct gw_message *message; /* NULL: cannot be read, or nobody needs it */
	struct gw_message *loaded;
	struct snapshot *snapshot;
};
void queue_look_begin(struct queue_look *look, struct worker *worker,
		      const struct queue_entry *entry, bool read);
void queue_look_end(struct queue_look *look);

bool queue_filter_takes_place(const struct queue_filter *filter, const struct queue_entry *entry);

/* In a tour with `relay` of the filter. */
bool queue_filter_fits(const struct queue_filter *filter, const struct queue_look *look,
		       const struct tour *tour, unsigned number);

/* "waiting", "active", "held" */
const char *queue_state_name(const struct queue_entry *entry);
/* Why it is not done: the reason of the hold, the last reply to one that is pending, or what it
 * waits for; empty: it was not tried yet. What was in `out` goes. message NULL: it cannot be read.
 */
void queue_reason(const struct queue_entry *entry, const struct gw_message *message,
		  struct buf *out);

#endif

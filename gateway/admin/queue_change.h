/* queue_change.h - what the verbs that change messages share: which ones are meant, the question
 * before many are changed, the tour. */
#ifndef ADMIN_QUEUE_CHANGE_H
#define ADMIN_QUEUE_CHANGE_H

#include "admin/queue_filter.h"
#include "base/event.h"

/* The rows of a verb's table of words. */
#define CHANGE_WORDS                                                                               \
	{ "--all", NULL, "every message, or every one that fits the other words", false },         \
		FILTER_WORDS,                                                                      \
	{                                                                                          \
		"--yes", NULL,                                                                     \
			"does not ask on a terminal before more than single messages are changed", \
			false                                                                      \
	}

struct queue_change {
	/* Changes it, on its worker. False: it could not be. */
	bool (*change)(const struct queue_change *change, struct worker *worker, uint64_t id);
	const char *done;       /* "given back to the sender" */
	enum queue_order order; /* for `change` */
	enum event_id event;    /* for `change`: what it is called in the log */
	int64_t uid;            /* for `change`: who asks */
	char relay[256];        /* for `change` */
};

/* From the words of the request; answers it. `filter` has been taken from its words. */
void queue_change_begin(struct request *request, const struct queue_change *change,
			const struct queue_filter *filter);

#endif

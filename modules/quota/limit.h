/* limit.h - limits as people set them, and which of them a message meets. */
#ifndef QUOTA_LIMIT_H
#define QUOTA_LIMIT_H

#include <gateway/module.h>

#include <pthread.h>

struct ledger;

enum counts { COUNT_RECIPIENTS, COUNT_MESSAGES };
enum window { WINDOW_DAY, WINDOW_ROLLING };
enum on_limit { ON_LIMIT_WAIT, ON_LIMIT_REFUSE, ON_LIMIT_NEXT };

#define NO_LIMIT (-1)
#define LIMITS_MAX 32 /* of the module's own group */

/* A limit of a relay or of the module's own group: the first members are options. */
struct limit {
	struct gw_str name; /* of a relay: counted_as, or its own */
	int64_t daily;      /* NO_LIMIT: none */
	int64_t per_minute; /* messages; 0: no limit */
	int64_t counts;     /* enum counts */
	int64_t window;     /* enum window */
	struct gw_str zone;
	struct gw_str client, type; /* empty: all; client "*": each by itself */
	int64_t on_limit;           /* enum on_limit */

	bool of_relay;
	struct ledger *ledger; /* NULL: there is one for each client */
	pthread_mutex_t lock;
	struct gw_day day; /* the one asked for last, under the lock */
};

/* The module's own group. */
struct config {
	struct gw_groups rows;
	struct limit *limits; /* these, ready for use */
	size_t count;
	bool limiting; /* something is limited, here or on a relay */
	bool refusing; /* one of them has on_limit = "refuse" */
	/* the run before this one did not end by itself, or while mail was on its way */
	bool crashed;
	int64_t ticked; /* when the tick ran last; its own */
};

extern const struct gw_option limit_options[], relay_limit_options[];

/* Looks at all limits and finds what they have counted; -1: problems were told. */
int limits_start(struct gw_call *call);

/* A limit with what it has counted for this client. */
struct applied {
	struct limit *limit;
	struct ledger *ledger;
};
struct applies {
	struct applied items[LIMITS_MAX + 1];
	size_t count;
	bool failed; /* memory is out: there may be more */
};

/* Each limit that there is, with each of its ledgers. */
void limits_each(struct gw_call *call, void (*each)(void *arg, const struct applied *applied),
		 void *arg);

/* Those of the module's own group that this delivery meets at the relay, then the relay's. The
 * gateway's own mail meets none. 0: none. */
size_t limits_of(struct gw_call *call, struct gw_delivery *delivery, const struct gw_relay *relay,
		 struct applies *applies);
/* typed: its type is decided; else those that are for all types. */
size_t limits_refusing(struct gw_call *call, const struct gw_message *message, bool typed,
		       struct applies *applies);

/* The relay's: each has one, and counts in it, if only for people. */
struct limit *limit_of_relay(struct gw_call *call, const struct gw_relay *relay);

/* The calendar day of that time where the limit is. */
struct gw_day limit_day(const struct gw_call *call, struct limit *limit, int64_t when);

/* What so many recipients of one message are for this limit. */
int64_t limit_amount(const struct limit *limit, int64_t rcpts);

#endif

/* instance.h - what an instance shares between its threads: what is to be looked at, what the last
 * look gave, and which look somebody waits for. */
#ifndef DOMAINS_INSTANCE_H
#define DOMAINS_INSTANCE_H

#include "report.h"

#include <pthread.h>

/* A look that has ended. Never changes; counted. */
struct result {
	struct report report;
	struct plan *plan; /* that the report's names are of */
	uint64_t number;   /* of the look */
	unsigned refs;
};

/* A question of an admin: what SPF says of a sender. One at a time. */
struct spf_query {
	uint64_t number; /* 0: there was none */
	bool done;
	char address[64], helo[GW_DOMAIN_MAX + 1], sender[512];
	enum spf_result result;
	char why[400], explanation[1001];
};

/* A key that dkim was asked to make for a domain that is added. Of the main thread alone. */
struct new_key {
	uint64_t number; /* 0: none was wanted yet */
	bool done;
	char name[GW_DOMAIN_MAX + 40], record[1000]; /* what to publish; empty: there is none */
	char why[300];                               /* why not */
};

struct instance {
	struct new_key key;
	pthread_mutex_t lock; /* of all that stands below */
	struct plan *plan;
	struct result *result; /* NULL: none yet */
	/* number of the look that began last; from the time of the start on, so that one of the
	 * instance before is none that is still to come */
	uint64_t begun;
	int64_t due;  /* when the next one begins */
	bool is_busy; /* one is under way, on some worker */
	struct spf_query query;
};

/* Takes the plan over; NULL: no memory. */
struct instance *instance_create(struct plan *plan, int64_t now);
void instance_destroy(struct instance *instance);

/* A new plan for the next look, which begins as soon as it can. Gives its number: a result of that
 * number or above has seen the plan. */
uint64_t instance_renew(struct instance *instance, struct plan *plan);

/* What is counted: a reference of one's own. NULL: there is none yet. */
struct result *instance_result(struct instance *instance);
void result_release(struct instance *instance, struct result *result);

/* Takes the report's content over. */
void instance_take(struct instance *instance, struct report *report, struct plan *plan,
		   uint64_t number);

#define LOOK_LATEST_MS ((int64_t)6 * 3600 * 1000) /* from one look to the next */

/* A reference to the plan for a look that begins now; NULL: it is not due, or one is under way. */
struct plan *instance_begin(struct instance *instance, int64_t now, uint64_t *number);
/* It has ended, and the next one is due then at the latest. Of a query the plan is NULL. */
void instance_end(struct instance *instance, struct plan *plan, int64_t due);

#endif

/* job.h - a notice for one delivery: gathered on the worker, worked out there or on a thread of the
 * pool, put in on the worker. */
#ifndef DISCLAIMER_JOB_H
#define DISCLAIMER_JOB_H

#include "author.h"
#include "compose.h"
#include "conf.h"

#include <gateway/module.h>

struct job {
	struct gw_delivery *delivery;
	const struct notice *notice;
	size_t rule; /* its number */
	struct wording wording;
	struct mail mail;
	uint64_t body_at;   /* in what goes out */
	GArray *signatures; /* size_t: fields of its header that are DKIM signatures */
	struct composed *composed;
};

/* How many fields of the delivery's header are DKIM signatures. */
size_t job_count_signatures(struct gw_delivery *delivery);

/* Takes from the delivery what is needed of its header. `author` is used until this returns. */
struct job *job_create(struct gw_call *call, struct gw_delivery *delivery,
		       const struct notice *notice, size_t rule, const struct author *author);
void job_free(void *job);

/* [any thread, while the call is held] */
void job_work(void *job);

/* Does to the delivery what was worked out. False: it cannot be. */
bool job_apply(struct gw_call *call, struct job *job, bool strip_signatures);

#endif

#include "admin/request.h"

#include <stdatomic.h>
#include <stdlib.h>

/* A question to every worker; the last one to answer tells main. */
struct gather {
	struct post done_post;
	_Atomic unsigned left;
	void (*ask)(struct worker *worker, unsigned number, void *arg);
	void (*done)(void *arg);
	void *arg;
	struct gather_part {
		struct post post;
		struct gather *gather;
		unsigned number;
	} parts[];
};

static void all_answered(struct post *post)
{
	struct gather *gather = (struct gather *)post;
	gather->done(gather->arg);
	free(gather);
}

static void ask_one(struct post *post)
{
	struct gather_part *part = (struct gather_part *)post;
	struct gather *gather = part->gather;
	gather->ask(runtime.workers[part->number], part->number, gather->arg);
	if (atomic_fetch_sub(&gather->left, 1) == 1)
		worker_post(runtime.main, &gather->done_post);
}

int on_each_worker(void (*ask)(struct worker *worker, unsigned number, void *arg),
		   void (*done)(void *arg), void *arg)
{
	struct gather *gather = calloc(1, sizeof(*gather) +
						  runtime.worker_count * sizeof(gather->parts[0]));
	if (!gather)
		return -1;
	gather->done_post.run = all_answered;
	gather->ask = ask;
	gather->done = done;
	gather->arg = arg;
	atomic_store(&gather->left, runtime.worker_count);
	for (unsigned i = 0; i < runtime.worker_count; i++) {
		gather->parts[i] = (struct gather_part){ { .run = ask_one }, gather, i };
		worker_post(runtime.workers[i], &gather->parts[i].post);
	}
	return 0;
}

/* recovery.c - opens the spool, gives what is queued to the workers, and keeps from them what the
 * gateway died of. */
#include "daemon/daemon.h"

#include "supervisor/supervisor.h"
#include "queue/queue.h"

#include <stdio.h>

/* As long as a sync takes on an ordinary disk. */
#define GATHER_US 1000

static void recovered(void *arg, const struct spool_found *found)
{
	size_t *failed = arg;
	for (unsigned i = 0; i < runtime.worker_count; i++)
		id_after(worker_get(runtime.workers[i], SLOT_IDS), found->id);
	if (queue_recovered(runtime.workers[found->id % runtime.worker_count], found) != 0)
		++*failed;
}

static void hold_crashers(void)
{
	const struct crashes *crashes = supervisor_crashes();
	for (size_t i = 0; i < crashes->count; i++) {
		const struct crash *crash = &crashes->items[i];
		char why[200];
		if (crash->count < CRASHES_TO_HOLD)
			continue;
		snprintf(why, sizeof(why),
			 "the gateway died %u times while this message was in %s of module %s",
			 crash->count, crash->hook, crash->instance);
		queue_hold_waiting(runtime.workers[crash->id % runtime.worker_count], crash->id,
				   gw_str(why));
	}
}

int recovery_run(const struct settings *settings, struct problems *problems)
{
	size_t failed = 0;
	struct spool_options options = {
		.path = settings->spool.path.ptr,
		.segment_size = settings->spool.segment_size,
		.min_free = settings->spool.min_free,
		.min_free_inodes = settings->spool.min_free_inodes,
		.gather_us = GATHER_US,
	};
	runtime.spool = spool_open(&options, recovered, &failed, problems);
	if (runtime.spool && failed)
		problem_add(problems, true, options.path, 0, "no memory for %zu queued messages",
			    failed);
	if (!runtime.spool || failed)
		return -1;
	hold_crashers();
	return 0;
}

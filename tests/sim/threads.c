/* threads.c - in the place of spool/threads.c: the turns of the spool's threads are the test's. */
#include "sim.h"

#include "spool/janitor.h"
#include "spool/spool_private.h"
#include "spool/wake.h"

int threads_start(struct spool *spool)
{
	return 0;
}

void threads_stop(struct spool *spool)
{
	commit_finish(spool);
}

/* Compaction waits for the commit thread, so it is not done here. */
void disk_work(struct spool *spool)
{
	commit_turn(spool);
	janitor_reclaim(spool);
	segment_prepare(spool, 0);
	janitor_measure(spool);
}

bool disk_is_due(struct spool *spool)
{
	return atomic_load(&spool->incoming) != NULL;
}

size_t disk_loose_extents(const struct spool *spool)
{
	size_t count = 0;

	for (size_t i = 0; i < spool->segments.count; i++)
		count += spool->segments.items[i]->unreferenced;
	return count;
}

int disk_expected(const struct spool *spool)
{
	return spool->expected;
}

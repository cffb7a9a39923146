/* orphan.c - what nobody but the worker owns any more. */
#include "loop/worker_private.h"

void worker_adopt(struct worker *worker, struct orphan *orphan)
{
	orphan->next = worker->orphans;
	orphan->link = &worker->orphans;
	if (orphan->next)
		orphan->next->link = &orphan->next;
	worker->orphans = orphan;
}

void worker_disown(struct orphan *orphan)
{
	if (!orphan->link)
		return;
	*orphan->link = orphan->next;
	if (orphan->next)
		orphan->next->link = orphan->link;
	orphan->link = NULL;
}

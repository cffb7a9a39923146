/* inbox.c - messages between workers: a stack that many push to and the worker takes as a whole. */
#include "loop/worker_private.h"

#include <unistd.h>

/* Stands in an empty inbox while the worker sleeps or is about to; who replaces it has to wake the
 * worker. A worker that is awake looks again before it sleeps, so nobody spends a system call on
 * it. */
static struct post sleeping;

static struct post *reversed(struct post *post)
{
	struct post *result = NULL, *next;

	for (; post; post = next) {
		next = post->next;
		post->next = result;
		result = post;
	}
	return result;
}

void worker_post_chain(struct worker *worker, struct post *first)
{
	struct post *newest = reversed(first);
	struct post *head = atomic_load_explicit(&worker->inbox, memory_order_relaxed);

	if (!first)
		return;
	do {
		first->next = head == &sleeping ? NULL : head;
	} while (!atomic_compare_exchange_weak_explicit(
		&worker->inbox, &head, newest, memory_order_acq_rel, memory_order_relaxed));
	/* `first` may be gone by now, the worker is not: who posts to it keeps it. One that posts
	 * to itself is awake. */
	if (head == &sleeping && worker != worker_current())
		inbox_wake(worker);
}

void worker_post(struct worker *worker, struct post *post)
{
	post->next = NULL;
	worker_post_chain(worker, post);
}

void inbox_wake(struct worker *worker)
{
	uint64_t one = 1;
	ssize_t done = write(worker->wake_fd, &one, sizeof(one));

	(void)done; /* fails only when the count is at its end, and then the worker is awake */
}

bool inbox_sleep(struct worker *worker)
{
	struct post *empty = NULL;

	return atomic_compare_exchange_strong_explicit(&worker->inbox, &empty, &sleeping,
						       memory_order_acq_rel,
						       memory_order_relaxed) ||
	       empty == &sleeping;
}

bool inbox_run(struct worker *worker)
{
	struct post *post = atomic_exchange_explicit(&worker->inbox, NULL, memory_order_acq_rel),
		    *next;

	if (!post || post == &sleeping)
		return false;
	for (post = reversed(post); post; post = next) {
		next = post->next;
		post->run(post);
	}
	return true;
}

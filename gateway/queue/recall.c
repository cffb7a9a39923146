#include "queue/recall.h"

#include "queue/queue.h"

#include <stdlib.h>

struct relay_recall {
	struct post post; /* first */
	struct worker *worker;
	struct gw_str name; /* behind the struct */
};

static void begin(struct post *post)
{
	struct relay_recall *recall = (struct relay_recall *)post;
	queue_wake_all(recall->worker, recall->name);
	free(recall);
}

static struct relay_recall *recall_create(struct worker *worker, struct gw_str relay)
{
	struct relay_recall *recall = calloc(1, sizeof(*recall) + relay.len + 1);
	if (!recall)
		return NULL;
	memcpy(recall + 1, relay.ptr, relay.len);
	recall->name = gw_str_n((char *)(recall + 1), relay.len);
	recall->worker = worker;
	recall->post.run = begin;
	return recall;
}

/* Without memory they come by their own time. */
void recall_relay(struct gw_str relay)
{
	for (unsigned i = 0; i < runtime.worker_count && !runtime.stopping; i++) {
		struct relay_recall *recall = recall_create(runtime.workers[i], relay);
		if (recall)
			worker_post(recall->worker, &recall->post);
	}
}

void recall_all(void)
{
	recall_relay(gw_str(""));
}

/* --- a key: from worker to worker, each takes its share, what one does not need the next may have
 * --- */

struct key_recall {
	struct post post; /* first */
	size_t left;
	unsigned at, hops;
	struct gw_str name;
};

static struct worker *recall_worker(const struct key_recall *recall)
{
	return runtime.workers[recall->at % runtime.worker_count];
}

static void take_share(struct post *post)
{
	struct key_recall *recall = (struct key_recall *)post;
	unsigned ahead = recall->hops % runtime.worker_count ? recall->hops % runtime.worker_count
							     : runtime.worker_count;
	size_t share = (recall->left + ahead - 1) / ahead;
	recall->left -= queue_wake(recall_worker(recall), recall->name, share);
	recall->at++;
	if (--recall->hops == 0 || recall->left == 0)
		free(recall);
	else
		worker_post(recall_worker(recall), &recall->post);
}

void recall_key(struct gw_str key, size_t count)
{
	static _Atomic unsigned first; /* so that no worker is always the first */
	struct key_recall *recall = count && runtime.worker_count && !runtime.stopping
					    ? calloc(1, sizeof(*recall) + key.len + 1)
					    : NULL;
	if (!recall)
		return;
	memcpy(recall + 1, key.ptr, key.len);
	recall->name = gw_str_n((char *)(recall + 1), key.len);
	recall->left = count;
	recall->at = first++ % runtime.worker_count;
	recall->hops = 2 * runtime.worker_count;
	recall->post.run = take_share;
	worker_post(recall_worker(recall), &recall->post);
}

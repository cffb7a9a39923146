/* Who owns what. A hold belongs to its worker; the lock of its shard is there for wake(), which comes from any thread: state and generation change
 * under it. A hold that was woken is freed by the post that is on its way, and by nothing else; an offloaded one by the post
 * that brings the work back. So neither is freed while somebody else still has it. */
#include "module/chain_private.h"

#include "base/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SHARDS 64
#define SHARD_BITS 6
#define INDEX_BITS 26
#define CHUNK 128

enum hold_state {
	HOLD_FREE,
	HOLD_WAITING,   /* for wake() */
	HOLD_WOKEN,     /* its post is on the way: resumed will run */
	HOLD_ANSWERED,  /* resumed ran before the post came */
	HOLD_OFFLOADED, /* its work is in the pool */
	HOLD_ABANDONED, /* the same, and nobody wants the answer */
};

struct hold {
	struct offload offload; /* its post is also the one of wake() */
	struct timer timer;
	struct worker *worker;
	struct gw_call *call;
	struct instance *instance;
	struct gw_async async;
	void (*work)(void *arg);
	void *arg;
	uint64_t id;
	enum gw_hook hook;
	enum hold_state state;
	uint32_t index, generation;
	struct hold *next_free;
};

/* Holds of the workers whose number falls here. Chunks stay for good, so that a stale ticket finds a slot, not freed memory. */
static struct shard {
	pthread_mutex_t lock;
	struct hold **chunks;
	size_t chunk_count;
	struct hold *free;
} shards[SHARDS] = { [0 ... SHARDS - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER } };

static struct offload_pool *pool;

void chain_set_pool(struct offload_pool *p)
{
	pool = p;
}

#define HOLD_OF(pointer, member) ((struct hold *)((char *)(pointer) - offsetof(struct hold, member)))

static struct shard *shard_of(const struct worker *worker)
{
	return &shards[worker_number(worker) % SHARDS];
}

/* --- slots --- */

static bool add_chunk(struct shard *shard)
{
	if (shard->chunk_count * CHUNK >= (1u << INDEX_BITS))
		return false;
	struct hold **chunks = realloc(shard->chunks, (shard->chunk_count + 1) * sizeof(*chunks));
	if (!chunks)
		return false;
	shard->chunks = chunks;
	struct hold *chunk = calloc(CHUNK, sizeof(*chunk));
	if (!chunk)
		return false;
	for (size_t i = CHUNK; i-- > 0;) {
		chunk[i].index = (uint32_t)(shard->chunk_count * CHUNK + i);
		chunk[i].generation = 1;
		chunk[i].next_free = shard->free;
		shard->free = &chunk[i];
	}
	chunks[shard->chunk_count++] = chunk;
	return true;
}

static struct hold *slot_take(struct shard *shard)
{
	if (!shard->free && !add_chunk(shard))
		return NULL;
	struct hold *hold = shard->free;
	shard->free = hold->next_free;
	return hold;
}

static void hold_free(struct hold *hold)
{
	struct shard *shard = shard_of(hold->worker);

	timer_clear(&hold->timer);
	pthread_mutex_lock(&shard->lock);
	hold->state = HOLD_FREE;
	hold->generation = hold->generation == UINT32_MAX ? 1 : hold->generation + 1;
	hold->next_free = shard->free;
	shard->free = hold;
	pthread_mutex_unlock(&shard->lock);
}

static struct hold *slot_at(struct shard *shard, size_t index)
{
	return index / CHUNK < shard->chunk_count ? &shard->chunks[index / CHUNK][index % CHUNK] : NULL;
}

static gw_ticket ticket_of(const struct hold *hold)
{
	return (uint64_t)hold->generation << 32 | (uint64_t)hold->index << SHARD_BITS | worker_number(hold->worker) % SHARDS;
}

/* Changes the state of a hold when it is `from`; tells whether it was. */
static bool change(struct hold *hold, enum hold_state from, enum hold_state to)
{
	struct shard *shard = shard_of(hold->worker);

	pthread_mutex_lock(&shard->lock);
	bool was = hold->state == from;
	if (was)
		hold->state = to;
	pthread_mutex_unlock(&shard->lock);
	return was;
}

/* --- how a hold ends --- */

/* Runs resumed() in the name of the held call. */
static enum gw_verdict answer(struct hold *hold, bool may_hold)
{
	struct gw_call *call = hold->call;
	struct visit visit;

	visit_begin(&visit, hold->instance, hold->hook, hold->id);
	call->running = may_hold;
	enum gw_verdict verdict = hold->async.resumed(call, hold->arg);
	call->running = false;
	visit_end(&visit);
	return verdict;
}

static void drop_argument(struct hold *hold)
{
	struct visit visit;

	if (!hold->async.dropped)
		return;
	visit_begin(&visit, hold->instance, hold->hook, hold->id);
	hold->async.dropped(hold->arg);
	visit_end(&visit);
}

/* The answer is there: the hold goes before the module is asked, since it may hold again. */
static void resume(struct hold *hold)
{
	struct gw_call *call = hold->call;
	struct hold kept = *hold;

	call->hold = NULL;
	hold_free(hold);
	chain_go_on(call, verdict_take(call, answer(&kept, true)));
}

/* Nobody waits for it any more; tells whether the hold is gone. A woken one is not: its argument was handed over for resumed(). */
static bool give_up(struct hold *hold)
{
	if (change(hold, HOLD_OFFLOADED, HOLD_ABANDONED)) {
		timer_clear(&hold->timer);
		hold->call->busy++;
		return true;
	}
	if (!change(hold, HOLD_WAITING, HOLD_ANSWERED))
		return false;
	drop_argument(hold);
	hold_free(hold);
	return true;
}

void hold_abandon(struct gw_call *call)
{
	struct hold *hold = call->hold;

	call->hold = NULL;
	if (give_up(hold))
		return;
	timer_clear(&hold->timer);
	change(hold, HOLD_WOKEN, HOLD_ANSWERED);
	answer(hold, false);
}

static void woken(struct post *post)
{
	struct hold *hold = HOLD_OF(post, offload.post);

	if (change(hold, HOLD_WOKEN, HOLD_ANSWERED))
		resume(hold);
	else
		hold_free(hold);
}

static void late(struct timer *timer)
{
	struct hold *hold = HOLD_OF(timer, timer);
	struct gw_call *call = hold->call;
	char why[64];

	snprintf(why, sizeof(why), "no answer in %u ms", hold->async.deadline_ms);
	if (!give_up(hold))
		return;
	call->hold = NULL;
	chain_go_on(call, verdict_broken(call, why));
}

/* --- offloaded work --- */

static void work(struct offload *offload)
{
	struct hold *hold = HOLD_OF(offload, offload);
	struct visit visit;

	visit_begin(&visit, hold->instance, hold->hook, hold->id);
	hold->work(hold->arg);
	visit_end_offloaded(&visit);
}

static void release(struct gw_call *call)
{
	if (--call->busy > 0 || !call->cancelled)
		return;
	call->answer.verdict = GW_FAILED;
	call->done(call, call->arg);
}

static void returned(struct post *post)
{
	struct hold *hold = HOLD_OF(post, offload.post);
	struct gw_call *call = hold->call;

	if (hold->state == HOLD_OFFLOADED) {
		resume(hold);
		return;
	}
	drop_argument(hold);
	hold_free(hold);
	release(call);
}

/* --- the services --- */

static bool refuse(const struct gw_call *call, const char *why)
{
	struct log_line *line = log_open(LOG_FAIL, "module-bug");

	log_text(line, "instance", call->instance ? call->instance->name : "?");
	log_text(line, "hook", call->hook < GW_HOOKS ? hook_table[call->hook].name : "start");
	log_text(line, "text", why);
	log_close(line);
	return false;
}

static bool may_hold(const struct gw_call *call, const struct gw_async *async)
{
	if (call->cancelled && !call->running)
		return false;
	if (!call->running || worker_current() != call->worker)
		return refuse(call, "hold() or offload() outside of a hook that decides");
	if (call->hold)
		return refuse(call, "a call can be held once at a time");
	if (!async->resumed)
		return refuse(call, "hold() or offload() without resumed()");
	return true;
}

static struct hold *hold_make(struct gw_call *call, const struct gw_async *async, void *arg, enum hold_state state)
{
	struct shard *shard = shard_of(call->worker);

	pthread_mutex_lock(&shard->lock);
	struct hold *hold = slot_take(shard);
	if (hold) {
		hold->worker = call->worker;
		hold->call = call;
		hold->instance = call->instance;
		hold->async = *async;
		hold->arg = arg;
		hold->id = call_id(call);
		hold->hook = call->hook;
		hold->state = state;
	}
	pthread_mutex_unlock(&shard->lock);
	if (!hold)
		return NULL;
	if (!hold->async.deadline_ms)
		hold->async.deadline_ms = call->instance->deadline_ms;
	if (timer_set(hold->worker, &hold->timer, hold->async.deadline_ms, late) < 0) {
		hold_free(hold);
		return NULL;
	}
	return call->hold = hold;
}

enum gw_verdict call_hold(struct gw_call *call, const struct gw_async *async, void *arg, gw_ticket *ticket)
{
	if (!may_hold(call, async))
		return GW_FAILED;
	struct hold *hold = hold_make(call, async, arg, HOLD_WAITING);
	if (!hold)
		return GW_FAILED;
	*ticket = ticket_of(hold);
	return GW_PENDING;
}

enum gw_verdict call_offload(struct gw_call *call, const struct gw_async *async, void (*run)(void *arg), void *arg)
{
	if (!pool || !may_hold(call, async))
		return GW_FAILED;
	struct hold *hold = hold_make(call, async, arg, HOLD_OFFLOADED);
	if (!hold)
		return GW_FAILED;
	hold->work = run;
	hold->offload = (struct offload){ .post.run = returned, .work = work };
	offload_run(pool, hold->worker, &hold->offload);
	return GW_PENDING;
}

/* The post leaves under the lock: after chain_drop_all took the lock, none is on its way to a worker that ends. */
int call_wake(gw_ticket ticket)
{
	struct shard *shard = &shards[ticket % SHARDS];
	char name[64] = "";
	int result = -1;

	pthread_mutex_lock(&shard->lock);
	struct hold *hold = slot_at(shard, (ticket >> SHARD_BITS) & ((1u << INDEX_BITS) - 1));
	if (!hold || hold->generation != ticket >> 32 || hold->state != HOLD_WAITING) {
		/* late, woken before, or no ticket at all */
	} else if (hold->async.dropped && worker_current() != hold->worker) {
		snprintf(name, sizeof(name), "%s", hold->instance->name);
	} else {
		hold->state = HOLD_WOKEN;
		hold->offload.post.run = woken;
		worker_post(hold->worker, &hold->offload.post);
		result = 0;
	}
	pthread_mutex_unlock(&shard->lock);
	if (name[0])
		log_say(LOG_FAIL, "module-bug", "%s: wake() from another thread on a hold that has dropped()", name);
	return result;
}

/* --- shutdown --- */

/* A hold of this worker that still waits, from `index` on. */
static struct hold *next_waiting(struct worker *worker, size_t *index)
{
	struct shard *shard = shard_of(worker);
	struct hold *hold, *found = NULL;

	pthread_mutex_lock(&shard->lock);
	while (!found && (hold = slot_at(shard, (*index)++)))
		if (hold->worker == worker && (hold->state == HOLD_WAITING || hold->state == HOLD_OFFLOADED))
			found = hold;
	pthread_mutex_unlock(&shard->lock);
	return found;
}

void chain_drop_all(struct worker *worker)
{
	struct hold *hold;
	size_t index = 0;

	while ((hold = next_waiting(worker, &index))) {
		struct gw_call *call = hold->call;
		if (!give_up(hold))
			continue;
		call->hold = NULL;
		verdict_stop(call);
		chain_go_on(call, STEP_END);
	}
}

/* lookup.c - one question that several calls ask: its work is done once, and each of them gets the
 * answer.
 *
 * A lookup lives from the first call that asks until its work has returned and the last call has
 * its answer. Calls come and go meanwhile: each is an ordinary hold. It belongs to its worker, so
 * nothing here is locked. Work that nobody waits for any more is not begun. */
#include "module/chain_private.h"

#include "base/log.h"

#include <gateway/hash.h>

#include <stdlib.h>

#define BUCKETS 256
#define WORKERS_MOST 64
#define KEY_MOST 4096
#define RESULT_MOST ((size_t)1 << 20)

struct lookup {
	struct offload offload;
	struct lookup *next; /* in its bucket, while others may join */
	struct snapshot *snapshot;
	struct instance *instance;
	struct worker *worker;
	struct gw_lookup form;
	struct waiter *waiters;
	uint64_t hash, id;
	enum gw_hook hook;
	bool begun, returned, joinable;
	void *result;
	struct gw_str key; /* behind it */
};

struct waiter {
	struct waiter *next;
	struct lookup *lookup;
	gw_ticket ticket;
	void *arg;
};

/* Each a list: no more look-ups are under way than a line of the pool has room for. */
static struct lookup *buckets[WORKERS_MOST][BUCKETS];

static struct lookup **bucket_of(const struct worker *worker, uint64_t hash)
{
	return &buckets[worker_number(worker)][hash % BUCKETS];
}

static struct lookup *lookup_find(const struct gw_call *call, const struct gw_lookup *form,
				  struct gw_str key, uint64_t hash)
{
	struct lookup *lookup = *bucket_of(call->worker, hash);

	while (lookup && !(lookup->hash == hash && lookup->instance == call->instance &&
			   lookup->form.work == form->work && gw_str_eq(lookup->key, key)))
		lookup = lookup->next;
	return lookup;
}

/* Nobody joins any more. */
static void lookup_close(struct lookup *lookup)
{
	struct lookup **at = bucket_of(lookup->worker, lookup->hash);

	if (!lookup->joinable)
		return;
	while (*at != lookup)
		at = &(*at)->next;
	*at = lookup->next;
	lookup->joinable = false;
}

static void lookup_free_when_over(struct lookup *lookup)
{
	if (!lookup->returned || lookup->waiters)
		return;
	if (lookup->begun && lookup->form.release)
		lookup->form.release(lookup->result);
	snapshot_release(lookup->snapshot);
	free(lookup->result);
	free(lookup);
}

/* --- its work --- */

static void work(struct offload *offload)
{
	struct lookup *lookup = (struct lookup *)(void *)((char *)offload -
							  offsetof(struct lookup, offload));
	struct call_guard guard;

	lookup->begun = true;
	call_guard_begin(&guard, lookup->instance, lookup->hook, lookup->id);
	lookup->form.work(lookup->instance->call, lookup->key, lookup->result);
	call_guard_end_offloaded(&guard);
}

static void returned(struct post *post)
{
	struct lookup *lookup = (struct lookup *)(void *)((char *)post -
							  offsetof(struct lookup, offload.post));

	lookup->returned = true;
	lookup_close(lookup);
	for (struct waiter *waiter = lookup->waiters; waiter; waiter = waiter->next)
		call_wake(waiter->ticket);
	lookup_free_when_over(lookup);
}

static struct lookup *lookup_make(struct gw_call *call, const struct gw_lookup *form,
				  struct gw_str key, uint64_t hash)
{
	struct offload_line *line = hold_line(call);
	struct lookup *lookup = line ? calloc(1, sizeof(*lookup) + key.len + 1) : NULL;

	if (!lookup)
		return NULL;
	char *copy = (char *)(lookup + 1);
	memcpy(copy, key.ptr, key.len);
	*lookup = (struct lookup){
		.snapshot = snapshot_hold(call->snapshot),
		.instance = call->instance,
		.worker = call->worker,
		.form = *form,
		.hash = hash,
		.id = call_id(call),
		.hook = call->hook,
		.key = gw_str_n(copy, key.len),
		.result = calloc(1, form->result_size + 1),
		.offload = { .post.run = returned, .work = work },
		.next = *bucket_of(call->worker, hash),
		.joinable = true,
	};
	*bucket_of(call->worker, hash) = lookup;
	if (lookup->result && offload_run(line, lookup->worker, &lookup->offload))
		return lookup;
	lookup_close(lookup);
	lookup->returned = true;
	lookup_free_when_over(lookup);
	return NULL;
}

/* --- who waits for it --- */

static void waiter_unlink(struct waiter *waiter)
{
	struct waiter **at = &waiter->lookup->waiters;

	while (*at != waiter)
		at = &(*at)->next;
	*at = waiter->next;
}

static void abandon_when_alone(struct lookup *lookup)
{
	if (lookup->waiters || lookup->returned)
		return;
	lookup_close(lookup);
	offload_drop(&lookup->offload);
}

static enum gw_verdict resumed(struct gw_call *call, void *arg)
{
	struct waiter *waiter = arg;
	struct lookup *lookup = waiter->lookup;
	enum gw_verdict verdict = lookup->form.answered(call, lookup->result, waiter->arg);

	waiter_unlink(waiter);
	free(waiter);
	lookup_free_when_over(lookup);
	return verdict;
}

static void dropped(void *arg)
{
	struct waiter *waiter = arg;
	struct lookup *lookup = waiter->lookup;

	waiter_unlink(waiter);
	if (lookup->form.dropped)
		lookup->form.dropped(waiter->arg);
	free(waiter);
	abandon_when_alone(lookup);
}

static enum gw_verdict wait_for(struct gw_call *call, struct lookup *lookup, void *arg)
{
	struct gw_async async = { resumed, dropped, lookup->form.deadline_ms };
	struct waiter *waiter = calloc(1, sizeof(*waiter));
	enum gw_verdict verdict = GW_FAILED;

	if (waiter) {
		*waiter = (struct waiter){ .next = lookup->waiters, .lookup = lookup, .arg = arg };
		verdict = call_hold(call, &async, waiter, &waiter->ticket);
	}
	if (verdict == GW_PENDING)
		lookup->waiters = waiter;
	else
		free(waiter);
	abandon_when_alone(lookup);
	return verdict;
}

static bool is_allowed(const struct gw_call *call, const struct gw_lookup *form, struct gw_str key)
{
	return call->running && worker_current() == call->worker &&
	       worker_number(call->worker) < WORKERS_MOST && form->work && form->answered &&
	       form->result_size <= RESULT_MOST && key.len <= KEY_MOST;
}

enum gw_verdict call_lookup(struct gw_call *call, const struct gw_lookup *given, struct gw_str key,
			    void *arg)
{
	struct gw_lookup form = { 0 };
	uint64_t hash = gw_str_hash(key);

	memcpy(&form, given, given->size < sizeof(form) ? given->size : sizeof(form));
	if (!is_allowed(call, &form, key)) {
		log_say(EVENT_MODULE_BUG,
			"%s: lookup() outside of a hook that decides, without work or answered, or over its bounds",
			call->instance ? call->instance->name : "?");
		return GW_FAILED;
	}
	struct lookup *lookup = lookup_find(call, &form, key, hash);
	if (!lookup)
		lookup = lookup_make(call, &form, key, hash);
	return lookup ? wait_for(call, lookup, arg) : GW_FAILED;
}

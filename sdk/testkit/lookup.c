/* lookup.c - one question of several calls: one thread does its work, each call gets the answer. */
#include "kit.h"

#include <stdlib.h>

#define KEY_MOST 4096
#define RESULT_MOST ((size_t)1 << 20)

struct waiter {
	struct kit_lookup *lookup;
	void *arg;
};

struct kit_lookup {
	struct kit_lookup *next;
	struct gw_lookup form;
	struct gw_call *call; /* the instance's */
	struct gw_str key;
	void *result;
	size_t waiters;
	bool done, joined;
	pthread_t thread;
};

static void *run(void *argument)
{
	struct kit_lookup *lookup = argument;

	lookup->form.work(lookup->call, lookup->key, lookup->result);
	kit_lock();
	lookup->done = true;
	wake_all_of(lookup);
	kit_unlock();
	return NULL;
}

void lookup_wait(struct kit_lookup *lookup)
{
	if (!lookup->joined)
		pthread_join(lookup->thread, NULL);
	lookup->joined = true;
}

/* The result goes with the last call that waits. */
static void end(struct kit_lookup *lookup)
{
	if (--lookup->waiters > 0)
		return;
	lookup_wait(lookup);
	if (lookup->form.release)
		lookup->form.release(lookup->result);
	free(lookup->result);
	lookup->result = NULL;
	call_destroy(lookup->call);
}

static enum gw_verdict resumed(struct gw_call *call, void *arg)
{
	struct waiter *waiter = arg;
	struct kit_lookup *lookup = waiter->lookup;
	enum gw_verdict verdict = lookup->form.answered(call, lookup->result, waiter->arg);

	free(waiter);
	end(lookup);
	return verdict;
}

static void dropped(void *arg)
{
	struct waiter *waiter = arg;

	if (waiter->lookup->form.dropped)
		waiter->lookup->form.dropped(waiter->arg);
	end(waiter->lookup);
	free(waiter);
}

static struct kit_lookup *find(struct testkit *kit, const struct gw_lookup *form, struct gw_str key)
{
	struct kit_lookup *lookup;

	kit_lock();
	for (lookup = kit->lookups; lookup; lookup = lookup->next)
		if (!lookup->done && lookup->waiters && lookup->form.work == form->work &&
		    gw_str_eq(lookup->key, key))
			break;
	kit_unlock();
	return lookup;
}

static struct kit_lookup *make(struct testkit *kit, const struct gw_lookup *form, struct gw_str key)
{
	struct kit_lookup *lookup = kit_alloc(kit, sizeof *lookup);

	lookup->form = *form;
	lookup->key = kit_str(kit, key);
	lookup->result = calloc(1, form->result_size + 1);
	lookup->call = call_create(kit, ON_start);
	lookup->next = kit->lookups;
	kit->lookups = lookup;
	kit->lookup_count++;
	return lookup;
}

enum gw_verdict service_lookup(struct gw_call *call, const struct gw_lookup *form,
			       struct gw_str key, void *arg)
{
	struct gw_async async = { resumed, dropped, 0 };
	struct kit_lookup *lookup;
	struct waiter *waiter;
	gw_ticket ticket;
	bool made;

	if (kit_elsewhere(call->kit, "lookup") || kit_null(call->kit, "lookup", form) ||
	    kit_unsized(call, "gw_lookup", form->size))
		return GW_FAILED;
	if (!form->work || !form->answered || form->result_size > RESULT_MOST ||
	    key.len > KEY_MOST) {
		kit_misuse(call->kit, "lookup() without work or answered, or over its bounds");
		return GW_FAILED;
	}
	async.deadline_ms = form->deadline_ms;
	waiter = calloc(1, sizeof *waiter);
	if (!waiter)
		abort();
	if (service_hold(call, &async, waiter, &ticket) != GW_PENDING) {
		free(waiter);
		return GW_FAILED;
	}
	lookup = find(call->kit, form, key);
	made = !lookup;
	if (made)
		lookup = make(call->kit, form, key);
	lookup->waiters++;
	waiter->lookup = lookup;
	waiter->arg = arg;
	lookup_join(call, lookup);
	if (made && pthread_create(&lookup->thread, NULL, run, lookup) != 0)
		abort();
	return GW_PENDING;
}

size_t testkit_lookups(struct testkit *kit)
{
	return kit->lookup_count;
}

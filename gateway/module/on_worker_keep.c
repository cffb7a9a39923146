/* on_worker_keep.c - records that an instance waits for to be on disk, on its worker.
 *
 * The store's thread has one from record_keep() until it tells, and posts it to the worker, which
 * frees it. So a stop only takes the instance out of it. It holds its snapshot: what was put before
 * a reload is told to who put it. */
#include "module/on_worker_private.h"

#include "base/list.h"
#include "loop/worker.h"

#include <stdio.h>
#include <stdlib.h>

struct module_keep {
	struct state_keep keep;
	struct post post;
	struct module_keep *next, **at;
	struct instance *instance; /* NULL: the gateway stops, nobody is told */
	struct worker *worker;
	void *arg;
	bool durable;
	char why[200];
};

static void unlink_keep(struct module_keep *keep)
{
	*keep->at = keep->next;
	if (keep->next)
		keep->next->at = keep->at;
}

static void link_keep(struct module_keep *keep, struct instance_part *part)
{
	keep->next = part->keeps;
	keep->at = &part->keeps;
	if (keep->next)
		keep->next->at = &keep->next;
	part->keeps = keep;
}

/* --- the answer --- */

static void tell_hook(const struct module_keep *keep)
{
	struct gw_kept kept = { .size = sizeof(kept),
				.durable = keep->durable,
				.why = gw_str(keep->durable ? "" : keep->why) };

	on_worker_tell(keep->worker, keep->instance, GW_HOOK_kept, &kept, keep->arg);
	snapshot_release(keep->instance->snapshot);
}

static void arrived(struct post *post)
{
	struct module_keep *keep = list_of(post, struct module_keep, post);

	if (keep->instance) {
		unlink_keep(keep);
		tell_hook(keep);
	}
	free(keep);
}

/* On the thread of the store. */
static void told(struct state_keep *told, bool durable, const char *why)
{
	struct module_keep *keep = list_of(told, struct module_keep, keep);

	keep->durable = durable;
	snprintf(keep->why, sizeof(keep->why), "%s", why);
	worker_post(keep->worker, &keep->post);
}

void on_worker_keep_stop(struct instance_part *part)
{
	while (part->keeps) {
		struct module_keep *keep = part->keeps;
		struct snapshot *snapshot = keep->instance->snapshot;

		unlink_keep(keep);
		keep->instance = NULL;
		snapshot_release(snapshot);
	}
}

/* --- the question --- */

static int refuse(const struct gw_call *call, const char *why)
{
	on_worker_refuse(call, "record_keep", why);
	return -1;
}

/* `http` may: its answer comes but once, and asks no more from here. */
static bool keeps_itself(const struct gw_call *call)
{
	return call->hook != GW_HOOK_http && on_worker_keeps_itself(call);
}

int on_worker_record_keep(struct gw_call *call, struct state *state, struct gw_str key,
			  struct gw_str value, void *arg)
{
	struct on_worker *here;
	struct instance_part *part = on_worker_part(call, &here);

	if (!part || atomic_load(&here->stay) != STAY_IN || !call->instance->module->table.kept)
		return refuse(
			call,
			"this is for the hooks that run on a worker, of a module that has the hook kept, before worker_stop");
	if (keeps_itself(call))
		return refuse(call, "another configuration is in use: the new instance puts");
	struct module_keep *keep = calloc(1, sizeof(*keep));
	if (!keep)
		return -1;
	keep->keep.told = told;
	keep->post.run = arrived;
	keep->instance = call->instance;
	keep->worker = call->worker;
	keep->arg = arg;
	if (state_record_keep(state, gw_str(call->instance->module->name), key, value,
			      &keep->keep) < 0) {
		free(keep);
		return -1;
	}
	link_keep(keep, part);
	snapshot_hold(call->snapshot);
	return 0;
}

/* on_worker_http.c - what an instance asks servers on the web, from its worker.
 *
 * A request holds its snapshot: what was asked before a reload is told to who asked, for the answer
 * may be one that comes but once. */
#include "module/on_worker_private.h"

#include "loop/http.h"
#include "module/chain_private.h"

#include <stdlib.h>

#define REQUESTS_MOST 256

struct module_request {
	struct module_request *next;
	struct http_transfer *transfer;
	struct instance *instance;
	struct instance_part *part;
	struct worker *worker;
	gw_http number;
	long (*body_read)(void *arg, uint64_t offset, void *out, size_t len);
	void *arg;
	bool awaited;
};

static _Atomic size_t awaited;

size_t on_worker_awaited(void)
{
	return atomic_load(&awaited);
}

static void unlink_request(struct module_request *request)
{
	struct module_request **at = &request->part->requests;

	while (*at != request)
		at = &(*at)->next;
	*at = request->next;
	request->part->request_count--;
	if (request->awaited)
		atomic_fetch_sub(&awaited, 1);
}

/* The module's code, though no hook of it: a crash is its own. */
static long read_body(void *arg, uint64_t offset, void *out, size_t len)
{
	const struct module_request *request = arg;
	struct call_guard guard;

	call_guard_begin(&guard, request->instance, GW_HOOK_http, 0);
	long got = request->body_read(request->arg, offset, out, len);
	call_guard_end(&guard);
	return got;
}

/* Freed before the hook runs: it may ask again, or cancel. */
static void answered(const struct gw_http_answer *answer, void *arg)
{
	struct module_request request = *(struct module_request *)arg;

	unlink_request(arg);
	free(arg);
	on_worker_tell(request.worker, request.instance, GW_HOOK_http, answer, request.arg);
	snapshot_release(request.instance->snapshot);
}

static void give_up(struct module_request *request)
{
	struct snapshot *snapshot = request->instance->snapshot;

	http_cancel(request->transfer);
	unlink_request(request);
	free(request);
	snapshot_release(snapshot);
}

void on_worker_http_stop(struct instance_part *part)
{
	while (part->requests)
		give_up(part->requests);
}

static gw_http refuse(const struct gw_call *call, const char *why)
{
	return on_worker_refuse(call, "http_request", why);
}

static gw_http begin(struct gw_call *call, struct on_worker *here, struct instance_part *part,
		     struct gw_http_request *asked, void *arg)
{
	struct module_request *request = calloc(1, sizeof(*request));

	if (!request)
		return 0;
	*request = (struct module_request){ .next = part->requests,
					    .instance = call->instance,
					    .part = part,
					    .worker = call->worker,
					    .number = ++here->last_request,
					    .body_read = asked->body_read,
					    .arg = arg };
	asked->body_read = asked->body_read ? read_body : NULL;
	request->transfer = http_begin(call->worker, asked, answered, request);
	if (!request->transfer) {
		free(request);
		return 0;
	}
	snapshot_hold(call->snapshot);
	part->requests = request;
	part->request_count++;
	request->awaited = asked->awaited;
	if (request->awaited)
		atomic_fetch_add(&awaited, 1);
	return request->number;
}

bool on_worker_keeps_itself(const struct gw_call *call)
{
	return (call->hook == GW_HOOK_http || call->hook == GW_HOOK_timer ||
		call->hook == GW_HOOK_kept) &&
	       snapshot_is_outdated(call->snapshot);
}

gw_http on_worker_http_request(struct gw_call *call, const struct gw_http_request *given, void *arg)
{
	struct gw_http_request asked = { 0 };
	struct on_worker *here;
	struct instance_part *part = on_worker_part(call, &here);

	memcpy(&asked, given, given->size < sizeof(asked) ? given->size : sizeof(asked));
	if (!part || atomic_load(&here->stay) != STAY_IN || !call->instance->module->table.http)
		return refuse(
			call,
			"requests are for the hooks that run on a worker, of a module that has the hook http, before worker_stop");
	if (on_worker_keeps_itself(call))
		return refuse(call, "another configuration is in use: the new instance asks");
	if (part->request_count >= REQUESTS_MOST)
		return refuse(call, "an instance has at most 256 requests on a worker");
	const char *wrong = http_request_wrong(&asked);
	return wrong ? refuse(call, wrong) : begin(call, here, part, &asked, arg);
}

int on_worker_http_cancel(struct gw_call *call, gw_http number)
{
	struct on_worker *here;
	struct instance_part *part = on_worker_part(call, &here);

	for (struct module_request *request = part ? part->requests : NULL; request;
	     request = request->next) {
		if (request->number != number)
			continue;
		give_up(request);
		return 0;
	}
	return -1;
}

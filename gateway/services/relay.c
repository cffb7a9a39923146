/* relay.c - where a delivery goes, and which relays take none. */
#include "services/services.h"

#include "deliver/delivery.h"
#include "module/relay_status.h"
#include "queue/recall.h"

#include <stdio.h>

#define SENTENCE 1024

/* --- where a delivery goes --- */

int services_route_add(struct gw_call *call, const struct gw_relay *relay)
{
	struct route *route = call->answer_to;
	if ((call->hook != GW_HOOK_route && call->hook != GW_HOOK_fallback) ||
	    route->count == ROUTE_MAX)
		return -1;
	route->relays[route->count++] = &call->snapshot->relays[relay->index];
	return 0;
}

void services_cause(struct gw_call *call, enum gw_cause cause)
{
	call->answer.cause = cause;
}

int services_split(struct gw_call *call, struct gw_delivery *delivery, size_t count)
{
	if (call->hook != GW_HOOK_admit || count == 0)
		return -1;
	return count < delivery_attempt(delivery)->count ? delivery_split(delivery, count) : 0;
}

int services_split_by(struct gw_call *call, struct gw_delivery *delivery, const bool *keep)
{
	size_t count = delivery_attempt(delivery)->count, kept = 0;
	if (call->hook != GW_HOOK_admit)
		return -1;
	for (size_t i = 0; i < count; i++)
		kept += keep[i];
	if (kept == 0)
		return -1;
	return kept < count ? delivery_split_by(delivery, keep) : 0;
}

/* Gates are a module's own: they never meet the names of relays. */
static struct gw_str key_name(struct gw_call *call, struct gw_str key, char *room, size_t size)
{
	int len = snprintf(room, size, "key:%s/%.*s", call->instance->module->name,
			   GW_STR_ARGS(key));
	return gw_str_n(room, len < 0 ? 0 : (size_t)len < size ? (size_t)len : size - 1);
}

void services_wait_on(struct gw_call *call, struct gw_str key)
{
	char room[256];
	struct gw_str copy = arena_str(call->arena, key_name(call, key, room, sizeof(room)));
	call->answer.key = copy.ptr ? copy : gw_str("");
}

void services_notify(struct gw_call *call, struct gw_str key, size_t count)
{
	char room[256];
	recall_key(key_name(call, key, room, sizeof(room)), count);
}

void services_fault(struct gw_call *call, enum gw_fault fault)
{
	struct outcome *outcome = call->answer_to;
	if (call->hook == GW_HOOK_result && outcome && !outcome->fault)
		outcome->fault = fault;
}

void services_hold_message(struct gw_call *call, const char *why)
{
	struct gw_str copy = arena_str(call->arena, gw_str(why));
	if (call->hook == GW_HOOK_result && copy.ptr)
		delivery_set_hold(call->delivery, copy);
}

/* --- relays that take no mail for now --- */

static struct gw_relay *own(struct gw_call *call, const struct gw_relay *relay)
{
	return &call->snapshot->relays[relay->index];
}

/* Mail that waits for it may have another way to go. */
void services_relay_close(struct gw_call *call, const struct gw_relay *relay, enum gw_cause cause,
			  int64_t until, const char *why)
{
	struct relay_refusal before;
	bool news = !relay_status_closed(own(call, relay), services.now(call), &before);
	relay_status_close(relay->name, gw_str(call->instance->module->name), cause, until,
			   gw_str(why));
	if (!news)
		return;
	transport_look_again();
	recall_relay(relay->name);
}

void services_relay_open(struct gw_call *call, const struct gw_relay *relay)
{
	relay_status_open(relay->name, gw_str(call->instance->module->name), 0);
}

bool services_relay_closed(struct gw_call *call, const struct gw_relay *relay,
			   struct gw_closure *closure)
{
	/* the strings live until the hook returns */
	static _Thread_local struct relay_refusal found;
	struct gw_closure told = { .size = sizeof(told) };
	if (!relay_status_closed(own(call, relay), services.now(call), &found))
		return false;
	told.cause = found.cause;
	told.until = found.until;
	told.by = gw_str(found.by);
	told.why = gw_str(found.why);
	uint32_t size = closure->size < sizeof(told) ? closure->size : (uint32_t)sizeof(told);
	memcpy(closure, &told, size);
	closure->size = size;
	return true;
}

void services_relay_connections(struct gw_call *call, const struct gw_relay *relay,
				int64_t connections)
{
	relay_status_pace(own(call, relay), gw_str(call->instance->module->name), connections);
}

/* --- explaining --- */

void services_skipped(struct gw_call *call, const struct gw_relay *relay, const char *format, ...)
{
	char text[SENTENCE];
	va_list args;
	if (!call->passed)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	call->passed(call, own(call, relay), gw_str(text));
}

void services_problem_at(struct gw_call *call, const struct gw_relay *relay, const char *key,
			 bool fatal, const char *format, ...)
{
	const struct conf_fragment *fragment = relay ? relay->fragment : call->instance->fragment;
	va_list args;
	if (!call->problems)
		return;
	va_start(args, format);
	problem_vadd(call->problems, fatal, fragment->path,
		     key && fragment->group ? conf_line(fragment->group, key) : fragment->line,
		     format, args);
	va_end(args);
}

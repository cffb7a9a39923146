/* course.c - what a module says about the course of a delivery: which relays, how many recipients,
 * when, whose fault. */
#include "kit.h"

/* Appends the relay's name to a list of names. */
static char *with_relay(struct testkit *kit, const char *names, const struct gw_relay *relay)
{
	return kit_format(kit, "%s%s%s", names, *names ? " " : "",
			  service_relay_fact(relay, GW_RELAY_NAME).ptr);
}

int service_route_add(struct gw_call *call, const struct gw_relay *relay)
{
	char **names;

	if (kit_refused(call, "route_add", ON(route) | ON(fallback)) ||
	    kit_fails(call->kit, "route_add"))
		return -1;
	names = call->hook == ON_route ? &call->rcpt->route : &call->delivery->fallback;
	*names = with_relay(call->kit, *names, relay);
	return 0;
}

void service_skipped(struct gw_call *call, const struct gw_relay *relay, const char *format, ...)
{
	char *text;

	if (kit_refused(call, "skipped", ON(route) | ON(fallback)) ||
	    service_message_number(call->message, GW_MESSAGE_DRY) != 1)
		return;
	FORMATTED(text, call->kit, format);
	kit_tell(call->kit, TESTKIT_PASSED, "%s: %s", service_relay_fact(relay, GW_RELAY_NAME).ptr,
		 text);
}

void service_cause(struct gw_call *call, enum gw_cause cause)
{
	if (kit_refused(call, "cause", ON(admit) | ON(prepare) | ON(sealed) | ON(login)))
		return;
	if (cause < GW_CAUSE_FAILURE || cause > GW_CAUSE_RATE)
		kit_misuse(call->kit, "cause() is given %d, which is none", (int)cause);
	call->answer.cause = cause;
}

int service_split(struct gw_call *call, struct gw_delivery *delivery, size_t count)
{
	if (kit_refused(call, "split", ON(admit)) || kit_fails(call->kit, "split"))
		return -1;
	if (delivery != call->delivery || count == 0) {
		kit_misuse(call->kit,
			   count ? "split() of another delivery" : "split() of no recipient");
		return -1;
	}
	call->answer.split = count;
	if (count < delivery->rcpt_count) {
		delivery->left_behind += delivery->rcpt_count - count;
		delivery->rcpt_count = count;
	}
	return 0;
}

/* Those that stay first, on an array of its own: the message's is in the message's order. */
static size_t part_rcpts(struct gw_delivery *delivery, const bool *keep)
{
	size_t all = delivery->rcpt_count + delivery->left_behind, kept = 0, at, i;
	struct gw_rcpt **rcpts = kit_alloc(delivery->kit, all * sizeof *rcpts);

	for (i = 0; i < delivery->rcpt_count; i++)
		if (keep[i])
			rcpts[kept++] = delivery->rcpts[i];
	for (i = 0, at = kept; i < all; i++)
		if (i >= delivery->rcpt_count || !keep[i])
			rcpts[at++] = delivery->rcpts[i];
	if (kept)
		delivery->rcpts = rcpts;
	return kept;
}

int service_split_by(struct gw_call *call, struct gw_delivery *delivery, const bool *keep)
{
	size_t kept;

	if (kit_refused(call, "split_by", ON(admit)) || kit_null(call->kit, "split_by", keep) ||
	    kit_fails(call->kit, "split_by"))
		return -1;
	kept = delivery == call->delivery ? part_rcpts(delivery, keep) : 0;
	if (kept == 0) {
		kit_misuse(call->kit, delivery == call->delivery
					      ? "split_by() of no recipient"
					      : "split_by() of another delivery");
		return -1;
	}
	call->answer.split = kept;
	delivery->left_behind += delivery->rcpt_count - kept;
	delivery->rcpt_count = kept;
	return 0;
}

struct gw_delivery *testkit_rest(struct gw_delivery *delivery)
{
	struct gw_delivery *rest;

	if (delivery->left_behind == 0)
		return NULL;
	rest = testkit_delivery(delivery->message, delivery->relay);
	rest->rcpts = delivery->rcpts + delivery->rcpt_count;
	rest->rcpt_count = delivery->left_behind;
	return rest;
}

void service_wait_on(struct gw_call *call, struct gw_str key)
{
	if (!kit_refused(call, "wait_on", ON(admit) | ON(prepare) | ON(sealed)))
		call->answer.wait_on = kit_str(call->kit, key).ptr;
}

void service_notify(struct gw_call *call, struct gw_str key, size_t count)
{
	kit_tell(call->kit, TESTKIT_NOTIFIED, "%s %zu", kit_str(call->kit, key).ptr, count);
}

void service_fault(struct gw_call *call, enum gw_fault fault)
{
	if (kit_refused(call, "fault", ON(result)))
		return;
	if (fault <= GW_FAULT_NONE || fault > GW_FAULT_UNKNOWN)
		kit_misuse(call->kit, "fault() is given %d, which is none", (int)fault);
	else if (call->kit->fault == GW_FAULT_NONE)
		call->kit->fault = fault;
}

void service_hold_message(struct gw_call *call, const char *why)
{
	if (!kit_refused(call, "hold_message", ON(result)))
		kit_tell(call->kit, TESTKIT_HELD, "%s", why);
}

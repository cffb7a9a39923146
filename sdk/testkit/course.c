/* course.c - what a module says about the course of a delivery: which relays, how many recipients, when, whose fault. */
#include "kit.h"

/* Appends the relay's name to a list of names. */
static char *with_relay(struct testkit *kit, const char *names, const struct gw_relay *relay)
{
	return kit_format(kit, "%s%s%s", names, *names ? " " : "", service_relay_fact(relay, GW_RELAY_NAME).ptr);
}

int service_route_add(struct gw_call *call, const struct gw_relay *relay)
{
	char **names;

	if (kit_refused(call, "route_add", ON(route) | ON(onward)) || kit_fails(call->kit, "route_add"))
		return -1;
	names = call->hook == ON_route ? &call->rcpt->route : &call->delivery->onward;
	*names = with_relay(call->kit, *names, relay);
	return 0;
}

void service_passed_over(struct gw_call *call, const struct gw_relay *relay, const char *format, ...)
{
	char *text;

	if (kit_refused(call, "passed_over", ON(route) | ON(onward)) || service_message_number(call->message, GW_MESSAGE_DRY) != 1)
		return;
	FORMATTED(text, call->kit, format);
	kit_tell(call->kit, TESTKIT_PASSED, "%s: %s", service_relay_fact(relay, GW_RELAY_NAME).ptr, text);
}

void service_cause(struct gw_call *call, enum gw_cause cause)
{
	if (kit_refused(call, "cause", ON(admit) | ON(prepare) | ON(login)))
		return;
	if (cause < GW_CAUSE_FAILURE || cause > GW_CAUSE_PACE)
		kit_misuse(call->kit, "cause() is given %d, which is none", (int)cause);
	call->answer.cause = cause;
}

int service_keep(struct gw_call *call, struct gw_delivery *delivery, size_t count)
{
	if (kit_refused(call, "keep", ON(admit)) || kit_fails(call->kit, "keep"))
		return -1;
	if (delivery != call->delivery || count == 0) {
		kit_misuse(call->kit, count ? "keep() of another delivery" : "keep() of no recipient");
		return -1;
	}
	call->answer.keep = count;
	if (count < delivery->rcpt_count) {
		delivery->left_behind += delivery->rcpt_count - count;
		delivery->rcpt_count = count;
	}
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

void service_wait_at(struct gw_call *call, struct gw_str gate)
{
	if (!kit_refused(call, "wait_at", ON(admit) | ON(prepare)))
		call->answer.wait_at = kit_str(call->kit, gate).ptr;
}

void service_gate_open(struct gw_call *call, struct gw_str gate, size_t count)
{
	kit_tell(call->kit, TESTKIT_GATE, "%s %zu", kit_str(call->kit, gate).ptr, count);
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

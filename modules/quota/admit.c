/* admit.c - takes room in all limits that a delivery meets, or in none. */
#include "admit.h"

#include "handed.h"
#include "ledger.h"
#include "words.h"

#define PACE_LOOK_AGAIN_MS 60000

/* A delivery that asks for room. */
struct request {
	struct applies applies;
	int64_t now, rcpts;
	bool dry;
	const struct applied *short_of; /* where there was no room */
	enum shortage why;
};

/* --- taking --- */

static void undo(struct gw_call *call, const struct request *request, size_t count, int64_t rcpts)
{
	size_t i;

	for (i = 0; i < count && !request->dry; i++) {
		const struct applied *applied = &request->applies.items[i];
		int64_t amount = limit_amount(applied->limit, rcpts);
		ledger_settle(call, applied, request->now, amount, amount);
		ledger_landed(call, applied, false);
	}
}

/* The ones before took room for more recipients than there is room for. */
static void lessen(struct gw_call *call, const struct request *request, size_t count, int64_t less)
{
	size_t i;

	for (i = 0; i < count && !request->dry; i++)
		if (request->applies.items[i].limit->counts == COUNT_RECIPIENTS)
			ledger_settle(call, &request->applies.items[i], request->now, less, less);
}

/* The number of recipients that there is room for everywhere. */
static int64_t take_all(struct gw_call *call, struct request *request)
{
	int64_t rcpts = request->rcpts, got;
	size_t i;

	for (i = 0; i < request->applies.count; i++, rcpts = got) {
		request->short_of = &request->applies.items[i];
		got = ledger_take(call, request->short_of, request->now, rcpts, request->dry,
				  &request->why);
		if (got == 0) {
			undo(call, request, i, rcpts);
			return 0;
		}
		if (got < rcpts)
			lessen(call, request, i, rcpts - got);
	}
	return rcpts;
}

/* --- no room --- */

static enum gw_verdict wait_on(struct gw_call *call, struct gw_str key, int64_t until)
{
	gw->wait_on(call, key);
	gw->wait_until(call, until);
	return GW_WAIT;
}

static void close_relay(struct gw_call *call, const struct gw_relay *relay,
			const struct applied *applied, const struct view *view)
{
	char text[WORDS_MAX];

	words_full(call, applied, view, text);
	gw->relay_close(call, relay, GW_CAUSE_LIMIT, view->opens, text);
}

static enum gw_verdict next_relay(struct gw_call *call, struct gw_str key, int64_t opens)
{
	gw->cause(call, GW_CAUSE_LIMIT);
	gw->wait_on(call, key); /* if no other relay takes it */
	gw->wait_until(call, opens);
	return GW_NEXT;
}

static enum gw_verdict limit_is_reached(struct gw_call *call, const struct request *request,
					const struct gw_relay *relay)
{
	const struct applied *applied = request->short_of;
	struct gw_str key = ledger_wait_key(applied->ledger);
	char scope[WORDS_MAX], full[WORDS_MAX];
	struct view view;

	ledger_view(call, applied, &view);
	words_scope(applied, scope);
	words_full(call, applied, &view, full);
	gw->reason(call, "%s: %s", scope, full);
	if (applied->limit->of_relay) {
		if (!request->dry)
			gw->relay_close(call, relay, GW_CAUSE_LIMIT, view.opens, full);
		return next_relay(call, key, view.opens);
	}
	return (applied->limit->on_limit == ON_LIMIT_NEXT ? next_relay : wait_on)(call, key,
										  view.opens);
}

static enum gw_verdict turn_away(struct gw_call *call, const struct request *request,
				 const struct gw_relay *relay)
{
	const struct applied *applied = request->short_of;
	char scope[WORDS_MAX];

	if (request->why == SHORT_OF_ROOM)
		return limit_is_reached(call, request, relay);
	words_scope(applied, scope);
	if (request->why == SHORT_OF_PACE) {
		gw->reason(call, "%s: %lld messages went out within a minute", scope,
			   (long long)applied->limit->per_minute);
		return wait_on(call, ledger_rate_key(applied->ledger),
			       request->now + PACE_LOOK_AGAIN_MS);
	}
	gw->reason(call, "%s: what is on its way takes the rest of %lld", scope,
		   (long long)applied->limit->daily);
	return wait_on(call, ledger_wait_key(applied->ledger), request->now + LOOK_AGAIN_MS);
}

/* --- the hooks --- */

static enum gw_verdict begin(struct gw_call *call, struct gw_delivery *delivery,
			     const struct request *request, int64_t taken)
{
	struct claim *claim = gw->delivery_data(call);

	if (request->dry)
		return GW_CONTINUE;
	if (!claim || (taken < request->rcpts && gw->split(call, delivery, (size_t)taken) != 0)) {
		undo(call, request, request->applies.count, taken);
		gw->wait_until(call, request->now + LOOK_AGAIN_MS);
		return GW_WAIT;
	}
	*claim = (struct claim){ .when = request->now, .held = (uint32_t)taken };
	return GW_CONTINUE;
}

enum gw_verdict on_admit(struct gw_call *call, struct gw_delivery *delivery, struct gw_relay *relay)
{
	const struct gw_message *message = gw->delivery_message(delivery);
	struct request request;
	int64_t taken;

	if (!limits_of(call, delivery, relay, &request.applies))
		return GW_CONTINUE;
	request.now = gw->now(call);
	if (request.applies.failed) {
		gw->wait_until(call, request.now + LOOK_AGAIN_MS);
		return GW_WAIT;
	}
	request.rcpts = gw->delivery_number(delivery, GW_DELIVERY_RCPTS);
	request.dry = gw->message_number(message, GW_MESSAGE_DRY) == 1;
	taken = take_all(call, &request);
	return taken ? begin(call, delivery, &request, taken) : turn_away(call, &request, relay);
}

void on_result(struct gw_call *call, struct gw_delivery *delivery, const struct gw_result *result)
{
	struct claim *claim = gw->delivery_data(call);
	enum gw_status status = result->outcome->status;
	bool counts = status == GW_DELIVERED || status == GW_UNKNOWN;

	if (!claim || !claim->held)
		return;
	claim->counted += counts;
	claim->final += status == GW_DELIVERED;
	claim->sent |= counts || result->outcome->code != 0;
}

void applied_notify(struct gw_call *call, const struct applied *applied)
{
	size_t count = ledger_let_go(call, applied);

	if (count)
		gw->notify(call, ledger_wait_key(applied->ledger), count);
}

static void leave_one(struct gw_call *call, const struct claim *claim,
		      const struct applied *applied)
{
	int64_t amount = limit_amount(applied->limit, claim->held),
		back = amount - limit_amount(applied->limit, claim->counted);

	ledger_settle(call, applied, claim->when, amount, back);
	ledger_landed(call, applied, claim->sent);
	applied_notify(call, applied);
}

static bool is_full(struct gw_call *call, const struct gw_relay *relay, struct view *view)
{
	struct limit *limit = limit_of_relay(call, relay);

	ledger_view(call, &(struct applied){ limit, limit->ledger }, view);
	return view->full;
}

/* As soon as the last of it is used, so that the next message takes another way at once. */
static void close_if_full(struct gw_call *call, const struct gw_relay *relay)
{
	struct limit *limit = limit_of_relay(call, relay);
	struct view view;

	if (is_full(call, relay, &view))
		close_relay(call, relay, &(struct applied){ limit, limit->ledger }, &view);
}

void on_leave(struct gw_call *call, struct gw_delivery *delivery, struct gw_relay *relay)
{
	struct gw_message *message = gw->delivery_message(delivery);
	struct claim *claim = gw->delivery_data(call);
	struct applies applies;
	size_t i;

	if (!claim || !claim->held || !limits_of(call, delivery, relay, &applies))
		return;
	for (i = 0; i < applies.count; i++)
		leave_one(call, claim, &applies.items[i]);
	handed_delivered(call, message, claim->final, claim->counted != 0);
	claim->held = 0;
	close_if_full(call, relay);
}

/* --- relays as a whole --- */

static bool is_closed(struct gw_call *call, const struct gw_relay *relay, bool *by_us)
{
	struct gw_closure closure = { .size = sizeof closure };
	bool closed = gw->relay_closed(call, relay, &closure);

	*by_us = closed && gw_str_eq(closure.by, gw_str("quota"));
	return closed;
}

static void settle(struct gw_call *call, bool may_open)
{
	struct gw_relay *relay;
	bool by_us;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++)
		if (!is_closed(call, relay, &by_us))
			close_if_full(call, relay);
		else if (may_open && by_us && !is_full(call, relay, &(struct view){ 0 }))
			gw->relay_open(call, relay);
}

/* Opening is left to the first tick: what would be called back now would meet the limits of before.
 */
void relays_close_full(struct gw_call *call)
{
	settle(call, false);
}

void relays_settle(struct gw_call *call)
{
	settle(call, true);
}

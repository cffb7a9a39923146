#include "deliver/delivery.h"

#include "deliver/explain.h"

#include "base/list.h"

#include <stdlib.h>

static struct deliveries *deliveries_of(const struct worker *worker)
{
	return worker_get(worker, SLOT_DELIVERY);
}

static struct list_link *journeys_of(const struct worker *worker)
{
	return &deliveries_of(worker)->journeys;
}

int delivery_start(struct worker *worker)
{
	struct deliveries *deliveries = malloc(sizeof(*deliveries));
	if (!deliveries)
		return -1;
	list_init(&deliveries->journeys);
	list_init(&deliveries->trials);
	worker_set(worker, SLOT_DELIVERY, deliveries);
	return 0;
}

static void ignore(struct gw_call *call, void *arg)
{
}

/* Work of a module that still runs on the pool ends before the queue frees the message: main sees to the order. */
static void let_go(struct gw_call *call)
{
	call->done = ignore;
	chain_cancel(call);
}

void delivery_stop(struct worker *worker)
{
	struct list_link *journeys = journeys_of(worker);
	while (!list_empty(journeys)) {
		struct journey *journey = list_of(journeys->next, struct journey, link);
		list_take(&journey->link);
		let_go(&journey->call);
		for (struct gw_delivery *delivery = journey->deliveries; delivery; delivery = delivery->next) {
			delivery_abandon(delivery);
			let_go(&delivery->call);
		}
	}
	trials_stop(&deliveries_of(worker)->trials);
}

void delivery_each(struct worker *worker, void (*each)(void *arg, const struct gw_delivery *delivery), void *arg)
{
	const struct list_link *journeys = journeys_of(worker);
	for (const struct list_link *link = journeys->next; link != journeys; link = link->next)
		for (const struct gw_delivery *delivery = list_of(link, struct journey, link)->deliveries; delivery; delivery = delivery->next)
			each(arg, delivery);
}

static struct journey *journey_of(const struct worker *worker, uint64_t id)
{
	const struct list_link *journeys = journeys_of(worker);
	for (struct list_link *link = journeys->next; link != journeys; link = link->next) {
		struct journey *journey = list_of(link, struct journey, link);
		if (journey->message->id == id && !journey->message->dry)
			return journey;
	}
	return NULL;
}

void delivery_send_back(struct worker *worker, uint64_t id)
{
	struct journey *journey = journey_of(worker, id);
	if (!journey)
		return;
	journey->again = true;
	for (struct gw_delivery *delivery = journey->deliveries; delivery; delivery = delivery->next)
		if (delivery->sending)
			transport_send_back(&delivery->attempt);
}

void delivery_finish(struct worker *worker)
{
	free(deliveries_of(worker));
	worker_set(worker, SLOT_DELIVERY, NULL);
}

/* --- sorting the recipients into deliveries --- */

static bool same_route(const struct route *a, const struct route *b)
{
	return a->count == b->count && memcmp(a->relays, b->relays, a->count * sizeof(a->relays[0])) == 0;
}

static bool goes_to_mx(const struct route *route)
{
	for (size_t i = 0; i < route->count; i++)
		if (route->relays[i]->mx)
			return true;
	return false;
}

/* Mail hosts are a domain's: where they may be needed a delivery has recipients of one domain. */
static bool alike(const struct rcpt_round *a, const struct rcpt_round *b)
{
	return a->bound == b->bound && same_route(&a->route, &b->route) && (!goes_to_mx(&a->route) || gw_str_ieq(a->rcpt->domain, b->rcpt->domain));
}

static size_t count_alike(const struct journey *journey, size_t from)
{
	size_t count = 0;
	for (size_t i = from; i < journey->count; i++)
		count += !journey->rounds[i].placed && journey->rounds[i].outcome.status == 0 &&
		         alike(&journey->rounds[from], &journey->rounds[i]);
	return count;
}

static void place(struct journey *journey, struct gw_delivery *delivery, size_t from)
{
	for (size_t i = from; i < journey->count; i++) {
		struct rcpt_round *round = &journey->rounds[i];
		if (round->placed || round->outcome.status != 0 || !alike(&journey->rounds[from], round))
			continue;
		round->placed = true;
		delivery->rounds[delivery->attempt.count] = round;
		delivery->attempt.rcpts[delivery->attempt.count++] = round->rcpt;
	}
}

static struct gw_delivery *delivery_alloc(struct journey *journey, size_t count)
{
	struct arena *arena = &journey->message->arena;
	struct gw_delivery *delivery = arena_alloc(arena, sizeof(*delivery));
	if (!delivery)
		return NULL;
	delivery->rounds = arena_alloc(arena, count * sizeof(*delivery->rounds));
	delivery->attempt.rcpts = arena_alloc(arena, count * sizeof(*delivery->attempt.rcpts));
	delivery->attempt.outcomes = arena_alloc(arena, count * sizeof(*delivery->attempt.outcomes));
	if (!delivery->rounds || !delivery->attempt.rcpts || !delivery->attempt.outcomes)
		return NULL;
	delivery->journey = journey;
	delivery->message = journey->message;
	delivery->next = journey->deliveries;
	journey->deliveries = delivery;
	journey->open++;
	return delivery;
}

static struct gw_delivery *delivery_create(struct journey *journey, size_t from)
{
	struct gw_delivery *delivery = delivery_alloc(journey, count_alike(journey, from));
	if (!delivery)
		return NULL;
	delivery->route = journey->rounds[from].route;
	delivery->stays = journey->rounds[from].bound;
	place(journey, delivery, from);
	return delivery;
}

struct gw_delivery *delivery_split(struct gw_delivery *delivery, size_t count)
{
	size_t rest = delivery->attempt.count - count;
	struct gw_delivery *other = delivery_alloc(delivery->journey, rest);
	if (!other)
		return NULL;
	memcpy(other->attempt.rcpts, delivery->attempt.rcpts + count, rest * sizeof(*other->attempt.rcpts));
	memcpy(other->rounds, delivery->rounds + count, rest * sizeof(*other->rounds));
	other->attempt.count = rest;
	delivery->attempt.count = count;
	other->route = delivery->route;
	other->at = delivery->at;
	other->stays = delivery->stays;
	other->cause = delivery->cause;
	other->why = delivery->why;
	other->hopeful = delivery->hopeful;
	return other;
}

static void defer_round(struct rcpt_round *round, const char *enhanced, const char *text)
{
	outcome_set(&round->outcome, &round->rcpt->message->arena, GW_DEFERRED, STAGE_MODULE, false, 0, enhanced, gw_str(text), gw_str(NULL));
}

static void sort(struct journey *journey)
{
	for (size_t i = 0; i < journey->count; i++) {
		struct rcpt_round *round = &journey->rounds[i];
		if (round->placed || round->outcome.status != 0)
			continue;
		struct gw_delivery *delivery = delivery_create(journey, i);
		if (!delivery) {
			defer_round(round, "4.3.0", "no memory");
			continue;
		}
	}
}

static void tell_unrouted(struct journey *journey)
{
	for (size_t i = 0; i < journey->count; i++)
		if (!journey->rounds[i].placed)
			explain_outcome(journey->message->explanation, gw_str(""), &journey->rounds[i].outcome);
}

static void settle(struct journey *journey)
{
	if (!journey->message->dry) {
		journey_settle(journey);
		return;
	}
	tell_unrouted(journey);
	journey_release(journey);
}

/* The count is held up by one while deliveries begin, since any of them may end at once. */
static void begin_deliveries(struct journey *journey)
{
	sort(journey);
	journey->open++;
	for (struct gw_delivery *delivery = journey->deliveries, *next; delivery; delivery = next) {
		next = delivery->next;
		walk_begin(delivery);
	}
	if (--journey->open == 0)
		settle(journey);
}

/* What was delivered is written down at once where others are still on their way: a crash must not repeat it. */
void journey_delivery_done(struct gw_delivery *delivery)
{
	struct journey *journey = delivery->journey;
	if (--journey->open == 0) {
		settle(journey);
		return;
	}
	if (delivery->unrecorded)
		queue_record(journey->message);
	delivery->unrecorded = false;
}

/* --- asking for routes --- */

static struct gw_relay *only_relay(const struct journey *journey, const struct gw_rcpt *rcpt)
{
	struct gw_str moved = message_note(journey->message, gw_str("gateway.relay"));
	if (moved.len)
		return snapshot_relay(journey->message->snapshot, moved);
	return rcpt->suspect ? snapshot_relay(journey->message->snapshot, rcpt->relay) : NULL;
}

/* What an admin moved to a relay goes there; after an unknown outcome only the relay that may have it already is asked again. */
static bool needs_no_route(struct journey *journey, struct rcpt_round *round)
{
	struct gw_relay *relay = only_relay(journey, round->rcpt);
	if (!relay)
		return false;
	round->route.relays[0] = relay;
	round->route.count = 1;
	round->bound = round->rcpt->suspect;
	return true;
}

static void routed(struct journey *journey, struct rcpt_round *round)
{
	const struct chain_answer *answer = &journey->call.answer;
	struct arena *arena = &journey->message->arena;
	switch (answer->verdict) {
	case GW_ACCEPT:
		if (!round->route.count)
			defer_round(round, "4.3.5", "the route is empty");
		break;
	case GW_REJECT:
		outcome_set(&round->outcome, arena, GW_BOUNCED, STAGE_MODULE, false, answer->code, answer->enhanced[0] ? answer->enhanced : "5.7.1",
		            answer->text.len ? answer->text : gw_str("no route for this mail"), gw_str(NULL));
		break;
	case GW_CONTINUE:
		defer_round(round, "4.3.5", "no module has a route for this mail");
		break;
	default:
		outcome_set(&round->outcome, arena, GW_DEFERRED, STAGE_MODULE, false, answer->code, answer->enhanced[0] ? answer->enhanced : "4.3.5",
		            answer->text.len ? answer->text : gw_str("the route is not known now"), gw_str(NULL));
	}
}

static void ask_routes(struct journey *journey);

static void routed_later(struct gw_call *call, void *arg)
{
	struct journey *journey = arg;
	routed(journey, &journey->rounds[journey->at++]);
	ask_routes(journey);
}

static void ask_routes(struct journey *journey)
{
	for (; journey->at < journey->count; journey->at++) {
		struct rcpt_round *round = &journey->rounds[journey->at];
		if (needs_no_route(journey, round))
			continue;
		journey->call.rcpt = round->rcpt;
		journey->call.answer_to = &round->route;
		if (!chain_run(&journey->call, GW_HOOK_route, routed_later, journey))
			return;
		routed(journey, round);
	}
	begin_deliveries(journey);
}

/* --- begin --- */

void journey_call(struct gw_call *call, struct gw_message *message)
{
	chain_init(call, message->worker, message->snapshot, &message->arena);
	call->message = message;
	call->explain = call_log_reason;
	if (message->dry)
		explain_listen(message->explanation, call);
}

static struct journey *journey_create(struct gw_message *message)
{
	struct journey *journey = arena_alloc(&message->arena, sizeof(*journey));
	size_t pending = message_pending(message);
	if (!journey)
		return NULL;
	journey->rounds = arena_alloc(&message->arena, pending * sizeof(*journey->rounds));
	if (!journey->rounds && pending)
		return NULL;
	journey->message = message;
	journey_call(&journey->call, message);
	for (size_t i = 0; i < message->rcpt_count; i++)
		if (message->rcpts[i]->status == RCPT_PENDING)
			journey->rounds[journey->count++].rcpt = message->rcpts[i];
	list_add(journeys_of(message->worker), &journey->link);
	return journey;
}

static void bounce_all(struct journey *journey)
{
	for (size_t i = 0; i < journey->count; i++)
		outcome_set(&journey->rounds[i].outcome, &journey->message->arena, GW_BOUNCED, STAGE_MODULE, false, 0, "5.7.0",
		            gw_str("an administrator gave it back"), gw_str(NULL));
	journey_settle(journey);
}

/* Its client was told 250 all the same: the refusal goes back in the words in which it would have heard it. */
static void bounce_refused(struct journey *journey, struct gw_str said)
{
	struct reply_reader reader;
	struct smtp_reply reply = { .code = 554, .text = said };
	reply_reader_init(&reader);
	reply_reader_line(&reader, said, &reply);
	for (size_t i = 0; i < journey->count; i++)
		outcome_reply(&journey->rounds[i].outcome, &journey->message->arena, GW_BOUNCED, STAGE_MODULE, false, &reply, gw_str(NULL));
	reply_reader_finish(&reader);
	journey_settle(journey);
}

/* Nothing is tried: its sender is told of the delay, or that it expired. */
static void stay_held(struct journey *journey)
{
	struct gw_message *message = journey->message;
	struct gw_str why = arena_printf(&message->arena, "the gateway holds it: %.*s", GW_STR_ARGS(message->hold_reason));
	for (size_t i = 0; i < journey->count; i++) {
		journey->rounds[i].placed = true; /* no line in the log for each look */
		outcome_set(&journey->rounds[i].outcome, &message->arena, GW_DEFERRED, STAGE_NONE, false, 0, "4.3.0", why, gw_str(NULL));
	}
	journey_settle(journey);
}

void journey_explain(struct gw_message *message)
{
	struct journey *journey = journey_create(message);
	if (journey)
		ask_routes(journey);
	else
		explain_end(message->explanation);
}

void journey_begin(struct gw_message *message)
{
	struct gw_str refused = message_note(message, gw_str(NOTE_REFUSED));
	struct journey *journey = journey_create(message);
	if (!journey) {
		message->next_at = queue_now() + 60000;
		queue_later(message);
		return;
	}
	if (refused.ptr)
		bounce_refused(journey, refused);
	else if (queue_wants_bounce(message))
		bounce_all(journey);
	else if (message->held)
		stay_held(journey);
	else
		ask_routes(journey);
}

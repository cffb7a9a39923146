#include "deliver/delivery.h"

#include "deliver/explain.h"

#include "base/list.h"

#include <stdlib.h>

static struct deliveries *deliveries_of(const struct worker *worker)
{
	return worker_get(worker, SLOT_DELIVERY);
}

static struct list_link *rounds_of(const struct worker *worker)
{
	return &deliveries_of(worker)->rounds;
}

int delivery_start(struct worker *worker)
{
	struct deliveries *deliveries = malloc(sizeof(*deliveries));
	if (!deliveries)
		return -1;
	list_init(&deliveries->rounds);
	list_init(&deliveries->trials);
	worker_set(worker, SLOT_DELIVERY, deliveries);
	return 0;
}

static void ignore(struct gw_call *call, void *arg) {}

/* Work of a module that still runs on the pool ends before the queue frees the message: main sees
 * to the order. */
static void cancel(struct gw_call *call)
{
	call->done = ignore;
	chain_cancel(call);
}

void delivery_stop(struct worker *worker)
{
	struct list_link *rounds = rounds_of(worker);
	while (!list_empty(rounds)) {
		struct delivery_round *round = list_of(rounds->next, struct delivery_round, link);
		list_take(&round->link);
		cancel(&round->call);
		for (struct gw_delivery *delivery = round->deliveries; delivery;
		     delivery = delivery->next) {
			delivery_abandon(delivery);
			cancel(&delivery->call);
		}
	}
	trials_stop(&deliveries_of(worker)->trials);
}

void delivery_each(struct worker *worker,
		   void (*each)(void *arg, const struct gw_delivery *delivery), void *arg)
{
	const struct list_link *rounds = rounds_of(worker);
	for (const struct list_link *link = rounds->next; link != rounds; link = link->next)
		for (const struct gw_delivery *delivery =
			     list_of(link, struct delivery_round, link)->deliveries;
		     delivery; delivery = delivery->next)
			each(arg, delivery);
}

static struct delivery_round *round_of(const struct worker *worker, uint64_t id)
{
	const struct list_link *rounds = rounds_of(worker);
	for (struct list_link *link = rounds->next; link != rounds; link = link->next) {
		struct delivery_round *round = list_of(link, struct delivery_round, link);
		if (round->message->id == id && !round->message->dry)
			return round;
	}
	return NULL;
}

void delivery_send_back(struct worker *worker, uint64_t id)
{
	struct delivery_round *round = round_of(worker, id);
	if (!round)
		return;
	round->again = true;
	for (struct gw_delivery *delivery = round->deliveries; delivery; delivery = delivery->next)
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
	return a->count == b->count &&
	       memcmp(a->relays, b->relays, a->count * sizeof(a->relays[0])) == 0;
}

static bool goes_to_mx(const struct route *route)
{
	for (size_t i = 0; i < route->count; i++)
		if (route->relays[i]->mx)
			return true;
	return false;
}

/* Mail hosts are a domain's: where they may be needed a delivery has recipients of one domain. */
static bool alike(const struct rcpt_attempt *a, const struct rcpt_attempt *b)
{
	return a->bound == b->bound && same_route(&a->route, &b->route) &&
	       (!goes_to_mx(&a->route) || gw_str_ieq(a->rcpt->domain, b->rcpt->domain));
}

static size_t count_alike(const struct delivery_round *round, size_t from)
{
	size_t count = 0;
	for (size_t i = from; i < round->count; i++)
		count += !round->recipients[i].placed && round->recipients[i].outcome.status == 0 &&
			 alike(&round->recipients[from], &round->recipients[i]);
	return count;
}

static void place(struct delivery_round *round, struct gw_delivery *delivery, size_t from)
{
	for (size_t i = from; i < round->count; i++) {
		struct rcpt_attempt *recipient = &round->recipients[i];
		if (recipient->placed || recipient->outcome.status != 0 ||
		    !alike(&round->recipients[from], recipient))
			continue;
		recipient->placed = true;
		delivery->recipients[delivery->attempt.count] = recipient;
		delivery->attempt.rcpts[delivery->attempt.count++] = recipient->rcpt;
	}
}

static struct gw_delivery *delivery_alloc(struct delivery_round *round, size_t count)
{
	struct arena *arena = &round->message->arena;
	struct gw_delivery *delivery = arena_alloc(arena, sizeof(*delivery));
	if (!delivery)
		return NULL;
	delivery->recipients = arena_alloc(arena, count * sizeof(*delivery->recipients));
	delivery->attempt.rcpts = arena_alloc(arena, count * sizeof(*delivery->attempt.rcpts));
	delivery->attempt.outcomes = arena_alloc(arena,
						 count * sizeof(*delivery->attempt.outcomes));
	if (!delivery->recipients || !delivery->attempt.rcpts || !delivery->attempt.outcomes)
		return NULL;
	delivery->round = round;
	delivery->message = round->message;
	delivery->next = round->deliveries;
	round->deliveries = delivery;
	round->open++;
	return delivery;
}

static struct gw_delivery *delivery_create(struct delivery_round *round, size_t from)
{
	struct gw_delivery *delivery = delivery_alloc(round, count_alike(round, from));
	if (!delivery)
		return NULL;
	delivery->route = round->recipients[from].route;
	delivery->stays = round->recipients[from].bound;
	place(round, delivery, from);
	return delivery;
}

struct gw_delivery *delivery_split(struct gw_delivery *delivery, size_t count)
{
	size_t rest = delivery->attempt.count - count;
	struct gw_delivery *other = delivery_alloc(delivery->round, rest);
	if (!other)
		return NULL;
	memcpy(other->attempt.rcpts, delivery->attempt.rcpts + count,
	       rest * sizeof(*other->attempt.rcpts));
	memcpy(other->recipients, delivery->recipients + count, rest * sizeof(*other->recipients));
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

static void defer_recipient(struct rcpt_attempt *recipient, const char *enhanced, const char *text)
{
	outcome_set(&recipient->outcome, &recipient->rcpt->message->arena, GW_DEFERRED,
		    STAGE_MODULE, false, 0, enhanced, gw_str(text), gw_str(NULL));
}

static void sort(struct delivery_round *round)
{
	for (size_t i = 0; i < round->count; i++) {
		struct rcpt_attempt *recipient = &round->recipients[i];
		if (recipient->placed || recipient->outcome.status != 0)
			continue;
		struct gw_delivery *delivery = delivery_create(round, i);
		if (!delivery) {
			defer_recipient(recipient, "4.3.0", "no memory");
			continue;
		}
	}
}

static void tell_unrouted(struct delivery_round *round)
{
	for (size_t i = 0; i < round->count; i++)
		if (!round->recipients[i].placed)
			explain_outcome(round->message->explanation, gw_str(""),
					&round->recipients[i].outcome);
}

static void settle(struct delivery_round *round)
{
	if (!round->message->dry) {
		round_settle(round);
		return;
	}
	tell_unrouted(round);
	round_release(round);
}

/* The count is held up by one while deliveries begin, since any of them may end at once. */
static void begin_deliveries(struct delivery_round *round)
{
	sort(round);
	round->open++;
	for (struct gw_delivery *delivery = round->deliveries, *next; delivery; delivery = next) {
		next = delivery->next;
		route_begin(delivery);
	}
	if (--round->open == 0)
		settle(round);
}

/* What was delivered is written down at once where others are still on their way: a crash must not
 * repeat it. */
void round_delivery_done(struct gw_delivery *delivery)
{
	struct delivery_round *round = delivery->round;
	if (--round->open == 0) {
		settle(round);
		return;
	}
	if (delivery->unrecorded)
		queue_record(round->message);
	delivery->unrecorded = false;
}

/* --- asking for routes --- */

static struct gw_relay *only_relay(const struct delivery_round *round, const struct gw_rcpt *rcpt)
{
	struct gw_str moved = message_note(round->message, gw_str("gateway.relay"));
	if (moved.len)
		return snapshot_relay(round->message->snapshot, moved);
	return rcpt->suspect ? snapshot_relay(round->message->snapshot, rcpt->relay) : NULL;
}

/* What an admin moved to a relay goes there; after an unknown outcome only the relay that may have
 * it already is asked again. */
static bool needs_no_route(struct delivery_round *round, struct rcpt_attempt *recipient)
{
	struct gw_relay *relay = only_relay(round, recipient->rcpt);
	if (!relay)
		return false;
	recipient->route.relays[0] = relay;
	recipient->route.count = 1;
	recipient->bound = recipient->rcpt->suspect;
	return true;
}

static void routed(struct delivery_round *round, struct rcpt_attempt *recipient)
{
	const struct chain_answer *answer = &round->call.answer;
	struct arena *arena = &round->message->arena;
	switch (answer->verdict) {
	case GW_ACCEPT:
		if (!recipient->route.count)
			defer_recipient(recipient, "4.3.5", "the route is empty");
		break;
	case GW_REJECT:
		outcome_set(&recipient->outcome, arena, GW_BOUNCED, STAGE_MODULE, false,
			    answer->code, answer->enhanced[0] ? answer->enhanced : "5.7.1",
			    answer->text.len ? answer->text : gw_str("no route for this mail"),
			    gw_str(NULL));
		break;
	case GW_CONTINUE:
		defer_recipient(recipient, "4.3.5", "no module has a route for this mail");
		break;
	default:
		outcome_set(&recipient->outcome, arena, GW_DEFERRED, STAGE_MODULE, false,
			    answer->code, answer->enhanced[0] ? answer->enhanced : "4.3.5",
			    answer->text.len ? answer->text : gw_str("the route is not known now"),
			    gw_str(NULL));
	}
}

static void ask_routes(struct delivery_round *round);

static void routed_later(struct gw_call *call, void *arg)
{
	struct delivery_round *round = arg;
	routed(round, &round->recipients[round->at++]);
	ask_routes(round);
}

static void ask_routes(struct delivery_round *round)
{
	for (; round->at < round->count; round->at++) {
		struct rcpt_attempt *recipient = &round->recipients[round->at];
		if (needs_no_route(round, recipient))
			continue;
		round->call.rcpt = recipient->rcpt;
		round->call.answer_to = &recipient->route;
		if (!chain_run(&round->call, GW_HOOK_route, routed_later, round))
			return;
		routed(round, recipient);
	}
	begin_deliveries(round);
}

/* --- begin --- */

void round_call(struct gw_call *call, struct gw_message *message)
{
	chain_init(call, message->worker, message->snapshot, &message->arena);
	call->message = message;
	call->explain = call_log_reason;
	if (message->dry)
		explain_listen(message->explanation, call);
}

static struct delivery_round *round_create(struct gw_message *message)
{
	struct delivery_round *round = arena_alloc(&message->arena, sizeof(*round));
	size_t pending = message_pending(message);
	if (!round)
		return NULL;
	round->recipients = arena_alloc(&message->arena, pending * sizeof(*round->recipients));
	if (!round->recipients && pending)
		return NULL;
	round->message = message;
	round_call(&round->call, message);
	for (size_t i = 0; i < message->rcpt_count; i++)
		if (message->rcpts[i]->status == RCPT_PENDING)
			round->recipients[round->count++].rcpt = message->rcpts[i];
	list_add(rounds_of(message->worker), &round->link);
	return round;
}

static void bounce_all(struct delivery_round *round)
{
	for (size_t i = 0; i < round->count; i++)
		outcome_set(&round->recipients[i].outcome, &round->message->arena, GW_BOUNCED,
			    STAGE_MODULE, false, 0, "5.7.0",
			    gw_str("an administrator gave it back"), gw_str(NULL));
	round_settle(round);
}

/* Its client was told 250 all the same: the refusal goes back in the words in which it would have
 * heard it. */
static void bounce_refused(struct delivery_round *round, struct gw_str said)
{
	struct reply_reader reader;
	struct smtp_reply reply = { .code = 554, .text = said };
	reply_reader_init(&reader);
	reply_reader_line(&reader, said, &reply);
	for (size_t i = 0; i < round->count; i++)
		outcome_reply(&round->recipients[i].outcome, &round->message->arena, GW_BOUNCED,
			      STAGE_MODULE, false, &reply, gw_str(NULL));
	reply_reader_finish(&reader);
	round_settle(round);
}

/* Nothing is tried: its sender is told of the delay, or that it expired. */
static void stay_held(struct delivery_round *round)
{
	struct gw_message *message = round->message;
	struct gw_str why = arena_printf(&message->arena, "the gateway holds it: %.*s",
					 GW_STR_ARGS(message->hold_reason));
	for (size_t i = 0; i < round->count; i++) {
		round->recipients[i].placed = true; /* no line in the log for each look */
		outcome_set(&round->recipients[i].outcome, &message->arena, GW_DEFERRED, STAGE_NONE,
			    false, 0, "4.3.0", why, gw_str(NULL));
	}
	round_settle(round);
}

void round_explain(struct gw_message *message)
{
	struct delivery_round *round = round_create(message);
	if (round)
		ask_routes(round);
	else
		explain_end(message->explanation);
}

void round_begin(struct gw_message *message)
{
	struct gw_str refused = message_note(message, gw_str(NOTE_REFUSED));
	struct delivery_round *round = round_create(message);
	if (!round) {
		message->next_at = queue_now() + 60000;
		queue_later(message);
		return;
	}
	if (refused.ptr)
		bounce_refused(round, refused);
	else if (queue_wants_bounce(message))
		bounce_all(round);
	else if (message->held)
		stay_held(round);
	else
		ask_routes(round);
}

/* round.c - the rounds of a worker: how one begins, and how all of them end with the gateway. */
#include "deliver/delivery_private.h"

#include <stdlib.h>

static struct list_link *rounds_of(const struct worker *worker)
{
	return &deliveries_of(worker)->rounds;
}

int delivery_start(struct worker *worker)
{
	struct deliveries *deliveries = calloc(1, sizeof(*deliveries));
	if (!deliveries)
		return -1;
	list_init(&deliveries->rounds);
	list_init(&deliveries->relay_tests);
	list_init(&deliveries->ready);
	worker_set(worker, SLOT_DELIVERY, deliveries);
	return 0;
}

void delivery_finish(struct worker *worker)
{
	free(deliveries_of(worker));
	worker_set(worker, SLOT_DELIVERY, NULL);
}

/* --- the gateway stops --- */

static void ignore(struct gw_call *call, void *arg) {}

/* Work of a module that still runs on the pool ends before the queue frees the message: main sees
 * to the order. */
static void call_cancel(struct gw_call *call)
{
	call->done = ignore;
	chain_cancel(call);
}

static void round_stop(struct delivery_round *round)
{
	list_take(&round->link);
	call_cancel(&round->task.call);
	for (struct gw_delivery *delivery = round->deliveries; delivery;
	     delivery = delivery->next) {
		delivery_abandon(delivery);
		call_cancel(&delivery->task.call);
		delivery_keep_taken(delivery);
	}
	if (!round->message->dry)
		queue_record_now(round->message);
}

void delivery_stop(struct worker *worker)
{
	struct list_link *rounds = rounds_of(worker);
	while (!list_empty(rounds))
		round_stop(list_of(rounds->next, struct delivery_round, link));
	relay_tests_stop(&deliveries_of(worker)->relay_tests);
}

/* --- looking at them --- */

void delivery_each(struct worker *worker,
		   void (*each)(void *arg, const struct gw_message *message,
				const struct gw_relay *relay),
		   void *arg)
{
	const struct list_link *rounds = rounds_of(worker);
	for (const struct list_link *link = rounds->next; link != rounds; link = link->next)
		for (const struct gw_delivery *delivery =
			     list_of(link, struct delivery_round, link)->deliveries;
		     delivery; delivery = delivery->next)
			if (delivery->attempt.relay)
				each(arg, delivery->message, delivery->attempt.relay);
}

static struct delivery_round *round_find(const struct worker *worker, uint64_t id)
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
	struct delivery_round *round = round_find(worker, id);
	if (!round)
		return;
	round->again = true;
	for (struct gw_delivery *delivery = round->deliveries; delivery; delivery = delivery->next)
		if (delivery->sending)
			transport_send_back(&delivery->attempt);
}

void round_record(struct delivery_round *round)
{
	if (round->unrecorded)
		queue_record(round->message);
	round->unrecorded = false;
}

/* --- when the message comes back --- */

void round_wait_until(struct delivery_round *round, int64_t wall)
{
	int64_t due = queue_now() + (wall - worker_wall(round->message->worker));
	if (wall && (!round->wait_until || due < round->wait_until))
		round->wait_until = due;
}

static bool is_waited_on(const struct delivery_round *round, struct gw_str key)
{
	struct gw_str keys = round->wait_on;
	while (keys.len)
		if (gw_str_eq(gw_str_cut(&keys, '\n'), key))
			return true;
	return false;
}

void round_wait_on(struct delivery_round *round, struct gw_str key)
{
	struct gw_str before = round->wait_on;
	if (!key.len || is_waited_on(round, key)) /* each of many deliveries may say so */
		return;
	struct gw_str all = arena_printf(&round->message->arena, "%.*s%s%.*s", GW_STR_ARGS(before),
					 before.len ? "\n" : "", GW_STR_ARGS(key));
	if (all.ptr)
		round->wait_on = all;
}

/* --- begin --- */

static const struct round_effects *effects_of(const struct gw_message *message)
{
	return message->dry ? &explain_effects : &real_effects;
}

void call_init(struct gw_call *call, struct gw_message *message)
{
	chain_init(call, message->worker, message->snapshot, &message->arena);
	call->message = message;
	effects_of(message)->listen(call);
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
	round->effects = effects_of(message);
	call_init(&round->task.call, message);
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
}

/* Nothing is tried: its sender is told of the delay, or that it expired. */
static void stay_held(struct delivery_round *round)
{
	struct gw_message *message = round->message;
	struct gw_str why = arena_printf(&message->arena, "the gateway holds it: %.*s",
					 GW_STR_ARGS(message->hold_reason));
	for (size_t i = 0; i < round->count; i++) {
		round->recipients[i].sorted = true; /* no line in the log for each look */
		outcome_set(&round->recipients[i].outcome, &message->arena, GW_DEFERRED, STAGE_NONE,
			    false, 0, "4.3.0", why, gw_str(NULL));
	}
}

static enum step first_step(struct delivery_round *round)
{
	struct gw_str refused = message_note(round->message, gw_str(NOTE_REFUSED));
	if (refused.ptr)
		bounce_refused(round, refused);
	else if (queue_wants_bounce(round->message))
		bounce_all(round);
	else if (round->message->held)
		stay_held(round);
	else
		return STEP_ROUTE;
	return STEP_OUTCOMES;
}

void round_begin(struct gw_message *message)
{
	struct delivery_round *round = round_create(message);
	if (!round) {
		message->next_at = queue_now() + 60000;
		queue_later(message);
		return;
	}
	task_continue(&round->task, first_step(round));
}

int round_explain(struct gw_message *message)
{
	struct delivery_round *round = round_create(message);
	if (round)
		task_continue(&round->task, STEP_ROUTE);
	return round ? 0 : -1;
}

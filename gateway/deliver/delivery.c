/* delivery.c - the recipients of a round whose route is the same, on their way together. */
#include "deliver/delivery_private.h"

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
static bool goes_with(const struct rcpt_attempt *a, const struct rcpt_attempt *b)
{
	return !b->sorted && b->outcome.status == 0 && a->bound == b->bound &&
	       same_route(&a->route, &b->route) &&
	       (!goes_to_mx(&a->route) || gw_str_ieq(a->rcpt->domain, b->rcpt->domain));
}

static size_t count_with(const struct delivery_round *round, size_t from)
{
	size_t count = 0;
	for (size_t i = from; i < round->count; i++)
		count += goes_with(&round->recipients[from], &round->recipients[i]);
	return count;
}

static void take_with(struct delivery_round *round, struct gw_delivery *delivery, size_t from)
{
	struct attempt *attempt = &delivery->attempt;
	for (size_t i = from; i < round->count; i++) {
		struct rcpt_attempt *recipient = &round->recipients[i];
		if (!goes_with(&round->recipients[from], recipient))
			continue;
		recipient->sorted = true;
		delivery->recipients[attempt->count] = recipient;
		attempt->rcpts[attempt->count++] = recipient->rcpt;
	}
}

/* The arrays of a delivery. */
struct places {
	struct rcpt_attempt **recipients;
	struct gw_rcpt **rcpts;
	struct outcome *outcomes;
};

static bool places_alloc(struct arena *arena, size_t count, struct places *places)
{
	places->recipients = arena_alloc(arena, count * sizeof(*places->recipients));
	places->rcpts = arena_alloc(arena, count * sizeof(*places->rcpts));
	places->outcomes = arena_alloc(arena, count * sizeof(*places->outcomes));
	return places->recipients && places->rcpts && places->outcomes;
}

static struct gw_delivery *delivery_alloc(struct delivery_round *round, const struct places *places)
{
	struct gw_delivery *delivery = arena_alloc(&round->message->arena, sizeof(*delivery));
	if (!delivery)
		return NULL;
	delivery->recipients = places->recipients;
	delivery->attempt.rcpts = places->rcpts;
	delivery->attempt.outcomes = places->outcomes;
	delivery->round = round;
	delivery->message = round->message;
	call_init(&delivery->task.call, round->message);
	delivery->task.call.delivery = delivery;
	delivery->next = round->deliveries;
	round->deliveries = delivery;
	round->open++;
	return delivery;
}

static int delivery_create(struct delivery_round *round, size_t from)
{
	struct places places;
	struct gw_delivery *delivery = places_alloc(&round->message->arena, count_with(round, from),
						    &places)
					       ? delivery_alloc(round, &places)
					       : NULL;
	if (!delivery)
		return -1;
	delivery->route = round->recipients[from].route;
	delivery->stays = round->recipients[from].bound;
	take_with(round, delivery, from);
	return 0;
}

void deliveries_create(struct delivery_round *round)
{
	for (size_t i = 0; i < round->count; i++) {
		struct rcpt_attempt *recipient = &round->recipients[i];
		if (recipient->sorted || recipient->outcome.status != 0 ||
		    delivery_create(round, i) == 0)
			continue;
		outcome_set(&recipient->outcome, &round->message->arena, GW_DEFERRED, STAGE_MODULE,
			    false, 0, "4.3.0", gw_str("no memory"), gw_str(NULL));
	}
}

/* For recipients that leave it, at the same relay for the same reasons. */
static struct gw_delivery *delivery_rest(struct gw_delivery *delivery, const struct places *places)
{
	struct gw_delivery *rest = delivery_alloc(delivery->round, places);
	if (!rest)
		return NULL;
	rest->route = delivery->route;
	rest->at = delivery->at;
	rest->stays = delivery->stays;
	rest->cause = delivery->cause;
	rest->why = delivery->why;
	rest->hopeful = delivery->hopeful;
	rest->rest = delivery->rest;
	delivery->rest = rest;
	return rest;
}

static void delivery_take(struct gw_delivery *delivery, struct rcpt_attempt *recipient)
{
	delivery->recipients[delivery->attempt.count] = recipient;
	delivery->attempt.rcpts[delivery->attempt.count++] = recipient->rcpt;
}

/* Each has its part of the arrays: who splits a thousand recipients one by one takes no more memory
 * for them. */
int delivery_split(struct gw_delivery *delivery, size_t count)
{
	struct attempt *attempt = &delivery->attempt;
	struct places places = { delivery->recipients + count, attempt->rcpts + count,
				 attempt->outcomes + count };
	struct gw_delivery *rest = delivery_rest(delivery, &places);
	if (!rest)
		return -1;
	rest->attempt.count = attempt->count - count;
	memset(places.outcomes, 0, rest->attempt.count * sizeof(*places.outcomes));
	attempt->count = count;
	return 0;
}

int delivery_split_by(struct gw_delivery *delivery, const bool *keep)
{
	size_t count = delivery->attempt.count, kept = 0;
	for (size_t i = 0; i < count; i++)
		kept += keep[i];
	struct places places;
	struct gw_delivery *rest = places_alloc(&delivery->message->arena, count - kept, &places)
					   ? delivery_rest(delivery, &places)
					   : NULL;
	if (!rest)
		return -1;
	delivery->attempt.count = 0;
	for (size_t i = 0; i < count; i++)
		delivery_take(keep[i] ? delivery : rest, delivery->recipients[i]);
	return 0;
}

void delivery_put_off(struct gw_delivery *delivery, const char *enhanced, struct gw_str why)
{
	for (size_t i = 0; i < delivery->attempt.count; i++)
		if (delivery->recipients[i]->outcome.status == 0)
			outcome_set(&delivery->recipients[i]->outcome, &delivery->message->arena,
				    GW_DEFERRED, STAGE_NONE, true, 0, enhanced, why, gw_str(NULL));
}

/* What was delivered is written down at once where others are still on their way: a crash must not
 * repeat it. After the last of them the message's end does it. */
enum step step_finish(struct task *task)
{
	struct gw_delivery *delivery = delivery_of(task);
	struct delivery_round *round = delivery->round;
	tell_leave(delivery);
	round->unrecorded |= delivery->unrecorded;
	delivery->unrecorded = false;
	if (--round->open == 0)
		task_continue(&round->task, STEP_OUTCOMES);
	else
		round_record(round);
	return STEP_OVER;
}

/* --- what the services look at and set --- */

struct gw_message *delivery_message(const struct gw_delivery *delivery)
{
	return delivery->message;
}

const struct attempt *delivery_attempt(const struct gw_delivery *delivery)
{
	return &delivery->attempt;
}

/* Sizes are worked out on demand, also of a delivery that is only looked at. */
struct edits *delivery_edits(const struct gw_delivery *delivery)
{
	return (struct edits *)&delivery->edits;
}

char **delivery_data(struct gw_delivery *delivery)
{
	return &delivery->data;
}

enum gw_cause delivery_cause(const struct gw_delivery *delivery)
{
	return delivery->cause;
}

void delivery_set_login(struct gw_delivery *delivery, const struct gw_login *login)
{
	delivery->login = *login;
	delivery->login_given = login->user.ptr && login->secret.ptr;
}

void delivery_forget_login(struct gw_delivery *delivery)
{
	struct gw_str secret = delivery->login.secret;

	if (delivery->login_given)
		explicit_bzero((char *)(uintptr_t)secret.ptr, secret.len);
	delivery->login_given = false;
}

const struct gw_login *delivery_login(const struct gw_delivery *delivery)
{
	return delivery->login_given ? &delivery->login : NULL;
}

void delivery_refuse_login(struct gw_delivery *delivery, struct gw_str said)
{
	struct gw_str copy = arena_str(delivery->attempt.arena, said);
	delivery->login_refused = copy.ptr && copy.len ? copy : gw_str("refused");
}

void delivery_set_outcome(struct gw_delivery *delivery, const struct gw_rcpt *rcpt,
			  const struct gw_outcome *given)
{
	struct attempt *attempt = &delivery->attempt;
	struct smtp_reply reply = { .code = given->code, .text = given->text };
	enum stage stage = stage_named(given->stage);
	memcpy(reply.enhanced, given->enhanced, sizeof(reply.enhanced));
	for (size_t i = 0; i < attempt->count; i++) {
		if (attempt->rcpts[i] != rcpt)
			continue;
		outcome_reply(&attempt->outcomes[i], attempt->arena, given->status, stage,
			      stage_is_of_link(stage), &reply, given->host);
		attempt->outcomes[i].unfit = given->unfit && given->status == GW_BOUNCED;
	}
}

void delivery_set_hold(struct gw_delivery *delivery, struct gw_str why)
{
	delivery->round->hold_why = why;
}

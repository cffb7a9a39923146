/* attempt.c - lists of attempts, and how one ends. */
#include "deliver/lane.h"

void attempts_init(struct attempt_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

void attempts_append(struct attempt_list *list, struct attempt *attempt)
{
	attempt->next = NULL;
	*list->last = attempt;
	list->last = &attempt->next;
}

void attempts_prepend(struct attempt_list *list, struct attempt *attempt)
{
	attempt->next = list->first;
	list->first = attempt;
	if (!attempt->next)
		list->last = &attempt->next;
}

struct attempt *attempts_shift(struct attempt_list *list)
{
	struct attempt *attempt = list->first;
	list->first = attempt->next;
	if (!list->first)
		list->last = &list->first;
	return attempt;
}

bool attempts_remove(struct attempt_list *list, struct attempt *attempt)
{
	struct attempt **at = &list->first;
	while (*at && *at != attempt)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = attempt->next;
	if (!*at)
		list->last = at;
	return true;
}

void attempt_settle(struct attempt *attempt, const struct outcome *outcome)
{
	struct outcome copy = { 0 };
	size_t i;
	outcome_reply(&copy, attempt->arena, outcome->status, outcome->stage, outcome->link, &outcome->reply, outcome->host);
	for (i = 0; i < attempt->count; i++)
		if (!attempt->outcomes[i].status)
			attempt->outcomes[i] = copy;
}

static bool delivered_any(const struct attempt *attempt)
{
	size_t i;
	for (i = 0; i < attempt->count; i++)
		if (attempt->outcomes[i].status == GW_DELIVERED)
			return true;
	return false;
}

/* A site's lane may be gone before anybody asks for its name. */
static void leave_lane(struct attempt *attempt)
{
	struct lane *lane = attempt->lane;
	if (!lane)
		return;
	attempt->lane = NULL;
	attempt->way = lane->site ? arena_str(attempt->arena, lane->name) : lane->name;
	if (!attempt->way.ptr)
		attempt->way = gw_str("");
	lane_ended(lane, attempt);
}

void attempt_end(struct transport *transport, struct attempt *attempt)
{
	struct relay_shared *shared = relay_shared(attempt->relay);
	attempt->client = NULL;
	attempt->ended_at = worker_now(transport->worker);
	if (!attempt->began_at)
		attempt->began_at = attempt->ended_at;
	if (shared && !attempt->watch)
		atomic_fetch_add_explicit(delivered_any(attempt) ? &shared->sent : &shared->failed, 1, memory_order_relaxed);
	site_forget(attempt);
	attempts_append(&transport->ended, attempt);
	leave_lane(attempt);
}

void attempt_fail(struct transport *transport, struct attempt *attempt, const char *enhanced, const char *why)
{
	struct outcome outcome;
	outcome_set(&outcome, attempt->arena, GW_DEFERRED, STAGE_NONE, false, 0, enhanced, gw_str(why), gw_str(""));
	attempt_settle(attempt, &outcome);
	attempt_end(transport, attempt);
}

/* attempt.c - lists of attempts, and how one ends. */
#include "client/relay_queue.h"

#include <pthread.h>
#include <stdio.h>

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

void attempt_finish(struct attempt *attempt, const struct outcome *outcome)
{
	struct outcome copy = { 0 };
	size_t i;
	outcome_reply(&copy, attempt->arena, outcome->status, outcome->stage, outcome->link,
		      &outcome->reply, outcome->host);
	copy.unfit = outcome->unfit;
	copy.local = outcome->local;
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

/* --- the last of each kind, for people --- */

static pthread_mutex_t error_lock = PTHREAD_MUTEX_INITIALIZER;

static const struct outcome *fault_of_link(const struct attempt *attempt)
{
	for (size_t i = 0; i < attempt->count; i++)
		if (attempt->outcomes[i].link && attempt->outcomes[i].status != GW_DELIVERED &&
		    attempt->outcomes[i].stage != STAGE_NONE)
			return &attempt->outcomes[i];
	return NULL;
}

static void put_words(char *text, size_t size, const struct outcome *outcome)
{
	const struct smtp_reply *reply = &outcome->reply;
	char code[8] = "";
	if (reply->code)
		snprintf(code, sizeof(code), "%d ", reply->code % 1000);
	snprintf(text, size, "%s: %s%.*s", stage_name(outcome->stage), code,
		 GW_STR_ARGS(reply->text));
}

static void note_error(struct relay_shared *shared, const struct outcome *outcome, int64_t now)
{
	atomic_fetch_add_explicit(&shared->failed, 1, memory_order_relaxed);
	pthread_mutex_lock(&error_lock);
	put_words(shared->error, sizeof(shared->error), outcome);
	atomic_store(&shared->failed_at, now);
	pthread_mutex_unlock(&error_lock);
}

static struct transport_own_fault own;

/* The relay has no part in it. */
static void note_own(const struct outcome *outcome, struct gw_str relay, int64_t now)
{
	pthread_mutex_lock(&error_lock);
	own.count++;
	own.at = now;
	snprintf(own.relay, sizeof(own.relay), "%.*s", GW_STR_ARGS(relay));
	put_words(own.text, sizeof(own.text), outcome);
	pthread_mutex_unlock(&error_lock);
}

void transport_own_fault(struct transport_own_fault *fault)
{
	pthread_mutex_lock(&error_lock);
	*fault = own;
	pthread_mutex_unlock(&error_lock);
}

void attempt_last_error(struct relay_shared *shared, char *text, size_t size)
{
	pthread_mutex_lock(&error_lock);
	snprintf(text, size, "%s", shared->error);
	pthread_mutex_unlock(&error_lock);
}

void attempt_set_last_error(struct relay_shared *shared, const char *text, int64_t when)
{
	pthread_mutex_lock(&error_lock);
	snprintf(shared->error, sizeof(shared->error), "%s", text);
	atomic_store(&shared->failed_at, when);
	pthread_mutex_unlock(&error_lock);
}

static void note_end(struct relay_shared *shared, const struct attempt *attempt, int64_t now)
{
	bool delivered = delivered_any(attempt);
	const struct outcome *fault = delivered ? NULL : fault_of_link(attempt);
	if (delivered) {
		atomic_fetch_add_explicit(&shared->sent, 1, memory_order_relaxed);
		atomic_store_explicit(&shared->succeeded_at, now, memory_order_relaxed);
	} else if (fault && fault->local) {
		note_own(fault, attempt->relay->name, now);
	} else if (fault) {
		note_error(shared, fault, now);
	} else {
		atomic_fetch_add_explicit(&shared->failed, 1, memory_order_relaxed);
	}
}

/* An MX group's relay queue may be gone before anybody asks for its name. */
static void leave_relay_queue(struct attempt *attempt)
{
	struct relay_queue *queue = attempt->queue;
	if (!queue)
		return;
	attempt->queue = NULL;
	attempt->way = queue->group ? arena_str(attempt->arena, queue->name) : queue->name;
	if (!attempt->way.ptr)
		attempt->way = gw_str("");
	relay_queue_ended(queue, attempt);
	attempt->down = relay_queue_is_down(queue);
}

static void note_link(const struct attempt *attempt)
{
	const struct outcome *outcome = &attempt->outcomes[0];

	sts_note(attempt->rcpts[0]->domain, &attempt->tls, outcome->host, outcome->reply.text);
}

void attempt_end(struct transport *transport, struct attempt *attempt)
{
	struct relay_shared *shared = relay_shared(attempt->relay);
	attempt->client = NULL;
	attempt->ended_at = worker_now(transport->worker);
	if (!attempt->began_at) /* it never got a connection, and was under way all the same */
		attempt->began_at = attempt->queued_at;
	if (shared && !attempt->tap && !attempt->unserved)
		note_end(shared, attempt, worker_wall(transport->worker));
	if (attempt->relay->mx && !attempt->unserved && !attempt->tap)
		note_link(attempt);
	mx_group_forget(attempt);
	attempts_append(&transport->ended, attempt);
	leave_relay_queue(attempt);
}

void attempt_unserved(struct transport *transport, struct attempt *attempt)
{
	attempt->unserved = true;
	attempt_end(transport, attempt);
}

void attempt_fail(struct transport *transport, struct attempt *attempt, const char *enhanced,
		  const char *why)
{
	struct outcome outcome;
	outcome_set(&outcome, attempt->arena, GW_DEFERRED, STAGE_NONE, false, 0, enhanced,
		    gw_str(why), gw_str(""));
	attempt_finish(attempt, &outcome);
	attempt_end(transport, attempt);
}

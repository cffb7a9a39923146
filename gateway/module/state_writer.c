/* The thread of the store: gathers what changed, writes it in one transaction. What cannot be
 * written stays in memory and is tried again, so a full disk costs no counter as long as the
 * process lives. */
#include "module/state_private.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>

#define GATHER_MS 200
#define RETRY_MS 1000

static struct state_change *copy_entry(struct state_entry *entry)
{
	struct state_change *change = calloc(1, sizeof(*change) + entry->key.len + entry->len);

	if (!change)
		return NULL;
	change->entry = entry;
	change->kind = entry->kind;
	change->gone = entry->gone;
	memcpy(change->periods, entry->periods, sizeof(change->periods));
	change->key_len = entry->key.len;
	change->value_len = entry->len;
	memcpy(change->bytes, entry->key.ptr, entry->key.len);
	if (entry->len)
		memcpy(change->bytes + entry->key.len, entry->value, entry->len);
	return change;
}

/* Takes the list of what changed; what there is no memory for stays in it. */
static struct state_change *take(struct state *state)
{
	struct state_change *first = NULL, **last = &first;

	while (state->dirty && (*last = copy_entry(state->dirty))) {
		state->dirty->dirty = false;
		state->dirty = state->dirty->next_dirty;
		last = &(*last)->next;
	}
	if (!state->dirty)
		state->last_dirty = &state->dirty;
	return first;
}

/* Written: a record that was dropped and not put again is forgotten. */
static void settle(struct state *state, const struct state_change *change)
{
	struct state_entry *entry = change->entry;

	if (!change->gone || !entry->gone || entry->dirty)
		return;
	str_map_take(&state->records, entry->key);
	free(entry);
}

static void finish(struct state *state, struct state_change *changes, bool written)
{
	while (changes) {
		struct state_change *change = changes;
		changes = change->next;
		if (written)
			settle(state, change);
		else
			state_entry_touch(state, change->entry);
		free(change);
	}
}

static void tell_failed(struct state *state, bool failed, const char *why)
{
	if (failed == state->failed)
		return;
	state->failed = failed;
	if (failed)
		log_say(EVENT_STATE_FAILED, "%s; changes wait in memory", why);
	else
		log_say(EVENT_STATE_WRITTEN, "the state store takes changes again");
}

static struct state_keep *take_keeps(struct state *state)
{
	struct state_keep *keeps = state->keeps;

	state_keeps_init(state);
	return keeps;
}

/* Called and returns with the lock held. */
static void tell_keeps(struct state *state, struct state_keep *keeps, bool durable, const char *why)
{
	if (!keeps)
		return;
	pthread_mutex_unlock(&state->lock);
	while (keeps) {
		struct state_keep *keep = keeps;
		keeps = keep->next;
		keep->told(keep, durable, why);
	}
	pthread_mutex_lock(&state->lock);
}

/* Called and returns with the lock held. */
static void write_changes(struct state *state)
{
	struct state_change *changes = take(state);
	struct state_keep *keeps = take_keeps(state);
	char why[200] = "no memory";
	bool written = changes || !state->dirty, whole = !state->dirty;

	if (changes) {
		pthread_mutex_unlock(&state->lock);
		written = state_file_write(state->file, changes, why, sizeof(why)) == 0;
		pthread_mutex_lock(&state->lock);
	}
	finish(state, changes, written);
	if (written)
		state->slots.full = false;
	tell_failed(state, !written, why);
	tell_keeps(state, keeps, written && whole, why);
}

static void wait_ms(struct state *state, int64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += (time_t)(ms / 1000) + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	uint64_t asked = state->asked;
	while (!state->ending && state->asked == asked &&
	       pthread_cond_timedwait(&state->wake, &state->lock, &until) != ETIMEDOUT)
		;
}

static void *writer_main(void *arg)
{
	struct state *state = arg;

	pthread_setname_np(pthread_self(), "state");
	pthread_mutex_lock(&state->lock);
	while (!state->ending || state->dirty) {
		if (!state->dirty && state->asked == state->answered)
			pthread_cond_wait(&state->wake, &state->lock);
		if (state->asked == state->answered)
			wait_ms(state, state->failed ? RETRY_MS : GATHER_MS);
		uint64_t asked = state->asked;
		write_changes(state);
		state->answered = asked;
		pthread_cond_broadcast(&state->done);
		if (state->ending && state->failed)
			break;
	}
	pthread_mutex_unlock(&state->lock);
	return NULL;
}

int state_writer_start(struct state *state)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&state->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&state->wake, &attributes);
	pthread_cond_init(&state->done, NULL);
	pthread_condattr_destroy(&attributes);
	errno = pthread_create(&state->thread, NULL, writer_main, state);
	return errno ? -1 : 0;
}

void state_writer_stop(struct state *state)
{
	pthread_mutex_lock(&state->lock);
	state->ending = true;
	pthread_cond_signal(&state->wake);
	pthread_mutex_unlock(&state->lock);
	pthread_join(state->thread, NULL);
	pthread_cond_destroy(&state->wake);
	pthread_cond_destroy(&state->done);
	pthread_mutex_destroy(&state->lock);
}

int state_sync(struct state *state)
{
	pthread_mutex_lock(&state->lock);
	uint64_t mine = ++state->asked;
	pthread_cond_signal(&state->wake);
	while (state->answered < mine)
		pthread_cond_wait(&state->done, &state->lock);
	int result = state->failed ? -1 : 0;
	pthread_mutex_unlock(&state->lock);
	return result;
}

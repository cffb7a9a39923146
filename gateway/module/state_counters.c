#include "module/state_private.h"

/* The place of a period, newest first: an older one falls out. NULL: it is older than both that are
 * kept. */
static int64_t *period_place(struct state_entry *entry, int64_t period)
{
	for (int i = 0; i < PERIODS; i++) {
		if (entry->periods[i].used && entry->periods[i].period == period)
			return &entry->periods[i].value;
		if (entry->periods[i].used && entry->periods[i].period > period)
			continue;
		memmove(&entry->periods[i + 1], &entry->periods[i],
			(size_t)(PERIODS - 1 - i) * sizeof(entry->periods[0]));
		entry->periods[i].period = period;
		entry->periods[i].value = 0;
		entry->periods[i].used = true;
		return &entry->periods[i].value;
	}
	return NULL;
}

/* What the counter would be; -1: past the limit. Taking away never goes below nothing. */
static int64_t added(int64_t value, int64_t add, int64_t limit)
{
	int64_t sum;

	if (__builtin_add_overflow(value, add, &sum))
		return -1;
	if (add > 0 && limit >= 0 && sum > limit)
		return -1;
	return sum < 0 ? 0 : sum;
}

static void changed(struct state *state, struct state_entry *entry)
{
	slots_put(&state->slots, &entry->slot, entry->key, entry->periods);
	state_entry_touch(state, entry);
}

static int64_t add_to(struct state *state, struct state_entry *entry, int64_t period, int64_t add,
		      int64_t limit)
{
	int64_t *place = period_place(entry, period), sum = added(place ? *place : 0, add, limit);

	if (!place || sum < 0 || sum == *place)
		return sum;
	*place = sum;
	changed(state, entry);
	return sum;
}

int64_t state_counter_add(struct state *state, struct gw_str owner, struct gw_str name,
			  int64_t period, int64_t add, int64_t limit)
{
	char buffer[STATE_KEY_MAX];
	struct gw_str key = state_key(buffer, owner, name);
	int64_t result = -1;

	if (!key.len)
		return -1;
	pthread_mutex_lock(&state->lock);
	struct state_entry *entry = state_entry_get(state, STATE_COUNTER, key);
	if (entry)
		result = add_to(state, entry, period, add, limit);
	pthread_mutex_unlock(&state->lock);
	return result;
}

int64_t state_counter_get(struct state *state, struct gw_str owner, struct gw_str name,
			  int64_t period)
{
	char buffer[STATE_KEY_MAX];
	struct gw_str key = state_key(buffer, owner, name);
	int64_t value = 0;

	pthread_mutex_lock(&state->lock);
	const struct state_entry *entry = key.len ? str_map_get(&state->counters, key) : NULL;
	for (int i = 0; entry && i < PERIODS; i++)
		if (entry->periods[i].used && entry->periods[i].period == period)
			value = entry->periods[i].value;
	pthread_mutex_unlock(&state->lock);
	return value;
}

/* --- from the files --- */

int state_counter_load(struct state *state, struct gw_str key, int64_t period, int64_t value)
{
	struct state_entry *entry = state_entry_get(state, STATE_COUNTER, key);
	int64_t *place = entry ? period_place(entry, period) : NULL;

	if (place)
		*place = value;
	return entry ? 0 : -1;
}

static void raise_to(struct state_entry *entry, const struct state_period *periods)
{
	for (int i = 0; i < PERIODS && periods[i].used; i++) {
		int64_t *place = period_place(entry, periods[i].period);
		if (place && *place < periods[i].value)
			*place = periods[i].value;
	}
}

int state_counter_lay_over(struct state *state, struct gw_str key, struct slot_place place,
			   const struct state_period *periods, bool newer)
{
	struct state_entry *entry = state_entry_get(state, STATE_COUNTER, key);

	if (!entry)
		return -1;
	if (newer)
		memcpy(entry->periods, periods, sizeof(entry->periods));
	else
		raise_to(entry, periods);
	entry->slot = place;
	changed(state, entry);
	return 0;
}

/* event_store_hooks.c - how it stands with each webhook, and its dead letters. */
#include "event_store_private.h"

#include <stdio.h>

/* --- how it stands --- */

static bool get_hook(struct event_store *store, struct gw_str name, struct hook_state *state)
{
	sqlite3_stmt *statement = query_begin(store, GET_HOOK);
	bool found;

	query_text(statement, 1, name);
	found = sqlite3_step(statement) == SQLITE_ROW;
	if (found) {
		*state = (struct hook_state){ .cursor = sqlite3_column_int64(statement, 0),
					      .tries = sqlite3_column_int64(statement, 1),
					      .next = sqlite3_column_int64(statement, 2),
					      .since = sqlite3_column_int64(statement, 3) };
		snprintf(state->error, sizeof state->error, "%s", query_column(statement, 4).ptr);
	}
	sqlite3_reset(statement);
	return found;
}

bool store_hook(struct event_store *store, struct gw_str name, struct hook_state *state)
{
	bool found;

	pthread_mutex_lock(&store->lock);
	found = get_hook(store, name, state);
	if (!found) {
		query_text(query_begin(store, ADD_HOOK), 1, name);
		query_run(store, ADD_HOOK);
		found = get_hook(store, name, state);
	}
	pthread_mutex_unlock(&store->lock);
	return found;
}

/* Under the lock. False: there is none behind `name`, which becomes the next. */
static bool next_hook(struct event_store *store, char *name, size_t size)
{
	sqlite3_stmt *statement = query_begin(store, NEXT_HOOK);
	bool found;

	query_text(statement, 1, gw_str(name));
	found = sqlite3_step(statement) == SQLITE_ROW;
	if (found)
		snprintf(name, size, "%s", query_column(statement, 0).ptr);
	sqlite3_reset(statement);
	return found;
}

void store_forget_hooks(struct event_store *store,
			bool (*is_wanted)(const void *arg, struct gw_str name), const void *arg)
{
	char name[300] = "";

	pthread_mutex_lock(&store->lock);
	while (next_hook(store, name, sizeof name)) {
		if (is_wanted(arg, gw_str(name)))
			continue;
		query_text(query_begin(store, DROP_HOOK), 1, gw_str(name));
		query_run(store, DROP_HOOK);
	}
	pthread_mutex_unlock(&store->lock);
}

static int set_hook(struct event_store *store, struct gw_str name, const struct hook_state *state)
{
	sqlite3_stmt *statement = query_begin(store, SET_HOOK);

	query_text(statement, 1, name);
	sqlite3_bind_int64(statement, 2, state->cursor);
	sqlite3_bind_int64(statement, 3, state->tries);
	sqlite3_bind_int64(statement, 4, state->next);
	sqlite3_bind_int64(statement, 5, state->since);
	query_text(statement, 6, gw_str(state->error));
	return query_run(store, SET_HOOK);
}

static int bury(struct event_store *store, struct gw_str name, const char *why, int64_t number)
{
	sqlite3_stmt *statement = query_begin(store, BURY);

	query_text(statement, 1, name);
	query_text(statement, 2, gw_str(why));
	sqlite3_bind_int64(statement, 3, number);
	return query_run(store, BURY);
}

int store_bury(struct event_store *store, struct gw_str name, const struct hook_state *state,
	       const int64_t *numbers, size_t count)
{
	int result = 0;
	size_t i;

	if (store_begin(store) != 0)
		return -1;
	for (i = 0; i < count && result == 0; i++)
		result = bury(store, name, state->error, numbers[i]);
	return store_end(store, result == 0 ? set_hook(store, name, state) : -1);
}

int store_told(struct event_store *store, struct gw_str name, const struct hook_state *state)
{
	return store_bury(store, name, state, NULL, 0);
}

/* --- dead letters --- */

static void read_dead(sqlite3_stmt *statement, struct dead *dead)
{
	*dead = (struct dead){ .number = sqlite3_column_int64(statement, 0),
			       .event = sqlite3_column_int64(statement, 1),
			       .time = sqlite3_column_int64(statement, 2),
			       .hook = query_column(statement, 3).ptr,
			       .name = query_column(statement, 4).ptr,
			       .why = query_column(statement, 5).ptr,
			       .json = query_column(statement, 6).ptr,
			       .due = sqlite3_column_int(statement, 7) != 0 };
}

int store_dead_each(struct event_store *store, struct gw_str hook, bool due, int64_t after,
		    size_t most, bool (*each)(void *arg, const struct dead *dead), void *arg)
{
	sqlite3_stmt *statement;
	struct dead dead;
	int result;

	pthread_mutex_lock(&store->lock);
	statement = query_begin(store, due ? DEAD_DUE : DEAD_EACH);
	sqlite3_bind_int64(statement, 1, after);
	query_text(statement, 2, hook);
	sqlite3_bind_int64(statement, 3, (int64_t)most);
	while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
		read_dead(statement, &dead);
		if (!each(arg, &dead))
			break;
	}
	sqlite3_reset(statement);
	pthread_mutex_unlock(&store->lock);
	return result == SQLITE_DONE || result == SQLITE_ROW ? 0 : -1;
}

int64_t store_dead_count(struct event_store *store, struct gw_str hook)
{
	int64_t count;

	pthread_mutex_lock(&store->lock);
	query_text(query_begin(store, DEAD_COUNT), 1, hook);
	count = query_number(store, DEAD_COUNT);
	pthread_mutex_unlock(&store->lock);
	return count;
}

static int64_t change_dead(struct event_store *store, enum query query, int64_t number)
{
	int64_t count;

	pthread_mutex_lock(&store->lock);
	count = query_change(store, query, number);
	pthread_mutex_unlock(&store->lock);
	return count;
}

int64_t store_dead_resend(struct event_store *store, int64_t number)
{
	return change_dead(store, DEAD_RESEND, number);
}

int64_t store_dead_drop(struct event_store *store, int64_t number)
{
	return change_dead(store, DEAD_DROP, number);
}

int store_dead_told(struct event_store *store, const int64_t *numbers, size_t count, bool taken,
		    const char *why)
{
	enum query query = taken ? DEAD_DROP : DEAD_AGAIN;
	sqlite3_stmt *statement;
	int result = 0;
	size_t i;

	if (store_begin(store) != 0)
		return -1;
	for (i = 0; i < count && result == 0; i++) {
		statement = query_begin(store, query);
		sqlite3_bind_int64(statement, 1, numbers[i]);
		if (!taken)
			query_text(statement, 2, gw_str(why));
		result = query_run(store, query);
	}
	return store_end(store, result);
}

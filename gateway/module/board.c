#include "module/board.h"

#include "base/map.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct closure {
	struct closure *next;
	struct board_closure said;
};

/* One relay; made at its first use, for the life of the process. */
struct board_relay {
	struct gw_str name;           /* first: the key */
	struct closure *closures;
	_Atomic unsigned closed;      /* how many */
	_Atomic int64_t pace;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct str_map relays;
static void (*tell_opened)(struct gw_str relay);

void board_set_opened(void (*opened)(struct gw_str relay))
{
	tell_opened = opened;
}

static struct board_relay *relay_create(struct gw_str name)
{
	struct board_relay *relay = calloc(1, sizeof(*relay) + name.len + 1);

	if (!relay)
		return NULL;
	memcpy(relay + 1, name.ptr, name.len);
	relay->name = gw_str_n((char *)(relay + 1), name.len);
	if (str_map_put(&relays, relay) == 0)
		return relay;
	free(relay);
	return NULL;
}

static struct board_relay *relay_of(struct gw_str name)
{
	struct board_relay *relay = str_map_get(&relays, name);

	return relay ? relay : relay_create(name);
}

/* Workers share a struct gw_relay; all would store the same pointer. */
static struct board_relay *cached(struct gw_relay *relay)
{
	struct board_relay *found = __atomic_load_n(&relay->board, __ATOMIC_ACQUIRE);

	if (found)
		return found;
	pthread_mutex_lock(&lock);
	found = relay_of(relay->name);
	pthread_mutex_unlock(&lock);
	__atomic_store_n(&relay->board, found, __ATOMIC_RELEASE);
	return found;
}

/* --- closures --- */

static struct closure **place_of(struct board_relay *relay, struct gw_str by)
{
	struct closure **at = &relay->closures;

	while (*at && !gw_str_eq(gw_str((*at)->said.by), by))
		at = &(*at)->next;
	return at;
}

static struct closure *closure_add(struct board_relay *relay, struct gw_str by)
{
	struct closure *closure = calloc(1, sizeof(*closure));

	if (!closure)
		return NULL;
	snprintf(closure->said.by, sizeof(closure->said.by), "%.*s", GW_STR_ARGS(by));
	closure->next = relay->closures;
	relay->closures = closure;
	relay->closed++;
	return closure;
}

static void closure_drop(struct board_relay *relay, struct closure **at)
{
	struct closure *closure = *at;

	*at = closure->next;
	free(closure);
	relay->closed--;
}

static int close_locked(struct gw_str name, struct gw_str by, enum gw_cause cause, int64_t until, struct gw_str why)
{
	struct board_relay *relay = relay_of(name);
	struct closure *closure = relay ? *place_of(relay, by) : NULL;

	if (relay && !closure)
		closure = closure_add(relay, by);
	if (!closure)
		return -1;
	closure->said.cause = cause;
	closure->said.until = until;
	snprintf(closure->said.why, sizeof(closure->said.why), "%.*s", GW_STR_ARGS(why));
	return 0;
}

int board_close(struct gw_str name, struct gw_str by, enum gw_cause cause, int64_t until, struct gw_str why)
{
	pthread_mutex_lock(&lock);
	int result = close_locked(name, gw_str_n(by.ptr, by.len < BOARD_BY ? by.len : BOARD_BY - 1), cause, until, why);
	pthread_mutex_unlock(&lock);
	return result;
}

static bool meant(const struct closure *closure, struct gw_str by, enum gw_cause cause)
{
	return by.len ? gw_str_eq(gw_str(closure->said.by), by) : closure->said.cause == cause;
}

static bool drop_meant(struct board_relay *relay, struct gw_str by, enum gw_cause cause)
{
	bool any = false;

	for (struct closure **at = &relay->closures; *at;) {
		if (meant(*at, by, cause)) {
			closure_drop(relay, at);
			any = true;
		} else {
			at = &(*at)->next;
		}
	}
	return any;
}

bool board_open(struct gw_str name, struct gw_str by, enum gw_cause cause)
{
	pthread_mutex_lock(&lock);
	struct board_relay *relay = str_map_get(&relays, name);
	bool any = relay && drop_meant(relay, by, cause), open = any && !relay->closures;
	pthread_mutex_unlock(&lock);
	if (open && tell_opened)
		tell_opened(relay->name);
	return any;
}

static bool over(const struct board_closure *said, int64_t now)
{
	return said->until && said->until <= now;
}

static bool lasts_longer(const struct board_closure *a, const struct board_closure *b)
{
	return b->until && (!a->until || a->until > b->until);
}

static bool longest(const struct board_relay *relay, int64_t now, struct board_closure *found)
{
	const struct board_closure *best = NULL;

	for (const struct closure *closure = relay->closures; closure; closure = closure->next)
		if (!over(&closure->said, now) && (!best || lasts_longer(&closure->said, best)))
			best = &closure->said;
	if (best)
		*found = *best;
	return best != NULL;
}

bool board_closed(struct gw_relay *relay, int64_t now, struct board_closure *closure)
{
	const struct board_relay *board = cached(relay);

	if (!board || atomic_load_explicit(&board->closed, memory_order_relaxed) == 0)
		return false;
	pthread_mutex_lock(&lock);
	bool closed = longest(board, now, closure);
	pthread_mutex_unlock(&lock);
	return closed;
}

/* --- the pace --- */

int64_t board_connections(struct gw_relay *relay)
{
	const struct board_relay *board = cached(relay);
	int64_t pace = board ? atomic_load_explicit(&board->pace, memory_order_relaxed) : 0;

	return pace && pace < relay->connections ? pace : relay->connections;
}

void board_pace(struct gw_relay *relay, int64_t connections)
{
	struct board_relay *board = cached(relay);

	if (board)
		atomic_store_explicit(&board->pace, connections > 0 ? connections : 0, memory_order_relaxed);
}

/* --- time --- */

static bool drop_over(struct board_relay *relay, int64_t now)
{
	bool any = false;

	for (struct closure **at = &relay->closures; *at;) {
		if (over(&(*at)->said, now)) {
			closure_drop(relay, at);
			any = true;
		} else {
			at = &(*at)->next;
		}
	}
	return any && !relay->closures;
}

/* Telling goes without the lock: each round finds one relay more that opened. */
static struct board_relay *next_opened(int64_t now)
{
	struct board_relay *relay;
	size_t at = 0;

	while ((relay = str_map_next(&relays, &at)))
		if (relay->closures && drop_over(relay, now))
			return relay;
	return NULL;
}

void board_tick(int64_t now)
{
	struct board_relay *relay;

	do {
		pthread_mutex_lock(&lock);
		relay = next_opened(now);
		pthread_mutex_unlock(&lock);
		if (relay && tell_opened)
			tell_opened(relay->name);
	} while (relay);
}

#include "module/relay_status.h"
#include "module/snapshot.h"

#include "base/map.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct closure {
	struct closure *next;
	struct relay_refusal said;
};

struct pace {
	struct pace *next;
	int64_t connections;
	char by[RELAY_STATUS_BY];
};

/* One relay; made at its first use, for the life of the process. */
struct relay_status_relay {
	struct gw_str name; /* first: the key */
	struct closure *closures;
	_Atomic unsigned closed; /* how many */
	struct pace *paces;
	_Atomic int64_t pace; /* the lowest of them; 0: there is none */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct str_map relays;
static void (*tell_opened)(struct gw_str relay);

void relay_status_set_opened(void (*opened)(struct gw_str relay))
{
	tell_opened = opened;
}

static struct relay_status_relay *relay_create(struct gw_str name)
{
	struct relay_status_relay *relay = calloc(1, sizeof(*relay) + name.len + 1);

	if (!relay)
		return NULL;
	memcpy(relay + 1, name.ptr, name.len);
	relay->name = gw_str_n((char *)(relay + 1), name.len);
	if (str_map_put(&relays, relay) == 0)
		return relay;
	free(relay);
	return NULL;
}

static struct relay_status_relay *relay_of(struct gw_str name)
{
	struct relay_status_relay *relay = str_map_get(&relays, name);

	return relay ? relay : relay_create(name);
}

/* Workers share a struct gw_relay; all would store the same pointer. */
static struct relay_status_relay *cached(struct gw_relay *relay)
{
	struct relay_status_relay *found = __atomic_load_n(&relay->status, __ATOMIC_ACQUIRE);

	if (found)
		return found;
	pthread_mutex_lock(&lock);
	found = relay_of(relay->name);
	pthread_mutex_unlock(&lock);
	__atomic_store_n(&relay->status, found, __ATOMIC_RELEASE);
	return found;
}

/* --- closures --- */

static struct closure **place_of(struct relay_status_relay *relay, struct gw_str by)
{
	struct closure **at = &relay->closures;

	while (*at && !gw_str_eq(gw_str((*at)->said.by), by))
		at = &(*at)->next;
	return at;
}

static struct closure *closure_add(struct relay_status_relay *relay, struct gw_str by)
{
	struct closure *closure = calloc(1, sizeof(*closure));

	if (!closure)
		return NULL;
	closure->said.reason = RELAY_CLOSED;
	snprintf(closure->said.by, sizeof(closure->said.by), "%.*s", GW_STR_ARGS(by));
	closure->next = relay->closures;
	relay->closures = closure;
	relay->closed++;
	return closure;
}

static void closure_drop(struct relay_status_relay *relay, struct closure **at)
{
	struct closure *closure = *at;

	*at = closure->next;
	free(closure);
	relay->closed--;
}

static int close_locked(struct gw_str name, struct gw_str by, enum gw_cause cause, int64_t until,
			struct gw_str why)
{
	struct relay_status_relay *relay = relay_of(name);
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

static struct gw_str short_name(struct gw_str by)
{
	return gw_str_n(by.ptr, by.len < RELAY_STATUS_BY ? by.len : RELAY_STATUS_BY - 1);
}

int relay_status_close(struct gw_str name, struct gw_str by, enum gw_cause cause, int64_t until,
		       struct gw_str why)
{
	pthread_mutex_lock(&lock);
	int result = close_locked(name, short_name(by), cause, until, why);
	pthread_mutex_unlock(&lock);
	return result;
}

static bool meant(const struct closure *closure, struct gw_str by, enum gw_cause cause)
{
	return by.len ? gw_str_eq(gw_str(closure->said.by), by) : closure->said.cause == cause;
}

static bool drop_meant(struct relay_status_relay *relay, struct gw_str by, enum gw_cause cause)
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

bool relay_status_open(struct gw_str name, struct gw_str by, enum gw_cause cause)
{
	pthread_mutex_lock(&lock);
	struct relay_status_relay *relay = str_map_get(&relays, name);
	bool any = relay && drop_meant(relay, by, cause), open = any && !relay->closures;
	pthread_mutex_unlock(&lock);
	if (open && tell_opened)
		tell_opened(relay->name);
	return any;
}

/* --- the pace --- */

static void pace_lowest(struct relay_status_relay *relay)
{
	int64_t lowest = 0;

	for (const struct pace *pace = relay->paces; pace; pace = pace->next)
		if (!lowest || pace->connections < lowest)
			lowest = pace->connections;
	atomic_store_explicit(&relay->pace, lowest, memory_order_relaxed);
}

static void pace_drop(struct pace **at)
{
	struct pace *pace = *at;

	*at = pace->next;
	free(pace);
}

static struct pace *pace_add(struct relay_status_relay *relay, struct gw_str by)
{
	struct pace *pace = calloc(1, sizeof(*pace));

	if (!pace)
		return NULL;
	snprintf(pace->by, sizeof(pace->by), "%.*s", GW_STR_ARGS(by));
	pace->next = relay->paces;
	return relay->paces = pace;
}

static void pace_locked(struct relay_status_relay *relay, struct gw_str by, int64_t connections)
{
	struct pace **at = &relay->paces, *pace;

	while (*at && !gw_str_eq(gw_str((*at)->by), by))
		at = &(*at)->next;
	pace = *at;
	if (connections <= 0) {
		if (pace)
			pace_drop(at);
	} else if (pace || (pace = pace_add(relay, by))) {
		pace->connections = connections;
	}
	pace_lowest(relay);
}

void relay_status_pace(struct gw_relay *relay, struct gw_str by, int64_t connections)
{
	struct relay_status_relay *status = cached(relay);

	if (!status)
		return;
	pthread_mutex_lock(&lock);
	pace_locked(status, short_name(by), connections);
	pthread_mutex_unlock(&lock);
}

int64_t relay_status_connections(struct gw_relay *relay)
{
	const struct relay_status_relay *status = cached(relay);
	int64_t pace = status ? atomic_load_explicit(&status->pace, memory_order_relaxed) : 0;

	return pace && pace < relay->connections ? pace : relay->connections;
}

/* --- a new configuration --- */

static bool is_there(const struct snapshot *snapshot, const char *by)
{
	for (size_t i = 0; i < snapshot->instance_count; i++)
		if (strcmp(snapshot->instances[i].module->name, by) == 0)
			return true;
	return strcmp(by, RELAY_STATUS_ADMIN) == 0;
}

static bool drop_orphans(struct relay_status_relay *relay, const struct snapshot *snapshot)
{
	bool any = false;

	for (struct closure **at = &relay->closures; *at;) {
		if (is_there(snapshot, (*at)->said.by)) {
			at = &(*at)->next;
		} else {
			closure_drop(relay, at);
			any = true;
		}
	}
	return any && !relay->closures;
}

static void drop_orphan_paces(const struct snapshot *snapshot)
{
	struct relay_status_relay *relay;
	size_t at = 0;

	while ((relay = str_map_next(&relays, &at))) {
		for (struct pace **pace = &relay->paces; *pace;) {
			if (is_there(snapshot, (*pace)->by))
				pace = &(*pace)->next;
			else
				pace_drop(pace);
		}
		pace_lowest(relay);
	}
}

/* Without the lock for the telling, as below. */
static struct relay_status_relay *next_orphan(const struct snapshot *snapshot)
{
	struct relay_status_relay *relay;
	size_t at = 0;

	while ((relay = str_map_next(&relays, &at)))
		if (relay->closures && drop_orphans(relay, snapshot))
			return relay;
	return NULL;
}

void relay_status_keep(const struct snapshot *snapshot)
{
	struct relay_status_relay *relay;

	pthread_mutex_lock(&lock);
	drop_orphan_paces(snapshot);
	pthread_mutex_unlock(&lock);
	do {
		pthread_mutex_lock(&lock);
		relay = next_orphan(snapshot);
		pthread_mutex_unlock(&lock);
		if (relay && tell_opened)
			tell_opened(relay->name);
	} while (relay);
}

static bool over(const struct relay_refusal *said, int64_t now)
{
	return said->until && said->until <= now;
}

static bool lasts_longer(const struct relay_refusal *a, const struct relay_refusal *b)
{
	return b->until && (!a->until || a->until > b->until);
}

static bool longest(const struct relay_status_relay *relay, int64_t now, bool urgent,
		    struct relay_refusal *found)
{
	const struct relay_refusal *best = NULL;

	for (const struct closure *closure = relay->closures; closure; closure = closure->next)
		if (!over(&closure->said, now) &&
		    (!urgent || closure->said.cause != GW_CAUSE_FAILURE) &&
		    (!best || lasts_longer(&closure->said, best)))
			best = &closure->said;
	if (best)
		*found = *best;
	return best != NULL;
}

static bool is_closed(struct gw_relay *relay, int64_t now, bool urgent,
		      struct relay_refusal *closure)
{
	const struct relay_status_relay *status = cached(relay);

	if (!status || atomic_load_explicit(&status->closed, memory_order_relaxed) == 0)
		return false;
	pthread_mutex_lock(&lock);
	bool closed = longest(status, now, urgent, closure);
	pthread_mutex_unlock(&lock);
	return closed;
}

/* --- the answers --- */

bool relay_status_closed(struct gw_relay *relay, int64_t now, struct relay_refusal *closure)
{
	return is_closed(relay, now, false, closure);
}

bool relay_status_is_open(struct gw_relay *relay, int64_t now, bool urgent,
			  struct relay_refusal *refusal)
{
	if (relay->enabled)
		return !is_closed(relay, now, urgent, refusal);
	*refusal = (struct relay_refusal){ .reason = RELAY_OFF,
					   .cause = GW_CAUSE_OFF,
					   .why = "switched off" };
	return false;
}

/* --- time --- */

static bool drop_over(struct relay_status_relay *relay, int64_t now)
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
static struct relay_status_relay *next_opened(int64_t now)
{
	struct relay_status_relay *relay;
	size_t at = 0;

	while ((relay = str_map_next(&relays, &at)))
		if (relay->closures && drop_over(relay, now))
			return relay;
	return NULL;
}

void relay_status_tick(int64_t now)
{
	struct relay_status_relay *relay;

	do {
		pthread_mutex_lock(&lock);
		relay = next_opened(now);
		pthread_mutex_unlock(&lock);
		if (relay && tell_opened)
			tell_opened(relay->name);
	} while (relay);
}

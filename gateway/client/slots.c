#include "client/slots.h"

#include "base/map.h"
#include "client/relay_past.h"
#include "queue/runtime.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct str_map table, groups;

static size_t holders_needed(void)
{
	return runtime.worker_count ? runtime.worker_count : SLOT_WORKERS;
}

static struct relay_shared *shared_create(struct str_map *map, struct gw_str name)
{
	size_t count = holders_needed(),
	       size = sizeof(struct relay_shared) + count * sizeof(struct slot_holder);
	struct relay_shared *shared = calloc(1, size + name.len + 1);
	if (!shared)
		return NULL;
	memcpy((char *)shared + size, name.ptr, name.len);
	shared->name = gw_str_n((char *)shared + size, name.len);
	shared->holder_count = count;
	hops_init(&shared->hops);
	if (str_map_put(map, shared) != 0) {
		free(shared);
		return NULL;
	}
	return shared;
}

struct relay_shared *relay_shared(struct gw_relay *relay)
{
	/* Workers share the relay; all would store the same pointer. */
	struct relay_shared *shared = __atomic_load_n(&relay->shared, __ATOMIC_ACQUIRE);
	if (shared)
		return shared;
	pthread_mutex_lock(&table_lock);
	shared = str_map_get(&table, relay->name);
	if (!shared) {
		shared = shared_create(&table, relay->name);
		if (shared)
			relay_past_load(shared);
	}
	pthread_mutex_unlock(&table_lock);
	__atomic_store_n(&relay->shared, shared, __ATOMIC_RELEASE);
	return shared;
}

struct relay_shared *mx_group_shared(struct gw_relay *relay, struct gw_str name)
{
	struct relay_shared *owner = relay_shared(relay), *shared;
	if (!owner)
		return NULL;
	pthread_mutex_lock(&table_lock);
	shared = str_map_get(&groups, name);
	if (!shared)
		shared = shared_create(&groups, name);
	if (shared) {
		/* once, before anybody else has it: it is read without the lock */
		if (!shared->relay)
			shared->relay = owner;
		atomic_fetch_add(&shared->references, 1);
	}
	pthread_mutex_unlock(&table_lock);
	return shared;
}

/* Under the lock, so that nobody finds it meanwhile. */
void mx_group_release(struct relay_shared *shared)
{
	if (!shared->relay)
		return;
	pthread_mutex_lock(&table_lock);
	if (atomic_fetch_sub(&shared->references, 1) == 1) {
		str_map_take(&groups, shared->name);
		free(shared);
	}
	pthread_mutex_unlock(&table_lock);
}

static void add_now(struct relay_now *now, struct relay_shared *shared)
{
	now->connections += atomic_load(&shared->connections);
	now->idle += atomic_load(&shared->idle);
	now->queued += atomic_load(&shared->queued);
}

int64_t relay_shared_next_try(struct relay_shared *relay)
{
	int64_t first = 0;
	for (size_t i = 0; i < relay->holder_count && atomic_load(&relay->established) == 0; i++) {
		int64_t at = atomic_load(&relay->holders[i].down);
		if (at && (!first || at < first))
			first = at;
	}
	return first;
}

static void add_group(struct relay_now *now, struct relay_shared *group)
{
	int64_t next = relay_shared_next_try(group);
	add_now(now, group);
	now->groups++;
	now->groups_down += next != 0;
	if (next && (!now->groups_next_try || next < now->groups_next_try))
		now->groups_next_try = next;
}

static struct relay_now now_of(struct relay_shared *relay)
{
	struct relay_now now = { .next_try = relay_shared_next_try(relay) };
	struct relay_shared *group;
	size_t at = 0;
	add_now(&now, relay);
	while ((group = str_map_next(&groups, &at)))
		if (group->relay == relay)
			add_group(&now, group);
	return now;
}

void relay_shared_each(void (*each)(void *arg, struct relay_shared *shared,
				    const struct relay_now *now),
		       void *arg)
{
	struct relay_shared *shared;
	size_t at = 0;
	pthread_mutex_lock(&table_lock);
	while ((shared = str_map_next(&table, &at))) {
		struct relay_now now = now_of(shared);
		each(arg, shared, &now);
	}
	pthread_mutex_unlock(&table_lock);
}

struct slot_holder *slot_holder_init(struct relay_shared *shared, struct worker *worker,
				     struct relay_queue *queue, void (*notified)(struct post *post))
{
	struct slot_holder *holder = &shared->holders[worker_number(worker)];
	holder->post.run = notified;
	holder->shared = shared;
	holder->worker = worker;
	holder->queue = queue; /* a notify for one that was here before may still be on its way */
	return holder;
}

void slot_holder_leave(struct slot_holder *holder)
{
	slot_holder_wait(holder, false);
	slot_holder_idle(holder, false);
	slot_holder_down(holder, 0);
	holder->queue = NULL;
}

bool slot_take(struct slot_holder *holder, int64_t limit)
{
	struct relay_shared *shared = holder->shared;
	int64_t taken = atomic_load(&shared->connections);
	if (limit < 1)
		limit = 1;
	if (atomic_load_explicit(&shared->limit, memory_order_relaxed) != limit)
		atomic_store(&shared->limit, limit);
	do {
		if (taken >= limit)
			return false;
	} while (!atomic_compare_exchange_weak(&shared->connections, &taken, taken + 1));
	atomic_fetch_add(&holder->held, 1);
	return true;
}

void slot_give_back(struct slot_holder *holder)
{
	atomic_fetch_sub(&holder->held, 1);
	atomic_fetch_sub(&holder->shared->connections, 1);
	slot_notify_waiting(holder);
}

void slot_holder_wait(struct slot_holder *holder, bool waiting)
{
	if (atomic_load_explicit(&holder->waiting, memory_order_relaxed) == waiting)
		return;
	/* A notifier first looks at the count, then at the holders. */
	if (waiting) {
		atomic_store(&holder->waiting, true);
		atomic_fetch_add(&holder->shared->waiters, 1);
	} else {
		atomic_fetch_sub(&holder->shared->waiters, 1);
		atomic_store(&holder->waiting, false);
	}
}

void slot_holder_idle(struct slot_holder *holder, bool idling)
{
	if (atomic_load_explicit(&holder->idling, memory_order_relaxed) != idling)
		atomic_store(&holder->idling, idling);
}

void slot_holder_down(struct slot_holder *holder, int64_t until)
{
	atomic_store(&holder->down, until);
}

bool slot_holder_is_down(const struct slot_holder *holder)
{
	return atomic_load(&holder->down) != 0;
}

static void notify(struct slot_holder *holder)
{
	if (atomic_exchange(&holder->posted, true))
		return;
	atomic_fetch_add(&holder->shared->references, 1);
	worker_post(holder->worker, &holder->post);
}

static struct slot_holder *slot_holder_after(const struct slot_holder *from, size_t distance)
{
	struct relay_shared *shared = from->shared;
	return &shared->holders[((size_t)(from - shared->holders) + distance) %
				shared->holder_count];
}

bool slot_others_wait(const struct slot_holder *holder)
{
	int waiters = atomic_load(&holder->shared->waiters);
	return waiters > (atomic_load_explicit(&holder->waiting, memory_order_relaxed) ? 1 : 0);
}

bool slot_others_starve(const struct slot_holder *holder)
{
	size_t i, count = holder->shared->holder_count;
	if (!slot_others_wait(holder))
		return false;
	for (i = 1; i < count; i++) {
		struct slot_holder *other = slot_holder_after(holder, i);
		if (atomic_load(&other->waiting) && atomic_load(&other->held) == 0)
			return true;
	}
	return false;
}

void slot_notify_waiting(struct slot_holder *from)
{
	size_t i, count = from->shared->holder_count;
	if (!slot_others_wait(from) ||
	    atomic_load(&from->shared->connections) >= atomic_load(&from->shared->limit))
		return;
	for (i = 1; i < count; i++) {
		struct slot_holder *other = slot_holder_after(from, i);
		if (atomic_load(&other->waiting)) {
			notify(other);
			return;
		}
	}
}

void slot_notify_down(struct slot_holder *from)
{
	size_t i, count = from->shared->holder_count;
	for (i = 1; i < count; i++) {
		struct slot_holder *other = slot_holder_after(from, i);
		if (atomic_load_explicit(&other->down, memory_order_relaxed) &&
		    atomic_exchange(&other->down, 0))
			notify(other);
	}
}

void slot_notify_idling(struct slot_holder *from)
{
	size_t i, count = from->shared->holder_count;
	if (atomic_load(&from->shared->idle) == 0)
		return;
	for (i = 1; i < count; i++) {
		struct slot_holder *other = slot_holder_after(from, i);
		if (atomic_load(&other->idling)) {
			notify(other);
			return;
		}
	}
}

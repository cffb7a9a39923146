#include "queue/wait.h"

#include "base/list.h"

#include <stdlib.h>

/* One message under one key. */
struct wait {
	struct heap_node came; /* in its queue: by the message's id, which grows with time */
	struct wait *next;     /* of the entry's */
	struct queue_entry *entry;
	struct wait_queue *queue;
};

/* One client's messages under one key; gone with the last of them. */
struct wait_queue {
	struct gw_str client;  /* first: the key of the map */
	struct list_link ring; /* of the key's queues */
	struct heap waits;
	struct wait_key *key;
};

/* Gone with its last queue. */
struct wait_key {
	struct gw_str name; /* first: the key of the map */
	struct str_map queues;
	struct list_link turns; /* whose turn is next stands first */
	struct list_link woken; /* of waits->woken, and in the map no more */
};

void waits_init(struct waits *waits)
{
	str_map_init(&waits->keys);
	list_init(&waits->woken);
}

/* --- keys and queues come and go --- */

static bool copy_text(struct gw_str *copy, struct gw_str text)
{
	char *bytes = strndup(text.ptr ? text.ptr : "", text.len);
	*copy = gw_str_n(bytes, text.len);
	return bytes != NULL;
}

static struct wait_key *key_of(struct waits *waits, struct gw_str name)
{
	struct wait_key *key = str_map_get(&waits->keys, name);
	if (key)
		return key;
	key = calloc(1, sizeof(*key));
	if (!key)
		return NULL;
	str_map_init(&key->queues);
	list_init(&key->turns);
	if (copy_text(&key->name, name) && str_map_put(&waits->keys, key) == 0)
		return key;
	free((char *)key->name.ptr);
	free(key);
	return NULL;
}

static void key_drop(struct waits *waits, struct wait_key *key)
{
	if (key->woken.next)
		list_take(&key->woken);
	else
		str_map_take(&waits->keys, key->name);
	str_map_finish(&key->queues);
	free((char *)key->name.ptr);
	free(key);
}

static struct wait_queue *queue_for(struct wait_key *key, struct gw_str client)
{
	struct wait_queue *queue = str_map_get(&key->queues, client);
	if (queue)
		return queue;
	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return NULL;
	queue->key = key;
	if (copy_text(&queue->client, client) && str_map_put(&key->queues, queue) == 0) {
		list_add(&key->turns, &queue->ring);
		return queue;
	}
	free((char *)queue->client.ptr);
	free(queue);
	return NULL;
}

static void queue_drop(struct waits *waits, struct wait_queue *queue)
{
	struct wait_key *key = queue->key;
	list_take(&queue->ring);
	str_map_take(&key->queues, queue->client);
	heap_finish(&queue->waits);
	free((char *)queue->client.ptr);
	free(queue);
	if (list_empty(&key->turns))
		key_drop(waits, key);
}

/* --- in and out --- */

static bool waits_for(const struct queue_entry *entry, struct gw_str name)
{
	size_t count = 0;
	for (const struct wait *wait = entry->waits; wait; wait = wait->next, count++)
		if (gw_str_eq(wait->queue->key->name, name))
			return true;
	return count >= WAIT_KEYS;
}

void waits_put(struct waits *waits, struct queue_entry *entry, struct gw_str name,
	       struct gw_str client)
{
	if (waits_for(entry, name))
		return;
	struct wait *wait = calloc(1, sizeof(*wait));
	struct wait_key *key = wait ? key_of(waits, name) : NULL;
	struct wait_queue *queue = key ? queue_for(key, client) : NULL;
	if (!queue || heap_room(&queue->waits, queue->waits.count + 1) != 0) {
		if (queue && !queue->waits.count)
			queue_drop(waits, queue);
		else if (key && list_empty(&key->turns))
			key_drop(waits, key);
		free(wait);
		return;
	}
	*wait = (struct wait){ .came.order = (int64_t)entry->id,
			       .entry = entry,
			       .queue = queue,
			       .next = entry->waits };
	entry->waits = wait;
	heap_put(&queue->waits, &wait->came);
}

void waits_take(struct waits *waits, struct queue_entry *entry)
{
	for (struct wait *wait = entry->waits, *next; wait; wait = next) {
		struct wait_queue *queue = wait->queue;
		next = wait->next;
		heap_take(&queue->waits, &wait->came);
		free(wait);
		if (!queue->waits.count)
			queue_drop(waits, queue);
	}
	entry->waits = NULL;
}

static struct queue_entry *take_next(struct waits *waits, struct wait_key *key)
{
	struct wait_queue *queue = list_of(key->turns.next, struct wait_queue, ring);
	struct queue_entry *entry = list_of(heap_first(&queue->waits), struct wait, came)->entry;
	list_take(&queue->ring);
	list_add(&key->turns, &queue->ring);
	waits_take(waits, entry);
	return entry;
}

struct queue_entry *waits_next(struct waits *waits, struct gw_str name)
{
	struct wait_key *key = str_map_get(&waits->keys, name);
	return key ? take_next(waits, key) : NULL;
}

/* --- waking --- */

void waits_wake(struct waits *waits, bool (*which)(const void *arg, struct gw_str key),
		const void *arg)
{
	size_t at = 0;
	for (struct wait_key *key; (key = str_map_next(&waits->keys, &at));) {
		if (!which(arg, key->name))
			continue;
		str_map_take(&waits->keys, key->name);
		list_add(&waits->woken, &key->woken);
	}
}

/* In turn from each key. */
struct queue_entry *waits_next_woken(struct waits *waits)
{
	if (list_empty(&waits->woken))
		return NULL;
	struct wait_key *key = list_of(waits->woken.next, struct wait_key, woken);
	list_take(&key->woken);
	list_add(&waits->woken, &key->woken);
	return take_next(waits, key);
}

/* --- looking --- */

const struct wait *waits_of(const struct queue_entry *entry, const struct wait *after,
			    struct gw_str *key)
{
	const struct wait *wait = after ? after->next : entry->waits;
	*key = wait ? wait->queue->key->name : gw_str("");
	return wait;
}

bool wait_is_for(struct gw_str key, struct gw_str relay)
{
	size_t open = sizeof(WAIT_OPEN) - 1;
	if (key.len > open && memcmp(key.ptr, WAIT_OPEN, open) == 0)
		return gw_str_eq(gw_str_from(key, open), relay);
	if (key.len < relay.len || memcmp(key.ptr, relay.ptr, relay.len) != 0)
		return false;
	return key.len == relay.len || key.ptr[relay.len] == '/';
}

static void each_of(const struct wait_key *key,
		    void (*each)(void *arg, const struct queue_entry *entry), void *arg)
{
	size_t at = 0;
	for (const struct wait_queue *queue; (queue = str_map_next(&key->queues, &at));)
		for (size_t i = 0; i < queue->waits.count; i++)
			each(arg, list_of(queue->waits.items[i], struct wait, came)->entry);
}

void waits_each(const struct waits *waits, struct gw_str relay,
		void (*each)(void *arg, const struct queue_entry *entry), void *arg)
{
	size_t at = 0;
	for (const struct wait_key *key; (key = str_map_next(&waits->keys, &at));)
		if (wait_is_for(key->name, relay))
			each_of(key, each, arg);
	for (const struct list_link *link = waits->woken.next; link != &waits->woken;
	     link = link->next) {
		const struct wait_key *key = list_of(link, struct wait_key, woken);
		if (wait_is_for(key->name, relay))
			each_of(key, each, arg);
	}
}

/* --- the end --- */

static void key_free(struct wait_key *key)
{
	size_t at = 0;
	for (struct wait_queue *queue; (queue = str_map_next(&key->queues, &at));) {
		for (size_t i = 0; i < queue->waits.count; i++)
			free(list_of(queue->waits.items[i], struct wait, came));
		heap_finish(&queue->waits);
		free((char *)queue->client.ptr);
		free(queue);
	}
	str_map_finish(&key->queues);
	free((char *)key->name.ptr);
	free(key);
}

void waits_finish(struct waits *waits)
{
	size_t at = 0;
	for (struct wait_key *key; (key = str_map_next(&waits->keys, &at));)
		key_free(key);
	for (struct list_link *link = waits->woken.next, *next; link != &waits->woken;
	     link = next) {
		next = link->next;
		key_free(list_of(link, struct wait_key, woken));
	}
	str_map_finish(&waits->keys);
	list_init(&waits->woken);
}

/* orders.c - what an admin asks for: at once for what waits, at its end for what is worked on. What
 * has to stand in the state of a message that is not in memory: ordered.c. */
#include "queue/queue_private.h"

#include "base/log.h"

bool queue_wants_bounce(const struct gw_message *message)
{
	const struct queue_entry *entry = queue_find(message->worker, message->id);
	return entry && entry->wants_bounce;
}

static bool hold_waiting(struct queue *queue, struct queue_entry *entry, bool by_us,
			 struct gw_str why)
{
	struct hold_order order = { .held = true, .by_us = by_us, .why = why };
	order.next_at = by_us ? queue_now() : entry->due.order;
	if (!ordered_hold(queue, entry, &order))
		return false;
	entry_change(queue, entry, ENTRY_ON_HOLD, by_us ? order.next_at : 0);
	entry_unload(queue, entry);
	return true;
}

bool queue_hold_waiting(struct worker *worker, uint64_t id, struct gw_str why)
{
	struct queue_entry *entry = queue_find(worker, id);
	if (!entry || entry->state != ENTRY_WAITING ||
	    !hold_waiting(queue_of(worker), entry, true, why))
		return false;
	COUNT(held);
	struct log_line *line = log_open(EVENT_HELD);
	log_id(line, id);
	log_str(line, KEY_REASON, why);
	log_close(line);
	return true;
}

static bool order_waiting(struct queue *queue, struct queue_entry *entry, enum queue_order order)
{
	if (order == ORDER_HOLD)
		return hold_waiting(queue, entry, false, gw_str("by an admin"));
	if (order == ORDER_RELEASE)
		return true;
	entry->orders |= order & ORDER_RETRY;
	entry->wants_bounce |= order == ORDER_BOUNCE;
	entry_change(queue, entry, ENTRY_ON_WAKE, queue_now());
	return true;
}

static bool order_held(struct queue *queue, struct queue_entry *entry, enum queue_order order)
{
	if (order == ORDER_HOLD)
		return true;
	if (order == ORDER_RETRY)
		return false;
	struct hold_order release = { .next_at = queue_now(), .why = gw_str("") };
	if (!ordered_hold(queue, entry, &release))
		return false;
	entry->wants_bounce |= order == ORDER_BOUNCE;
	entry_change(queue, entry, ENTRY_ON_RELEASE, release.next_at);
	return true;
}

void entry_delete(struct queue *queue, struct queue_entry *entry)
{
	struct log_line *line = log_open(EVENT_DELETED);
	log_id(line, entry->id);
	log_text(line, KEY_ACTION, "nobody is told");
	log_close(line);
	COUNT(deleted);
	entry_drop(queue, entry, ENTRY_ON_DELETE);
}

/* RELEASE of what is not held yet takes an order to hold back. */
static bool order_active(struct queue_entry *entry, enum queue_order order)
{
	if (order == ORDER_RELEASE)
		entry->orders &= (uint8_t)~ORDER_HOLD;
	else
		entry->orders |= (uint8_t)order;
	entry->wants_bounce |= order == ORDER_BOUNCE;
	return true;
}

bool queue_order(struct worker *worker, uint64_t id, enum queue_order order)
{
	struct queue *queue = queue_of(worker);
	struct queue_entry *entry = id_map_get(&queue->entries, id);
	if (!entry)
		return false;
	asker_tell(queue, id, ASKER_ORDERED, NULL);
	/* its reader finds nobody who wants it any more */
	if (order == ORDER_DELETE && entry->state != ENTRY_ACTIVE) {
		entry_delete(queue, entry);
		return true;
	}
	if (entry->state == ENTRY_WAITING)
		return order_waiting(queue, entry, order);
	if (entry->state == ENTRY_HELD)
		return order_held(queue, entry, order);
	return order_active(entry, order);
}

bool queue_set_note(struct worker *worker, uint64_t id, struct gw_str key, struct gw_str value)
{
	struct queue *queue = queue_of(worker);
	struct queue_entry *entry = id_map_get(&queue->entries, id);
	if (!entry || !ordered_note(queue, entry, key, value))
		return false;
	asker_tell(queue, id, ASKER_ORDERED, NULL);
	if (entry->state != ENTRY_HELD)
		queue_order(worker, id, ORDER_RETRY);
	entry_unload(queue, entry);
	return true;
}

/* runner.c - what the runner says of a message when it gives it back: done, later, on hold; or,
 * while it works on it, that a recipient is final. */
#include "queue/queue_private.h"

#include "base/log.h"

void entry_wait_on(struct queue *queue, struct queue_entry *entry, const struct gw_message *message)
{
	struct gw_str rest = message->wait_on;
	while (rest.len)
		waits_put(&queue->waits, entry, gw_str_cut(&rest, '\n'), message->client);
}

void queue_final(struct gw_message *message)
{
	struct queue *queue = queue_of(message->worker);
	struct queue_entry *entry = queue_find(message->worker, message->id);
	if (entry)
		entry_drop(queue, entry, ENTRY_ON_FINAL);
	else
		record_final(queue, message->id, false);
}

void queue_record(struct gw_message *message)
{
	struct queue_entry *entry = queue_find(message->worker, message->id);
	if (entry && entry->writes)
		entry->is_late = message->changed = true;
	else if (entry)
		state_write(queue_of(message->worker), entry);
}

void queue_record_now(struct gw_message *message)
{
	struct queue_entry *entry = queue_find(message->worker, message->id);
	if (entry && entry->is_late)
		state_write(queue_of(message->worker), entry);
}

/* Orders that came while the message was worked on are carried out now. */
static void orders_apply(struct queue_entry *entry, struct gw_message *message)
{
	if (entry->orders & ORDER_HOLD) {
		message->held = message->changed = true;
		message->held_by_us = false;
		message->hold_reason = gw_str("by an admin");
	}
	if (entry->orders & (ORDER_RETRY | ORDER_BOUNCE))
		message->next_at = queue_now();
	entry->orders &= ORDER_RETRY; /* it is to be urgent then */
}

/* A restart would wake it by the keys, and at the time, of the newest state: that one must not be
 * in the future and wrong. */
static bool is_recorded_wrong(const struct gw_message *message)
{
	return message->recorded.next_at > queue_now() &&
	       !gw_str_eq(message->recorded.wait_on, message->wait_on);
}

void queue_later(struct gw_message *message)
{
	struct queue *queue = queue_of(message->worker);
	struct queue_entry *entry = queue_find(message->worker, message->id);
	if (entry->orders & ORDER_DELETE) {
		entry_delete(queue, entry);
		return;
	}
	orders_apply(entry, message);
	entry->attempts = (uint16_t)(message->attempts > UINT16_MAX ? UINT16_MAX
								    : message->attempts);
	if (message->changed || is_recorded_wrong(message))
		state_write(queue, entry);
	if (message->held) {
		entry_change(queue, entry, ENTRY_ON_HOLD,
			     message->held_by_us ? message->next_at : 0);
	} else {
		entry_change(queue, entry, ENTRY_ON_LATER, message->next_at);
		if (message->next_at > queue_now())
			entry_wait_on(queue, entry, message);
	}
	entry_unload(queue, entry);
	queue_make_room(queue);
}

static void tell_held(uint64_t id, struct gw_str why)
{
	COUNT(held);
	struct log_line *line = log_open(EVENT_HELD);
	log_id(line, id);
	log_str(line, KEY_REASON, why);
	log_close(line);
}

void queue_hold(struct gw_message *message, struct gw_str why)
{
	message->held = message->held_by_us = message->changed = true;
	message->hold_reason = arena_str(&message->arena, why);
	tell_held(message->id, why);
	queue_later(message);
}

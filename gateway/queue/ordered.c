/* ordered.c - what was ordered of messages that are not in memory: the pool reads them, a few at a
 * time, and then the order stands in their state. What comes due meanwhile is read once. */
#include "queue/queue_private.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

/* Read at a time for an order, beside what is due. */
#define ORDERED_MOST 8

#define ORDERED_AGAIN_MS 30000 /* as for what is due */

struct ordered_note {
	struct ordered_note *next;
	struct gw_str key, value; /* behind the struct */
};

struct ordered {
	struct list_link link; /* among those to be read for it */
	struct queue_entry *entry;
	bool reading;    /* for the order, whatever state the entry has meanwhile */
	bool is_put_off; /* the disk would not read it */
	bool sets_hold;  /* the next four are what the message is to become */
	bool held, by_us;
	int64_t next_at;
	char *why;
	struct ordered_note *notes, **last;
};

static struct ordered *ordered_of(struct queue_entry *entry)
{
	struct ordered *ordered = entry->ordered ? entry->ordered : calloc(1, sizeof(*ordered));
	if (!ordered || entry->ordered)
		return ordered;
	ordered->entry = entry;
	ordered->last = &ordered->notes;
	entry->ordered = ordered;
	return ordered;
}

void ordered_free(struct queue *queue, struct queue_entry *entry)
{
	struct ordered *ordered = entry->ordered;
	if (!ordered)
		return;
	ordered_leave_line(queue, entry);
	while (ordered->notes) {
		struct ordered_note *note = ordered->notes;
		ordered->notes = note->next;
		free(note);
	}
	free(ordered->why);
	free(ordered);
	entry->ordered = NULL;
}

/* --- the order --- */

/* One that is being read anyway is read for the order too. */
static void ordered_line_up(struct queue *queue, struct ordered *ordered)
{
	if (ordered->reading || ordered->link.next || ordered->entry->state == ENTRY_READING)
		return;
	list_add(&queue->ordered, &ordered->link);
	queue->to_read++;
	ordered_read(queue);
}

bool ordered_hold(struct queue *queue, struct queue_entry *entry, const struct hold_order *order)
{
	struct ordered *ordered = ordered_of(entry);
	char *why = ordered ? strndup(order->why.ptr, order->why.len) : NULL;
	if (!why)
		return false;
	free(ordered->why);
	ordered->why = why;
	ordered->sets_hold = true;
	ordered->held = order->held;
	ordered->by_us = order->by_us;
	ordered->next_at = order->next_at;
	if (entry->message)
		ordered_carry_out(queue, entry);
	else
		ordered_line_up(queue, ordered);
	return true;
}

bool ordered_note(struct queue *queue, struct queue_entry *entry, struct gw_str key,
		  struct gw_str value)
{
	struct ordered *ordered = ordered_of(entry);
	struct ordered_note *note = ordered ? calloc(1, sizeof(*note) + key.len + value.len + 1)
					    : NULL;
	if (!note)
		return false;
	char *bytes = (char *)(note + 1);
	memcpy(bytes, key.ptr, key.len);
	memcpy(bytes + key.len, value.ptr, value.len);
	note->key = gw_str_n(bytes, key.len);
	note->value = gw_str_n(bytes + key.len, value.len);
	*ordered->last = note;
	ordered->last = &note->next;
	if (entry->message)
		ordered_carry_out(queue, entry);
	else
		ordered_line_up(queue, ordered);
	return true;
}

/* --- carried out --- */

static void carry_out_hold(struct gw_message *message, const struct ordered *ordered)
{
	message->held = ordered->held;
	message->held_by_us = ordered->by_us;
	message->hold_reason = arena_str(&message->arena, gw_str(ordered->why));
	message->next_at = ordered->next_at;
	message->wait_on = gw_str("");
}

static bool carry_out_notes(struct gw_message *message, const struct ordered *ordered)
{
	bool done = true;
	for (const struct ordered_note *note = ordered->notes; note; note = note->next)
		done &= message_note_set(message, note->key, note->value) == 0;
	return done;
}

void ordered_carry_out(struct queue *queue, struct queue_entry *entry)
{
	const struct ordered *ordered = entry->ordered;
	if (!ordered)
		return;
	if (ordered->sets_hold)
		carry_out_hold(entry->message, ordered);
	if (!carry_out_notes(entry->message, ordered)) {
		struct log_line *line = log_open(EVENT_ORDER_FAILED);
		log_id(line, entry->id);
		log_text(line, KEY_REASON, "no memory");
		log_close(line);
	}
	ordered_free(queue, entry);
	state_write(queue, entry);
}

/* --- reading --- */

void ordered_read(struct queue *queue)
{
	while (queue->ordered_reads < ORDERED_MOST && !list_empty(&queue->ordered)) {
		struct ordered *ordered = list_of(queue->ordered.next, struct ordered, link);
		ordered_leave_line(queue, ordered->entry);
		ordered->reading = true;
		queue->ordered_reads++;
		if (message_read_for_order(queue, ordered->entry) == 0)
			continue;
		queue->ordered_reads--;
		ordered->reading = false;
		ordered_put_off(queue, ordered->entry);
	}
}

void ordered_read_done(struct queue *queue, struct queue_entry *entry)
{
	queue->ordered_reads--;
	if (entry && entry->ordered)
		entry->ordered->reading = false;
	ordered_read(queue);
}

bool ordered_is_read(const struct queue_entry *entry)
{
	return entry->ordered && entry->ordered->reading;
}

/* It is read for what is due: the order is carried out then. */
void ordered_leave_line(struct queue *queue, struct queue_entry *entry)
{
	struct ordered *ordered = entry->ordered;
	if (!ordered || !ordered->link.next)
		return;
	list_take(&ordered->link);
	queue->to_read -= !ordered->is_put_off;
	ordered->is_put_off = false;
}

static void read_put_off(struct timer *timer)
{
	struct queue *queue = list_of(timer, struct queue, read_again);
	while (!list_empty(&queue->put_off)) {
		struct ordered *ordered = list_of(queue->put_off.next, struct ordered, link);
		ordered_leave_line(queue, ordered->entry);
		ordered_line_up(queue, ordered);
	}
}

void ordered_put_off(struct queue *queue, struct queue_entry *entry)
{
	entry->ordered->is_put_off = true;
	list_add(&queue->put_off, &entry->ordered->link);
	if (!timer_pending(&queue->read_again))
		timer_set(queue->worker, &queue->read_again, ORDERED_AGAIN_MS, read_put_off);
}

size_t queue_orders_open(struct worker *worker)
{
	const struct queue *queue = queue_of(worker);
	return queue->ordered_reads + queue->to_read;
}

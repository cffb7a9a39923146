/* incoming.c - messages that come to the queue: just committed, or found by recovery. */
#include "queue/queue_private.h"

#include "base/log.h"

#include <stdlib.h>

static struct queue_entry *entry_create(struct queue *queue, uint64_t id)
{
	struct queue_entry *entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->id = id;
	if (id_map_put(&queue->entries, entry) != 0 ||
	    heap_room(&queue->waiting, queue->entries.count) != 0) {
		id_map_take(&queue->entries, id);
		free(entry);
		return NULL;
	}
	entry->state = ENTRY_NEW;
	queue->in[ENTRY_NEW]++;
	return entry;
}

/* Without memory for an entry the message stays in the spool, where the next start finds it: late,
 * not lost. */
static void log_left_in_spool(uint64_t id)
{
	struct log_line *line = log_open(EVENT_QUEUE_MEMORY);
	log_id(line, id);
	log_text(line, KEY_ACTION, "kept in the spool until the next start");
	log_close(line);
}

void queue_add_stored(struct worker *worker, uint64_t id)
{
	struct queue *queue = queue_of(worker);
	struct queue_entry *entry = entry_create(queue, id);
	if (entry)
		entry_change(queue, entry, ENTRY_ON_ADD, queue_now());
	else
		log_left_in_spool(id);
}

static void leave_in_spool(struct gw_message *message)
{
	struct snapshot *snapshot = message->snapshot;
	log_left_in_spool(message->id);
	message_destroy(message);
	snapshot_release(snapshot);
}

void queue_add(struct gw_message *message)
{
	struct queue *queue = queue_of(message->worker);
	struct queue_entry *entry = entry_create(queue, message->id);
	if (!entry) {
		leave_in_spool(message);
		return;
	}
	entry->message = message;
	queue->in_memory++;
	message->changed = false; /* the envelope has what was so at the commit */
	if (message->held) {
		entry_change(queue, entry, ENTRY_ON_HOLD, 0);
		COUNT(held);
		entry_free_message(queue, entry);
		return;
	}
	/* Extents may be moved by compaction; what runs on them loads them, which pins their place.
	 */
	bool incoming = queue_may_start(queue) && !message->content.extent_count;
	if (!incoming)
		entry_free_message(queue, entry);
	entry_change(queue, entry, ENTRY_ON_ADD, queue_now());
	/* not before its 250 is out: what a module does to the process must not cost the answer */
	if (incoming)
		list_add(&queue->incoming, &entry->link);
}

static void entry_recover(struct queue *queue, struct queue_entry *entry,
			  const struct gw_message *message)
{
	entry->attempts = (uint16_t)message->attempts;
	if (message->held) {
		entry_change(queue, entry, ENTRY_ON_HOLD,
			     message->held_by_us ? message->next_at : 0);
		return;
	}
	entry_change(queue, entry, ENTRY_ON_ADD, message->next_at);
	entry_wait_on(queue, entry, message);
	if (entry->waits)
		wake_after_start(queue);
}

#define RECOVERED_TOLD 5000 /* in a process: they are no more than what was on its way */

/* Of no attempt a state was written: the process before may have ended between the sync and the
 * line that says "received". */
static void log_recovered(const struct gw_message *message, uint64_t size)
{
	static unsigned told;
	struct log_line *line = told < RECOVERED_TOLD ? log_open(EVENT_RECOVERED) : NULL;
	told += line != NULL;
	log_id(line, message->id);
	if (message->client.len)
		log_str(line, KEY_CLIENT, message->client);
	log_str(line, KEY_FROM, message->sender);
	if (message->rcpt_count)
		log_str(line, KEY_TO, message->rcpts[0]->address);
	log_int(line, KEY_RCPTS, (int64_t)message->rcpt_count);
	log_int(line, KEY_SIZE, (int64_t)size);
	log_str(line, KEY_TYPE, message->type);
	log_close(line);
}

int queue_recovered(struct worker *worker, const struct spool_found *found)
{
	struct queue *queue = queue_of(worker);
	struct queue_entry *entry = entry_create(queue, found->id);
	if (!entry)
		return -1;
	struct gw_message *message = message_create(worker, NULL, found->id);
	int bad = message ? message_decode_envelope(message, found->envelope) : -1;
	if (bad == 0 && found->state.len)
		bad = message_decode_state(message, found->state);
	if (!message || message->arena.failed) /* read again when there is memory */
		entry_change(queue, entry, ENTRY_ON_NOT_NOW, queue_now());
	else if (bad != 0)
		entry_set_aside(queue, entry);
	else
		entry_recover(queue, entry, message);
	if (bad == 0 && !found->state.len)
		log_recovered(message, found->size);
	message_destroy(message);
	return 0;
}

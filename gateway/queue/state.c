/* state.c - a message's state on its way to the disk, and the message on its way back. */
#include "queue/queue_private.h"

#include "base/log.h"

#include <stdlib.h>

#define READ_AGAIN_MS 30000 /* memory was out, or the disk would not read */

void entry_free_message(struct queue *queue, struct queue_entry *entry)
{
	struct gw_message *message = entry->message;
	if (!message)
		return;
	struct snapshot *snapshot = message->snapshot;
	entry->message = NULL;
	queue->in_memory--;
	message_destroy(message);
	snapshot_release(snapshot);
}

/* --- to the disk --- */

struct record {
	struct spool_append append; /* first */
	struct buf state;
};

/* Without its state it would be sent once more to who has it. */
static bool is_sent_to_some(const struct gw_message *message)
{
	for (size_t i = 0; i < message->rcpt_count; i++)
		if (message->rcpts[i]->status != RCPT_PENDING || message->rcpts[i]->suspect)
			return true;
	return false;
}

void entry_unload(struct queue *queue, struct queue_entry *entry)
{
	bool used = entry->state == ENTRY_ACTIVE || entry->state == ENTRY_READING ||
		    entry->link.next;
	if (entry->message && !used && !entry->writes && !entry->message->changed)
		entry_free_message(queue, entry);
}

/* What became final meanwhile, of a message that is still worked on; else its end has written it.
 */
static void write_late(struct queue *queue, struct queue_entry *entry)
{
	if (entry->writes || !entry->is_late)
		return;
	entry->is_late = false;
	if (entry->state == ENTRY_ACTIVE && entry->message && entry->message->changed)
		state_write(queue, entry);
}

static void written(struct post *post)
{
	struct record *record = (struct record *)post;
	struct queue *queue = queue_of(record->append.worker);
	struct queue_entry *entry = queue ? id_map_get(&queue->entries, record->append.id) : NULL;
	if (entry) {
		entry->writes--;
		if (record->append.result != SPOOL_OK && entry->message)
			entry->message->changed |= is_sent_to_some(entry->message);
		write_late(queue, entry);
		entry_unload(queue, entry);
	}
	buf_finish(&record->state);
	free(record);
}

static void note_recorded(struct gw_message *message)
{
	message->changed = false;
	message->recorded.next_at = message->next_at;
	message->recorded.wait_on = message->wait_on;
}

/* Without memory it stays changed, and in memory. */
void state_write(struct queue *queue, struct queue_entry *entry)
{
	struct gw_message *message = entry->message;
	struct record *record = entry->writes < UINT16_MAX ? calloc(1, sizeof(*record)) : NULL;
	message->changed = true;
	if (!record)
		return;
	buf_init(&record->state, 0);
	if (message_encode_state(message, &record->state) != 0) {
		buf_finish(&record->state);
		free(record);
		return;
	}
	entry->writes++;
	entry->is_late = false;
	note_recorded(message);
	record->append = (struct spool_append){
		.post.run = written,
		.worker = queue->worker,
		.type = SPOOL_STATE,
		.id = message->id,
		.meta = buf_str(&record->state),
	};
	spool_append(runtime.spool, &record->append);
}

/* --- back from the disk --- */

struct reading {
	struct offload work; /* first */
	uint64_t id;
	struct snapshot *snapshot; /* held */
	struct gw_message *message;
	int result; /* 0, or enum spool_error */
	bool for_order;
};

/* Altered on disk, it is never sent. */
static int read_whole(struct worker *worker, struct snapshot *snapshot, uint64_t id,
		      struct gw_message **message)
{
	int result = message_load(worker, snapshot, runtime.spool, id, message);
	if (result != 0)
		return result;
	result = spool_verify(&(*message)->content);
	if (result != 0) {
		message_destroy(*message);
		*message = NULL;
	}
	return result;
}

/* A message that cannot be read stays where people see it: it is never dropped, and never tried in
 * a loop. */
void entry_set_aside(struct queue *queue, struct queue_entry *entry)
{
	struct log_line *line = log_open(EVENT_UNREADABLE);
	log_id(line, entry->id);
	log_text(line, KEY_ACTION, "held");
	log_close(line);
	entry_unread(entry, false);
	ordered_free(queue, entry); /* there is no state in which it could stand */
	entry_change(queue, entry, ENTRY_ON_DAMAGED, 0);
}

static void log_read(const struct queue_entry *entry)
{
	struct log_line *line = log_open(entry->unread ? EVENT_NOT_READ : EVENT_READ_NOW);
	log_id(line, entry->id);
	if (entry->unread)
		log_text(line, KEY_ACTION, "read again every 30 s");
	log_close(line);
}

/* A bad sector stays bad for days. */
void entry_unread(struct queue_entry *entry, bool unread)
{
	if (entry->unread == unread)
		return;
	entry->unread = unread;
	atomic_fetch_add_explicit(&counters.unread, unread ? 1 : -1, memory_order_relaxed);
	log_read(entry);
}

static void entry_read_later(struct queue *queue, struct queue_entry *entry)
{
	entry_unread(entry, true);
	entry_change(queue, entry, ENTRY_ON_NOT_NOW, queue_now() + READ_AGAIN_MS);
}

static void entry_take_message(struct queue *queue, struct queue_entry *entry,
			       struct gw_message *message)
{
	entry_unread(entry, false);
	message->attempts = entry->attempts;
	message->recorded.next_at = message->next_at;
	message->recorded.wait_on = message->wait_on;
	entry->message = message;
	queue->in_memory++;
}

/* What was ordered meanwhile is carried out even when all stops: whoever asked was told so. */
static void message_here(struct queue *queue, struct queue_entry *entry, struct gw_message *message)
{
	bool stopping = atomic_load_explicit(&runtime.stopping, memory_order_relaxed);
	entry_take_message(queue, entry, message);
	ordered_carry_out(queue, entry);
	if (entry->state == ENTRY_READING && !stopping) {
		entry_begin(queue, entry);
		return;
	}
	if (entry->state == ENTRY_READING)
		entry_change(queue, entry, ENTRY_ON_NOT_NOW, queue_now());
	entry_unload(queue, entry);
}

/* Only what is known to be damaged is held for it. What is gone on the disk, though this entry is
 * here, is shown to people too. */
static void message_not_here(struct queue *queue, struct queue_entry *entry, int result)
{
	if (result != SPOOL_UNREADABLE) {
		entry_set_aside(queue, entry);
	} else if (entry->state == ENTRY_READING) {
		entry_read_later(queue, entry);
	} else if (entry->ordered) {
		entry_unread(entry, true);
		ordered_put_off(queue, entry);
	}
}

static void reading_end(struct reading *reading)
{
	message_destroy(reading->message);
	snapshot_release(reading->snapshot);
}

static void read_done(struct post *post)
{
	struct reading *reading = (struct reading *)post;
	struct queue *queue = queue_of(reading->work.worker);
	struct queue_entry *entry = queue ? id_map_get(&queue->entries, reading->id) : NULL;
	if (queue && reading->for_order)
		ordered_read_done(queue, entry);
	if (entry && reading->message)
		message_here(queue, entry, reading->message);
	else
		reading_end(reading);
	if (entry && reading->result != 0)
		message_not_here(queue, entry, reading->result);
	if (entry)
		queue_arm(queue);
	free(reading);
}

static void read_on_pool(struct offload *work)
{
	struct reading *reading = (struct reading *)work;
	reading->result = read_whole(work->worker, reading->snapshot, reading->id,
				     &reading->message);
}

/* False: there is no pool, or its line is full. */
static bool on_pool(struct queue *queue, struct reading *reading)
{
	if (!queue->line && runtime.pool)
		queue->line = offload_line(runtime.pool, "queue");
	return queue->line && offload_run(queue->line, queue->worker, &reading->work);
}

/* -1: no memory. */
static int begin_reading(struct queue *queue, struct queue_entry *entry, bool for_order)
{
	struct reading *reading = calloc(1, sizeof(*reading));
	if (!reading)
		return -1;
	*reading = (struct reading){
		.work = { .post.run = read_done, .worker = queue->worker, .work = read_on_pool },
		.id = entry->id,
		.snapshot = snapshot_current(),
		.for_order = for_order,
	};
	if (on_pool(queue, reading))
		return 0;
	read_on_pool(&reading->work);
	worker_post(queue->worker, &reading->work.post);
	return 0;
}

int message_read_for_order(struct queue *queue, struct queue_entry *entry)
{
	return begin_reading(queue, entry, true);
}

void message_read(struct queue *queue, struct queue_entry *entry)
{
	ordered_leave_line(queue, entry);
	if (!ordered_is_read(entry) && begin_reading(queue, entry, false) != 0)
		entry_read_later(queue, entry);
	else
		entry_change(queue, entry, ENTRY_ON_READ, 0);
}

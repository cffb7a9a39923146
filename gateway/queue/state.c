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

void state_settle(struct queue *queue, struct queue_entry *entry)
{
	bool used = entry->place == ENTRY_ACTIVE || entry->place == ENTRY_READING ||
		    entry->link.next;
	if (entry->message && !used && !entry->writes && !entry->message->changed)
		entry_free_message(queue, entry);
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
		state_settle(queue, entry);
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
void hold_unreadable(struct queue *queue, struct queue_entry *entry)
{
	struct log_line *line = log_open(LOG_LEVEL_ERROR, "unreadable");
	log_id(line, entry->id);
	log_text(line, "action", "held");
	log_close(line);
	entry_hold(queue, entry, 0);
}

static void read_again(struct queue *queue, struct queue_entry *entry)
{
	struct log_line *line = log_open(LOG_LEVEL_WARNING, "not-read");
	log_id(line, entry->id);
	log_text(line, "action", "read again later");
	log_close(line);
	entry_wait(queue, entry, queue_now() + READ_AGAIN_MS);
}

static void take_up(struct queue *queue, struct queue_entry *entry, struct gw_message *message)
{
	message->attempts = entry->attempts;
	message->recorded.next_at = message->next_at;
	message->recorded.wait_on = message->wait_on;
	entry->message = message;
	queue->in_memory++;
}

/* The message and its snapshot are the entry's, or let go. */
static void has_read(struct queue *queue, struct queue_entry *entry, struct reading *reading)
{
	bool stopping = atomic_load_explicit(&runtime.stopping, memory_order_relaxed);
	if (reading->message && !entry->message && !stopping) {
		take_up(queue, entry, reading->message);
		entry_begin(queue, entry);
		return;
	}
	/* it was changed meanwhile, which the one that was read may not know */
	if (entry->message && !stopping)
		entry_begin(queue, entry);
	else if (stopping)
		entry_wait(queue, entry, queue_now());
	else if (reading->result == SPOOL_UNREADABLE)
		read_again(queue, entry);
	else
		hold_unreadable(queue, entry);
	message_destroy(reading->message);
	snapshot_release(reading->snapshot);
}

static void read_done(struct post *post)
{
	struct reading *reading = (struct reading *)post;
	struct queue *queue = queue_of(reading->work.worker);
	struct queue_entry *entry = queue ? id_map_get(&queue->entries, reading->id) : NULL;
	if (entry) {
		has_read(queue, entry, reading);
		queue_arm(queue);
	} else {
		message_destroy(reading->message);
		snapshot_release(reading->snapshot);
	}
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

void message_read(struct queue *queue, struct queue_entry *entry)
{
	struct reading *reading = calloc(1, sizeof(*reading));
	if (!reading) {
		read_again(queue, entry);
		return;
	}
	*reading = (struct reading){
		.work = { .post.run = read_done, .worker = queue->worker, .work = read_on_pool },
		.id = entry->id,
		.snapshot = snapshot_current(),
	};
	entry_become(queue, entry, ENTRY_READING);
	if (on_pool(queue, reading))
		return;
	read_on_pool(&reading->work);
	worker_post(queue->worker, &reading->work.post);
}

bool message_read_now(struct queue *queue, struct queue_entry *entry)
{
	struct gw_message *message = NULL;
	if (entry->message)
		return true;
	struct snapshot *snapshot = snapshot_current();
	if (read_whole(queue->worker, snapshot, entry->id, &message) == 0)
		take_up(queue, entry, message);
	else
		snapshot_release(snapshot);
	return entry->message != NULL;
}

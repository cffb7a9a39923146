#include "admin/relay_mail.h"

#include "base/buf.h"
#include "deliver/delivery.h"
#include "queue/queue.h"

#include <stdlib.h>

static const struct gw_str note = GW_STR("gateway.relay");

struct looking {
	struct mail_found *found;
	struct gw_str relay;
};

static void add(struct mail_found *found, uint64_t id)
{
	if (found->count == found->room) {
		size_t room = found->room ? found->room * 2 : 64;
		uint64_t *ids = realloc(found->ids, room * sizeof(*ids));
		found->failed |= !ids;
		if (!ids)
			return;
		found->ids = ids;
		found->room = room;
	}
	found->ids[found->count++] = id;
}

/* --- the three places to look --- */

static void add_parked(void *arg, const struct queue_entry *entry)
{
	struct looking *looking = arg;
	add(looking->found, entry->id);
}

static void add_sent(void *arg, const struct gw_delivery *delivery)
{
	struct looking *looking = arg;
	if (delivery->attempt.relay && gw_str_eq(delivery->attempt.relay->name, looking->relay))
		add(looking->found, delivery->message->id);
}

static bool is_for(const struct gw_message *message, struct gw_str relay)
{
	if (gw_str_eq(message_note(message, note), relay))
		return true;
	for (size_t i = 0; i < message->rcpt_count; i++)
		if (message->rcpts[i]->status == RCPT_PENDING && gw_str_eq(message->rcpts[i]->relay, relay))
			return true;
	return false;
}

static void add_tried(struct looking *looking, struct worker *worker, const struct queue_entry *entry)
{
	struct gw_message *loaded = NULL, *message = entry->message;
	struct snapshot *snapshot = snapshot_current();
	if (!message && message_load(worker, snapshot, runtime.spool, entry->id, &loaded) == 0)
		message = loaded;
	if (message && is_for(message, looking->relay))
		add(looking->found, entry->id);
	message_destroy(loaded);
	snapshot_release(snapshot);
}

/* --- all together --- */

static int by_id(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

static void once_each(struct mail_found *found)
{
	size_t kept = 0;
	if (found->count)
		qsort(found->ids, found->count, sizeof(*found->ids), by_id);
	for (size_t i = 0; i < found->count; i++)
		if (!kept || found->ids[kept - 1] != found->ids[i])
			found->ids[kept++] = found->ids[i];
	found->count = kept;
}

static void look(struct worker *worker, unsigned number, void *arg)
{
	struct relay_mail *mail = arg;
	struct looking looking = { &mail->found[number], gw_str(mail->relay) };
	size_t at = 0;
	queue_parked(worker, looking.relay, add_parked, &looking);
	delivery_each(worker, add_sent, &looking);
	for (const struct queue_entry *entry; (entry = queue_next(worker, &at));)
		if (entry->attempts || entry->message) /* what was never tried is found where it is parked */
			add_tried(&looking, worker, entry);
	once_each(looking.found);
}

static void looked(void *arg)
{
	struct relay_mail *mail = arg;
	for (unsigned i = 0; i < runtime.worker_count; i++) {
		mail->count += mail->found[i].count;
		mail->failed |= mail->found[i].failed;
	}
	mail->done(mail);
}

int relay_mail_find(struct relay_mail *mail)
{
	mail->found = calloc(runtime.worker_count, sizeof(*mail->found));
	return mail->found ? on_each_worker(look, looked, mail) : -1;
}

void relay_mail_finish(struct relay_mail *mail)
{
	for (unsigned i = 0; mail->found && i < runtime.worker_count; i++)
		free(mail->found[i].ids);
	free(mail->found);
	mail->found = NULL;
}

/* --- moving --- */

/* A state on its way to the spool: who loads the message before it is there sees the old one. */
struct move {
	struct spool_append append;
	struct buf state;
	bool held;
};

static void recorded(struct post *post)
{
	struct move *move = (struct move *)post;
	if (!move->held && !atomic_load(&runtime.stopping))
		queue_order(move->append.worker, move->append.id, ORDER_RETRY);
	buf_finish(&move->state);
	free(move);
}

static int record(struct worker *worker, const struct queue_entry *entry, struct gw_message *message)
{
	struct move *move = calloc(1, sizeof(*move));
	if (!move)
		return -1;
	buf_init(&move->state, 0);
	if (message_encode_state(message, &move->state) != 0) {
		buf_finish(&move->state);
		free(move);
		return -1;
	}
	move->held = entry->place == ENTRY_HELD;
	move->append = (struct spool_append){
		.post.run = recorded, .worker = worker, .type = SPOOL_STATE, .id = entry->id, .meta = buf_str(&move->state),
	};
	spool_append(runtime.spool, &move->append);
	return 0;
}

static bool move_loaded(struct worker *worker, const struct queue_entry *entry, struct gw_str relay)
{
	struct snapshot *snapshot = snapshot_current();
	struct gw_message *message = NULL;
	bool fine = message_load(worker, snapshot, runtime.spool, entry->id, &message) == 0 && message_note_set(message, note, relay) == 0;
	if (fine) {
		message->attempts = entry->attempts;
		message->next_at = entry->due;
		fine = record(worker, entry, message) == 0;
	}
	message_destroy(message);
	snapshot_release(snapshot);
	return fine;
}

bool mail_move(struct worker *worker, uint64_t id, struct gw_str relay)
{
	const struct queue_entry *entry = queue_find(worker, id);
	if (!entry)
		return false;
	if (!entry->message)
		return move_loaded(worker, entry, relay);
	return message_note_set(entry->message, note, relay) == 0 && record(worker, entry, entry->message) == 0;
}

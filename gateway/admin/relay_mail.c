#include "admin/relay_mail.h"

#include "admin/queue_filter.h"
#include "base/log.h"
#include "deliver/delivery.h"
#include "queue/queue.h"

#include <stdlib.h>

/* --- finding --- */

/* What was never tried, and is not on its way, is found where it waits, without reading it. */
static bool visit(struct tour *tour, struct worker *worker, unsigned number,
		  struct queue_entry *entry)
{
	struct relay_mail *mail = list_of(tour, struct relay_mail, tour);
	const struct queue_filter filter = { .relay = mail->relay, .state = -1, .reads = true };
	struct queue_look look;
	bool fits = tour_is_near(tour, number, entry->id);
	if (!fits && (entry->attempts || entry->message)) {
		queue_look_begin(&look, worker, entry, true);
		fits = queue_filter_fits(&filter, &look, tour, number);
		queue_look_end(&look);
	}
	if (fits)
		id_list_add(&mail->of_worker[number], entry->id);
	return true;
}

static void looked(struct tour *tour)
{
	struct relay_mail *mail = list_of(tour, struct relay_mail, tour);
	mail->failed = tour_failed(tour);
	for (unsigned i = 0; i < runtime.worker_count; i++) {
		mail->failed |= mail->of_worker[i].failed;
		for (size_t at = 0; at < mail->of_worker[i].count; at++)
			id_list_add(&mail->found, mail->of_worker[i].ids[at]);
	}
	id_list_sort(&mail->found);
	mail->failed |= mail->found.failed;
	tour_finish(tour);
	mail->done(mail);
}

int relay_mail_find(struct relay_mail *mail)
{
	mail->tour = (struct tour){ .visit = visit, .done = looked, .relay = mail->relay };
	mail->of_worker = calloc(runtime.worker_count, sizeof(*mail->of_worker));
	return mail->of_worker ? tour_begin(&mail->tour) : -1;
}

void relay_mail_finish(struct relay_mail *mail)
{
	for (unsigned i = 0; mail->of_worker && i < runtime.worker_count; i++)
		free(mail->of_worker[i].ids);
	free(mail->of_worker);
	free(mail->found.ids);
	mail->of_worker = NULL;
	mail->found = (struct id_list){ 0 };
}

/* --- moving --- */

bool mail_move(struct worker *worker, uint64_t id, struct gw_str relay, int64_t uid)
{
	struct log_line *line = log_open(EVENT_MOVE_ORDERED);
	log_id(line, id);
	log_int(line, KEY_UID, uid);
	log_str(line, KEY_RELAY, relay);
	log_close(line);
	bool moved = queue_set_note(worker, id, gw_str("gateway.relay"), relay);
	if (moved)
		delivery_send_back(worker, id);
	return moved;
}

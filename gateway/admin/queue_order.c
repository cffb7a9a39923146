/* queue_order.c - queue retry, hold, release, bounce, delete, move. */
#include "admin/audit.h"
#include "admin/queue_change.h"
#include "admin/relay_mail.h"
#include "admin/relays.h"

/* Who did it stands with the message for whoever asks later where it went. */
static bool order(const struct queue_change *change, struct worker *worker, uint64_t id)
{
	audit_order(change->event, id, change->uid);
	return queue_order(worker, id, change->order);
}

static void begin(struct request *request, enum queue_order what, enum event_id event,
		  const char *done)
{
	struct queue_filter filter;
	if (queue_filter_take(&filter, request))
		queue_change_begin(
			request,
			&(struct queue_change){
				.change = order, .order = what, .event = event, .done = done },
			&filter);
}

void verb_queue_retry(struct request *request, const char *const *words, size_t count)
{
	begin(request, ORDER_RETRY, EVENT_RETRY_ORDERED, "due now");
}

void verb_queue_hold(struct request *request, const char *const *words, size_t count)
{
	begin(request, ORDER_HOLD, EVENT_HOLD_ORDERED, "on hold until released");
}

void verb_queue_release(struct request *request, const char *const *words, size_t count)
{
	begin(request, ORDER_RELEASE, EVENT_RELEASED, "released");
}

void verb_queue_bounce(struct request *request, const char *const *words, size_t count)
{
	begin(request, ORDER_BOUNCE, EVENT_BOUNCE_ORDERED, "given back to the sender");
}

void verb_queue_delete(struct request *request, const char *const *words, size_t count)
{
	begin(request, ORDER_DELETE, EVENT_DELETE_ORDERED, "deleted, and nobody is told");
}

/* --- move --- */

static bool move(const struct queue_change *change, struct worker *worker, uint64_t id)
{
	return mail_move(worker, id, gw_str(change->relay), change->uid);
}

static void move_to(struct request *request, const char *relay, const struct queue_filter *filter)
{
	struct snapshot *snapshot = snapshot_current();
	if (!snapshot_relay(snapshot, gw_str(relay))) {
		relay_unknown(request, snapshot, relay);
	} else {
		struct queue_change change = { .change = move };
		snprintf(change.relay, sizeof(change.relay), "%s", relay);
		change.done = arena_printf(&request->arena, "moved to %s", relay).ptr;
		queue_change_begin(request, &change, filter);
	}
	snapshot_release(snapshot);
}

/* With ids, --to is short for --move-to: that is how it has always been written. */
void verb_queue_move(struct request *request, const char *const *words, size_t count)
{
	struct queue_filter filter;
	const char *relay = request_option(request, "--move-to");
	if (!queue_filter_take(&filter, request))
		return;
	if (!relay && count) {
		relay = filter.to;
		filter.to = NULL;
		filter.reads = filter.any = filter.relay || filter.from || filter.client ||
					    filter.type || filter.reason || filter.received_before;
		filter.any |= filter.state >= 0;
	}
	if (relay)
		move_to(request, relay, &filter);
	else
		request_usage(request, "where to? --move-to RELAY");
}

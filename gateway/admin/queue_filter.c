#include "admin/queue_filter.h"

#include "base/clock.h"
#include "conf/option.h"

static const char *const states[] = { [ENTRY_WAITING] = "waiting",
				      [ENTRY_READING] = "active",
				      [ENTRY_ACTIVE] = "active",
				      [ENTRY_HELD] = "held" };
#define STATES (sizeof(states) / sizeof(states[0]))

const char *queue_state_name(const struct queue_entry *entry)
{
	return states[entry->state];
}

/* --- the words --- */

static bool take_older(struct queue_filter *filter, struct request *request, const char *text)
{
	int64_t age;
	if (text && (option_parse_duration(gw_str(text), &age) != 0 || age < 0)) {
		request_usage(request,
			      "--older wants a time like 90s, 30m, 2h or 3d, not \"%.100s\"", text);
		return false;
	}
	filter->received_before = text ? clock_wall() - age : 0;
	return true;
}

static bool take_status(struct queue_filter *filter, struct request *request, const char *text)
{
	filter->state = -1;
	for (size_t i = 0; text && i < STATES; i++)
		if (strcmp(states[i], text) == 0)
			filter->state = (int)i;
	if (!text || filter->state >= 0)
		return true;
	request_usage(request, "--status wants waiting, active or held, not \"%.100s\"", text);
	return false;
}

bool queue_filter_take(struct queue_filter *filter, struct request *request)
{
	const char *older = request_option(request, "--older"),
		   *status = request_option(request, "--status");
	*filter = (struct queue_filter){
		.relay = request_option(request, "--relay"),
		.from = request_option(request, "--from"),
		.to = request_option(request, "--to"),
		.client = request_option(request, "--client"),
		.type = request_option(request, "--type"),
		.reason = request_option(request, "--reason"),
	};
	filter->reads = filter->relay || filter->from || filter->to || filter->client ||
			filter->type || filter->reason || older;
	filter->any = filter->reads || status;
	return take_older(filter, request, older) && take_status(filter, request, status);
}

/* --- one message --- */

void queue_look_begin(struct queue_look *look, struct worker *worker,
		      const struct queue_entry *entry, bool read)
{
	*look = (struct queue_look){ .entry = entry, .message = entry->message };
	if (look->message || !read)
		return;
	look->snapshot = snapshot_current();
	if (message_load(worker, look->snapshot, runtime.spool, entry->id, &look->loaded) == 0)
		look->message = look->loaded;
}

void queue_look_end(struct queue_look *look)
{
	if (look->loaded)
		message_destroy(look->loaded);
	if (look->snapshot)
		snapshot_release(look->snapshot);
}

static bool contains(struct gw_str text, const char *part)
{
	return !part || (text.len && memmem(text.ptr, text.len, part, strlen(part)) != NULL) ||
	       !*part;
}

static bool is(struct gw_str text, const char *word)
{
	return !word || gw_str_eq(text, gw_str(word));
}

static bool has_rcpt(const struct gw_message *message, const char *part)
{
	bool has = !part;
	for (size_t i = 0; i < message->rcpt_count && !has; i++)
		has = contains(message->rcpts[i]->address, part);
	return has;
}

static bool is_for(const struct gw_message *message, const char *relay)
{
	if (gw_str_eq(message_note(message, gw_str("gateway.relay")), gw_str(relay)))
		return true;
	for (size_t i = 0; i < message->rcpt_count; i++)
		if (message->rcpts[i]->status == RCPT_PENDING &&
		    gw_str_eq(message->rcpts[i]->relay, gw_str(relay)))
			return true;
	return false;
}

static bool has_reason(const struct queue_look *look, const char *part)
{
	struct buf reason;
	if (!part)
		return true;
	buf_init(&reason, 0);
	queue_reason(look->entry, look->message, &reason);
	bool has = contains(buf_str(&reason), part);
	buf_finish(&reason);
	return has;
}

static bool fits(const struct queue_filter *filter, const struct queue_look *look)
{
	const struct gw_message *message = look->message;
	return is(message->client, filter->client) && is(message->type, filter->type) &&
	       contains(message->sender, filter->from) && has_rcpt(message, filter->to) &&
	       has_reason(look, filter->reason) &&
	       (!filter->received_before || message->received_at < filter->received_before);
}

bool queue_filter_takes_place(const struct queue_filter *filter, const struct queue_entry *entry)
{
	return filter->state < 0 || strcmp(states[filter->state], states[entry->state]) == 0;
}

bool queue_filter_fits(const struct queue_filter *filter, const struct queue_look *look,
		       const struct tour *tour, unsigned number)
{
	if (!queue_filter_takes_place(filter, look->entry))
		return false;
	if (!filter->reads)
		return true;
	if (!look->message)
		return false;
	if (filter->relay && !tour_is_near(tour, number, look->entry->id) &&
	    !is_for(look->message, filter->relay))
		return false;
	return fits(filter, look);
}

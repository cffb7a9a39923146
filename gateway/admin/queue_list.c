/* queue_list.c - queue list, queue show. */
#include "admin/queue_filter.h"

#include "base/clock.h"
#include "mail/message.h"

#include <stdlib.h>

#define LIST_LIMIT 1000
#define LIST_MOST 100000

struct listing {
	struct tour tour; /* first */
	struct request *request;
	struct queue_filter filter;
	struct id_list one; /* of queue show */
	json_t **rows;      /* an array for each worker: they fill them at the same time */
	size_t limit;
	bool long_form;
};

static json_t *time_json(int64_t when)
{
	char text[CLOCK_RFC3339];
	return json_string(clock_rfc3339(when, text));
}

static json_t *rcpt_json(const struct gw_rcpt *rcpt)
{
	static const char *const names[] = {
		[RCPT_PENDING] = "pending", [RCPT_DELIVERED] = "delivered", [RCPT_FAILED] = "failed"
	};
	json_t *json = json_object();
	json_object_set_new(json, "to", text_of(rcpt->address));
	json_object_set_new(json, "status", json_string(names[rcpt->status]));
	json_object_set_new(json, "relay", text_of(rcpt->relay));
	json_object_set_new(json, "host", text_of(rcpt->last_host));
	json_object_set_new(json, "code", json_integer(rcpt->last.code));
	json_object_set_new(json, "text", text_of(rcpt->last.text));
	return json;
}

static json_t *rcpts_json(const struct gw_message *message)
{
	json_t *rcpts = json_array();
	for (size_t i = 0; i < message->rcpt_count; i++)
		json_array_append_new(rcpts, rcpt_json(message->rcpts[i]));
	return rcpts;
}

static void add_long(json_t *row, const struct gw_message *message)
{
	json_t *notes = json_object();
	for (const struct note *note = message->notes; note; note = note->next) {
		json_t *key = text_of(note->key);
		json_object_set_new(notes, json_string_value(key), text_of(note->value));
		json_decref(key);
	}
	json_object_set_new(row, "received", time_json(message->received_at));
	json_object_set_new(row, "expires", time_json(message->expires_at));
	json_object_set_new(row, "login", text_of(message->login));
	json_object_set_new(row, "peer", text_of(message->peer));
	json_object_set_new(row, "helo", text_of(message->helo));
	json_object_set_new(row, "notes", notes);
	json_object_set_new(row, "rcpts", rcpts_json(message));
}

static json_t *reason_json(const struct queue_entry *entry, const struct gw_message *message)
{
	struct buf reason;
	buf_init(&reason, 0);
	queue_reason(entry, message, &reason);
	json_t *json = text_of(buf_str(&reason));
	buf_finish(&reason);
	return json;
}

/* Of many the first that it is about yet. */
static struct gw_str to_of(const struct gw_message *message)
{
	for (size_t i = 0; i < message->rcpt_count; i++)
		if (message->rcpts[i]->status == RCPT_PENDING)
			return message->rcpts[i]->address;
	return message->rcpt_count ? message->rcpts[0]->address : gw_str("");
}

static json_t *entry_json(bool long_form, const struct queue_entry *entry,
			  const struct gw_message *message)
{
	char id[ID_TEXT];
	json_t *row = json_object();
	json_object_set_new(row, "id", json_string(id_format(entry->id, id)));
	json_object_set_new(row, "state", json_string(queue_state_name(entry)));
	json_object_set_new(row, "due",
			    entry->state == ENTRY_HELD ? json_null() : time_json(entry->due.order));
	json_object_set_new(row, "attempts", json_integer(entry->attempts));
	json_object_set_new(row, "last", reason_json(entry, message));
	if (!message)
		return row;
	json_object_set_new(row, "client", text_of(message->client));
	json_object_set_new(row, "type", text_of(message->type));
	json_object_set_new(row, "size", json_integer((json_int_t)message->content.size));
	json_object_set_new(row, "from", text_of(message->sender));
	json_object_set_new(row, "to", text_of(to_of(message)));
	json_object_set_new(row, "pending", json_integer((json_int_t)message_pending(message)));
	if (long_form)
		add_long(row, message);
	return row;
}

/* --- all of them --- */

static bool visit(struct tour *tour, struct worker *worker, unsigned number,
		  struct queue_entry *entry)
{
	struct listing *listing = (struct listing *)tour;
	struct queue_look look;
	if (!queue_filter_takes_place(&listing->filter, entry))
		return true;
	queue_look_begin(&look, worker, entry, true);
	if (queue_filter_fits(&listing->filter, &look, tour, number))
		json_array_append_new(listing->rows[number],
				      entry_json(listing->long_form, entry, look.message));
	queue_look_end(&look);
	/* one more: then there are more than are shown */
	return json_array_size(listing->rows[number]) <= listing->limit;
}

static int by_id(const void *a, const void *b)
{
	json_t *const *x = a, *const *y = b;
	return strcmp(json_string_value(json_object_get(*x, "id")),
		      json_string_value(json_object_get(*y, "id")));
}

/* Oldest first, over all workers. True: there are more. */
static bool merge(struct listing *listing, json_t *rows)
{
	size_t count = 0, at;
	json_t *row;
	for (unsigned i = 0; i < runtime.worker_count; i++)
		count += json_array_size(listing->rows[i]);
	json_t **all = calloc(count + 1, sizeof(*all));
	count = 0;
	for (unsigned i = 0; all && i < runtime.worker_count; i++)
		json_array_foreach(listing->rows[i], at, row) all[count++] = row;
	if (all)
		qsort(all, count, sizeof(*all), by_id);
	for (size_t i = 0; all && i < count && i < listing->limit; i++)
		json_array_append(rows, all[i]);
	free(all);
	return count > listing->limit;
}

static void listing_free(struct listing *listing)
{
	for (unsigned i = 0; i < runtime.worker_count; i++)
		json_decref(listing->rows[i]);
	tour_finish(&listing->tour);
	free(listing->one.ids);
	free(listing->rows);
	free(listing);
}

static void listed(struct tour *tour)
{
	static const char *const columns[][2] = {
		{ "id", "ID" },     { "state", "STATE" },
		{ "due", "DUE" },   { "attempts", "ATTEMPTS" },
		{ "size", "SIZE" }, { "client", "CLIENT" },
		{ "type", "TYPE" }, { "from", "FROM" },
		{ "to", "TO" },     { "last", "LAST" },
	};
	struct listing *listing = (struct listing *)tour;
	struct request *request = listing->request;
	json_t *rows, *table = table_create(columns, sizeof(columns) / sizeof(columns[0]), &rows);
	bool more = merge(listing, rows);
	if (listing->one.count && json_array_size(rows) == 0) {
		json_decref(table);
		request_say(
			request, EX_UNAVAILABLE,
			"no message %s is queued; `gatewayctl message explain` knows those that are done",
			request->names[0]);
	} else {
		if (listing->long_form)
			json_object_set_new(table, "form", json_true());
		if (more)
			json_object_set_new(
				table, "text",
				json_sprintf(
					"the oldest %zu; --limit shows more, queue summary counts all",
					listing->limit));
		request_answer(request, table);
	}
	listing_free(listing);
}

/* --- the verbs --- */

static struct listing *listing_create(struct request *request)
{
	struct listing *listing = calloc(1, sizeof(*listing));
	if (!listing)
		return NULL;
	listing->request = request;
	listing->limit = LIST_LIMIT;
	listing->filter.state = -1;
	listing->tour = (struct tour){ .visit = visit,
				       .done = listed,
				       .abandoned = &request->abandoned };
	listing->rows = calloc(runtime.worker_count, sizeof(*listing->rows));
	for (unsigned i = 0; listing->rows && i < runtime.worker_count; i++)
		listing->rows[i] = json_array();
	if (listing->rows)
		return listing;
	free(listing);
	return NULL;
}

static void list(struct listing *listing)
{
	listing->tour.relay = listing->filter.relay;
	if (tour_begin(&listing->tour) == 0)
		return;
	request_say(listing->request, EX_OSERR, "no memory");
	listing_free(listing);
}

static bool take_words(struct listing *listing)
{
	struct request *request = listing->request;
	const char *limit = request_option(request, "--limit");
	if (!queue_filter_take(&listing->filter, request))
		return false;
	if (request_option(request, "--held"))
		listing->filter.state = ENTRY_HELD;
	listing->limit = limit ? strtoul(limit, NULL, 10) : LIST_LIMIT;
	if (listing->limit > 0 && listing->limit <= LIST_MOST &&
	    (!limit || strspn(limit, "0123456789") == strlen(limit)))
		return true;
	request_usage(request, "--limit wants a number from 1 to %d", LIST_MOST);
	return false;
}

void verb_queue_list(struct request *request, const char *const *words, size_t count)
{
	struct listing *listing = listing_create(request);
	if (!listing)
		request_say(request, EX_OSERR, "no memory");
	else if (take_words(listing))
		list(listing);
	else
		listing_free(listing);
}

void verb_queue_show(struct request *request, const char *const *words, size_t count)
{
	uint64_t id = id_parse(gw_str(words[0]));
	if (id && request_option(request, "--message")) {
		queue_message_show(request, id);
		return;
	}
	if (request_option(request, "--all") || request_option(request, "--at")) {
		request_usage(request, "--all and --at go with --message");
		return;
	}
	struct listing *listing = id ? listing_create(request) : NULL;
	if (!listing) {
		request_usage(request, "\"%.100s\" is no id", words[0]);
		return;
	}
	id_list_add(&listing->one, id);
	listing->tour.only = &listing->one;
	listing->long_form = true;
	list(listing);
}

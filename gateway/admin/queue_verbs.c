#include "admin/request.h"

#include "base/clock.h"
#include "mail/message.h"
#include "queue/queue.h"

#include <stdlib.h>

#define LIST_LIMIT 1000

/* --- queue list, queue show --- */

struct listing {
	struct request *request;
	json_t **rows;      /* an array for each worker: they fill them at the same time */
	uint64_t id;        /* 0: all */
	size_t limit;       /* for each worker */
	bool held_only, long_form;
	const char *from, *to;
};

static const char *place_name(const struct queue_entry *entry)
{
	static const char *const names[] = { [ENTRY_WAITING] = "waiting", [ENTRY_ACTIVE] = "active", [ENTRY_HELD] = "held" };
	return names[entry->place];
}

static json_t *time_json(int64_t when)
{
	char text[CLOCK_RFC3339];
	return json_string(clock_rfc3339(when, text));
}

static json_t *rcpt_json(const struct gw_rcpt *rcpt)
{
	static const char *const names[] = { [RCPT_PENDING] = "pending", [RCPT_DELIVERED] = "delivered", [RCPT_FAILED] = "failed" };
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

static json_t *last_text(const struct gw_message *message)
{
	for (size_t i = 0; i < message->rcpt_count; i++)
		if (message->rcpts[i]->status == RCPT_PENDING && message->rcpts[i]->last.text.len)
			return text_of(message->rcpts[i]->last.text);
	return json_string("");
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

static json_t *entry_json(const struct listing *listing, const struct queue_entry *entry, const struct gw_message *message)
{
	char id[ID_TEXT];
	json_t *row = json_object();
	json_object_set_new(row, "id", json_string(id_format(entry->id, id)));
	json_object_set_new(row, "state", json_string(place_name(entry)));
	json_object_set_new(row, "due", time_json(entry->due));
	json_object_set_new(row, "attempts", json_integer(entry->attempts));
	if (!message) {
		json_object_set_new(row, "last", json_string("cannot be read, see the log"));
		return row;
	}
	json_object_set_new(row, "client", text_of(message->client));
	json_object_set_new(row, "type", text_of(message->type));
	json_object_set_new(row, "size", json_integer((json_int_t)message->content.size));
	json_object_set_new(row, "from", text_of(message->sender));
	json_object_set_new(row, "to", message->rcpt_count ? text_of(message->rcpts[0]->address) : json_string(""));
	json_object_set_new(row, "pending", json_integer((json_int_t)message_pending(message)));
	json_object_set_new(row, "last", message->held ? text_of(message->hold_reason) : last_text(message));
	if (listing->long_form)
		add_long(row, message);
	return row;
}

static bool contains(struct gw_str text, const char *part)
{
	return !part || memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static bool wanted(const struct listing *listing, const struct gw_message *message)
{
	if (!message)
		return !listing->from && !listing->to;
	bool to = !listing->to;
	for (size_t i = 0; i < message->rcpt_count && !to; i++)
		to = contains(message->rcpts[i]->address, listing->to);
	return to && contains(message->sender, listing->from);
}

static void list_entry(struct listing *listing, struct worker *worker, unsigned number, const struct queue_entry *entry)
{
	struct gw_message *loaded = NULL, *message = entry->message;
	struct snapshot *snapshot = snapshot_current();
	if (!message && message_load(worker, snapshot, runtime.spool, entry->id, &loaded) == 0)
		message = loaded;
	if (wanted(listing, message))
		json_array_append_new(listing->rows[number], entry_json(listing, entry, message));
	if (loaded)
		message_destroy(loaded);
	snapshot_release(snapshot);
}

static void list_worker(struct worker *worker, unsigned number, void *arg)
{
	struct listing *listing = arg;
	size_t at = 0;
	const struct queue_entry *entry = listing->id ? queue_find(worker, listing->id) : NULL;
	if (entry)
		list_entry(listing, worker, number, entry);
	while (!listing->id && json_array_size(listing->rows[number]) < listing->limit && (entry = queue_next(worker, &at)))
		if (!listing->held_only || entry->place == ENTRY_HELD)
			list_entry(listing, worker, number, entry);
}

static int by_id(const void *a, const void *b)
{
	json_t *const *x = a, *const *y = b;
	return strcmp(json_string_value(json_object_get(*x, "id")), json_string_value(json_object_get(*y, "id")));
}

/* Oldest first, over all workers. */
static void merge(struct listing *listing, json_t *rows)
{
	size_t count = 0, at;
	json_t *row;
	for (unsigned i = 0; i < runtime.worker_count; i++)
		count += json_array_size(listing->rows[i]);
	json_t **all = calloc(count + 1, sizeof(*all));
	count = 0;
	for (unsigned i = 0; all && i < runtime.worker_count; i++)
		json_array_foreach(listing->rows[i], at, row)
			all[count++] = row;
	if (all)
		qsort(all, count, sizeof(*all), by_id);
	for (size_t i = 0; all && i < count; i++)
		json_array_append(rows, all[i]);
	free(all);
}

static void listing_free(struct listing *listing)
{
	for (unsigned i = 0; i < runtime.worker_count; i++)
		json_decref(listing->rows[i]);
	free(listing->rows);
	free(listing);
}

static void listed(void *arg)
{
	static const char *const columns[][2] = {
		{ "id", "ID" }, { "state", "STATE" }, { "due", "DUE" }, { "attempts", "TRIES" }, { "size", "SIZE" },
		{ "client", "CLIENT" }, { "type", "TYPE" }, { "from", "FROM" }, { "to", "TO" }, { "last", "LAST" },
	};
	struct listing *listing = arg;
	struct request *request = listing->request;
	json_t *rows, *table = table_create(columns, sizeof(columns) / sizeof(columns[0]), &rows);
	merge(listing, rows);
	if (listing->id && json_array_size(rows) == 0) {
		json_decref(table);
		request_say(request, EX_UNAVAILABLE, "no message %s is queued; `gatewayctl message explain` knows those that are done",
		            request->words[request->count - 1]);
	} else {
		if (listing->long_form)
			json_object_set_new(table, "form", json_true());
		request_answer(request, table);
	}
	listing_free(listing);
}

static struct listing *listing_create(struct request *request)
{
	struct listing *listing = calloc(1, sizeof(*listing));
	if (!listing)
		return NULL;
	listing->request = request;
	listing->limit = LIST_LIMIT;
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
	if (on_each_worker(list_worker, listed, listing) == 0)
		return;
	request_say(listing->request, EX_OSERR, "no memory");
	listing_free(listing);
}

static bool list_options(struct listing *listing, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *value = i + 1 < count ? words[i + 1] : NULL;
		if (strcmp(words[i], "--held") == 0)
			listing->held_only = true;
		else if (strcmp(words[i], "--limit") == 0 && value && atol(value) > 0)
			listing->limit = (size_t)atol(words[++i]);
		else if (strcmp(words[i], "--from") == 0 && value)
			listing->from = words[++i];
		else if (strcmp(words[i], "--to") == 0 && value)
			listing->to = words[++i];
		else
			return false;
	}
	return true;
}

void verb_queue_list(struct request *request, const char *const *words, size_t count)
{
	struct listing *listing = listing_create(request);
	if (!listing) {
		request_say(request, EX_OSERR, "no memory");
	} else if (!list_options(listing, words, count)) {
		listing_free(listing);
		request_say(request, EX_USAGE, "queue list [--held] [--from TEXT] [--to TEXT] [--limit N]");
	} else {
		list(listing);
	}
}

void verb_queue_show(struct request *request, const char *const *words, size_t count)
{
	uint64_t id = count == 1 ? id_parse(gw_str(words[0])) : 0;
	struct listing *listing = id ? listing_create(request) : NULL;
	if (!listing) {
		request_say(request, EX_USAGE, "queue show ID");
		return;
	}
	listing->id = id;
	listing->long_form = true;
	list(listing);
}

/* --- retry, hold, release, bounce --- */

struct ordering {
	struct request *request;
	enum queue_order order;
	const char *done;    /* "is due now" */
	uint64_t ids[REQUEST_WORDS];
	size_t id_count;
	bool all;
	_Atomic size_t found;
};

static void order_all(struct ordering *ordering, struct worker *worker)
{
	size_t count = 0, at = 0;
	struct queue_counts counts;
	queue_count(worker, &counts);
	uint64_t *ids = calloc(counts.waiting + counts.active + counts.held + 1, sizeof(*ids));
	for (struct queue_entry *entry; ids && (entry = queue_next(worker, &at));)
		ids[count++] = entry->id;
	for (size_t i = 0; i < count; i++)
		ordering->found += queue_order(worker, ids[i], ordering->order);
	free(ids);
}

static void order_worker(struct worker *worker, unsigned number, void *arg)
{
	struct ordering *ordering = arg;
	for (size_t i = 0; i < ordering->id_count; i++)
		ordering->found += queue_order(worker, ordering->ids[i], ordering->order);
	if (ordering->all)
		order_all(ordering, worker);
}

static void ordered(void *arg)
{
	struct ordering *ordering = arg;
	size_t found = ordering->found;
	if (!ordering->all && found < ordering->id_count)
		request_say(ordering->request, EX_UNAVAILABLE, "%zu of %zu messages are not queued (any more); %zu: %s", ordering->id_count - found,
		            ordering->id_count, found, ordering->done);
	else
		request_say(ordering->request, EX_OK, "%zu message%s: %s", found, found == 1 ? "" : "s", ordering->done);
	free(ordering);
}

static void order(struct request *request, const char *const *words, size_t count, enum queue_order what, const char *done)
{
	struct ordering *ordering = calloc(1, sizeof(*ordering));
	if (!ordering) {
		request_say(request, EX_OSERR, "no memory");
		return;
	}
	ordering->request = request;
	ordering->order = what;
	ordering->done = done;
	for (size_t i = 0; i < count; i++) {
		ordering->all |= strcmp(words[i], "--all") == 0;
		ordering->ids[ordering->id_count] = id_parse(gw_str(words[i]));
		ordering->id_count += ordering->ids[ordering->id_count] != 0;
	}
	if (!ordering->all && (ordering->id_count == 0 || ordering->id_count != count)) {
		request_say(request, EX_USAGE, "which messages? %s ID ... or --all; `gatewayctl queue list` shows the ids", request->words[1]);
		free(ordering);
	} else if (on_each_worker(order_worker, ordered, ordering) != 0) {
		request_say(request, EX_OSERR, "no memory");
		free(ordering);
	}
}

void verb_queue_retry(struct request *request, const char *const *words, size_t count)
{
	order(request, words, count, ORDER_RETRY, "due now");
}

void verb_queue_hold(struct request *request, const char *const *words, size_t count)
{
	order(request, words, count, ORDER_HOLD, "on hold until released");
}

void verb_queue_release(struct request *request, const char *const *words, size_t count)
{
	order(request, words, count, ORDER_RELEASE, "released");
}

void verb_queue_bounce(struct request *request, const char *const *words, size_t count)
{
	order(request, words, count, ORDER_BOUNCE, "given back to the sender");
}

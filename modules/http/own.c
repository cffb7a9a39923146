#include "own.h"

#include "event_store.h"

#include <stdlib.h>
#include <string.h>

/* Made of openapi.json. */
extern const char openapi_text[];
extern const size_t openapi_size;

static void answer_health(struct evhttp_request *http)
{
	json_t *health = json_pack("{s:s}", "status", "ok");

	answer_object(http, health);
	json_decref(health);
}

/* --- events --- */

#define LIMIT 100
#define LIMIT_MOST 500
#define SCANNED_MOST 5000

struct listing {
	const struct event_store *store;
	const struct token_conf *token;
	struct gw_str event, client; /* ptr NULL: any */
	size_t limit;
	json_t *items;
	bool full;
};

static bool list_event(void *arg, const struct event *event)
{
	struct listing *listing = arg;
	json_t *item;
	char id[64];

	listing->full = json_array_size(listing->items) == listing->limit;
	if (listing->full)
		return false;
	if ((listing->event.ptr && !gw_str_eq(listing->event, event->name)) ||
	    (listing->client.ptr && !gw_str_eq(listing->client, event->client)) ||
	    !token_sees(listing->token, event->client))
		return true;
	item = json_loadb(event->json.ptr, event->json.len, 0, NULL);
	store_event_id(listing->store, event->number, id, sizeof id);
	json_object_set_new(item, "id", json_string(id));
	json_array_append_new(listing->items, item);
	return true;
}

/* False: it is no number, or too large. */
static bool take_number(struct gw_str text, int64_t least, int64_t most, int64_t *number)
{
	char *end;

	if (!text.ptr)
		return true;
	*number = strtoll(text.ptr, &end, 10);
	return text.len && *end == '\0' && *number >= least && *number <= most;
}

static void answer_events(struct evhttp_request *http, struct server *server,
			  const struct token_conf *token, const struct target *target)
{
	struct listing listing = { .store = server->store,
				   .token = token,
				   .event = target_parameter(target, "event"),
				   .client = target_parameter(target, "client"),
				   .items = json_array() };
	int64_t cursor = 0, limit = LIMIT, next;
	json_t *answer;

	if (!take_number(target_parameter(target, "cursor"), 0, INT64_MAX, &cursor) ||
	    !take_number(target_parameter(target, "limit"), 1, LIMIT_MOST, &limit)) {
		json_decref(listing.items);
		answer_wrong(http, 400, "cursor and limit are numbers, limit from 1 to 500");
		return;
	}
	if (server->store && cursor > store_newest(server->store)) {
		json_decref(listing.items);
		answer_wrong(http, 400,
			     "cursor is after all events that there ever were: begin with 0");
		return;
	}
	listing.limit = (size_t)limit;
	next = server->store ? store_each(server->store, cursor, SCANNED_MOST, list_event, &listing)
			     : -1;
	answer = json_pack("{s:o, s:I, s:b}", "items", listing.items, "next", (json_int_t)next,
			   "more", (int)(listing.full || next - cursor >= SCANNED_MOST));
	if (next < 0 || !answer)
		answer_wrong(http, 503, "the events cannot be read");
	else
		answer_object(http, answer);
	json_decref(answer);
}

void own_answer(struct evhttp_request *http, struct server *server, const struct route *route,
		const struct token_conf *token, const struct target *target)
{
	if (strcmp(route->verb, "events") == 0)
		answer_events(http, server, token, target);
	else if (strcmp(route->verb, "openapi") == 0)
		answer_octets(http, "application/json", openapi_text, openapi_size);
	else
		answer_health(http);
}

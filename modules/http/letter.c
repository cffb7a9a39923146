#include "letter.h"

#define SCANNED_MOST 2000

void letter_init(struct letter *letter, const struct webhook_conf *to)
{
	*letter = (struct letter){ .body = g_string_new(NULL),
				   .to = to,
				   .most = (size_t)to->batch };
}

void letter_finish(struct letter *letter)
{
	g_string_free(letter->body, TRUE);
}

bool letter_wants(const struct webhook_conf *to, struct gw_str name, struct gw_str client)
{
	return list_has(to->events, name) &&
	       (to->clients.count == 0 || list_has(to->clients, client));
}

static bool is_full(const struct letter *letter)
{
	return letter->count == letter->most || letter->body->len > LETTER_OCTETS;
}

/* `json` is an object without an id. */
static void add(struct letter *letter, int64_t number, int64_t time, int64_t event,
		const char *json)
{
	char id[64];

	store_event_id(letter->store, event, id, sizeof id);
	g_string_append_printf(letter->body, "%s{\"id\":\"%s\",%s", letter->count ? "," : "[", id,
			       json + 1);
	letter->numbers[letter->count] = number;
	letter->times[letter->count++] = time;
}

static bool take_event(void *arg, const struct event *event)
{
	struct letter *letter = arg;

	if (is_full(letter))
		return false;
	letter->last = event->number;
	if (letter_wants(letter->to, event->name, event->client))
		add(letter, event->number, event->time, event->number, event->json.ptr);
	return true;
}

static bool take_dead(void *arg, const struct dead *dead)
{
	struct letter *letter = arg;

	if (is_full(letter))
		return false;
	add(letter, dead->number, dead->time, dead->event, dead->json);
	return true;
}

bool letter_write(struct letter *letter, struct event_store *store, int64_t cursor)
{
	int result;

	g_string_truncate(letter->body, 0);
	letter->store = store;
	letter->count = 0;
	letter->last = cursor;
	result = store_dead_each(store, letter->to->name, true, 0, letter->most, take_dead, letter);
	letter->of_dead = letter->count != 0;
	if (result == 0 && !letter->of_dead &&
	    store_each(store, cursor, SCANNED_MOST, take_event, letter) < 0)
		result = -1;
	if (letter->count)
		g_string_append_c(letter->body, ']');
	return result == 0;
}

#include "records.h"

#include "outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <glib.h>
#include <jansson.h>

#define GAP_MS 250       /* between two questions: what came meanwhile is asked for together */
#define OFTEN_MS 1000    /* after a hint: what tells of a bounce may be ahead of its record */
#define RARELY_MS 10000  /* where nobody told of one */
#define MISSING_MS 60000 /* where nobody has records */
#define TICKS_MISSED 5   /* seconds */

struct records {
	struct gw_call *call;
	const struct http_conf *conf;
	struct event_store *store;
	const struct ticks *ticks;
	void (*wake)(void *arg);
	void *arg;
	int64_t began; /* ms of the calendar */
	int64_t from;  /* they were read up to here; -1: never */
	int64_t due;   /* ms, monotonic: when to ask next */
	int64_t asked; /* the same: the last time */
	bool measures; /* asks how far there are any */
	_Atomic bool hinted, asking, answered;
	char *answer; /* NULL: none came; whose it is `answered` says */
};

void records_look(struct records *records)
{
	atomic_store(&records->hinted, true);
}

bool records_due(const struct records *records, int64_t now)
{
	if (atomic_load(&records->answered))
		return true;
	return !atomic_load(&records->asking) && !ticks_missing(records->ticks, TICKS_MISSED) &&
	       (now >= records->due ||
		(atomic_load(&records->hinted) && records_gap(records, now) == 0));
}

int64_t records_gap(const struct records *records, int64_t now)
{
	int64_t left = records->asked + GAP_MS - now;

	return left > 0 && left <= GAP_MS ? left : 0;
}

/* --- the question --- */

static void told(void *arg, struct gw_str json)
{
	struct records *records = arg;

	records->answer = json.ptr ? strndup(json.ptr, json.len) : NULL;
	atomic_store(&records->answered, true);
	records->wake(records->arg);
}

/* Where nothing was read yet: what came since this began. Else how far there is any, or what is
 * new. */
static size_t write_words(const struct records *records, char room[2][48], struct gw_str *words)
{
	time_t began = (time_t)(records->began / 1000);
	struct tm time;

	snprintf(room[0], sizeof room[0], "after=%lld",
		 (long long)(records->measures ? 0 : records->from));
	strftime(room[1], sizeof room[1], "since=%Y-%m-%dT%H:%M:%SZ", gmtime_r(&began, &time));
	words[0] = gw_str(room[0]);
	words[1] = gw_str(room[1]);
	return records->measures && records->from < 0 ? 2 : 1;
}

static void ask(struct records *records, int64_t now)
{
	struct gw_str words[6] = { GW_STR("bounce"), GW_STR("list"), GW_STR("limit=500"),
				   GW_STR("bare") };
	struct gw_verb verb = { .size = sizeof verb,
				.words = { words, 4 },
				.by = GW_STR("webhooks") };
	char room[2][48];

	verb.words.count += write_words(records, room, words + 4);
	records->due = now + (atomic_exchange(&records->hinted, false) ? OFTEN_MS : RARELY_MS);
	records->asked = now;
	atomic_store(&records->asking, true);
	if (gw->verb_run(records->call, &verb, told, records) != 0)
		atomic_store(&records->asking, false);
}

/* --- the answer --- */

struct page {
	GArray *events; /* of struct event; their texts are the page's */
	GPtrArray *texts;
};

static struct gw_str text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return gw_str(text);
}

/* An item as an event: its number among the bounces is not the event's. */
static bool add_item(const struct records *records, struct page *page, json_t *item)
{
	struct event event = { .name = text_of(item, "event"), .client = text_of(item, "client") };
	char *text;

	if (!outbox_wants(records->conf, event.name))
		return true;
	json_object_set(item, "bounce_id", json_object_get(item, "id"));
	json_object_del(item, "id");
	json_object_del(item, "unread");
	text = json_dumps(item, JSON_COMPACT);
	if (!text)
		return false;
	g_ptr_array_add(page->texts, text);
	event.time = gw->now(records->call);
	event.json = gw_str(text);
	g_array_append_val(page->events, event);
	return true;
}

static int keep_page(struct records *records, const json_t *data)
{
	struct page page = { g_array_new(FALSE, FALSE, sizeof(struct event)),
			     g_ptr_array_new_with_free_func(free) };
	int64_t next = json_integer_value(json_object_get(data, "next"));
	json_t *items = json_object_get(data, "items"), *item;
	size_t i;
	int result = 0;

	json_array_foreach(items, i, item)
	{
		if (!add_item(records, &page, item))
			result = -1;
	}
	if (result == 0 && next > records->from)
		result = store_add_bounces(records->store,
					   (struct event *)(void *)page.events->data,
					   page.events->len, records->from, next);
	g_array_free(page.events, TRUE);
	g_ptr_array_free(page.texts, TRUE);
	records->from = result >= 0 ? store_bounces(records->store) : records->from;
	return result;
}

/* Webhooks begin with what comes from now on. Where the records were made anew, all are new. */
static void take_measure(struct records *records, const json_t *data)
{
	int64_t newest = json_integer_value(json_object_get(data, "newest"));
	const json_t *first = json_array_get(json_object_get(data, "items"), 0);

	if (records->from < 0)
		store_add_bounces(records->store, NULL, 0, -1,
				  first ? json_integer_value(json_object_get(first, "id")) - 1
					: newest);
	else if (newest < records->from)
		store_add_bounces(records->store, NULL, 0, records->from, 0);
	records->from = store_bounces(records->store);
	records->measures = records->from < 0;
	records->due = 0;
}

static bool take_answer(struct records *records, const json_t *answer, int64_t now)
{
	const json_t *data = json_object_get(answer, "data");
	bool fine = answer && json_integer_value(json_object_get(answer, "code")) == 0 && data;

	if (!fine) {
		/* nobody has records, or has fewer than there were */
		records->due = now + (records->measures ? MISSING_MS : OFTEN_MS);
		records->measures = true;
		return false;
	}
	if (records->measures) {
		take_measure(records, data);
		return false;
	}
	if (keep_page(records, data) != 0)
		return false;
	if (json_is_true(json_object_get(data, "more")))
		records->due = 0;
	return json_array_size(json_object_get(data, "items")) != 0;
}

bool records_step(struct records *records, int64_t now)
{
	bool kept = false;
	json_t *answer;

	if (atomic_load(&records->answered)) {
		answer = records->answer ? json_loads(records->answer, JSON_ALLOW_NUL, NULL) : NULL;
		kept = take_answer(records, answer, now);
		json_decref(answer);
		free(records->answer);
		records->answer = NULL;
		atomic_store(&records->answered, false);
		atomic_store(&records->asking, false);
	}
	if (records_due(records, now))
		ask(records, now);
	return kept;
}

struct records *records_create(struct gw_call *call, const struct http_conf *conf,
			       struct event_store *store, const struct ticks *ticks,
			       void (*wake)(void *arg), void *arg)
{
	struct records *records = calloc(1, sizeof *records);

	if (!records)
		return NULL;
	records->call = call;
	records->conf = conf;
	records->store = store;
	records->ticks = ticks;
	records->wake = wake;
	records->arg = arg;
	records->began = gw->now(call);
	records->from = store_bounces(store);
	records->measures = records->from < 0;
	return records;
}

void records_destroy(struct records *records)
{
	if (!records)
		return;
	free(records->answer);
	free(records);
}

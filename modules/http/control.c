#include "control.h"

#include "instance.h"
#include "token.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#define LIST_MOST 1000

static bool is_name(struct gw_str name)
{
	size_t i;

	for (i = 0; i < name.len; i++)
		if ((unsigned char)name.ptr[i] <= ' ' || strchr("\"\\\177", name.ptr[i]))
			return false;
	return name.len > 0 && name.len <= 64;
}

/* It is shown once, and kept nowhere: the answer is all there is of it. */
static void make_token(struct gw_call *call, struct gw_list words)
{
	struct gw_json *json = gw->json_create();
	char token[TOKEN_TEXT], hash[TOKEN_HASH];

	if (words.count != 1 || !is_name(words.items[0]) || !token_make(token)) {
		gw->problem(call, true, "say token NAME");
		gw->json_destroy(json);
		return;
	}
	token_hash_write(gw_str(token), hash);
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_format(
		json, "text",
		"the token, which is shown this once:\n  %s\nits row for `tokens` in the fragment of http, then `gatewayctl reload`:\n  { name = \"%.*s\"; hash = \"%s\"; scope = \"read\"; }",
		token, GW_STR_ARGS(words.items[0]), hash);
	gw->json_begin(json, "data", GW_JSON_OBJECT);
	gw->json_string(json, "name", words.items[0]);
	gw->json_string(json, "token", gw_str(token));
	gw->json_string(json, "hash", gw_str(hash));
	gw->json_end(json);
	gw->json_end(json);
	gw->answer_json(call, json);
	OPENSSL_cleanse(token, sizeof token);
}

/* --- webhooks --- */

static struct event_store *store_of(struct gw_call *call)
{
	struct event_store *store = instance_store(gw->instance_data(call));

	if (!store)
		gw->problem(call, true, "no events are kept: the store cannot be opened");
	return store;
}

static const char *word_for(const struct hook_state *state)
{
	return state->since ? "fails" : "fine";
}

static void write_webhook(struct gw_json *table, struct event_store *store,
			  const struct webhook_conf *webhook, int64_t newest)
{
	struct hook_state state = { 0 };

	if (!store_hook(store, webhook->name, &state))
		return;
	gw->table_row(table);
	gw->json_string(table, "name", webhook->name);
	gw->json_string(table, "state", gw_str(word_for(&state)));
	gw->json_number(table, "behind", newest > state.cursor ? newest - state.cursor : 0);
	gw->json_number(table, "dead", store_dead_count(store, webhook->name));
	gw->json_number(table, "tries", state.tries);
	gw->json_time(table, "since", state.since);
	gw->json_time(table, "next", state.next);
	gw->json_string(table, "error", gw_str(state.error));
	gw->json_string(table, "url", webhook->url);
}

static void list_webhooks(struct gw_call *call, struct gw_list words)
{
	static const struct gw_column columns[] = { { "name", "NAME" },     { "state", "STATE" },
						    { "behind", "BEHIND" }, { "dead", "DEAD" },
						    { "tries", "TRIES" },   { "next", "NEXT TRY" },
						    { "error", "ERROR" },   { "url", "URL" },
						    { NULL, NULL } };
	const struct http_conf *conf = gw->conf(call);
	const struct webhook_conf *webhooks = conf->webhooks.items;
	struct event_store *store = store_of(call);
	struct gw_json *table = store ? gw->table_create(columns) : NULL;
	size_t i;

	(void)words;
	for (i = 0; store && i < conf->webhooks.count; i++)
		write_webhook(table, store, &webhooks[i], store_newest(store));
	if (store)
		gw->answer_json(call, table);
}

void control_status(struct gw_call *call)
{
	const struct http_conf *conf = gw->conf(call);
	const struct webhook_conf *webhooks = conf->webhooks.items;
	struct event_store *store = instance_store(gw->instance_data(call));
	struct hook_state state;
	char why[FAULT_MAX];
	size_t i;

	if (instance_fault(gw->instance_data(call), why))
		gw->status_line(call, "WRONG", "no events are kept, and none are sent: %s", why);
	for (i = 0; store && i < conf->webhooks.count; i++)
		if (store_hook(store, webhooks[i].name, &state))
			gw->status_line(call, webhooks[i].name.ptr, "%s%s%s, %lld dead letters",
					word_for(&state), *state.error ? ": " : "", state.error,
					(long long)store_dead_count(store, webhooks[i].name));
}

/* --- dead letters --- */

static bool write_dead(void *arg, const struct dead *dead)
{
	struct gw_json *table = arg;

	gw->table_row(table);
	gw->json_number(table, "number", dead->number);
	gw->json_time(table, "time", dead->time);
	gw->json_string(table, "webhook", gw_str(dead->hook));
	gw->json_string(table, "event", gw_str(dead->name));
	gw->json_bool(table, "due", dead->due);
	gw->json_string(table, "why", gw_str(dead->why));
	return true;
}

static void list_dead(struct gw_call *call, struct gw_list words)
{
	static const struct gw_column columns[] = {
		{ "number", "NUMBER" }, { "time", "TIME" },      { "webhook", "WEBHOOK" },
		{ "event", "EVENT" },   { "due", "SENT AGAIN" }, { "why", "WHY" },
		{ NULL, NULL }
	};
	struct event_store *store = store_of(call);
	struct gw_json *table;

	if (!store)
		return;
	table = gw->table_create(columns);
	if (store_dead_each(store, words.count ? words.items[0] : gw_str(""), false, 0, LIST_MOST,
			    write_dead, table) == 0) {
		gw->answer_json(call, table);
		return;
	}
	gw->json_destroy(table);
	gw->problem(call, true, "the store cannot be read");
}

struct showing {
	struct gw_call *call;
	struct event_store *store;
	int64_t number;
	bool found;
};

static bool show(void *arg, const struct dead *dead)
{
	struct showing *showing = arg;
	struct gw_json *json;
	char id[64];

	showing->found = dead->number == showing->number;
	if (!showing->found)
		return false;
	json = gw->json_create();
	store_event_id(showing->store, dead->event, id, sizeof id);
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_format(json, "text", "{\"id\":\"%s\",%s", id, dead->json + 1);
	gw->json_end(json);
	gw->answer_json(showing->call, json);
	return false;
}

static bool read_number(struct gw_str word, int64_t *number)
{
	char *end;

	*number = strtoll(word.ptr, &end, 10);
	return *end == '\0' && *number > 0;
}

static void show_dead(struct gw_call *call, struct gw_list words)
{
	struct showing showing = { call, store_of(call), 0, false };

	if (!showing.store)
		return;
	if (words.count == 1 && read_number(words.items[0], &showing.number))
		store_dead_each(showing.store, gw_str(""), false, showing.number - 1, 1, show,
				&showing);
	if (!showing.found)
		gw->problem(call, true, "there is no such letter: say dead show NUMBER");
}

/* "NUMBER" or "all", which becomes 0. False: it is neither. */
static bool read_which(struct gw_list words, int64_t *number)
{
	*number = 0;
	return words.count == 1 &&
	       (gw_str_eq(words.items[0], gw_str("all")) || read_number(words.items[0], number));
}

static void change_dead(struct gw_call *call, struct gw_list words, const char *verb,
			int64_t (*change)(struct event_store *store, int64_t number),
			const char *done)
{
	struct event_store *store = store_of(call);
	struct gw_json *json;
	int64_t number, count;

	if (!store)
		return;
	if (!read_which(words, &number)) {
		gw->problem(call, true, "say dead %s NUMBER, or dead %s all", verb, verb);
		return;
	}
	count = change(store, number);
	if (count <= 0) {
		gw->problem(call, true, count ? "the store cannot be written to" : "there is none");
		return;
	}
	json = gw->json_create();
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_format(json, "text", "%lld %s", (long long)count, done);
	gw->json_end(json);
	gw->answer_json(call, json);
}

static void resend_dead(struct gw_call *call, struct gw_list words)
{
	struct webhooks *webhooks = instance_webhooks(gw->instance_data(call));

	change_dead(call, words, "resend", store_dead_resend, "will be sent again");
	if (webhooks)
		webhooks_wake(webhooks);
}

static void drop_dead(struct gw_call *call, struct gw_list words)
{
	change_dead(call, words, "drop", store_dead_drop, "dropped");
}

static const struct {
	struct gw_str first, second; /* the second empty: it has one word */
	void (*run)(struct gw_call *call, struct gw_list words);
} verbs[] = {
	{ GW_STR("token"), GW_STR(""), make_token },
	{ GW_STR("webhooks"), GW_STR(""), list_webhooks },
	{ GW_STR("dead"), GW_STR("list"), list_dead },
	{ GW_STR("dead"), GW_STR("show"), show_dead },
	{ GW_STR("dead"), GW_STR("resend"), resend_dead },
	{ GW_STR("dead"), GW_STR("drop"), drop_dead },
};

void control(struct gw_call *call, const struct gw_command *command)
{
	struct gw_list words = command->words;
	size_t i, taken;

	for (i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		taken = verbs[i].second.len ? 2 : 1;
		if (words.count < taken || !gw_str_eq(words.items[0], verbs[i].first) ||
		    (taken == 2 && !gw_str_eq(words.items[1], verbs[i].second)))
			continue;
		words.items += taken;
		words.count -= taken;
		verbs[i].run(call, words);
		return;
	}
	gw->problem(
		call, true,
		"say token NAME, webhooks, dead list, dead show NUMBER, dead resend NUMBER or dead drop NUMBER");
}

/* relay_list.c - relay list, relay show: what is configured, what happens, and what modules say of
 * it. */
#include "admin/relays.h"

#include "services/output.h"
#include "base/clock.h"
#include "client/slots.h"
#include "client/transport.h"
#include "client/usable.h"
#include "module/chain.h"
#include "module/providers.h"

#include <stdlib.h>

/* One relay with all that is known of it. */
struct portrait {
	struct service_output output;
	struct request *request;
	struct snapshot *snapshot;
	struct gw_relay *relay;
	struct relay_load load;
	json_t *row, *modules;
};

/* --- from the fragment --- */

static json_t *texts_json(const struct conf_group *group, const char *key)
{
	json_t *list = json_array();
	const char *text;
	for (size_t nth = 0; (text = conf_text(group, key, nth)); nth++)
		json_array_append_new(list, text_of(gw_str(text)));
	return list;
}

static json_t *joined(json_t *list)
{
	char text[1024] = "";
	size_t at;
	json_t *item;
	json_array_foreach(list, at, item)
	{
		const char *word = json_string_value(item);
		if (strlen(text) + strlen(word) + 2 >= sizeof(text))
			break;
		strcat(text, at ? " " : "");
		strcat(text, word);
	}
	json_decref(list);
	return json_string(text);
}

static json_t *auth_json(const struct gw_relay *relay)
{
	const struct conf_group *group = relay->fragment->group;
	const char *method = conf_text(group, "auth.method", 0);
	return json_string(!relay->auth ? "none" : method ? method : "password");
}

static json_t *host_json(const struct gw_relay *relay)
{
	char text[512] = "";
	for (size_t i = 0;
	     i < relay->hosts.count && strlen(text) + relay->hosts.items[i].len + 2 < sizeof(text);
	     i++) {
		strcat(text, i ? " " : "");
		strcat(text, relay->hosts.items[i].ptr);
	}
	return text_of(gw_str(text));
}

/* --- its state --- */

static json_t *time_or_never(int64_t when)
{
	char text[CLOCK_RFC3339];
	return json_string(when ? clock_rfc3339(when, text) : "");
}

static void take_load(void *arg, const struct relay_load *load)
{
	struct portrait *portrait = arg;
	if (gw_str_eq(gw_str(load->name), portrait->relay->name))
		portrait->load = *load;
}

static void add_load(struct portrait *portrait)
{
	const struct relay_load *load = &portrait->load;
	relay_shared(
		portrait->relay); /* of one that took no mail yet it is known what it did before */
	transport_each(take_load, portrait);
	json_object_set_new(portrait->row, "connections", json_integer(load->connections));
	json_object_set_new(portrait->row, "last_success", time_or_never(load->succeeded_at));
	json_object_set_new(portrait->row, "last_error",
			    text_of(gw_str(load->failed_at ? load->error : "")));
	json_object_set_new(portrait->row, "last_error_at", time_or_never(load->failed_at));
}

static void say_unreached(struct portrait *portrait, const char *what, int64_t next)
{
	int64_t left = next - clock_wall();
	char text[128];
	if (left > 0)
		snprintf(text, sizeof(text), "%s, next try in %lld s", what,
			 (long long)(left + 999) / 1000);
	else
		snprintf(text, sizeof(text), "%s, tried now", what);
	json_object_set_new(portrait->row, "state", json_string(text));
}

static void say_closed(struct portrait *portrait, const struct relay_refusal *refusal)
{
	json_t *row = portrait->row;
	json_object_set_new(row, "closed_by", text_of(gw_str(refusal->by)));
	json_object_set_new(row, "closed_until", time_or_never(refusal->until));
	json_object_set_new(row, "closed_why", text_of(gw_str(refusal->why)));
	json_object_set_new(
		row, "state",
		json_sprintf("%s%s", refusal->cause == GW_CAUSE_OFF ? "off: " : "", refusal->why));
}

/* Of a relay that may be used: some sets of its mail hosts may not be reached. */
static void say_groups(struct portrait *portrait)
{
	const struct relay_load *load = &portrait->load;
	char what[64];
	if (!load->groups_down)
		return; /* up, or what a module says */
	snprintf(what, sizeof(what), "%lld of %lld sets of mail hosts unreachable",
		 (long long)load->groups_down, (long long)load->groups);
	say_unreached(portrait, what, load->groups_next_try);
}

/* Nothing is sent to one that is unreachable, and nothing failed for it, until a try gets through.
 */
static void add_state(struct portrait *portrait)
{
	const struct relay_load *load = &portrait->load;
	struct relay_refusal refusal = { .reason = RELAY_USABLE };
	json_object_set_new(
		portrait->row, "next_try",
		time_or_never(load->groups_down ? load->groups_next_try : load->next_try));
	relay_is_usable(portrait->relay, clock_wall(), &refusal);
	switch (refusal.reason) {
	case RELAY_OFF:
		json_object_set_new(portrait->row, "state", json_string("off (enabled = false)"));
		break;
	case RELAY_CLOSED:
		say_closed(portrait, &refusal);
		break;
	case RELAY_UNREACHABLE:
		say_unreached(portrait, "unreachable", refusal.until);
		break;
	default:
		say_groups(portrait);
	}
}

/* --- what modules say --- */

/* These lines are columns of the list where the gateway itself knows nothing: the relay status's
 * word goes before a module's, and what is known since the start before what somebody wrote down.
 */
static const char *const columns_of[][2] = {
	{ "today", "today" },
	{ "state", "state" },
	{ "last success", "last_success" },
	{ "last error", "last_error" },
};

static void take_line(struct service_output *output, const char *instance, const char *key,
		      const char *text)
{
	struct portrait *portrait = (struct portrait *)output;
	char name[256];
	for (size_t i = 0; i < sizeof(columns_of) / sizeof(columns_of[0]); i++)
		if (strcmp(key, columns_of[i][0]) == 0 &&
		    !*json_string_value(json_object_get(portrait->row, columns_of[i][1])))
			json_object_set_new(portrait->row, columns_of[i][1], text_of(gw_str(text)));
	snprintf(name, sizeof(name), "%s %s", instance, key);
	json_object_set_new(portrait->modules, name, text_of(gw_str(text)));
}

static void ask_modules(struct portrait *portrait)
{
	struct gw_call call;
	chain_init(&call, portrait->request->admin->main, portrait->snapshot,
		   &portrait->request->arena);
	portrait->output.status_line = take_line;
	call.answer_to = &portrait->output;
	call.relay = portrait->relay;
	chain_tell(&call, GW_HOOK_relay_status);
	chain_cancel(&call);
}

/* --- all of it --- */

static void draw(struct portrait *portrait)
{
	static const char *const tls[] = {
		[TLS_NONE] = "none",
		[TLS_STARTTLS] = "starttls",
		[TLS_IMPLICIT] = "implicit",
		[TLS_OPPORTUNISTIC] = "opportunistic",
	};
	const struct gw_relay *relay = portrait->relay;
	json_t *row = portrait->row;
	json_object_set_new(row, "name", text_of(relay->name));
	json_object_set_new(row, "domains", joined(texts_json(relay->fragment->group, "domains")));
	json_object_set_new(row, "types", joined(texts_json(relay->fragment->group, "types")));
	json_object_set_new(row, "host", host_json(relay));
	json_object_set_new(row, "port",
			    json_integer(relay->port                  ? relay->port
					 : relay->tls == TLS_IMPLICIT ? 465
								      : 25));
	json_object_set_new(row, "tls", json_string(relay->hosts.count ? tls[relay->tls] : ""));
	json_object_set_new(row, "auth", auth_json(relay));
	json_object_set_new(row, "today", json_string(""));
	json_object_set_new(row, "state", json_string(""));
	add_load(portrait);
	add_state(portrait);
	ask_modules(portrait);
	if (!*json_string_value(json_object_get(row, "state")))
		json_object_set_new(row, "state", json_string("up"));
}

static void draw_long(struct portrait *portrait)
{
	const struct gw_relay *relay = portrait->relay;
	const char *user = conf_text(relay->fragment->group, "auth.user", 0);
	json_t *row = portrait->row;
	json_object_set_new(row, "file", text_of(gw_str(relay->fragment->path)));
	json_object_set_new(row, "verify", json_boolean(relay->verify));
	json_object_set_new(row, "provider", text_of(relay->provider_name));
	json_object_set_new(row, "hint",
			    text_of(relay->provider ? relay->provider->hint : gw_str("")));
	json_object_set_new(row, "user", text_of(gw_str(user)));
	json_object_set_new(row, "source", text_of(relay->source));
	json_object_set_new(row, "fallback",
			    joined(texts_json(relay->fragment->group, "fallback")));
	json_object_set_new(row, "timezone", text_of(relay->timezone));
	json_object_set_new(row, "connections_most",
			    json_integer(relay_status_connections(portrait->relay)));
	json_object_set_new(row, "connections_idle", json_integer(portrait->load.idle));
	json_object_set_new(row, "waiting", json_integer(portrait->load.waiting));
	json_object_set_new(row, "sent", json_integer(portrait->load.sent));
	json_object_set_new(row, "failed", json_integer(portrait->load.failed));
	json_object_set(row, "modules", portrait->modules);
}

static void add_relay(struct request *request, struct snapshot *snapshot, struct gw_relay *relay,
		      bool long_form, json_t *rows)
{
	struct portrait portrait = {
		.request = request,
		.snapshot = snapshot,
		.relay = relay,
		.row = json_object(),
		.modules = json_object(),
	};
	draw(&portrait);
	if (long_form)
		draw_long(&portrait);
	json_decref(portrait.modules);
	json_array_append_new(rows, portrait.row);
}

void verb_relay_list(struct request *request, const char *const *words, size_t count)
{
	static const char *const columns[][2] = {
		{ "name", "NAME" },
		{ "domains", "DOMAINS" },
		{ "types", "TYPES" },
		{ "host", "HOST" },
		{ "tls", "TLS" },
		{ "auth", "LOGIN" },
		{ "today", "TODAY" },
		{ "connections", "CONNS" },
		{ "last_success", "LAST SUCCESS" },
		{ "state", "STATE" },
		{ "last_error", "LAST ERROR" },
	};
	json_t *rows, *table = table_create(columns, sizeof(columns) / sizeof(columns[0]), &rows);
	struct snapshot *snapshot = snapshot_current();
	for (size_t i = 0; i < snapshot->relay_count; i++)
		add_relay(request, snapshot, &snapshot->relays[i], false, rows);
	snapshot_release(snapshot);
	request_answer(request, table);
}

void verb_relay_show(struct request *request, const char *const *words, size_t count)
{
	static const char *const columns[][2] = { { "name", "NAME" } };
	struct snapshot *snapshot = snapshot_current();
	struct gw_relay *relay = snapshot_relay(snapshot, gw_str(words[0]));
	if (!relay) {
		relay_unknown(request, snapshot, words[0]);
	} else {
		json_t *rows, *table = table_create(columns, 1, &rows);
		json_object_set_new(table, "form", json_true());
		add_relay(request, snapshot, relay, true, rows);
		request_answer(request, table);
	}
	snapshot_release(snapshot);
}

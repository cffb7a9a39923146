#include "verbs.h"
#include "activity.h"
#include "refused.h"

#include <stdio.h>
#include <stdlib.h>

/* --- client list --- */

static void write_types(struct gw_json *table, const struct activity *activity)
{
	char text[TYPES_MOST * 56 + 1] = "";
	size_t i, len = 0;

	for (i = 0; i < TYPES_MOST && activity->by_type[i]; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%s %llu", i ? ", " : "",
					activity->types[i][0] ? activity->types[i] : "-",
					(unsigned long long)activity->by_type[i]);
	gw->json_string(table, "types", gw_str(text));
}

static void write_domains(struct gw_json *table, const struct activity *activity)
{
	char text[DOMAINS_MOST * 66 + 1] = "";
	size_t i, len = 0;

	for (i = 0; i < DOMAINS_MOST; i++)
		if (activity->domains[i][0])
			len += (size_t)snprintf(text + len, sizeof text - len, "%s%s",
						len ? " " : "", activity->domains[i]);
	gw->json_string(table, "domains", gw_str(text));
}

static void write_client(struct gw_json *table, const struct activity *activity, int64_t now)
{
	bool today = activity->today == now / (INT64_C(24) * 3600 * 1000);

	gw->table_row(table);
	gw->json_string(table, "client", gw_str(activity->name));
	gw->json_time(table, "last", activity->rhythm.last);
	gw->json_number(table, "today", today ? (int64_t)activity->mails : 0);
	if (today)
		write_types(table, activity);
	gw->json_number(table, "refused", today ? (int64_t)activity->refused : 0);
	write_domains(table, activity);
	gw->json_string(table, "note",
			gw_str(activity->rhythm.quiet ? "went quiet"
			       : activity->changed    ? "return paths lost their tags"
						      : ""));
}

static bool has_activity(struct activities *activities, struct gw_str name)
{
	struct activity activity;
	size_t i;

	for (i = 0; activity_nth(activities, i, &activity); i++)
		if (gw_str_eq(gw_str(activity.name), name))
			return true;
	return false;
}

static void list_clients(struct gw_call *call, const struct access *access)
{
	static const struct gw_column columns[] = {
		{ "client", "CLIENT" }, { "last", "LAST MAIL" },  { "today", "TODAY" },
		{ "types", "BY TYPE" }, { "refused", "REFUSED" }, { "domains", "FROM DOMAINS" },
		{ "note", "NOTE" },     { NULL, NULL },
	};
	struct gw_json *table = gw->table_create(columns);
	struct activity activity;
	size_t i;

	for (i = 0; activity_nth(access->activities, i, &activity); i++)
		write_client(table, &activity, gw->now(call));
	for (i = 0; i < access->client_count; i++) {
		if (has_activity(access->activities, access->clients[i].config->name))
			continue;
		memset(&activity, 0, sizeof activity);
		snprintf(activity.name, sizeof activity.name, "%.*s",
			 GW_STR_ARGS(access->clients[i].config->name));
		write_client(table, &activity, gw->now(call));
	}
	gw->answer_json(call, table);
}

/* --- client refused --- */

static bool lists(const struct access *access, struct gw_str word, const struct network *peer)
{
	struct source *source = source_is_one(word) ? sources_find(&access->sources, word) : NULL;
	struct network network;

	if (source)
		return source_has(source, peer) == SOURCE_HAS;
	return !network_parse(&network, word) && network_has(&network, peer);
}

/* The preset whose lists have the address; false: none that is known by now. */
static bool preset_of(const struct access *access, const char *address, struct preset *preset)
{
	struct network peer;
	struct gw_str rest, word;
	size_t i;

	if (!network_of_peer(&peer, gw_str(address)))
		return false;
	for (i = 0; presets_nth(&access->presets, i, preset); i++) {
		rest = preset->networks;
		while (presets_word(&rest, &word)) {
			if (lists(access, word, &peer))
				return true;
		}
	}
	return false;
}

static void write_refused(struct gw_json *table, const struct access *access,
			  const struct refused *refused)
{
	char network[NETWORK_TEXT], line[400];
	const char *domain = refused->domain[0] ? refused->domain : "YOUR.DOMAIN";
	struct preset preset;
	bool known = preset_of(access, refused->peer, &preset);

	network_print(&refused->network, network);
	if (known)
		snprintf(line, sizeof line,
			 "{ name = \"%.*s\"; preset = \"%.*s\"; domains = [\"%s\"]; }",
			 GW_STR_ARGS(preset.name), GW_STR_ARGS(preset.name), domain);
	else
		snprintf(line, sizeof line,
			 "{ name = \"NAME\"; networks = [\"%s\"]; domains = [\"%s\"]; }", network,
			 domain);
	gw->table_row(table);
	gw->json_string(table, "network", gw_str(network));
	gw->json_number(table, "count", (int64_t)refused->count);
	gw->json_time(table, "last", refused->last);
	gw->json_string(table, "peer", gw_str(refused->peer));
	gw->json_string(table, "reason", gw_str(refused->reason));
	gw->json_string(table, "looks_like", known ? preset.name : gw_str(""));
	gw->json_string(table, "line", gw_str(line));
}

static void list_refused(struct gw_call *call, struct access *access)
{
	static const struct gw_column columns[] = {
		{ "network", "NETWORK" },
		{ "count", "COUNT" },
		{ "last", "LAST" },
		{ "reason", "REASON" },
		{ "looks_like", "LOOKS LIKE" },
		{ "line", "WOULD LET IT IN" },
		{ NULL, NULL },
	};
	struct refused *list = malloc(REFUSED_MOST * sizeof *list);
	struct gw_json *table = gw->table_create(columns);
	size_t count = list ? refused_list(list) : 0, i;

	atomic_store(&access->sources.hints, true); /* for the next time */
	for (i = 0; i < count; i++)
		write_refused(table, access, &list[i]);
	free(list);
	gw->answer_json(call, table);
}

/* --- presets --- */

static bool uses(const struct access *access, struct gw_str name, char *clients, size_t size)
{
	size_t i, j, len = 0;

	clients[0] = '\0';
	for (i = 0; i < access->client_count; i++) {
		struct gw_list presets = access->clients[i].config->presets;

		for (j = 0; j < presets.count; j++)
			if (gw_str_ieq(presets.items[j], name) && len < size)
				len += (size_t)snprintf(
					clients + len, size - len, "%s%.*s", len ? " " : "",
					GW_STR_ARGS(access->clients[i].config->name));
	}
	return len != 0;
}

static void list_presets(struct gw_call *call, const struct access *access)
{
	static const struct gw_column columns[] = {
		{ "preset", "PRESET" },   { "networks", "NETWORKS" }, { "from", "FROM" },
		{ "clients", "CLIENTS" }, { "note", "NOTE" },         { NULL, NULL },
	};
	struct gw_json *table = gw->table_create(columns);
	struct preset preset;
	char clients[512];
	size_t i;

	for (i = 0; presets_nth(&access->presets, i, &preset); i++) {
		uses(access, preset.name, clients, sizeof clients);
		gw->table_row(table);
		gw->json_string(table, "preset", preset.name);
		gw->json_string(table, "networks", preset.networks);
		gw->json_string(table, "from", gw_str(preset.shipped ? "shipped" : "own"));
		gw->json_string(table, "clients", gw_str(clients));
		gw->json_string(table, "note", preset.note);
	}
	gw->answer_json(call, table);
}

static void show_preset(struct gw_call *call, struct access *access, struct gw_str name)
{
	static const struct gw_column columns[] = { { "network", "NETWORK" },
						    { "lists", "LISTS" },
						    { "since", "SINCE" },
						    { "state", "STATE" },
						    { NULL, NULL } };
	struct gw_json *table;
	struct source *source;
	struct preset preset;
	struct gw_str word;

	if (!presets_find(&access->presets, name, &preset)) {
		gw->problem(call, true, "there is no preset \"%.*s\"; `gatewayctl preset list`",
			    GW_STR_ARGS(name));
		return;
	}
	atomic_store(&access->sources.hints, true);
	table = gw->table_create(columns);
	while (presets_word(&preset.networks, &word)) {
		gw->table_row(table);
		gw->json_string(table, "network", word);
		source = source_is_one(word) ? sources_find(&access->sources, word) : NULL;
		if (source)
			source_describe(source, table);
	}
	gw->answer_json(call, table);
}

/* --- all of them --- */

/* With as many words and no more: one that is passed over would seem to have been heard. */
static bool is_said(const struct gw_command *command, const char *first, const char *second,
		    size_t count)
{
	return command->words.count == count && gw_str_eq(command->words.items[0], gw_str(first)) &&
	       gw_str_eq(command->words.items[1], gw_str(second));
}

void access_control(struct gw_call *call, const struct gw_command *command)
{
	struct access *access = gw->instance_data(call);

	if (is_said(command, "client", "list", 2))
		list_clients(call, access);
	else if (is_said(command, "client", "refused", 2))
		list_refused(call, access);
	else if (is_said(command, "preset", "list", 2))
		list_presets(call, access);
	else if (is_said(command, "preset", "show", 3))
		show_preset(call, access, command->words.items[2]);
	else if (is_said(command, "preset", "diff", 2))
		preset_diff(call, access);
	else
		gw->problem(call, true, "client list|refused, preset list|diff, preset show NAME");
}

/* report.c - the answer to `gatewayctl strikes`. */
#include "ledger.h"

#include <jansson.h>
#include <stdlib.h>
#include <time.h>

struct table {
	struct gw_call *call;
	json_t *rows;
};

/* What a client sent may be no UTF-8, and JSON knows nothing else. */
static json_t *text_of(struct gw_str text)
{
	json_t *string = json_stringn(text.ptr, text.len);

	return string ? string : json_string("?");
}

static json_t *time_of(int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	char text[32] = "";
	struct tm tm;

	if (ms > 0 && gmtime_r(&seconds, &tm))
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
}

static bool is_listed(const struct table *table, struct gw_str client)
{
	size_t i;
	json_t *row;

	json_array_foreach(table->rows, i, row)
	{
		json_t *name = json_object_get(row, "client");
		if (gw_str_eq(gw_str_n(json_string_value(name), json_string_length(name)), client))
			return true;
	}
	return false;
}

static void add_client(void *arg, struct gw_str client)
{
	struct table *table = arg;
	const struct config *config = gw->conf(table->call);
	const struct client_config *known = client_named(config, client);
	struct account account;
	json_t *row = json_object();

	ledger_read(table->call, client, &account);
	json_object_set_new(row, "client", text_of(client));
	json_object_set_new(row, "messages", json_integer(account.messages));
	json_object_set_new(row, "refused", json_integer(account.refused));
	json_object_set_new(row, "limit", json_integer(client_limit(config, client)));
	json_object_set_new(
		row, "policy",
		json_string(known && known->policy == POLICY_ACCEPT_DSN ? "accept+dsn" : "refuse"));
	json_object_set_new(row, "seen", time_of(account.seen));
	json_object_set_new(row, "refused_at", time_of(account.last.time));
	json_object_set_new(row, "stage", json_string(account.last.stage));
	json_object_set_new(row, "code", json_integer(account.last.code));
	json_object_set_new(row, "words", text_of(gw_str(account.last.words)));
	json_array_append_new(table->rows, row);
}

static void add_silent_clients(struct table *table)
{
	const struct config *config = gw->conf(table->call);
	const struct client_config *clients = config->clients.items;
	size_t i;

	for (i = 0; i < config->clients.count; i++)
		if (!is_listed(table, clients[i].name))
			add_client(table, clients[i].name);
}

static json_t *table_with(json_t *rows)
{
	return json_pack("{s:[[s,s],[s,s],[s,s],[s,s],[s,s],[s,s],[s,s],[s,s]], s:o}", "columns",
			 "client", "CLIENT", "messages", "MAILS TODAY", "refused", "REFUSED TODAY",
			 "limit", "OF", "seen", "LAST MAIL", "refused_at", "LAST REFUSED", "code",
			 "WITH", "words", "WORDS", "rows", rows);
}

void report(struct gw_call *call, const struct gw_command *command)
{
	struct table table = { call, json_array() };
	json_t *answer = NULL;
	char *text = NULL;

	if (command->words.count > 1 ||
	    (command->words.count == 1 && !gw_str_eq(command->words.items[0], gw_str("list")))) {
		gw->problem(call, true, "usage: strikes [list]");
	} else if (ledger_each(call, add_client, &table) != 0) {
		gw->problem(call, true, "the gateway's store does not answer");
	} else {
		add_silent_clients(&table);
		answer = table_with(json_incref(table.rows));
		text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
		if (text)
			gw->answer(call, gw_str(text));
		else
			gw->problem(call, true, "no memory");
	}
	free(text);
	json_decref(answer);
	json_decref(table.rows);
}

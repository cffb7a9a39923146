/* report.c - the answer to `gatewayctl strikes`. */
#include "address.h"

struct table {
	struct gw_call *call;
	struct gw_json *json;
};

static const struct gw_column columns[] = {
	{ "client", "CLIENT" }, { "messages", "MAILS TODAY" }, { "refused", "REFUSED TODAY" },
	{ "limit", "OF" },      { "seen", "LAST MAIL" },       { "refused_at", "LAST REFUSED" },
	{ "code", "WITH" },     { "words", "WORDS" },          { NULL, NULL },
};

static void add_row(void *arg, struct gw_str client, const struct account *account)
{
	struct table *table = arg;
	const struct config *config = gw->conf(table->call);
	const struct client_config *known = client_named(config, client);
	struct gw_json *json = table->json;

	gw->table_row(json);
	gw->json_string(json, "client", client);
	gw->json_number(json, "messages", account->messages);
	gw->json_number(json, "refused", account->refused);
	gw->json_number(json, "limit", client_limit(config, client));
	gw->json_string(
		json, "policy",
		gw_str(known && known->policy == POLICY_ACCEPT_DSN ? "accept+dsn" : "refuse"));
	gw->json_time(json, "seen", account->seen);
	gw->json_time(json, "refused_at", account->last.time);
	gw->json_string(json, "stage", gw_str(account->last.stage));
	gw->json_number(json, "code", account->last.code);
	gw->json_string(json, "words", gw_str(account->last.words));
}

static void add_client(void *arg, struct gw_str client)
{
	const struct table *table = arg;
	struct account account;

	ledger_read(table->call, client, &account);
	add_row(arg, client, &account);
}

static void add_silent_clients(struct table *table)
{
	const struct config *config = gw->conf(table->call);
	const struct client_config *clients = config->clients.items;
	size_t i;

	for (i = 0; i < config->clients.count; i++)
		if (!ledger_knows(table->call, clients[i].name))
			add_client(table, clients[i].name);
}

void report(struct gw_call *call, const struct gw_command *command)
{
	struct table table = { .call = call };

	if (command->words.count > 1 ||
	    (command->words.count == 1 && !gw_str_eq(command->words.items[0], gw_str("list")))) {
		gw->problem(call, true, "usage: strikes [list]");
		return;
	}
	table.json = gw->table_create(columns);
	if (ledger_each(call, add_client, &table) != 0 ||
	    address_each(call, add_row, &table) != 0) {
		gw->problem(call, true, "the gateway's store does not answer");
		gw->json_destroy(table.json);
		return;
	}
	add_silent_clients(&table);
	gw->answer_json(call, table.json);
}

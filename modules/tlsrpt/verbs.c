#include "verbs.h"

#include <time.h>

static const struct gw_column columns[] = {
	{ "day", "DAY (UTC)" }, { "domain", "DOMAIN" }, { "good", "TLS" },
	{ "failed", "FAILED" }, { NULL, NULL },
};

struct table {
	struct gw_json *json;
	const char *domain; /* empty: all */
	/* of the row to come: records of one domain and day follow each other */
	int64_t day;
	char name[LEDGER_DOMAIN_MOST + 1];
	struct tally tally;
};

static void put_row(struct table *table)
{
	time_t when = (time_t)(table->day * DAY_MS / 1000);
	char date[32] = "";
	struct tm tm;

	if (!table->tally.count)
		return;
	if (gmtime_r(&when, &tm))
		strftime(date, sizeof date, "%Y-%m-%d", &tm);
	gw->table_row(table->json);
	gw->json_string(table->json, "day", gw_str(date));
	gw->json_string(table->json, "domain", gw_str(table->name));
	gw->json_number(table->json, "good", tally_sum(&table->tally, false));
	gw->json_number(table->json, "failed", tally_sum(&table->tally, true));
	tally_write(&table->tally, table->json);
	tally_finish(&table->tally);
}

static void add_record(void *arg, int64_t day, struct gw_str domain, struct gw_str counts)
{
	struct table *table = arg;

	if ((*table->domain && !gw_str_eq(gw_str(table->domain), domain)) ||
	    domain.len > LEDGER_DOMAIN_MOST)
		return;
	if (day != table->day || !gw_str_eq(gw_str(table->name), domain)) {
		put_row(table);
		table->day = day;
		memcpy(table->name, domain.ptr, domain.len);
		table->name[domain.len] = '\0';
	}
	ledger_take(&table->tally, counts);
}

static void show(struct gw_call *call, struct ledger *ledger, const char *domain)
{
	struct table table = { .json = gw->table_create(columns), .domain = domain };
	int result;

	ledger_flush(call, ledger, SIZE_MAX);
	result = ledger_each(call, add_record, &table);
	put_row(&table);
	if (result == 0) {
		gw->answer_json(call, table.json);
		return;
	}
	gw->json_destroy(table.json);
	gw->problem(call, true, "the gateway's store does not answer");
}

static void send(struct gw_call *call, struct sender *sender, const char *domain)
{
	struct gw_json *json;

	if (!sender_want(sender, gw_str(domain))) {
		gw->problem(call, true, "another report waits: in a second, please");
		return;
	}
	json = gw->json_create();
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_format(json, "text",
			"%s is looked up; what came of it is in `gatewayctl status` and the log",
			domain);
	gw->answer_json(call, json);
}

void tlsrpt_control(struct gw_call *call, const struct gw_command *command, struct ledger *ledger,
		    struct sender *sender)
{
	const struct gw_str *words = command->words.items;
	size_t count = command->words.count;
	char domain[GW_DOMAIN_MAX + 1] = "";
	bool is_send = count == 2 && gw_str_eq(words[0], gw_str("send")),
	     is_show = count == 0 || (count <= 2 && gw_str_eq(words[0], gw_str("show")));

	if (count == 2 && gw->domain_ascii(call, words[1], domain) < 0)
		gw->problem(call, true, "%.*s can be no domain", GW_STR_ARGS(words[1]));
	else if (is_send)
		send(call, sender, domain);
	else if (is_show)
		show(call, ledger, domain);
	else
		gw->problem(call, true, "usage: tlsrpt show [DOMAIN] | send DOMAIN");
}

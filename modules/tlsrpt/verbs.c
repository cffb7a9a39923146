#include "verbs.h"

#include <time.h>

static const struct gw_column columns[] = {
	{ "day", "DAY (UTC)" }, { "domain", "DOMAIN" }, { "good", "TLS" },
	{ "failed", "FAILED" }, { NULL, NULL },
};

struct table {
	struct gw_call *call;
	struct gw_json *json;
	const char *domain; /* empty: all */
	/* of the row before: records of one domain and day follow each other */
	int64_t day;
	char last[LEDGER_DOMAIN_MOST + 1];
};

static bool is_next(struct table *table, int64_t day, struct gw_str domain)
{
	if ((*table->domain && !gw_str_eq(gw_str(table->domain), domain)) ||
	    domain.len > LEDGER_DOMAIN_MOST ||
	    (day == table->day && gw_str_eq(gw_str(table->last), domain)))
		return false;
	table->day = day;
	memcpy(table->last, domain.ptr, domain.len);
	table->last[domain.len] = '\0';
	return true;
}

static void put_row(const struct table *table, const struct tally *tally)
{
	time_t when = (time_t)(table->day * DAY_MS / 1000);
	char date[32] = "";
	struct tm tm;

	if (gmtime_r(&when, &tm))
		strftime(date, sizeof date, "%Y-%m-%d", &tm);
	gw->table_row(table->json);
	gw->json_string(table->json, "day", gw_str(date));
	gw->json_string(table->json, "domain", gw_str(table->last));
	gw->json_number(table->json, "good", tally_sum(tally, false));
	gw->json_number(table->json, "failed", tally_sum(tally, true));
	tally_write(tally, table->json);
}

static void add_row(void *arg, int64_t day, struct gw_str domain)
{
	struct table *table = arg;
	struct tally tally = { .count = 0 };

	if (!is_next(table, day, domain))
		return;
	ledger_read(table->call, day, gw_str(table->last), &tally);
	if (tally.count)
		put_row(table, &tally);
	tally_finish(&tally);
}

static void show(struct gw_call *call, struct ledger *ledger, const char *domain)
{
	struct table table = { .call = call, .json = gw->table_create(columns), .domain = domain };

	ledger_flush(call, ledger, SIZE_MAX);
	if (ledger_each(call, add_row, &table) == 0) {
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

#include "check.h"

#include <stdio.h>

static const struct gw_column check_columns[] = {
	{ "key", "KEY" },         { "algorithm", "ALGORITHM" },
	{ "stage", "STAGE" },     { "signs", "SIGNS" },
	{ "dns", "DNS" },         { "servers", "NAME SERVERS" },
	{ "checked", "CHECKED" }, { NULL, NULL },
};

/* "3 of 3", and the first that serves something else. */
static void servers_text(const struct dkim *dkim, size_t number, char out[500])
{
	struct served servers[SERVERS_MOST];
	size_t i, same = 0, bad = SERVERS_MOST, count;
	int64_t when;

	count = servers_of(dkim->servers, number, servers, &when);
	for (i = 0; i < count; i++) {
		bool good = servers[i].record == DKIM_RECORD_SAME ||
			    (servers[i].is_alias && served_by_resolver(&dkim->lives, number));

		same += good;
		if (!good && bad == SERVERS_MOST)
			bad = i;
	}
	if (!count)
		snprintf(out, 500, "%s", when ? servers[0].why : "");
	else if (bad == SERVERS_MOST)
		snprintf(out, 500, "%zu of %zu", same, count);
	else
		snprintf(out, 500, "%zu of %zu: %s%s%s%s %s", same, count, servers[bad].name,
			 *servers[bad].address ? " (" : "", servers[bad].address,
			 *servers[bad].address ? ")" : "",
			 servers[bad].record ? dkim_record_words(servers[bad].record)
					     : servers[bad].why);
}

/* As a delivery would be decided now. */
static bool signs(const struct dkim *dkim, size_t number, int64_t now)
{
	const struct key *key = &dkim->signer->keys[number], *keys;
	size_t count = signer_keys(dkim->signer, gw_str(key->domain), &keys),
	       signing[KEYS_A_DOMAIN];
	bool unknown;

	count = lives_signing(&dkim->lives, (size_t)(keys - dkim->signer->keys), count, now,
			      signing, &unknown);
	for (size_t i = 0; i < count; i++)
		if (signing[i] == number)
			return true;
	return false;
}

static void check_row(struct gw_json *table, const struct dkim *dkim, size_t number, int64_t now)
{
	const struct key *key = &dkim->signer->keys[number];
	struct life *life = &dkim->lives.items[number];
	int64_t looked = atomic_load(&life->looked);
	char where[KEY_NAME_MAX], servers[500];

	key_name(key, where);
	gw->table_row(table);
	gw->json_string(table, "key", gw_str(where));
	gw->json_string(table, "algorithm", gw_str(key->algorithm == KEY_RSA ? "rsa" : "ed25519"));
	if (key->algorithm == KEY_RSA)
		gw->json_number(table, "bits", key->bits);
	gw->json_string(table, "stage",
			gw_str(life_stage_word(life_stage(&dkim->lives, number, now))));
	gw->json_bool(table, "signs", signs(dkim, number, now));
	gw->json_string(table, "dns",
			gw_str(dkim_record_words((enum dkim_record)atomic_load(&life->record))));
	servers_text(dkim, number, servers);
	gw->json_string(table, "servers", gw_str(servers));
	if (looked)
		gw->json_time(table, "checked", looked);
}

/* Says what to ask with a moment later, when the answers are there. */
static void ask_again(struct gw_call *call)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_begin(json, "again", GW_JSON_ARRAY);
	gw->json_string(json, NULL, gw_str("dkim"));
	gw->json_string(json, NULL, gw_str("check"));
	gw->json_string(json, NULL, gw_str("asked"));
	gw->json_end(json);
	gw->json_number(json, "after", LIFE_TICK_MS + 2000);
	gw->json_end(json);
	gw->answer_json(call, json);
}

static void check_now(struct gw_call *call, struct dkim *dkim)
{
	const struct signer *signer = dkim->signer;

	lives_hurry(&dkim->lives);
	for (size_t i = 0; i < signer->key_count; i++)
		servers_want(dkim->servers, signer->keys[i].domain);
	ask_again(call);
}

void check_table(struct gw_call *call, const struct dkim *dkim, const char *domain)
{
	struct gw_json *table = gw->table_create(check_columns);

	for (size_t i = 0; i < dkim->signer->key_count; i++)
		if (!domain || strcmp(dkim->signer->keys[i].domain, domain) == 0)
			check_row(table, dkim, i, gw->now(call));
	gw->answer_json(call, table);
}

void check(struct gw_call *call, const struct gw_list *words, struct dkim *dkim)
{
	struct gw_str how = words->count > 1 ? words->items[1] : gw_str("");

	if (gw_str_eq(how, gw_str("now")))
		check_now(call, dkim);
	else if (gw_str_eq(how, gw_str("asked")) && servers_busy(dkim->servers))
		ask_again(call);
	else if (!how.len || gw_str_eq(how, gw_str("asked")))
		check_table(call, dkim, NULL);
	else
		gw->problem(call, true, "dkim check [now]");
}

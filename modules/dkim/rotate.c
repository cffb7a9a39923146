#include "rotate_private.h"

#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FRESH_MS 120000 /* what was asked so long ago counts: longer than asking may take */
#define AGAIN_MS 2000

/* --- start --- */

struct key *rotate_key(struct signer *signer, const struct turn *turn)
{
	size_t i;

	for (i = 0; i < signer->key_count; i++)
		if (strcmp(signer->keys[i].domain, turn->domain) == 0 &&
		    strcasecmp(signer->keys[i].selector, turn->selector) == 0)
			return &signer->keys[i];
	return NULL;
}

static bool signs_below(const struct signer *signer, const char *domain)
{
	size_t i;

	for (i = 0; i < signer->key_count; i++)
		if (strcmp(signer->keys[i].domain, domain) == 0 && signer->keys[i].subdomains)
			return true;
	return false;
}

static bool load_made(struct gw_call *call, const struct rotation *rotation,
		      const struct turn *turn, struct signer *signer)
{
	struct key *key = &signer->keys[signer->key_count];
	struct key_fault fault = { 0 };
	char path[4096];

	*key = (struct key){ .order = signer->key_count,
			     .from = turn->from,
			     .until = turn->until,
			     .subdomains = signs_below(signer, turn->domain),
			     .is_made = true };
	signer->key_count++;
	key->domain = strdup(turn->domain);
	key->selector = strdup(turn->selector);
	rotation_path(rotation, turn, path);
	if (key->domain && key->selector && key_load(key, path, KEY_AUTO, &fault))
		return true;
	gw->problem(call, true, "%s; %s/rotation names it", fault.text, rotation->folder);
	return false;
}

bool rotate_load(struct gw_call *call, const struct rotation *rotation, struct signer *signer)
{
	bool good = true;
	size_t i;

	for (i = 0; i < rotation->count; i++) {
		const struct turn *turn = &rotation->turns[i];
		struct key *key = rotate_key(signer, turn);

		if (key && turn->until)
			key->until = turn->until;
		if (!key && turn->is_made)
			good &= load_made(call, rotation, turn, signer);
	}
	return good;
}

/* --- what there is of a domain --- */

enum stage rotate_stage(const struct run *run, size_t nth)
{
	return life_stage(&run->dkim->lives, run->first + nth, run->now);
}

static bool waits(const struct run *run, size_t nth)
{
	return run->keys[nth].is_made &&
	       life_from(&run->dkim->lives, run->first + nth) == ROTATION_WAITS;
}

static bool has_waiting(const struct run *run)
{
	size_t i;

	for (i = 0; i < run->count; i++)
		if (waits(run, i))
			return true;
	return false;
}

/* Of the file, which a reload has not taken yet, or could not. */
static const struct turn *unloaded(const struct run *run)
{
	const struct rotation *rotation = &run->dkim->rotation;
	size_t i;

	for (i = 0; i < rotation->count; i++)
		if (rotation->turns[i].is_made &&
		    strcmp(rotation->turns[i].domain, run->domain) == 0 &&
		    !rotate_key(run->dkim->signer, &rotation->turns[i]))
			return &rotation->turns[i];
	return NULL;
}

/* --- the second step: they take over --- */

static void again(struct gw_call *call, const struct run *run)
{
	const struct gw_str words[] = { GW_STR("dkim"), GW_STR("rotate"), gw_str(run->domain) };
	struct gw_json *json = gw->json_create();
	size_t i;

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_begin(json, "again", GW_JSON_ARRAY);
	for (i = 0; i < 3; i++)
		gw->json_string(json, NULL, words[i]);
	gw->json_end(json);
	gw->json_number(json, "after", AGAIN_MS);
	gw->json_end(json);
	gw->answer_json(call, json);
}

/* Every server that answers serves it, and one at least does. */
static bool is_served(struct gw_call *call, const struct run *run, size_t nth)
{
	struct served servers[SERVERS_MOST];
	char name[KEY_NAME_MAX];
	size_t i, count, same = 0;
	bool good = true;
	int64_t when;

	key_name(&run->keys[nth], name);
	count = servers_of(run->dkim->servers, run->first + nth, servers, &when);
	if (!count)
		gw->problem(call, true, "%s: %s", name, servers[0].why);
	for (i = 0; i < count; i++) {
		const struct served *server = &servers[i];
		bool is_same = server->record == DKIM_RECORD_SAME ||
			       (server->is_alias &&
				served_by_resolver(&run->dkim->lives, run->first + nth));

		same += is_same;
		if (is_same || (server->record == DKIM_RECORD_UNKNOWN && !server->is_alias))
			continue;
		gw->problem(call, true, "%s %s at %s (%s)", name, dkim_record_words(server->record),
			    server->name, server->address);
		good = false;
	}
	if (good && count && !same)
		gw->problem(call, true, "no name server of %s answers: %s (%s) %s", run->domain,
			    servers[0].name, servers[0].address, servers[0].why);
	return good && same;
}

static bool is_replaced(const struct run *run, size_t nth)
{
	size_t i;

	for (i = 0; i < run->count; i++)
		if (waits(run, i) && run->keys[i].algorithm == run->keys[nth].algorithm)
			return !waits(run, nth) && rotate_stage(run, nth) == STAGE_ACTIVE;
	return false;
}

/* In the file first: what is not there is not so. */
static bool note_turns(const struct run *run)
{
	struct rotation *rotation = &run->dkim->rotation;
	struct turn *turn;
	size_t i;

	for (i = 0; i < run->count; i++) {
		const struct key *key = &run->keys[i];

		if (!waits(run, i) && !is_replaced(run, i))
			continue;
		turn = rotation_put(rotation, key->domain, key->selector);
		if (!turn)
			return false;
		turn->is_made = key->is_made;
		if (waits(run, i))
			turn->from = run->now;
		else
			turn->until = run->now;
	}
	return rotation_write(rotation) == 0;
}

/* The new ones first, so that there is one at any moment. */
static void take_turns(struct run *run)
{
	bool ends[KEYS_A_DOMAIN];
	size_t i;

	for (i = 0; i < run->count; i++)
		ends[i] = is_replaced(run, i);
	for (i = 0; i < run->count; i++)
		if (waits(run, i))
			life_begins(&run->dkim->lives, run->first + i, run->now);
	for (i = 0; i < run->count; i++)
		if (ends[i])
			life_ends(&run->dkim->lives, run->first + i, run->now);
}

static void take_over(struct gw_call *call, struct run *run)
{
	const char *why;
	size_t i;

	for (i = 0; i < run->count; i++)
		if (waits(run, i) && !is_served(call, run, i))
			return;
	if (!note_turns(run)) {
		gw->problem(call, true, "%s/rotation: %s: nothing has changed",
			    run->dkim->rotation.folder, strerror(errno));
		rotation_finish(&run->dkim->rotation);
		rotation_read(&run->dkim->rotation, run->dkim->rotation.folder, &why);
		return;
	}
	take_turns(run);
	gw->log(call, GW_LOG_INFO, "new keys sign for %s; the records of the old ones have to stay",
		run->domain);
	check_table(call, run->dkim, run->domain);
}

static bool is_fresh(const struct run *run)
{
	struct served servers[SERVERS_MOST];
	int64_t when;
	size_t i;

	for (i = 0; i < run->count; i++) {
		servers_of(run->dkim->servers, run->first + i, servers, &when);
		if (waits(run, i) && run->now - when > FRESH_MS)
			return false;
	}
	return true;
}

static void go_on(struct gw_call *call, struct run *run)
{
	if (!servers_busy(run->dkim->servers) && is_fresh(run)) {
		take_over(call, run);
		return;
	}
	if (!is_fresh(run))
		servers_want(run->dkim->servers, run->domain);
	again(call, run);
}

/* --- the verb --- */

void rotate(struct gw_call *call, const struct gw_list *words, struct dkim *dkim)
{
	struct run run = { .dkim = dkim, .now = gw->now(call) };
	const struct turn *turn;
	char domain[GW_DOMAIN_MAX + 1];

	run.domain = gw->domain_ascii(call, words->items[1], domain) < 0 ? words->items[1].ptr
									 : domain;
	run.count = signer_keys(dkim->signer, gw_str(run.domain), &run.keys);
	run.first = run.count ? (size_t)(run.keys - dkim->signer->keys) : 0;
	if (!run.count || strcmp(run.keys->domain, run.domain) != 0)
		gw->problem(call, true, "no key is configured for %s", run.domain);
	else if (words->count > 2 && gw_str_eq(words->items[2], gw_str("cancel")))
		rotate_cancel(call, &run);
	else if (words->count > 2)
		gw->problem(call, true, "dkim rotate DOMAIN [cancel]");
	else if ((turn = unloaded(&run)) != NULL)
		gw->problem(call, true, "the key %s waits to be loaded: gatewayctl reload",
			    turn->selector);
	else if (has_waiting(&run))
		go_on(call, &run);
	else if (run.count + 2 > KEYS_A_DOMAIN)
		gw->problem(call, true, "%s has %zu keys: %d are the most", run.domain, run.count,
			    KEYS_A_DOMAIN);
	else
		rotate_begin(call, &run);
}

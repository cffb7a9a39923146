#include "rotate_private.h"

#include "check.h"
#include "new_key.h"
#include "rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void told(void *arg, struct gw_str json) {}

/* The keys that are new, or gone, are those of the next instance. What is wrong with a reload is
 * logged by it; unloaded() tells of it later. */
static void reload(struct gw_call *call)
{
	static const struct gw_str words[] = { GW_STR("reload") };
	const struct gw_verb verb = { .size = sizeof verb,
				      .words = { words, 1 },
				      .by = gw_str("dkim rotate"),
				      .admin = true };

	if (gw->verb_run(call, &verb, told, NULL) != 0)
		gw->log(call, GW_LOG_WARNING, "gatewayctl reload is needed: none could be begun");
}

/* The day, "e" behind it for Ed25519, and a number where that is taken. */
static bool make_one(const struct run *run, struct key *key)
{
	struct rotation *rotation = &run->dkim->rotation;
	time_t seconds = (time_t)(run->now / 1000);
	struct turn name = { .is_made = true, .from = ROTATION_WAITS }, *turn;
	char day[16], path[4096];
	struct tm tm;
	int nth;

	strftime(day, sizeof day, "%Y%m%d", gmtime_r(&seconds, &tm));
	snprintf(name.domain, sizeof name.domain, "%s", run->domain);
	for (nth = 0; nth < 100; nth++) {
		snprintf(name.selector, sizeof name.selector, nth ? "%s%s-%d" : "%s%s", day,
			 key->algorithm == KEY_ED25519 ? "e" : "", nth);
		rotation_path(rotation, &name, path);
		if (rotation_find(rotation, name.domain, name.selector) ||
		    rotate_key(run->dkim->signer, &name))
			continue;
		if (key_create(key, path) == 0)
			break;
		if (errno != EEXIST)
			return false;
		EVP_PKEY_free(key->private);
		key->private = NULL;
	}
	turn = nth < 100 ? rotation_put(rotation, name.domain, name.selector) : NULL;
	if (!turn)
		return false;
	*turn = name;
	key->domain = strdup(name.domain);
	key->selector = strdup(name.selector);
	return key->domain && key->selector;
}

static void drop_file(const struct rotation *rotation, const struct turn *turn)
{
	char path[4096];

	rotation_path(rotation, turn, path);
	unlink(path);
}

/* What is made and of that domain goes, where `goes` says so; files last, so that no line is left
 * of one that is gone. */
static int drop_turns(struct run *run, bool (*goes)(const struct run *, const struct turn *))
{
	struct rotation *rotation = &run->dkim->rotation, left = *rotation;
	size_t i;

	left.turns = calloc(rotation->count + 1, sizeof *left.turns);
	left.count = 0;
	if (!left.turns)
		return -1;
	for (i = 0; i < rotation->count; i++)
		if (!goes(run, &rotation->turns[i]))
			left.turns[left.count++] = rotation->turns[i];
	if (left.count < rotation->count && rotation_write(&left) != 0) {
		free(left.turns);
		return -1;
	}
	for (i = 0; i < rotation->count; i++)
		if (goes(run, &rotation->turns[i]) && rotation->turns[i].is_made)
			drop_file(rotation, &rotation->turns[i]);
	free(rotation->turns);
	*rotation = left;
	return 0;
}

static bool is_waiting_turn(const struct run *run, const struct turn *turn)
{
	return turn->is_made && turn->from == ROTATION_WAITS &&
	       strcmp(turn->domain, run->domain) == 0;
}

static bool is_retired_turn(const struct run *run, const struct turn *turn)
{
	return (turn->is_made || !rotate_key(run->dkim->signer, turn)) && turn->until &&
	       run->now >= turn->until + run->dkim->lives.keep_ms &&
	       strcmp(turn->domain, run->domain) == 0;
}

static bool has_algorithm(const struct run *run, enum key_algorithm algorithm)
{
	size_t i;

	for (i = 0; i < run->count; i++)
		if (run->keys[i].algorithm == algorithm && rotate_stage(run, i) == STAGE_ACTIVE)
			return true;
	return false;
}

/* The file last: keys that it does not name are nobody's. */
void rotate_begin(struct gw_call *call, struct run *run)
{
	static const enum key_algorithm algorithms[] = { KEY_RSA, KEY_ED25519 };
	struct gw_json *table = rows_table();
	bool good = drop_turns(run, is_retired_turn) == 0;
	size_t i;

	mkdir(run->dkim->rotation.folder, 0700); /* where it cannot be, the key says so */
	for (i = 0; i < 2 && good; i++) {
		struct key key = { .algorithm = algorithms[i] };

		if (!has_algorithm(run, algorithms[i]))
			continue;
		good = make_one(run, &key) && rows_add(table, &key);
		key_finish(&key);
	}
	if (good && rotation_write(&run->dkim->rotation) == 0) {
		gw->answer_json(call, table);
		reload(call);
		return;
	}
	gw->problem(call, true, "no key can be made in %s: %s", run->dkim->rotation.folder,
		    strerror(errno));
	drop_turns(run, is_waiting_turn);
	gw->json_destroy(table);
}

void rotate_cancel(struct gw_call *call, struct run *run)
{
	if (drop_turns(run, is_waiting_turn) != 0) {
		gw->problem(call, true, "%s/rotation: %s", run->dkim->rotation.folder,
			    strerror(errno));
		return;
	}
	reload(call);
	check_table(call, run->dkim, run->domain);
}

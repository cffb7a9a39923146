#include "new_key.h"

#include "domains.h"

#include <stdio.h>
#include <sys/stat.h>

static void end(struct new_key *key, const char *why)
{
	key->done = true;
	snprintf(key->why, sizeof key->why, "%s", why);
}

static void copy(char *out, size_t size, const struct gw_json_value *row, const char *member)
{
	struct gw_str text = gw->json_value_string(gw->json_member(row, member));

	snprintf(out, size, "%.*s", GW_STR_ARGS(text));
}

/* What dkim's verb said: a table with one row, or why not. */
static void answered(void *arg, struct gw_str json)
{
	struct instance *instance = arg;
	struct new_key *key = &instance->key;
	struct gw_json_value *answer = json.ptr ? gw->json_read(json, NULL, 0) : NULL;
	const struct gw_json_value *row = gw->json_item(gw->json_member(answer, "rows"), 0);

	if (row) {
		copy(key->name, sizeof key->name, row, "name");
		copy(key->record, sizeof key->record, row, "value");
		end(key, "");
	} else {
		end(key, "dkim is not on, or did not answer");
		if (gw->json_value_string(gw->json_member(answer, "text")).len)
			copy(key->why, sizeof key->why, answer, "text");
	}
	gw->json_free(answer);
}

uint64_t key_make(struct gw_call *call, struct instance *instance, const char *domain)
{
	const struct domains_conf *conf = gw->conf(call);
	const struct gw_str words[] = { GW_STR("dkim"), GW_STR("keygen"), gw_str(domain),
					GW_STR("s1"), conf->keys };
	const struct gw_verb verb = { .size = sizeof verb,
				      .words = { words, sizeof words / sizeof *words },
				      .by = gw_str("domain add"),
				      .admin = true };
	uint64_t number = instance->key.number + 1;

	instance->key = (struct new_key){ .number = number };
	mkdir(conf->keys.ptr, 0700); /* where it is there already, or cannot be, dkim says so */
	if (gw->verb_run(call, &verb, answered, instance) != 0)
		end(&instance->key, "too much else is under way");
	return number;
}

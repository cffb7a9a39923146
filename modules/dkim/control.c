/* control.c - what `gatewayctl dkim` does: printing the records of the keys, and making a new key.
 */
#include "control.h"

#include "check.h"
#include "new_key.h"
#include "rotate.h"
#include "rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void dns(struct gw_call *call, const struct gw_list *words, struct dkim *dkim)
{
	const struct signer *signer = dkim->signer;
	struct gw_str domain = words->count > 1 ? words->items[1] : gw_str("");
	struct gw_json *table = rows_table();
	size_t i, rows = 0;
	bool whole = true;

	for (i = 0; i < signer->key_count; i++)
		if (domain.len == 0 || gw_str_ieq(domain, gw_str(signer->keys[i].domain))) {
			whole &= rows_add(table, &signer->keys[i]);
			rows++;
		}
	if (rows || !domain.len) {
		rows_answer(call, table, whole);
		return;
	}
	gw->problem(call, true, "no key is configured for %s", domain.ptr);
	gw->json_destroy(table);
}

static void make_key(struct gw_call *call, struct key *key, const char *folder)
{
	struct text path = { 0 };
	struct gw_json *table;

	text_print(&path, "%s/%s-%s.pem", folder, key->domain, key->selector);
	if (path.failed) {
		gw->problem(call, true, "the key cannot be made");
	} else if (key_create(key, path.ptr) != 0) {
		gw->problem(call, true, "%s: %s", path.ptr, strerror(errno));
	} else {
		gw->log(call, GW_LOG_INFO, "a new key is in %s", path.ptr);
		table = rows_table();
		rows_answer(call, table, rows_add(table, key));
	}
	text_finish(&path);
}

static void keygen(struct gw_call *call, const struct gw_list *words, struct dkim *dkim)
{
	const struct gw_str *word = words->items;
	bool ed25519 = words->count == 5 && gw_str_eq(word[4], gw_str("ed25519"));
	struct key key = { .algorithm = ed25519 ? KEY_ED25519 : KEY_RSA };

	if (words->count == 5 && !ed25519 && !gw_str_eq(word[4], gw_str("rsa"))) {
		gw->problem(call, true, "a key is rsa or ed25519");
	} else if (!key_name_ok(word[1]) || !key_name_ok(word[2])) {
		gw->problem(call, true,
			    "domain and selector are labels of letters, digits and hyphens");
	} else if (word[3].ptr[0] != '/') {
		gw->problem(call, true, "the folder is given by its whole path");
	} else {
		key.domain = strdup(word[1].ptr);
		key.selector = strdup(word[2].ptr);
		if (key.domain && key.selector)
			make_key(call, &key, word[3].ptr);
		else
			gw->problem(call, true, "out of memory");
		key_finish(&key);
	}
}

static const struct verb {
	const char *name;
	size_t least, most; /* words, the verb too */
	void (*run)(struct gw_call *call, const struct gw_list *words, struct dkim *dkim);
} verbs[] = {
	{ "check", 1, 2, check },
	{ "dns", 1, 2, dns },
	{ "keygen", 4, 5, keygen },
	{ "rotate", 2, 3, rotate },
};

static const struct verb *find_verb(const struct gw_list *words)
{
	size_t i;

	for (i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (words->count >= verbs[i].least && words->count <= verbs[i].most &&
		    gw_str_eq(words->items[0], gw_str(verbs[i].name)))
			return &verbs[i];
	return NULL;
}

void control(struct gw_call *call, const struct gw_command *command, struct dkim *dkim)
{
	const struct verb *verb = find_verb(&command->words);

	if (!verb)
		gw->problem(
			call, true,
			"dkim knows: check [now]; dns [DOMAIN]; keygen DOMAIN SELECTOR FOLDER [rsa|ed25519]; rotate DOMAIN [cancel]");
	else
		verb->run(call, &command->words, dkim);
}

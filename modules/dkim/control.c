/* control.c - what `gatewayctl dkim` does: printing the records of the keys, and making a new key.
 */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A TXT value as a zone file has it: strings of at most 255 octets, in quotes. */
static void add_strings(struct text *out, const struct text *record)
{
	size_t at, len;

	for (at = 0; at < record->len; at += len) {
		len = record->len - at < 255 ? record->len - at : 255;
		text_print(out, "%s\"", at ? " " : "");
		text_add(out, record->ptr + at, len);
		text_print(out, "\"");
	}
}

static const struct gw_column columns[] = {
	{ "name", "NAME" }, { "type", "TYPE" }, { "value", "VALUE" }, { NULL, NULL }
};

/* False: no memory. */
static bool add_row(struct gw_json *table, const struct key *key)
{
	struct text record = { 0 }, value = { 0 };
	char where[KEY_NAME_MAX];
	bool whole;

	key_name(key, where);
	key_record(key, &record);
	add_strings(&value, &record);
	gw->table_row(table);
	gw->json_string(table, "name", gw_str(where));
	gw->json_string(table, "type", gw_str("TXT"));
	gw->json_string(table, "value", gw_str_n(value.ptr, value.len));
	whole = !record.failed && !value.failed;
	text_finish(&record);
	text_finish(&value);
	return whole;
}

static void answer(struct gw_call *call, struct gw_json *table, bool whole)
{
	if (whole) {
		gw->answer_json(call, table);
	} else {
		gw->problem(call, true, "out of memory");
		gw->json_destroy(table);
	}
}

static void dns(struct gw_call *call, const struct gw_list *words, struct dkim *dkim)
{
	const struct signer *signer = dkim->signer;
	struct gw_str domain = words->count > 1 ? words->items[1] : gw_str("");
	struct gw_json *table = gw->table_create(columns);
	size_t i, rows = 0;
	bool whole = true;

	for (i = 0; i < signer->key_count; i++)
		if (domain.len == 0 || gw_str_ieq(domain, gw_str(signer->keys[i].domain))) {
			whole &= add_row(table, &signer->keys[i]);
			rows++;
		}
	if (rows || !domain.len) {
		answer(call, table, whole);
		return;
	}
	gw->problem(call, true, "no key is configured for %s", domain.ptr);
	gw->json_destroy(table);
}

/* Never over a file that is there: it may be a key in use. */
static bool write_key(EVP_PKEY *private, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	bool written;

	if (!file) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	written = PEM_write_PrivateKey(file, private, NULL, NULL, 0, NULL, NULL) == 1 &&
		  fflush(file) == 0 && fsync(fd) == 0;
	return fclose(file) == 0 && written;
}

static void make_key(struct gw_call *call, struct key *key, const char *folder)
{
	struct text path = { 0 };
	struct gw_json *table;

	text_print(&path, "%s/%s-%s.pem", folder, key->domain, key->selector);
	key->private = key->algorithm == KEY_RSA ? EVP_RSA_gen(2048)
						 : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (!key->private || path.failed) {
		gw->problem(call, true, "the key cannot be made");
	} else if (!write_key(key->private, path.ptr)) {
		gw->problem(call, true, "%s: %s", path.ptr, strerror(errno));
	} else {
		gw->log(call, GW_LOG_INFO, "a new key is in %s", path.ptr);
		table = gw->table_create(columns);
		answer(call, table, add_row(table, key));
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

static const struct gw_column check_columns[] = {
	{ "key", "KEY" }, { "algorithm", "ALGORITHM" }, { "stage", "STAGE" }, { "signs", "SIGNS" },
	{ "dns", "DNS" }, { "checked", "CHECKED" },     { NULL, NULL },
};

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
	char where[KEY_NAME_MAX];

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
	if (looked)
		gw->json_time(table, "checked", looked);
}

/* Says what to ask with a moment later, when the answers are there. */
static void check_now(struct gw_call *call, struct dkim *dkim)
{
	struct gw_json *json = gw->json_create();

	lives_hurry(&dkim->lives);
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_begin(json, "again", GW_JSON_ARRAY);
	gw->json_string(json, NULL, gw_str("dkim"));
	gw->json_string(json, NULL, gw_str("check"));
	gw->json_end(json);
	gw->json_number(json, "after", LIFE_TICK_MS + 2000);
	gw->json_end(json);
	gw->answer_json(call, json);
}

static void check(struct gw_call *call, const struct gw_list *words, struct dkim *dkim)
{
	struct gw_json *table;

	if (words->count > 1 && !gw_str_eq(words->items[1], gw_str("now"))) {
		gw->problem(call, true, "dkim check [now]");
		return;
	}
	if (words->count > 1) {
		check_now(call, dkim);
		return;
	}
	table = gw->table_create(check_columns);
	for (size_t i = 0; i < dkim->signer->key_count; i++)
		check_row(table, dkim, i, gw->now(call));
	gw->answer_json(call, table);
}

static const struct verb {
	const char *name;
	size_t least, most; /* words, the verb too */
	void (*run)(struct gw_call *call, const struct gw_list *words, struct dkim *dkim);
} verbs[] = {
	{ "check", 1, 2, check },
	{ "dns", 1, 2, dns },
	{ "keygen", 4, 5, keygen },
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
			"dkim knows: check [now]; dns [DOMAIN]; keygen DOMAIN SELECTOR FOLDER [rsa|ed25519]");
	else
		verb->run(call, &command->words, dkim);
}

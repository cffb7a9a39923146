#include "keys.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MOST 100
#define RSA_BITS_LEAST 2048

static bool is(const json_t *key, const char *name, const char *value)
{
	const char *text = json_string_value(json_object_get(key, name));

	return text && strcmp(text, value) == 0;
}

/* For signatures, by one of the two ways; never a secret one, which anybody could sign with who
 * has it from here. */
static bool is_wanted(const json_t *key)
{
	bool rsa = is(key, "kty", "RSA"), ec = is(key, "kty", "EC") && is(key, "crv", "P-256");

	if (!rsa && !ec)
		return false;
	if (json_object_get(key, "use") && !is(key, "use", "sig"))
		return false;
	return !json_object_get(key, "alg") || is(key, "alg", rsa ? "RS256" : "ES256");
}

static void take(struct keys *keys, json_t *json)
{
	struct key *key = &keys->items[keys->count];
	const char *id = json_string_value(json_object_get(json, "kid"));
	cjose_err error;

	key->jwk = cjose_jwk_import_json((cjose_header_t *)json, &error);
	if (!key->jwk)
		return;
	key->type = cjose_jwk_get_kty(key->jwk, &error);
	key->id = id ? strdup(id) : NULL;
	if ((key->type == CJOSE_JWK_KTY_RSA &&
	     cjose_jwk_get_keysize(key->jwk, &error) < RSA_BITS_LEAST) ||
	    (id && !key->id)) {
		cjose_jwk_release(key->jwk);
		free(key->id);
		return;
	}
	keys->count++;
}

static struct keys *take_all(json_t *list, const char **why)
{
	size_t count = json_array_size(list), i;
	struct keys *keys = NULL;

	if (count > 0 && count <= KEYS_MOST)
		keys = calloc(1, sizeof *keys + count * sizeof *keys->items);
	if (!keys)
		return NULL;
	keys->refs = 1;
	for (i = 0; i < count; i++)
		if (is_wanted(json_array_get(list, i)))
			take(keys, json_array_get(list, i));
	if (keys->count > 0)
		return keys;
	*why = "none of its keys can be used: RSA of 2048 bits or more, or EC on P-256";
	keys_release(keys);
	return NULL;
}

struct keys *keys_read(struct gw_str text, const char **why)
{
	json_t *json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
	struct keys *keys;

	*why = "the answer is no list of keys";
	keys = take_all(json_object_get(json, "keys"), why);
	json_decref(json);
	return keys;
}

struct keys *keys_hold(struct keys *keys)
{
	if (keys)
		atomic_fetch_add(&keys->refs, 1);
	return keys;
}

void keys_release(struct keys *keys)
{
	size_t i;

	if (!keys || atomic_fetch_sub(&keys->refs, 1) > 1)
		return;
	for (i = 0; i < keys->count; i++) {
		cjose_jwk_release(keys->items[i].jwk);
		free(keys->items[i].id);
	}
	free(keys);
}

const struct key *keys_find(const struct keys *keys, const char *id, cjose_jwk_kty_t type)
{
	const struct key *found = NULL;
	size_t i;

	for (i = 0; i < keys->count; i++) {
		const struct key *key = &keys->items[i];

		if (key->type != type || (id && (!key->id || strcmp(key->id, id) != 0)))
			continue;
		if (found)
			return NULL;
		found = key;
	}
	return found;
}

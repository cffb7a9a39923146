#include "hash.h"

#include <argon2.h>
#include <crypt.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#define ARGON2_MEMORY_MAX (1u << 20) /* KiB: a line in a file must not take all memory there is */

static const char *check_crypt(const char *text)
{
	if (text[0] != '$')
		return "no hash that crypt(3) makes today; a password in clear would need {PLAIN}";
	switch (crypt_checksalt(text)) {
	case CRYPT_SALT_OK:
	case CRYPT_SALT_METHOD_LEGACY:
	case CRYPT_SALT_TOO_CHEAP:
		return NULL;
	default:
		return "a kind of hash that crypt(3) of this system does not know; yescrypt ($y$), SHA-512 ($6$), SHA-256 ($5$) and bcrypt ($2b$) "
		       "it does";
	}
}

static const char *check_argon2(const char *text, const char *format)
{
	unsigned version, memory, passes, lanes;

	if (sscanf(text, format, &version, &memory, &passes, &lanes) != 4)
		return "no Argon2 hash of that kind in its usual form ($argon2id$v=19$m=...,t=...,p=...$salt$hash)";
	return memory > ARGON2_MEMORY_MAX ? "an Argon2 hash that asks for more than 1 GiB of memory" : NULL;
}

static const char *check_argon2i(const char *text)
{
	return check_argon2(text, "$argon2i$v=%u$m=%u,t=%u,p=%u$");
}
static const char *check_argon2id(const char *text)
{
	return check_argon2(text, "$argon2id$v=%u$m=%u,t=%u,p=%u$");
}
static const char *check_plain(const char *text)
{
	return text[0] ? NULL : "an empty password";
}

static const struct scheme {
	const char *name; /* in braces */
	enum hash_kind kind;
	const char *(*check)(const char *text);
} schemes[] = {
	{ "CRYPT", HASH_CRYPT, check_crypt },        { "YESCRYPT", HASH_CRYPT, check_crypt },
	{ "SHA512-CRYPT", HASH_CRYPT, check_crypt }, { "SHA256-CRYPT", HASH_CRYPT, check_crypt },
	{ "BLF-CRYPT", HASH_CRYPT, check_crypt },    { "ARGON2ID", HASH_ARGON2ID, check_argon2id },
	{ "ARGON2I", HASH_ARGON2I, check_argon2i },  { "PLAIN", HASH_PLAIN, check_plain },
};

static const struct scheme *scheme_named(struct gw_str name)
{
	size_t i;

	for (i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (gw_str_ieq(gw_str(schemes[i].name), name))
			return &schemes[i];
	return NULL;
}

static const struct scheme *scheme_unnamed(const char *text)
{
	if (strncmp(text, "$argon2id$", 10) == 0)
		return scheme_named(gw_str("ARGON2ID"));
	if (strncmp(text, "$argon2i$", 9) == 0)
		return scheme_named(gw_str("ARGON2I"));
	return scheme_named(gw_str("CRYPT"));
}

const char *hash_parse(const char *text, struct hash *hash)
{
	const char *end = text[0] == '{' ? strchr(text, '}') : NULL;
	const struct scheme *scheme = end ? scheme_named(gw_str_n(text + 1, (size_t)(end - text) - 1)) : scheme_unnamed(text);

	if (!scheme)
		return "an unknown scheme; known are CRYPT, YESCRYPT, SHA512-CRYPT, SHA256-CRYPT, BLF-CRYPT, ARGON2ID, ARGON2I and PLAIN";
	hash->kind = scheme->kind;
	hash->text = end ? end + 1 : text;
	return scheme->check(hash->text);
}

static bool same(const char *left, const char *right)
{
	size_t len = strlen(left);

	return len == strlen(right) && CRYPTO_memcmp(left, right, len) == 0;
}

static bool crypt_matches(const char *hash, const char *secret)
{
	struct crypt_data *data = calloc(1, sizeof *data); /* 32 KiB: too much for a stack */
	const char *made;
	bool match;

	if (!data)
		return false;
	made = crypt_rn(secret, hash, data, sizeof *data);
	match = made && same(made, hash);
	OPENSSL_cleanse(data, sizeof *data);
	free(data);
	return match;
}

bool hash_matches(const struct hash *hash, struct gw_str secret)
{
	switch (hash->kind) {
	case HASH_ARGON2ID:
		return argon2id_verify(hash->text, secret.ptr, secret.len) == ARGON2_OK;
	case HASH_ARGON2I:
		return argon2i_verify(hash->text, secret.ptr, secret.len) == ARGON2_OK;
	case HASH_PLAIN:
		return !gw_str_has_nul(secret) && same(hash->text, secret.ptr);
	default:
		return crypt_matches(hash->text, secret.ptr) && !gw_str_has_nul(secret);
	}
}

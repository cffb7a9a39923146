#include "hash.h"

#include "scram.h"

#include <argon2.h>
#include <crypt.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#define ARGON2_MEMORY_MAX (1u << 20) /* KiB: a line in a file must not take all memory there is */

static const char digits[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* What crypt(3) makes: how many characters of hash end the text (0: not known), and what stands
 * before the number that says how costly it was. */
static const struct method {
	const char *prefix;
	size_t size;
	const char *cost;
	unsigned least; /* cost from which on it is no weak one */
	bool old;       /* weak, whatever it cost */
} methods[] = {
	{ "$y$", 43, NULL, 0, false },
	{ "$gy$", 43, NULL, 0, false },
	{ "$7$", 43, NULL, 0, false },
	{ "$6$", 86, "$6$rounds=", 5000, false },
	{ "$5$", 43, "$5$rounds=", 5000, false },
	{ "$2a$", 53, "$2a$", 10, false },
	{ "$2b$", 53, "$2b$", 10, false },
	{ "$2y$", 53, "$2y$", 10, false },
	{ "$2x$", 53, "$2x$", 10, true },
	{ "$1$", 22, NULL, 0, true },
	{ "$md5", 0, NULL, 0, true },
	{ "$sha1", 0, NULL, 0, true },
	{ "$3$", 0, NULL, 0, true },
};

static const struct method *method_of(const char *text)
{
	size_t i;

	for (i = 0; i < sizeof methods / sizeof *methods; i++)
		if (strncmp(text, methods[i].prefix, strlen(methods[i].prefix)) == 0)
			return &methods[i];
	return NULL;
}

/* The hash behind the last $ is whole. bcrypt's has its salt, which needs no $, before it. */
static bool is_whole(const char *text)
{
	const struct method *method = method_of(text);
	const char *last = strrchr(text, '$') + 1;

	return !method || method->size == 0 ||
	       (strlen(last) == method->size && strspn(last, digits) == method->size);
}

static const char *check_crypt(const char *text)
{
	if (text[0] != '$')
		return "no hash that crypt(3) makes today; a password in clear would need {PLAIN}";
	switch (crypt_checksalt(text)) {
	case CRYPT_SALT_OK:
	case CRYPT_SALT_METHOD_LEGACY:
	case CRYPT_SALT_TOO_CHEAP:
		return is_whole(text)
			       ? NULL
			       : "a hash that is not whole: it was cut off, or something stands behind it";
	default:
		return "a kind of hash that crypt(3) of this system does not know; yescrypt ($y$), SHA-512 ($6$), SHA-256 ($5$) and bcrypt ($2b$) "
		       "it does";
	}
}

struct argon2 {
	unsigned version, memory, passes, lanes;
};

static bool read_argon2(const char *text, const char *format, struct argon2 *cost, int *end)
{
	*end = 0;
	return sscanf(text, format, &cost->version, &cost->memory, &cost->passes, &cost->lanes,
		      end) == 4 &&
	       *end > 0;
}

/* Base64 without padding of a hash whose size anybody would choose: a cut one would have another
 * size. */
static bool is_argon2_hash(const char *text)
{
	static const char base64[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = strlen(text), bytes = len * 3 / 4;

	return strspn(text, base64) == len && len == (bytes * 8 + 5) / 6 && bytes >= 16 &&
	       bytes % 4 == 0;
}

static const char *check_argon2(const char *text, const char *format)
{
	struct argon2 cost;
	const char *hash;
	int end;

	if (!read_argon2(text, format, &cost, &end))
		return "no Argon2 hash of that kind in its usual form ($argon2id$v=19$m=...,t=...,p=...$salt$hash)";
	if (cost.memory > ARGON2_MEMORY_MAX)
		return "an Argon2 hash that asks for more than 1 GiB of memory";
	hash = strchr(text + end, '$');
	return hash && is_argon2_hash(hash + 1)
		       ? NULL
		       : "a hash that is not whole: it was cut off, or something stands behind it";
}

#define ARGON2I_FORMAT "$argon2i$v=%u$m=%u,t=%u,p=%u$%n"
#define ARGON2ID_FORMAT "$argon2id$v=%u$m=%u,t=%u,p=%u$%n"

static const char *check_argon2i(const char *text)
{
	return check_argon2(text, ARGON2I_FORMAT);
}
static const char *check_argon2id(const char *text)
{
	return check_argon2(text, ARGON2ID_FORMAT);
}
static const char *check_plain(const char *text)
{
	return text[0] ? NULL : "an empty password";
}

static const char *check_scram(const char *text)
{
	struct scram scram;
	bool good = scram_parse(text, &scram);

	OPENSSL_cleanse(&scram, sizeof scram);
	return good ? NULL
		    : "no SCRAM-SHA-256 entry in its usual form (COUNT,SALT,STOREDKEY,SERVERKEY, and at least 4096): it was cut off, or something stands behind it";
}

static const struct scheme {
	const char *name; /* in braces */
	enum hash_kind kind;
	const char *(*check)(const char *text);
} schemes[] = {
	{ "CRYPT", HASH_CRYPT, check_crypt },         { "YESCRYPT", HASH_CRYPT, check_crypt },
	{ "SHA512-CRYPT", HASH_CRYPT, check_crypt },  { "SHA256-CRYPT", HASH_CRYPT, check_crypt },
	{ "BLF-CRYPT", HASH_CRYPT, check_crypt },     { "ARGON2ID", HASH_ARGON2ID, check_argon2id },
	{ "ARGON2I", HASH_ARGON2I, check_argon2i },   { "PLAIN", HASH_PLAIN, check_plain },
	{ "SCRAM-SHA-256", HASH_SCRAM, check_scram },
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
	const struct scheme *scheme = end ? scheme_named(
						    gw_str_n(text + 1, (size_t)(end - text) - 1))
					  : scheme_unnamed(text);

	if (!scheme)
		return "an unknown scheme; known are CRYPT, YESCRYPT, SHA512-CRYPT, SHA256-CRYPT, BLF-CRYPT, ARGON2ID, ARGON2I, SCRAM-SHA-256 and PLAIN";
	hash->kind = scheme->kind;
	hash->text = end ? end + 1 : text;
	return scheme->check(hash->text);
}

static const char *crypt_weakness(const char *text)
{
	const struct method *method = method_of(text);
	size_t len = method && method->cost ? strlen(method->cost) : 0;

	if (method && method->old)
		return "a hash of a kind that is guessed fast today: make a new one (mkpasswd -m yescrypt)";
	if (len && strncmp(text, method->cost, len) == 0 &&
	    strtoul(text + len, NULL, 10) < method->least)
		return "a hash that was made cheaply, and is guessed fast: make a new one (mkpasswd -m yescrypt)";
	return NULL;
}

/* More than tools make unasked, and still cheap beside the other kinds. */
#define SCRAM_WISE 10000

static const char *scram_weakness(const char *text)
{
	return strtoul(text, NULL, 10) < SCRAM_WISE
		       ? "a SCRAM entry that was made cheaply, and is guessed fast: make a new one (gatewayctl password --scram)"
		       : NULL;
}

/* OWASP's least is 7 MiB with five passes. */
static const char *argon2_weakness(const char *text, const char *format)
{
	struct argon2 cost;
	int end;

	if (read_argon2(text, format, &cost, &end) &&
	    (uint64_t)cost.memory * cost.passes < 7168 * 5)
		return "an Argon2 hash that was made cheaply, and is guessed fast: make a new one (m=19456,t=2,p=1)";
	return NULL;
}

const char *hash_weakness(const struct hash *hash)
{
	switch (hash->kind) {
	case HASH_ARGON2ID:
		return argon2_weakness(hash->text, ARGON2ID_FORMAT);
	case HASH_ARGON2I:
		return argon2_weakness(hash->text, ARGON2I_FORMAT);
	case HASH_PLAIN:
		return "a password in clear is for tests";
	case HASH_SCRAM:
		return scram_weakness(hash->text);
	default:
		return crypt_weakness(hash->text);
	}
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

static bool scram_text_matches(const char *text, struct gw_str secret)
{
	struct scram scram;
	bool match = scram_parse(text, &scram) && scram_matches(&scram, secret);

	OPENSSL_cleanse(&scram, sizeof scram);
	return match;
}

bool hash_matches(const struct hash *hash, struct gw_str secret)
{
	switch (hash->kind) {
	case HASH_ARGON2ID:
		return argon2id_verify(hash->text, secret.ptr, secret.len) == ARGON2_OK;
	case HASH_ARGON2I:
		return argon2i_verify(hash->text, secret.ptr, secret.len) == ARGON2_OK;
	case HASH_SCRAM:
		return scram_text_matches(hash->text, secret);
	case HASH_PLAIN:
		return !gw_str_has_nul(secret) && same(hash->text, secret.ptr);
	default:
		return crypt_matches(hash->text, secret.ptr) && !gw_str_has_nul(secret);
	}
}

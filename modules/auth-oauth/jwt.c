#include "jwt.h"
#include "text.h"
#include "token.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

/* Nobody is there to be asked. */
static int no_passphrase(char *out, int size, int writing, void *arg)
{
	return -1;
}

static EVP_PKEY *read_key(const char *path, const char **why)
{
	FILE *file = fopen(path, "re");
	EVP_PKEY *key;

	if (!file) {
		*why = strerrordesc_np(errno);
		return NULL;
	}
	key = PEM_read_PrivateKey(file, NULL, no_passphrase, NULL);
	fclose(file);
	ERR_clear_error();
	if (key && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= 2048)
		return key;
	*why = key ? "the key is no RSA key of 2048 bits or more"
		   : "there is no private key (PEM, without a passphrase) in it";
	EVP_PKEY_free(key);
	return NULL;
}

const char *jwt_key_wrong(const char *key_file)
{
	const char *why = NULL;
	EVP_PKEY *key = read_key(key_file, &why);

	EVP_PKEY_free(key);
	return key ? NULL : why;
}

/* --- its parts --- */

static bool set(json_t *json, const char *name, struct gw_str value)
{
	return !value.len ||
	       json_object_set_new(json, name, json_stringn(value.ptr, value.len)) == 0;
}

static char *dump(json_t *json, bool complete)
{
	char *text = complete ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	return text;
}

static char *header_text(const struct jwt *jwt)
{
	json_t *json = json_object();
	bool complete = set(json, "alg", gw_str("RS256"));

	complete &= set(json, "typ", gw_str("JWT")) && set(json, "kid", jwt->key_id);
	return dump(json, complete);
}

static char *claims_text(const struct jwt *jwt)
{
	json_t *json = json_object();
	bool complete = set(json, "iss", jwt->issuer) && set(json, "sub", jwt->subject);

	complete &= set(json, "aud", jwt->audience) && set(json, "scope", jwt->scope);
	complete &= json_object_set_new(json, "iat", json_integer(jwt->issued)) == 0;
	complete &= json_object_set_new(json, "exp", json_integer(jwt->expires)) == 0;
	return dump(json, complete);
}

/* Appends '.' and the base64url of it, or nothing more when there is no room. */
static size_t append(char *out, size_t len, size_t size, const void *bytes, size_t count)
{
	size_t dot = len > 0, added;

	if (len + dot >= size)
		return 0;
	if (dot)
		out[len] = '.';
	added = base64url(bytes, count, out + len + dot, size - len - dot);
	return added ? len + dot + added : 0;
}

static size_t sign(EVP_PKEY *key, const char *text, size_t len, unsigned char *out, size_t size)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool done = context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
		    EVP_DigestSign(context, out, &size, (const unsigned char *)text, len) == 1;

	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return done ? size : 0;
}

#define JWT_MOST 8192
#define SIGNATURE_MOST 2048

static bool write_jwt(const struct jwt *jwt, EVP_PKEY *key, char *out)
{
	unsigned char signature[SIGNATURE_MOST];
	char *header = header_text(jwt), *claims = claims_text(jwt);
	size_t len = header && claims ? append(out, 0, JWT_MOST, header, strlen(header)) : 0;
	size_t made;

	len = len ? append(out, len, JWT_MOST, claims, strlen(claims)) : 0;
	made = len ? sign(key, out, len, signature, sizeof signature) : 0;
	len = made ? append(out, len, JWT_MOST, signature, made) : 0;
	free(header);
	free(claims);
	return len > 0;
}

char *jwt_sign(const struct jwt *jwt, const char *key_file, const char **why)
{
	EVP_PKEY *key = read_key(key_file, why);
	char *out = key ? calloc(1, JWT_MOST) : NULL;

	if (key && (!out || !write_jwt(jwt, key, out))) {
		*why = "the assertion cannot be signed";
		wipe_free(out);
		out = NULL;
	}
	EVP_PKEY_free(key);
	return out;
}

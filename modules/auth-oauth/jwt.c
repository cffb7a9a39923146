#include "jwt.h"
#include "text.h"
#include "token.h"

#include <gateway/module.h>

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
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

/* --- certificates --- */

static X509 *read_certificate(const char *path, const char **why)
{
	FILE *file = fopen(path, "re");
	X509 *certificate;

	if (!file) {
		*why = strerrordesc_np(errno);
		return NULL;
	}
	certificate = PEM_read_X509(file, NULL, no_passphrase, NULL);
	fclose(file);
	ERR_clear_error();
	if (!certificate)
		*why = "there is no certificate (PEM) in it";
	return certificate;
}

bool jwt_thumbprint(const char *certificate_file, char out[THUMBPRINT], const char **why)
{
	X509 *certificate = read_certificate(certificate_file, why);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	bool made;

	if (!certificate)
		return false;
	made = X509_digest(certificate, EVP_sha256(), digest, &len) == 1 &&
	       base64url(digest, len, out, THUMBPRINT) > 0;
	X509_free(certificate);
	if (!made)
		*why = "no memory";
	return made;
}

const char *jwt_certificate_wrong(const char *certificate_file, const char *key_file)
{
	const char *why = NULL;
	X509 *certificate = read_certificate(certificate_file, &why);
	EVP_PKEY *key = certificate ? read_key(key_file, &why) : NULL;

	if (key && X509_check_private_key(certificate, key) != 1)
		why = "it is not the certificate of the key";
	ERR_clear_error();
	EVP_PKEY_free(key);
	X509_free(certificate);
	return why;
}

/* --- its parts --- */

static void put(struct gw_json *json, const char *name, struct gw_str value)
{
	if (value.len)
		gw->json_string(json, name, value);
}

static struct gw_json *header_of(const struct jwt *jwt)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	put(json, "alg", gw_str(jwt->pss ? "PS256" : "RS256"));
	put(json, "typ", gw_str("JWT"));
	put(json, "kid", jwt->key_id);
	put(json, "x5t#S256", jwt->thumbprint);
	return json;
}

static struct gw_json *claims_of(const struct jwt *jwt)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	put(json, "iss", jwt->issuer);
	put(json, "sub", jwt->subject);
	put(json, "aud", jwt->audience);
	put(json, "scope", jwt->scope);
	put(json, "jti", jwt->id);
	if (jwt->id.len)
		gw->json_number(json, "nbf", jwt->issued);
	gw->json_number(json, "iat", jwt->issued);
	gw->json_number(json, "exp", jwt->expires);
	return json;
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

/* RFC 7518 section 3.5: with a salt as long as the hash. */
static bool set_padding(EVP_PKEY_CTX *context, bool pss)
{
	return !pss || (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
			EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1);
}

static size_t sign(EVP_PKEY *key, bool pss, const char *text, size_t len, unsigned char *out,
		   size_t size)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how = NULL;
	bool done = context && EVP_DigestSignInit(context, &how, EVP_sha256(), NULL, key) == 1 &&
		    set_padding(how, pss) &&
		    EVP_DigestSign(context, out, &size, (const unsigned char *)text, len) == 1;

	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return done ? size : 0;
}

#define JWT_MOST 8192
#define SIGNATURE_MOST 2048

static size_t append_json(char *out, size_t len, struct gw_json *json)
{
	struct gw_str text = gw->json_text(json);

	return text.ptr ? append(out, len, JWT_MOST, text.ptr, text.len) : 0;
}

static bool write_jwt(const struct jwt *jwt, EVP_PKEY *key, char *out)
{
	unsigned char signature[SIGNATURE_MOST];
	struct gw_json *header = header_of(jwt), *claims = claims_of(jwt);
	size_t len = append_json(out, 0, header), made;

	len = len ? append_json(out, len, claims) : 0;
	made = len ? sign(key, jwt->pss, out, len, signature, sizeof signature) : 0;
	len = made ? append(out, len, JWT_MOST, signature, made) : 0;
	gw->json_destroy(header);
	gw->json_destroy(claims);
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

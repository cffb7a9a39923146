#include "s3_sign.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define HASH_OCTETS 32

static void to_hex(char *out, const unsigned char *octets, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		snprintf(out + 2 * i, 3, "%02x", octets[i]);
}

void s3_sha256(char out[SHA256_HEX], const void *octets, size_t len)
{
	unsigned char hash[HASH_OCTETS] = { 0 };

	EVP_Digest(octets, len, hash, NULL, EVP_sha256(), NULL);
	to_hex(out, hash, sizeof hash);
}

char *s3_encode(const char *text, bool path)
{
	GString *out = g_string_new(NULL);

	for (; *text; text++)
		if (g_ascii_isalnum(*text) || strchr("-._~", *text) || (path && *text == '/'))
			g_string_append_c(out, *text);
		else
			g_string_append_printf(out, "%%%02X", (unsigned char)*text);
	return g_string_free(out, FALSE);
}

static char *names_of(const struct s3_signing *signing)
{
	GString *out = g_string_new(NULL);
	size_t i;

	for (i = 0; i < signing->count; i++)
		g_string_append_printf(out, "%s%s", i ? ";" : "", signing->fields[i].name);
	return g_string_free(out, FALSE);
}

/* The request in the one form that both sides compute. */
static void hash_request(const struct s3_signing *signing, const char *names, char out[SHA256_HEX])
{
	GString *text = g_string_new(NULL);
	size_t i;

	g_string_printf(text, "%s\n%s\n%s\n", signing->method, signing->path, signing->query);
	for (i = 0; i < signing->count; i++)
		g_string_append_printf(text, "%s:%s\n", signing->fields[i].name,
				       signing->fields[i].value);
	g_string_append_printf(text, "\n%s\n%s", names, signing->payload);
	s3_sha256(out, text->str, text->len);
	g_string_free(text, TRUE);
}

static void step(unsigned char key[HASH_OCTETS], size_t len, const char *text)
{
	HMAC(EVP_sha256(), key, (int)len, (const unsigned char *)text, strlen(text), key, NULL);
}

/* The secret itself signs nothing: a key for this day, region and service does. */
static void sign_text(const struct s3_signing *signing, const char *text, char out[SHA256_HEX])
{
	unsigned char key[HASH_OCTETS];
	char day[9], *first = g_strconcat("AWS4", signing->secret_key, NULL);
	size_t len = strlen(first);

	snprintf(day, sizeof day, "%.8s", signing->time);
	HMAC(EVP_sha256(), first, (int)len, (const unsigned char *)day, strlen(day), key, NULL);
	step(key, sizeof key, signing->region);
	step(key, sizeof key, signing->service);
	step(key, sizeof key, "aws4_request");
	step(key, sizeof key, text);
	to_hex(out, key, sizeof key);
	OPENSSL_cleanse(key, sizeof key);
	OPENSSL_cleanse(first, len);
	g_free(first);
}

char *s3_sign(const struct s3_signing *signing)
{
	char hash[SHA256_HEX], signature[SHA256_HEX];
	char *names = names_of(signing);
	char *scope = g_strdup_printf("%.8s/%s/%s/aws4_request", signing->time, signing->region,
				      signing->service);
	char *text, *out;

	hash_request(signing, names, hash);
	text = g_strdup_printf("AWS4-HMAC-SHA256\n%s\n%s\n%s", signing->time, scope, hash);
	sign_text(signing, text, signature);
	out = g_strdup_printf("AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=%s,Signature=%s",
			      signing->access_key, scope, names, signature);
	g_free(names);
	g_free(scope);
	g_free(text);
	return out;
}

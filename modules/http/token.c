#include "token.h"

#include <glib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>

#define PREFIX "sha256:"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

bool token_hash_read(struct gw_str text, unsigned char digest[TOKEN_DIGEST])
{
	struct gw_str digits = gw_str_from(text, strlen(PREFIX));
	size_t i;

	if (text.len != strlen(PREFIX) + 2 * TOKEN_DIGEST ||
	    strncmp(text.ptr, PREFIX, strlen(PREFIX)) != 0)
		return false;
	for (i = 0; i < TOKEN_DIGEST; i++) {
		int high = g_ascii_xdigit_value(digits.ptr[2 * i]),
		    low = g_ascii_xdigit_value(digits.ptr[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		digest[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

static bool digest_of(struct gw_str token, unsigned char digest[TOKEN_DIGEST])
{
	return EVP_Digest(token.ptr, token.len, digest, NULL, EVP_sha256(), NULL) == 1;
}

void token_hash_write(struct gw_str token, char hash[TOKEN_HASH])
{
	unsigned char digest[TOKEN_DIGEST] = { 0 };
	int len = snprintf(hash, TOKEN_HASH, "%s", PREFIX);
	size_t i;

	digest_of(token, digest);
	for (i = 0; i < TOKEN_DIGEST; i++)
		len += snprintf(hash + len, TOKEN_HASH - (size_t)len, "%02x", digest[i]);
}

/* Of each octet 6 bits, so that no letter is likelier than another. */
bool token_make(char text[TOKEN_TEXT])
{
	unsigned char octets[43];
	int len = snprintf(text, TOKEN_TEXT, "gw_");
	size_t i;

	if (RAND_bytes(octets, sizeof octets) != 1)
		return false;
	for (i = 0; i < sizeof octets; i++)
		text[len++] = LETTERS[octets[i] % 64];
	text[len] = '\0';
	return true;
}

static bool take_bearer(struct gw_str *text)
{
	if (text->len < 7 || strncasecmp(text->ptr, "Bearer ", 7) != 0)
		return false;
	*text = gw_str_trim(gw_str_from(*text, 7));
	return text->len != 0;
}

const struct token_conf *token_find(const struct http_conf *conf, struct gw_str authorization)
{
	const struct token_conf *tokens = conf->tokens.items, *found = NULL;
	unsigned char given[TOKEN_DIGEST], known[TOKEN_DIGEST];
	size_t i;

	if (!take_bearer(&authorization) || !digest_of(authorization, given))
		return NULL;
	for (i = 0; i < conf->tokens.count; i++)
		if (token_hash_read(tokens[i].hash, known) &&
		    CRYPTO_memcmp(given, known, sizeof given) == 0)
			found = &tokens[i];
	return found;
}

bool token_sees(const struct token_conf *token, struct gw_str client)
{
	return token->clients.count == 0 || list_has(token->clients, client);
}

#include "scram.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

#define BASE64_MAX 172 /* of SCRAM_SALT_MAX octets */

/* --- its text --- */

/* Base64 up to the comma or the end, and what follows it; -1: it is none. */
static int read_base64(const char **text, unsigned char *octets, size_t room)
{
	unsigned char out[BASE64_MAX / 4 * 3 + 3];
	size_t len = strcspn(*text, ","), pads = 0;
	int size;

	if (len == 0 || len % 4 != 0 || len > BASE64_MAX)
		return -1;
	while (pads < 2 && (*text)[len - 1 - pads] == '=')
		pads++;
	size = EVP_DecodeBlock(out, (const unsigned char *)*text, (int)len);
	if (size < 0 || (size_t)size - pads > room)
		return -1;
	memcpy(octets, out, (size_t)size - pads);
	OPENSSL_cleanse(out, sizeof out);
	*text += len + ((*text)[len] == ',');
	return size - (int)pads;
}

static bool read_count(const char **text, unsigned *count)
{
	char *end;
	unsigned long number = strtoul(*text, &end, 10);

	*count = (unsigned)number;
	if (!isdigit((unsigned char)**text) || *end != ',' || number < SCRAM_LEAST ||
	    number > SCRAM_MOST)
		return false;
	*text = end + 1;
	return true;
}

bool scram_parse(const char *text, struct scram *scram)
{
	int salt;

	memset(scram, 0, sizeof *scram);
	if (!read_count(&text, &scram->iterations))
		return false;
	salt = read_base64(&text, scram->salt, sizeof scram->salt);
	scram->salt_len = salt > 0 ? (size_t)salt : 0;
	return salt > 0 && read_base64(&text, scram->stored, SCRAM_KEY) == SCRAM_KEY &&
	       read_base64(&text, scram->server, SCRAM_KEY) == SCRAM_KEY && *text == '\0';
}

/* --- comparing --- */

/* SaltedPassword, ClientKey and StoredKey of RFC 5802 section 3, one after the other. */
bool scram_matches(const struct scram *scram, struct gw_str secret)
{
	unsigned char salted[SCRAM_KEY], client[SCRAM_KEY], stored[SCRAM_KEY];
	unsigned len = 0;
	bool match;

	match = PKCS5_PBKDF2_HMAC(secret.ptr, (int)secret.len, scram->salt, (int)scram->salt_len,
				  (int)scram->iterations, EVP_sha256(), SCRAM_KEY, salted) == 1 &&
		HMAC(EVP_sha256(), salted, SCRAM_KEY, (const unsigned char *)"Client Key", 10,
		     client, &len) &&
		SHA256(client, SCRAM_KEY, stored) &&
		CRYPTO_memcmp(stored, scram->stored, SCRAM_KEY) == 0;
	OPENSSL_cleanse(salted, sizeof salted);
	OPENSSL_cleanse(client, sizeof client);
	return match;
}

/* Under a key that only the file has, so that a restart does not tell who is not there. */
bool scram_decoy(const struct scram *model, struct gw_str user, struct scram *decoy)
{
	unsigned char name[256], mac[EVP_MAX_MD_SIZE];
	size_t i, len = user.len < sizeof name ? user.len : sizeof name;
	unsigned size = 0;

	*decoy = *model;
	for (i = 0; i < len; i++)
		name[i] = (unsigned char)tolower((unsigned char)user.ptr[i]);
	if (!HMAC(EVP_sha512(), model->server, SCRAM_KEY, name, len, mac, &size))
		return false;
	for (i = 0; i < decoy->salt_len; i++)
		decoy->salt[i] = mac[i % size];
	return RAND_bytes(decoy->stored, SCRAM_KEY) == 1 &&
	       RAND_bytes(decoy->server, SCRAM_KEY) == 1;
}

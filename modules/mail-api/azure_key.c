#include "azure_key.h"
#include "api.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define KEY_MOST 512

static void put_date(char *out, size_t size, int64_t now)
{
	time_t seconds = (time_t)(now / 1000);
	struct tm tm = { 0 };

	gmtime_r(&seconds, &tm);
	strftime(out, size, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

/* As the field Host has it. */
static struct gw_str host_of(struct gw_str url)
{
	struct gw_str host = api_host(url);

	if (host.len > 4 && memcmp(host.ptr + host.len - 4, ":443", 4) == 0)
		host.len -= 4;
	return host;
}

static size_t read_key(struct gw_str key, unsigned char out[KEY_MOST])
{
	struct gw_str text = gw_str_trim(key);
	size_t pads = 0;
	int len;

	while (pads < 2 && pads < text.len && text.ptr[text.len - 1 - pads] == '=')
		pads++;
	if (text.len == 0 || text.len % 4 || text.len / 4 * 3 > KEY_MOST)
		return 0;
	len = EVP_DecodeBlock(out, (const unsigned char *)text.ptr, (int)text.len);
	return len > (int)pads ? (size_t)len - pads : 0;
}

void azure_hash(struct gw_str body, char out[AZURE_HASH])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)body.ptr, body.len, digest);
	EVP_EncodeBlock((unsigned char *)out, digest, sizeof digest);
}

bool azure_sign(struct azure_signature *signature, const char *verb, struct gw_str url,
		const char *hash, struct gw_str key, int64_t now)
{
	struct gw_str host = host_of(url);
	struct gw_str path = gw_str_from(url, strlen("https://") + api_host(url).len);
	unsigned char secret[KEY_MOST], digest[SHA256_DIGEST_LENGTH], proof[AZURE_HASH];
	size_t secret_len = read_key(key, secret);
	char date[48], *text;
	int len;

	put_date(date, sizeof date, now);
	len = secret_len ? asprintf(&text, "%s\n%.*s\n%s;%.*s;%s", verb, GW_STR_ARGS(path), date,
				    GW_STR_ARGS(host), hash)
			 : -1;
	if (len < 0)
		return false;
	HMAC(EVP_sha256(), secret, (int)secret_len, (unsigned char *)text, (size_t)len, digest,
	     NULL);
	free(text);
	explicit_bzero(secret, sizeof secret);
	EVP_EncodeBlock(proof, digest, sizeof digest);
	snprintf(signature->date, sizeof signature->date, "x-ms-date: %s", date);
	snprintf(signature->hash, sizeof signature->hash, "x-ms-content-sha256: %s", hash);
	snprintf(
		signature->authorization, sizeof signature->authorization,
		"Authorization: HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=%s",
		proof);
	return true;
}

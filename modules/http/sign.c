#include "sign.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>

static bool digest(EVP_MAC_CTX *context, struct gw_str secret, const char *stamp,
		   struct gw_str body, unsigned char out[32])
{
	char name[] = "SHA256";
	OSSL_PARAM parameters[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name,
								     0),
				    OSSL_PARAM_construct_end() };
	size_t size = 0;

	return EVP_MAC_init(context, (const unsigned char *)secret.ptr, secret.len, parameters) &&
	       EVP_MAC_update(context, (const unsigned char *)stamp, strlen(stamp)) &&
	       EVP_MAC_update(context, (const unsigned char *)body.ptr, body.len) &&
	       EVP_MAC_final(context, out, &size, 32) && size == 32;
}

bool sign(struct gw_str secret, int64_t timestamp, struct gw_str body, char out[SIGNATURE_SIZE])
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;
	unsigned char octets[32];
	char stamp[32];
	int len = snprintf(out, SIGNATURE_SIZE, "v1=");
	bool fine;
	size_t i;

	snprintf(stamp, sizeof stamp, "%lld.", (long long)timestamp);
	fine = context && digest(context, secret, stamp, body, octets);
	for (i = 0; fine && i < sizeof octets; i++)
		len += snprintf(out + len, SIGNATURE_SIZE - (size_t)len, "%02x", octets[i]);
	EVP_MAC_CTX_free(context);
	EVP_MAC_free(mac);
	return fine;
}

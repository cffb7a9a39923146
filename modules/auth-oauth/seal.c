#include "seal.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#define MARK "GWSEAL1\n"
#define MARK_LEN 8
#define NONCE 12
#define TAG 16
_Static_assert(SEAL_MORE == MARK_LEN + NONCE + TAG, "room for what seal() adds");

bool seal_key(struct gw_str text, unsigned char key[SEAL_KEY])
{
	size_t i;

	if (text.len != 2 * (size_t)SEAL_KEY)
		return false;
	for (i = 0; i < text.len; i++) {
		const char *digits = "0123456789abcdef";
		const char *at = text.ptr[i] ? strchr(digits, text.ptr[i] | 0x20) : NULL;

		if (!at)
			return false;
		key[i / 2] = (unsigned char)((i % 2 ? key[i / 2] << 4 : 0) | (at - digits));
	}
	return true;
}

bool is_sealed(struct gw_str bytes)
{
	return bytes.len >= SEAL_MORE && memcmp(bytes.ptr, MARK, MARK_LEN) == 0;
}

bool seal(const unsigned char key[SEAL_KEY], struct gw_str name, struct gw_str text, void *out)
{
	unsigned char *nonce = (unsigned char *)out + MARK_LEN, *body = nonce + NONCE;
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int len;
	bool done;

	memcpy(out, MARK, MARK_LEN);
	done = context && RAND_bytes(nonce, NONCE) == 1 &&
	       EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
	       EVP_EncryptUpdate(context, NULL, &len, (const unsigned char *)name.ptr,
				 (int)name.len) == 1 &&
	       EVP_EncryptUpdate(context, body, &len, (const unsigned char *)text.ptr,
				 (int)text.len) == 1 &&
	       EVP_EncryptFinal_ex(context, body + len, &len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG, body + text.len) == 1;
	EVP_CIPHER_CTX_free(context);
	return done;
}

long unseal(const unsigned char key[SEAL_KEY], struct gw_str name, struct gw_str bytes, void *out)
{
	const unsigned char *nonce = (const unsigned char *)bytes.ptr + MARK_LEN;
	const unsigned char *body = nonce + NONCE;
	long size = (long)bytes.len - SEAL_MORE;
	EVP_CIPHER_CTX *context;
	int len;
	bool done;

	if (!is_sealed(bytes))
		return -1;
	context = EVP_CIPHER_CTX_new();
	done = context && EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
	       EVP_DecryptUpdate(context, NULL, &len, (const unsigned char *)name.ptr,
				 (int)name.len) == 1 &&
	       EVP_DecryptUpdate(context, out, &len, body, (int)size) == 1 &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG, (void *)(body + size)) ==
		       1 &&
	       EVP_DecryptFinal_ex(context, (unsigned char *)out + len, &len) == 1;
	EVP_CIPHER_CTX_free(context);
	return done ? size : -1;
}

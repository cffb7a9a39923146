#include "keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

/* --- hexadecimal digits --- */

void hex_write(char out[2 * KEY_SIZE + 1], const unsigned char octets[KEY_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < KEY_SIZE; i++) {
		out[2 * i] = digits[octets[i] >> 4];
		out[2 * i + 1] = digits[octets[i] & 15];
	}
	out[2 * KEY_SIZE] = '\0';
}

bool hex_read(struct gw_str text, unsigned char octets[KEY_SIZE])
{
	char digits[2 * KEY_SIZE + 1] = "";
	size_t got = 0;
	bool good = text.len == 2 * KEY_SIZE;

	if (good)
		memcpy(digits, text.ptr, text.len);
	good = good && OPENSSL_hexstr2buf_ex(octets, KEY_SIZE, &got, digits, '\0') == 1 &&
	       got == KEY_SIZE;
	OPENSSL_cleanse(digits, sizeof digits);
	return good;
}

/* --- files of keys: 64 hexadecimal digits a line, the first is used, the others are known --- */

/* The number of keys; -1 with *why. */
static int read_file(const char *path, unsigned char (*keys)[KEY_SIZE], size_t room,
		     const char **why)
{
	char line[200];
	size_t count = 0;
	FILE *file = fopen(path, "re");

	if (!file) {
		*why = strerrordesc_np(errno);
		return -1;
	}
	while (count < room && fgets(line, sizeof line, file)) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (!hex_read(gw_str_n(line, strcspn(line, "\r\n")), keys[count])) {
			*why = "a line is no key: 64 hexadecimal digits are one";
			fclose(file);
			return -1;
		}
		count++;
	}
	OPENSSL_cleanse(line, sizeof line);
	fclose(file);
	if (count == 0)
		*why = "there is no key in it";
	return count ? (int)count : -1;
}

/* Whole and on disk under its name, or not there. */
static int make_file(const char *path)
{
	unsigned char key[KEY_SIZE];
	char text[2 * KEY_SIZE + 2], temporary[4096];
	int file, done;

	if (RAND_bytes(key, sizeof key) != 1 ||
	    snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
		return -1;
	hex_write(text, key);
	text[2 * KEY_SIZE] = '\n';
	file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file < 0)
		return -1;
	done = write(file, text, 2 * KEY_SIZE + 1) == 2 * KEY_SIZE + 1 && fsync(file) == 0;
	close(file);
	OPENSSL_cleanse(text, sizeof text);
	OPENSSL_cleanse(key, sizeof key);
	return done && rename(temporary, path) == 0 ? 0 : -1;
}

static int read_or_make(const char *path, unsigned char (*keys)[KEY_SIZE], size_t room,
			const char **why)
{
	if (access(path, F_OK) != 0 && errno == ENOENT && make_file(path) != 0) {
		*why = strerrordesc_np(errno);
		return -1;
	}
	return read_file(path, keys, room, why);
}

int keys_read(struct keys *keys, const char *wrap, const char *sign, const char **why)
{
	unsigned char secret[1][KEY_SIZE];
	int count = *wrap ? read_or_make(wrap, keys->wrap, KEYS_MAX, why) : 0;

	keys->sign = NULL;
	keys->gcm = NULL;
	keys->count = count > 0 ? (size_t)count : 0;
	if (count < 0 || read_or_make(sign, secret, 1, why) < 0)
		return -1;
	keys->sign = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret[0], KEY_SIZE);
	OPENSSL_cleanse(secret, sizeof secret);
	keys->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	if (!keys->sign || !keys->gcm)
		*why = "no memory";
	return keys->sign && keys->gcm ? 0 : -1;
}

void keys_finish(struct keys *keys)
{
	EVP_PKEY_free(keys->sign);
	EVP_CIPHER_free(keys->gcm);
	OPENSSL_cleanse(keys, sizeof *keys);
}

/* --- wrapping: AES-256-GCM --- */

/* For archives without a key file: known to everybody, and no secret. */
static const unsigned char open_key[KEY_SIZE] = "gateway archive without key file";

static bool gcm_wrap(const struct keys *keys, const unsigned char *key, struct gw_str about,
		     unsigned char *slot, EVP_CIPHER_CTX *gcm)
{
	const unsigned char *with = keys->count ? keys->wrap[0] : open_key;
	int len;

	return EVP_EncryptInit_ex(gcm, keys->gcm, NULL, with, slot) == 1 &&
	       EVP_EncryptUpdate(gcm, NULL, &len, (const unsigned char *)about.ptr,
				 (int)about.len) == 1 &&
	       EVP_EncryptUpdate(gcm, slot + NONCE_SIZE, &len, key, KEY_SIZE) == 1 &&
	       EVP_EncryptFinal_ex(gcm, slot + NONCE_SIZE + KEY_SIZE, &len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_GCM_GET_TAG, TAG_SIZE,
				   slot + NONCE_SIZE + KEY_SIZE) == 1;
}

bool keys_wrap(const struct keys *keys, const unsigned char key[KEY_SIZE],
	       const unsigned char nonce[NONCE_SIZE], struct gw_str about,
	       unsigned char slot[SLOT_SIZE], EVP_CIPHER_CTX *gcm)
{
	memset(slot, 0, SLOT_SIZE);
	memcpy(slot, nonce, NONCE_SIZE);
	return gcm_wrap(keys, key, about, slot, gcm);
}

static bool gcm_unwrap(const struct keys *keys, const unsigned char *with,
		       const unsigned char *slot, struct gw_str about, unsigned char *key,
		       EVP_CIPHER_CTX *gcm)
{
	unsigned char tag[TAG_SIZE];
	int len;

	memcpy(tag, slot + NONCE_SIZE + KEY_SIZE, TAG_SIZE);
	return EVP_DecryptInit_ex(gcm, keys->gcm, NULL, with, slot) == 1 &&
	       EVP_DecryptUpdate(gcm, NULL, &len, (const unsigned char *)about.ptr,
				 (int)about.len) == 1 &&
	       EVP_DecryptUpdate(gcm, key, &len, slot + NONCE_SIZE, KEY_SIZE) == 1 &&
	       EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag) == 1 &&
	       EVP_DecryptFinal_ex(gcm, tag, &len) == 1;
}

enum slot_state keys_unwrap(const struct keys *keys, const unsigned char slot[SLOT_SIZE],
			    struct gw_str about, unsigned char key[KEY_SIZE], EVP_CIPHER_CTX *gcm)
{
	static const unsigned char zeros[SLOT_SIZE];
	size_t i;

	if (memcmp(slot, zeros, SLOT_SIZE) == 0)
		return SLOT_DESTROYED;
	if (memcmp(slot + SLOT_SIZE - 4, zeros, 4) != 0)
		return SLOT_DAMAGED;
	for (i = 0; i < keys->count; i++)
		if (gcm_unwrap(keys, keys->wrap[i], slot, about, key, gcm))
			return SLOT_GOOD;
	return gcm_unwrap(keys, open_key, slot, about, key, gcm) ? SLOT_GOOD : SLOT_DAMAGED;
}

/* --- signing: Ed25519 --- */

bool keys_sign(const struct keys *keys, struct gw_str text, unsigned char out[SIGNATURE_SIZE])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t len = SIGNATURE_SIZE;
	bool done = context && EVP_DigestSignInit(context, NULL, NULL, NULL, keys->sign) == 1 &&
		    EVP_DigestSign(context, out, &len, (const unsigned char *)text.ptr, text.len) ==
			    1;

	EVP_MD_CTX_free(context);
	return done;
}

bool keys_verify(const struct keys *keys, struct gw_str text,
		 const unsigned char signature[SIGNATURE_SIZE])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, keys->sign) == 1 &&
		    EVP_DigestVerify(context, signature, SIGNATURE_SIZE,
				     (const unsigned char *)text.ptr, text.len) == 1;

	EVP_MD_CTX_free(context);
	return good;
}

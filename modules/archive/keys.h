/* keys.h - what seals the archive's objects, and what signs its manifests.
 *
 * Each object has a key of its own. It lies beside the object, wrapped: by the first key of the key
 * file, or, where there is none, by one that everybody knows: then it does not hide the object, it
 * only makes it possible to destroy it. */
#ifndef ARCHIVE_KEYS_H
#define ARCHIVE_KEYS_H

#include <gateway/str.h>

#include <openssl/evp.h>

#define KEY_SIZE 32
#define SLOT_SIZE 64 /* nonce, wrapped key, tag, four zeros */
#define TAG_SIZE 16
#define NONCE_SIZE 12
#define SIGNATURE_SIZE 64
#define KEYS_MAX 16

struct keys {
	unsigned char wrap[KEYS_MAX][KEY_SIZE];
	size_t count; /* 0: no key file */
	EVP_PKEY *sign;
	EVP_CIPHER
	*gcm; /* AES-256-GCM: to look it up for each object takes longer than to seal it */
};

/* Both are made where they are not there; `wrap` "": no key file. 0, or -1 and *why. */
int keys_read(struct keys *keys, const char *wrap, const char *sign, const char **why);
void keys_finish(struct keys *keys);

/* Wraps the key; `nonce` is a random one, `about` what else the tag covers, `gcm` is used for it.
 */
bool keys_wrap(const struct keys *keys, const unsigned char key[KEY_SIZE],
	       const unsigned char nonce[NONCE_SIZE], struct gw_str about,
	       unsigned char slot[SLOT_SIZE], EVP_CIPHER_CTX *gcm);

enum slot_state { SLOT_GOOD, SLOT_DESTROYED, SLOT_DAMAGED };
/* DAMAGED also where the key file lacks the key that wrapped it. */
enum slot_state keys_unwrap(const struct keys *keys, const unsigned char slot[SLOT_SIZE],
			    struct gw_str about, unsigned char key[KEY_SIZE], EVP_CIPHER_CTX *gcm);

bool keys_sign(const struct keys *keys, struct gw_str text, unsigned char out[SIGNATURE_SIZE]);
bool keys_verify(const struct keys *keys, struct gw_str text,
		 const unsigned char signature[SIGNATURE_SIZE]);

/* KEY_SIZE octets (a key, a hash) as hexadecimal digits, and back: false where it is not that many
 * of them. */
void hex_write(char out[2 * KEY_SIZE + 1], const unsigned char octets[KEY_SIZE]);
bool hex_read(struct gw_str text, unsigned char octets[KEY_SIZE]);

#endif

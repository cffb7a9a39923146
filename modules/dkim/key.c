#include "key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define RSA_LEAST 1024 /* RFC 8301: verifiers take no less */
#define RSA_GOOD 2048
#define FILE_MAX (64 * 1024)

static bool fault(struct key_fault *fault, bool fatal, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static bool fault(struct key_fault *fault, bool fatal, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(fault->text, sizeof fault->text, format, args);
	va_end(args);
	fault->fatal = fatal;
	return !fatal;
}

/* A key with a passphrase is refused instead of asked for on a terminal that is not there. */
static int no_passphrase(char *out, int size, int writing, void *arg)
{
	*(bool *)arg = true;
	return -1;
}

static EVP_PKEY *read_pem(int fd, const char *path, struct key_fault *why)
{
	bool encrypted = false;
	EVP_PKEY *private = NULL;
	FILE *file = fdopen(fd, "r");

	if (!file) {
		close(fd);
		fault(why, true, "%s: %s", path, strerror(errno));
		return NULL;
	}
	private = PEM_read_PrivateKey(file, NULL, no_passphrase, &encrypted);
	fclose(file);
	ERR_clear_error();
	if (!private && encrypted)
		fault(why, true,
		      "%s: the key has a passphrase; a key for signing is kept without one, in a file of mode 0600",
		      path);
	else if (!private)
		fault(why, true, "%s: no private key in PEM form in it", path);
	return private;
}

/* Looks at what was opened, so that the file looked at is the file read. */
static EVP_PKEY *open_key(const char *path, struct key_fault *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat info;

	if (fd < 0 || fstat(fd, &info) != 0) {
		fault(why, true, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(info.st_mode) || info.st_size > FILE_MAX) {
		fault(why, true, "%s: not a key file", path);
	} else if (info.st_mode & (S_IROTH | S_IWOTH)) {
		fault(why, true,
		      "%s: everybody on this machine may read the private key or write it (mode %04o): chmod 0600 it",
		      path, (unsigned)info.st_mode & 07777);
	} else {
		return read_pem(fd, path, why);
	}
	if (fd >= 0)
		close(fd);
	return NULL;
}

static bool check_rsa(const struct key *key, const char *path, struct key_fault *why)
{
	if (key->bits < RSA_LEAST)
		return fault(why, true, "%s: an RSA key of %d bits; verifiers take no less than %d",
			     path, key->bits, RSA_LEAST);
	if (EVP_PKEY_get_size(key->private) > SIGNATURE_MAX)
		return fault(why, true, "%s: an RSA key of %d bits is too long", path, key->bits);
	if (key->bits < RSA_GOOD)
		return fault(why, false,
			     "%s: an RSA key of %d bits is weak; %d is what is used today", path,
			     key->bits, RSA_GOOD);
	return true;
}

/* The kind is looked at here: a signature with the wrong kind of key would be made, and be
 * worthless. */
static bool check_kind(struct key *key, const char *path, enum key_algorithm wanted,
		       struct key_fault *why)
{
	int id = EVP_PKEY_get_base_id(key->private);

	key->bits = EVP_PKEY_get_bits(key->private);
	key->algorithm = id == EVP_PKEY_RSA       ? KEY_RSA
			 : id == EVP_PKEY_ED25519 ? KEY_ED25519
						  : KEY_AUTO;
	if (key->algorithm == KEY_AUTO)
		return fault(why, true, "%s: a key of the kind %s; DKIM knows RSA and Ed25519",
			     path, EVP_PKEY_get0_type_name(key->private));
	if (wanted != KEY_AUTO && wanted != key->algorithm)
		return fault(why, true, "%s: an %s key, where algorithm says %s", path,
			     key->algorithm == KEY_RSA ? "RSA" : "Ed25519",
			     wanted == KEY_RSA ? "rsa" : "ed25519");
	return key->algorithm == KEY_ED25519 || check_rsa(key, path, why);
}

bool key_load(struct key *key, const char *path, enum key_algorithm wanted, struct key_fault *why)
{
	memset(why, 0, sizeof *why);
	key->private = open_key(path, why);
	return key->private && check_kind(key, path, wanted, why);
}

void key_finish(struct key *key)
{
	EVP_PKEY_free(key->private);
	free(key->domain);
	free(key->selector);
	memset(key, 0, sizeof *key);
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

bool key_name_ok(struct gw_str name)
{
	size_t i, label = 0;

	if (name.len == 0 || name.len > 253)
		return false;
	for (i = 0; i < name.len; i++) {
		if (name.ptr[i] == '.' ? label == 0 : !is_name_char(name.ptr[i]))
			return false;
		label = name.ptr[i] == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0;
}

void key_name(const struct key *key, char out[KEY_NAME_MAX])
{
	snprintf(out, KEY_NAME_MAX, "%s._domainkey.%s", key->selector, key->domain);
}

static void add_base64(struct text *out, const unsigned char *bytes, size_t len)
{
	unsigned char line[65];

	for (; len; bytes += len < 48 ? len : 48, len -= len < 48 ? len : 48)
		text_add(out, line,
			 (size_t)EVP_EncodeBlock(line, bytes, (int)(len < 48 ? len : 48)));
}

/* RFC 8463: an Ed25519 key is published bare; RFC 6376: an RSA key as SubjectPublicKeyInfo. */
void key_record(const struct key *key, struct text *out)
{
	unsigned char bare[32], *der = NULL;
	size_t len = sizeof bare;
	int size;

	if (key->algorithm == KEY_ED25519) {
		text_print(out, "v=DKIM1; k=ed25519; p=");
		if (EVP_PKEY_get_raw_public_key(key->private, bare, &len) == 1)
			add_base64(out, bare, len);
		return;
	}
	text_print(out, "v=DKIM1; k=rsa; p=");
	size = i2d_PUBKEY(key->private, &der);
	if (size > 0)
		add_base64(out, der, (size_t)size);
	OPENSSL_free(der);
}

static bool sign_rsa(EVP_PKEY_CTX *context, const unsigned char *hash, unsigned char *signature,
		     size_t *len)
{
	return EVP_PKEY_sign_init(context) == 1 &&
	       EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
	       EVP_PKEY_sign(context, signature, len, hash, 32) == 1;
}

static size_t rsa_signature(EVP_PKEY *private, const unsigned char *hash, unsigned char *signature)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(private, NULL);
	size_t len = SIGNATURE_MAX;
	bool done = context && sign_rsa(context, hash, signature, &len);

	EVP_PKEY_CTX_free(context);
	return done ? len : 0;
}

static size_t ed25519_signature(EVP_PKEY *private, const unsigned char *hash,
				unsigned char *signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t len = SIGNATURE_MAX;
	bool done = context && EVP_DigestSignInit(context, NULL, NULL, NULL, private) == 1 &&
		    EVP_DigestSign(context, signature, &len, hash, 32) == 1;

	EVP_MD_CTX_free(context);
	return done ? len : 0;
}

size_t key_sign(const struct key *key, const unsigned char hash[32],
		unsigned char signature[SIGNATURE_MAX])
{
	if (key->algorithm == KEY_ED25519)
		return ed25519_signature(key->private, hash, signature);
	return rsa_signature(key->private, hash, signature);
}

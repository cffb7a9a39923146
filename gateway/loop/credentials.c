#include "loop/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RSA_BITS 2048
#define DAYS 3650

/* What is to be written of it. */
static bool write_key(FILE *file, void *what)
{
	return PEM_write_PrivateKey(file, what, NULL, NULL, 0, NULL, NULL) == 1;
}

static bool write_certificate(FILE *file, void *what)
{
	return PEM_write_X509(file, what) == 1;
}

static int write_new(const char *path, bool (*write)(FILE *file, void *what), void *what)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	bool written = write(file, what) && fflush(file) == 0 && fsync(fd) == 0;
	if (fclose(file) == 0 && written)
		return 0;
	unlink(path);
	errno = EIO;
	return -1;
}

/* --- the certificate --- */

static bool add_extension(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool fine = extension && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return fine;
}

static bool set_serial(X509 *certificate)
{
	uint32_t serial;
	return RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1 &&
	       ASN1_INTEGER_set(X509_get_serialNumber(certificate), (long)(serial >> 1)) == 1;
}

static bool fill(X509 *certificate, EVP_PKEY *key, const char *hostname)
{
	char names[300];
	X509_NAME *name = X509_get_subject_name(certificate);
	snprintf(names, sizeof(names), "DNS:%s", hostname);
	return X509_set_version(certificate, 2) == 1 && set_serial(certificate) &&
	       X509_gmtime_adj(X509_getm_notBefore(certificate), 0) &&
	       X509_time_adj_ex(X509_getm_notAfter(certificate), DAYS, 0, NULL) &&
	       X509_set_pubkey(certificate, key) == 1 &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
					  (const unsigned char *)hostname, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(certificate, name) == 1 &&
	       add_extension(certificate, NID_subject_alt_name, names) &&
	       X509_sign(certificate, key, EVP_sha256()) > 0;
}

int credentials_self_signed(const char *hostname, const char *certificate, const char *key)
{
	EVP_PKEY *pair = EVP_RSA_gen(RSA_BITS);
	X509 *x509 = X509_new();
	int result = -1;
	if (!pair || !x509 || !fill(x509, pair, hostname))
		errno = EINVAL;
	else if (write_new(key, write_key, pair) == 0 &&
		 (result = write_new(certificate, write_certificate, x509)) != 0)
		unlink(key);
	X509_free(x509);
	EVP_PKEY_free(pair);
	return result;
}

/* --- the signing key --- */

static bool add_record(EVP_PKEY *pair, struct buf *record)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(pair, &der);
	char *text = len > 0 ? malloc((size_t)len * 4 / 3 + 8) : NULL;
	bool fine = text && EVP_EncodeBlock((unsigned char *)text, der, len) > 0 &&
		    buf_printf(record, "v=DKIM1; k=rsa; p=%s", text) == 0;
	free(text);
	OPENSSL_free(der);
	return fine;
}

int credentials_dkim(const char *path, struct buf *record)
{
	EVP_PKEY *pair = EVP_RSA_gen(RSA_BITS);
	int result = -1;
	if (!pair || !add_record(pair, record))
		errno = ENOMEM;
	else
		result = write_new(path, write_key, pair);
	EVP_PKEY_free(pair);
	return result;
}

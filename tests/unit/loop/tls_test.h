/* tls_test.h - certificates made for a test, in a temporary folder. */
#ifndef TLS_TEST_H
#define TLS_TEST_H

#include "loop_test.h"

#include "loop/tls.h"

#include <sys/stat.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

static char folder[64];

struct made {
	X509 *certificate;
	EVP_PKEY *key;
	char certificate_path[128], key_path[128];
};

struct wanted {
	const char *name;    /* of the files, and CN */
	const char *alt;     /* "DNS:mail.example" */
	struct made *issuer; /* NULL: itself */
	int days;            /* from now until the end; negative: expired */
	const char *passphrase;
	bool rsa; /* else EC */
};

UNUSED static char *path_in(char *path, const char *name, const char *suffix)
{
	snprintf(path, 128, "%s/%s%s", folder, name, suffix);
	return path;
}

UNUSED static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_non_null(extension);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

UNUSED static void write_made(struct made *made, const struct wanted *wanted)
{
	FILE *file = fopen(path_in(made->certificate_path, wanted->name, ".crt"), "w");

	assert_non_null(file);
	PEM_write_X509(file, made->certificate);
	fclose(file);
	file = fopen(path_in(made->key_path, wanted->name, ".key"), "w");
	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	PEM_write_PKCS8PrivateKey(
		file, made->key, wanted->passphrase != NULL ? EVP_aes_128_cbc() : NULL,
		wanted->passphrase,
		wanted->passphrase != NULL ? (int)strlen(wanted->passphrase) : 0, NULL, NULL);
	fclose(file);
}

UNUSED static struct made make_certificate(struct wanted wanted)
{
	static int serial;
	struct made made = { X509_new(), wanted.rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"), "",
			     "" };
	struct made *issuer = wanted.issuer != NULL ? wanted.issuer : &made;
	X509_NAME *name = X509_get_subject_name(made.certificate);

	X509_set_version(made.certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(made.certificate), -30L * 86400);
	X509_gmtime_adj(X509_getm_notAfter(made.certificate), wanted.days * 86400L);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)wanted.name, -1,
				   -1, 0);
	X509_set_issuer_name(made.certificate, X509_get_subject_name(issuer->certificate));
	X509_set_pubkey(made.certificate, made.key);
	if (wanted.alt != NULL)
		add_extension(made.certificate, issuer->certificate, NID_subject_alt_name,
			      wanted.alt);
	else
		add_extension(made.certificate, issuer->certificate, NID_basic_constraints,
			      "critical,CA:TRUE");
	assert_true(X509_sign(made.certificate, issuer->key, EVP_sha256()) > 0);
	write_made(&made, &wanted);
	return made;
}

UNUSED static void made_finish(struct made *made)
{
	X509_free(made->certificate);
	EVP_PKEY_free(made->key);
}

UNUSED static void folder_create(void)
{
	snprintf(folder, sizeof(folder), "/tmp/tls-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
}

UNUSED static int remove_one(const char *path, const struct stat *status, int kind,
			     struct FTW *walk)
{
	return remove(path);
}

UNUSED static void folder_remove(void)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

UNUSED static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *file = fopen(path_in(path, name, ""), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

#endif

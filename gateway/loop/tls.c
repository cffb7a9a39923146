#include "loop/tls_private.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define SOON (14 * 24 * 3600)

int tls_complain(struct tls_loading *loading, const char *what, struct gw_str path, const char *why)
{
	problem_add(loading->problems, true, loading->file, loading->line, "%s \"%s\": %s", what,
		    path.ptr, why != NULL ? why : "unusable");
	return -1;
}

const char *tls_reason(void)
{
	unsigned long error = ERR_peek_error();
	const char *reason = ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error))
						     : ERR_reason_error_string(error);

	ERR_clear_error();
	return reason;
}

/* Never NULL as a callback: OpenSSL would ask on the terminal. */
static int give_passphrase(char *text, int size, int writing, void *arg)
{
	struct tls_loading *loading = arg;

	loading->asked = true;
	if (loading->passphrase.len == 0 || loading->passphrase.len > (size_t)size)
		return -1;
	memcpy(text, loading->passphrase.ptr, loading->passphrase.len);
	return (int)loading->passphrase.len;
}

/* What there is in the place of a key; NULL: nothing that is known. */
static const char *instead_of_key(struct gw_str path)
{
	FILE *file = fopen(path.ptr, "r");
	X509 *certificate = file != NULL ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
	bool is = certificate != NULL;

	X509_free(certificate);
	if (file != NULL)
		fclose(file);
	return is ? "a certificate and no key is in it: the key's own file is wanted" : NULL;
}

static const char *key_reason(const struct tls_loading *loading, struct gw_str path)
{
	unsigned long error = ERR_peek_last_error();
	const char *instead;

	if (ERR_GET_LIB(error) == ERR_LIB_X509 &&
	    ERR_GET_REASON(error) == X509_R_KEY_VALUES_MISMATCH)
		return "the key does not match the certificate";
	if (loading->asked)
		return loading->passphrase.len == 0
			       ? "the key is encrypted and there is no passphrase"
			       : "the passphrase is wrong";
	if (ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_OSSL_DECODER) {
		instead = instead_of_key(path);
		ERR_clear_error();
		return instead != NULL ? instead : "there is no key in PEM form in it";
	}
	return tls_reason();
}

static const char *certificate_reason(void)
{
	unsigned long error = ERR_peek_error();

	if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
		return tls_reason();
	ERR_clear_error();
	return "no start line: there is no certificate in PEM form in it";
}

static int load_key(struct tls_loading *loading, SSL_CTX *ctx, struct gw_str key)
{
	int done;

	loading->asked = false;
	SSL_CTX_set_default_passwd_cb(ctx, give_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, loading);
	done = SSL_CTX_use_PrivateKey_file(ctx, key.ptr, SSL_FILETYPE_PEM);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
	if (done != 1)
		return tls_complain(loading, "key", key, key_reason(loading, key));
	if (SSL_CTX_check_private_key(ctx) != 1)
		return tls_complain(loading, "key", key, "the key does not match the certificate");
	return 0;
}

void tls_warn(struct tls_loading *loading, const char *what, struct gw_str path, const char *why)
{
	problem_add(loading->problems, false, loading->file, loading->line, "%s \"%s\": %s", what,
		    path.ptr, why);
}

/* Nobody looks at a certificate until clients refuse it. */
const char *tls_date_trouble(const X509 *certificate)
{
	time_t soon = time(NULL) + SOON;

	if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
		return "it is not valid yet";
	if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
		return "it has expired: who verifies it does not connect any more";
	return X509_cmp_time(X509_get0_notAfter(certificate), &soon) < 0
		       ? "it expires within 14 days"
		       : NULL;
}

static void check_dates(struct tls_loading *loading, const X509 *certificate, struct gw_str path)
{
	const char *why = tls_date_trouble(certificate);

	if (why)
		tls_warn(loading, "certificate", path, why);
}

static void check_mode(struct tls_loading *loading, struct gw_str key)
{
	struct stat info;

	if (stat(key.ptr, &info) == 0 && (info.st_mode & (S_IROTH | S_IWOTH)))
		tls_warn(
			loading, "key", key,
			"everybody on this machine may read the private key or write it: chmod o-rwx it");
}

int tls_load_pair(struct tls_loading *loading, SSL_CTX *ctx, const struct tls_pair *pair)
{
	struct gw_str key = pair->key.len != 0 ? pair->key : pair->certificate;

	ERR_clear_error();
	loading->passphrase = pair->passphrase;
	if (SSL_CTX_use_certificate_chain_file(ctx, pair->certificate.ptr) != 1)
		return tls_complain(loading, "certificate", pair->certificate,
				    certificate_reason());
	if (load_key(loading, ctx, key) < 0)
		return -1;
	check_dates(loading, SSL_CTX_get0_certificate(ctx), pair->certificate);
	check_mode(loading, key);
	return 0;
}

int tls_load_ca(struct tls_loading *loading, SSL_CTX *ctx, struct gw_str ca)
{
	ERR_clear_error();
	if (ca.len == 0 && SSL_CTX_set_default_verify_paths(ctx) != 1)
		return tls_complain(loading, "certificates of the system", ca, tls_reason());
	if (ca.len != 0 && SSL_CTX_load_verify_file(ctx, ca.ptr) != 1)
		return tls_complain(loading, "CA file", ca, tls_reason());
	return 0;
}

static int set_up(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* one read for a record, not one for its head and one for its body */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 ? 0 : -1;
}

SSL_CTX *tls_ctx_create(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (ctx != NULL && set_up(ctx) == 0)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

static struct tls_context *create(const SSL_METHOD *method)
{
	struct tls_context *tls = calloc(1, sizeof(*tls));

	if (tls == NULL)
		return NULL;
	atomic_init(&tls->references, 1);
	pthread_mutex_init(&tls->lock, NULL);
	tls->ctx = tls_ctx_create(method);
	if (tls->ctx != NULL)
		return tls;
	tls_release(tls);
	return NULL;
}

int tls_begin(struct tls_loading *loading, const SSL_METHOD *method)
{
	loading->tls = create(method);
	if (loading->tls != NULL)
		return 0;
	problem_add(loading->problems, true, loading->file, loading->line,
		    "TLS cannot be set up: %s", tls_reason());
	return -1;
}

/* Public authorities issue none for clients any more, and a next hop may look. */
static int load_own(struct tls_loading *loading, const struct tls_pair *pair)
{
	SSL_CTX *ctx = loading->tls->ctx;

	if (tls_load_pair(loading, ctx, pair) < 0)
		return -1;
	if (X509_check_purpose(SSL_CTX_get0_certificate(ctx), X509_PURPOSE_SSL_CLIENT, 0) != 1)
		tls_warn(loading, "certificate", pair->certificate,
			 "its key usage is not that of a TLS client: next hops may refuse it");
	return 0;
}

static int set_up_client(struct tls_loading *loading, const struct tls_client_options *options)
{
	if (SSL_CTX_dane_enable(loading->tls->ctx) != 1 || tls_sessions_init(loading->tls) < 0 ||
	    !tls_pins_load(loading->tls, &options->pins))
		return tls_complain(loading, "certificate", options->pair.certificate,
				    "out of memory");
	if (options->verify && tls_load_ca(loading, loading->tls->ctx, options->ca) < 0)
		return -1;
	return options->pair.certificate.len != 0 ? load_own(loading, &options->pair) : 0;
}

struct tls_context *tls_client_create(const struct tls_client_options *options, const char *file,
				      int line, struct problems *problems)
{
	struct tls_loading loading = { .file = file, .line = line, .problems = problems };

	if (tls_begin(&loading, TLS_client_method()) < 0)
		return NULL;
	if (set_up_client(&loading, options) == 0)
		return loading.tls;
	tls_release(loading.tls);
	return NULL;
}

struct tls_context *tls_hold(struct tls_context *tls)
{
	atomic_fetch_add_explicit(&tls->references, 1, memory_order_relaxed);
	return tls;
}

void tls_release(struct tls_context *tls)
{
	if (tls == NULL ||
	    atomic_fetch_sub_explicit(&tls->references, 1, memory_order_acq_rel) != 1)
		return;
	tls_sessions_finish(tls);
	tls_server_finish(tls);
	free(tls->pins);
	SSL_CTX_free(tls->ctx);
	pthread_mutex_destroy(&tls->lock);
	free(tls);
}

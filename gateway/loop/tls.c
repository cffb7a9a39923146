#include "loop/tls_private.h"

#include <openssl/err.h>
#include <openssl/x509err.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define SOON (14 * 24 * 3600)

/* What is being loaded, and where its problems go. */
struct loading {
	struct tls_context *tls;
	const char *file;
	int line;
	struct problems *problems;
	struct gw_str passphrase;
	bool asked; /* for the passphrase: the key is encrypted */
};

static int complain(struct loading *loading, const char *what, struct gw_str path, const char *why)
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
	struct loading *loading = arg;

	loading->asked = true;
	if (loading->passphrase.len == 0 || loading->passphrase.len > (size_t)size)
		return -1;
	memcpy(text, loading->passphrase.ptr, loading->passphrase.len);
	return (int)loading->passphrase.len;
}

static const char *key_reason(const struct loading *loading)
{
	unsigned long error = ERR_peek_last_error();

	if (ERR_GET_LIB(error) == ERR_LIB_X509 &&
	    ERR_GET_REASON(error) == X509_R_KEY_VALUES_MISMATCH)
		return "the key does not match the certificate";
	if (loading->asked)
		return loading->passphrase.len == 0
			       ? "the key is encrypted and there is no passphrase"
			       : "the passphrase is wrong";
	return tls_reason();
}

static int load_key(struct loading *loading, struct gw_str key)
{
	SSL_CTX *ctx = loading->tls->ctx;
	int done;

	SSL_CTX_set_default_passwd_cb(ctx, give_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, loading);
	done = SSL_CTX_use_PrivateKey_file(ctx, key.ptr, SSL_FILETYPE_PEM);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
	if (done != 1)
		return complain(loading, "key", key, key_reason(loading));
	if (SSL_CTX_check_private_key(ctx) != 1)
		return complain(loading, "key", key, "the key does not match the certificate");
	return 0;
}

static void warn(struct loading *loading, const char *what, struct gw_str path, const char *why)
{
	problem_add(loading->problems, false, loading->file, loading->line, "%s \"%s\": %s", what,
		    path.ptr, why);
}

/* Nobody looks at a certificate until clients refuse it. */
const char *tls_server_trouble(const struct tls_context *tls)
{
	const X509 *x509 = SSL_CTX_get0_certificate(tls->ctx);
	time_t soon = time(NULL) + SOON;
	if (!x509)
		return NULL;
	if (X509_cmp_current_time(X509_get0_notBefore(x509)) > 0)
		return "it is not valid yet";
	if (X509_cmp_current_time(X509_get0_notAfter(x509)) < 0)
		return "it has expired: who verifies it does not connect any more";
	return X509_cmp_time(X509_get0_notAfter(x509), &soon) < 0 ? "it expires within 14 days"
								  : NULL;
}

static void check_dates(struct loading *loading, struct gw_str certificate)
{
	const char *why = tls_server_trouble(loading->tls);
	if (why)
		warn(loading, "certificate", certificate, why);
}

static void check_mode(struct loading *loading, struct gw_str key)
{
	struct stat info;

	if (stat(key.ptr, &info) == 0 && (info.st_mode & (S_IROTH | S_IWOTH)))
		warn(loading, "key", key,
		     "everybody on this machine may read the private key or write it: chmod o-rwx it");
}

static int load_certificate(struct loading *loading, struct gw_str certificate, struct gw_str key)
{
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(loading->tls->ctx, certificate.ptr) != 1)
		return complain(loading, "certificate", certificate, tls_reason());
	if (load_key(loading, key.len != 0 ? key : certificate) < 0)
		return -1;
	check_dates(loading, certificate);
	check_mode(loading, key.len != 0 ? key : certificate);
	return 0;
}

static int load_ca(struct loading *loading, struct gw_str ca)
{
	ERR_clear_error();
	if (ca.len == 0 && SSL_CTX_set_default_verify_paths(loading->tls->ctx) != 1)
		return complain(loading, "certificates of the system", ca, tls_reason());
	if (ca.len != 0 && SSL_CTX_load_verify_file(loading->tls->ctx, ca.ptr) != 1)
		return complain(loading, "CA file", ca, tls_reason());
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

static struct tls_context *create(const SSL_METHOD *method)
{
	struct tls_context *tls = calloc(1, sizeof(*tls));

	if (tls == NULL)
		return NULL;
	atomic_init(&tls->references, 1);
	pthread_mutex_init(&tls->lock, NULL);
	tls->ctx = SSL_CTX_new(method);
	if (tls->ctx == NULL || set_up(tls->ctx) < 0) {
		tls_release(tls);
		return NULL;
	}
	return tls;
}

static int ask_clients(struct loading *loading, struct gw_str ca)
{
	STACK_OF(X509_NAME) * names;

	if (load_ca(loading, ca) < 0)
		return -1;
	names = SSL_load_client_CA_file(ca.ptr);
	if (names == NULL)
		return complain(loading, "CA file", ca, tls_reason());
	SSL_CTX_set_client_CA_list(loading->tls->ctx, names);
	SSL_CTX_set_verify(loading->tls->ctx, SSL_VERIFY_PEER, NULL);
	return 0;
}

static int set_up_server(struct loading *loading, const struct tls_server_options *options)
{
	static const unsigned char id[] = "gateway";
	SSL_CTX *ctx = loading->tls->ctx;

	SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1);
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_dh_auto(ctx, 1);
	if (load_certificate(loading, options->certificate, options->key) < 0)
		return -1;
	return options->client_ca.len != 0 ? ask_clients(loading, options->client_ca) : 0;
}

static int set_up_client(struct loading *loading, const struct tls_client_options *options)
{
	SSL_CTX_set_verify(loading->tls->ctx, options->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
			   NULL);
	if (tls_sessions_init(loading->tls) < 0)
		return complain(loading, "certificate", options->certificate, "out of memory");
	if (options->verify && load_ca(loading, options->ca) < 0)
		return -1;
	return options->certificate.len != 0
		       ? load_certificate(loading, options->certificate, options->key)
		       : 0;
}

struct tls_context *tls_server_create(const struct tls_server_options *options, const char *file,
				      int line, struct problems *problems)
{
	struct loading loading = { create(TLS_server_method()), file, line, problems,
				   options->passphrase,         false };

	if (loading.tls == NULL) {
		problem_add(problems, true, file, line, "TLS cannot be set up: %s", tls_reason());
		return NULL;
	}
	if (set_up_server(&loading, options) == 0)
		return loading.tls;
	tls_release(loading.tls);
	return NULL;
}

struct tls_context *tls_client_create(const struct tls_client_options *options, const char *file,
				      int line, struct problems *problems)
{
	struct loading loading = { create(TLS_client_method()), file, line, problems,
				   options->passphrase,         false };

	if (loading.tls == NULL) {
		problem_add(problems, true, file, line, "TLS cannot be set up: %s", tls_reason());
		return NULL;
	}
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
	SSL_CTX_free(tls->ctx);
	pthread_mutex_destroy(&tls->lock);
	free(tls);
}

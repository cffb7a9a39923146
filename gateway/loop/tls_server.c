/* tls_server.c - what a listener shows, by the name that a client asks for, and what it makes of
 * the certificates of clients.
 *
 * Certificates of the same names lie in one SSL_CTX, one for each kind of key, and OpenSSL takes
 * the one that the client can read. Every other set of names has an SSL_CTX of its own. */
#include "loop/tls_private.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define CHAIN_MOST 10 /* certificates between a client's and its authority's */

enum kind { KIND_RSA = 1, KIND_EC = 2, KIND_OTHER = 4 };

static enum kind kind_of(const X509 *certificate)
{
	const EVP_PKEY *key = X509_get0_pubkey(certificate);
	int id = key != NULL ? EVP_PKEY_get_base_id(key) : 0;

	return id == EVP_PKEY_RSA ? KIND_RSA : id == EVP_PKEY_EC ? KIND_EC : KIND_OTHER;
}

/* --- which one is shown --- */

static bool has_name(const GENERAL_NAMES *names, const GENERAL_NAME *wanted)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(names, i), (GENERAL_NAME *)wanted) == 0)
			return true;
	return false;
}

static bool has_names(const GENERAL_NAMES *names, const GENERAL_NAMES *wanted)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(wanted); i++)
		if (!has_name(names, sk_GENERAL_NAME_value(wanted, i)))
			return false;
	return true;
}

static bool same_names(const X509 *a, const X509 *b)
{
	GENERAL_NAMES *of_a = X509_get_ext_d2i(a, NID_subject_alt_name, NULL, NULL),
		      *of_b = X509_get_ext_d2i(b, NID_subject_alt_name, NULL, NULL);
	bool same = of_a != NULL && of_b != NULL && has_names(of_a, of_b) && has_names(of_b, of_a);

	GENERAL_NAMES_free(of_a);
	GENERAL_NAMES_free(of_b);
	return same;
}

static int choose(SSL *ssl, int *alert, void *arg)
{
	const struct tls_context *tls = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	for (size_t i = 0; name != NULL && i < tls->shown_count; i++) {
		if (X509_check_host(tls->shown[i].leaf, name, 0,
				    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) != 1)
			continue;
		SSL_set_SSL_CTX(ssl, tls->shown[i].ctx);
		break;
	}
	return SSL_TLSEXT_ERR_OK;
}

/* --- clients' certificates --- */

/* What the certificate is worth stays in the verify result. */
static int look(X509_STORE_CTX *store, void *arg)
{
	if (X509_verify_cert(store) <= 0 && X509_STORE_CTX_get_error(store) == X509_V_OK)
		X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
	return 1;
}

static int name_authorities(struct tls_loading *loading, SSL_CTX *ctx, struct gw_str ca)
{
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca.ptr);

	if (names == NULL)
		return tls_complain(loading, "CA file", ca, tls_reason());
	SSL_CTX_set_client_CA_list(ctx, names);
	return 0;
}

/* Who is in need of one without an authority to vouch for it is known by its fingerprint. */
static int ask_clients(struct tls_loading *loading, SSL_CTX *ctx,
		       const struct tls_server_options *options)
{
	bool required = options->clients == TLS_CLIENTS_REQUIRED, vouched = options->client_ca.len;

	if (options->clients == TLS_CLIENTS_UNASKED)
		return 0;
	if (vouched && (tls_load_ca(loading, ctx, options->client_ca) < 0 ||
			name_authorities(loading, ctx, options->client_ca) < 0))
		return -1;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
			   NULL);
	SSL_CTX_set_verify_depth(ctx, CHAIN_MOST);
	if (!required || !vouched)
		SSL_CTX_set_cert_verify_callback(ctx, look, NULL);
	return 0;
}

/* --- making one --- */

static int set_up(struct tls_loading *loading, SSL_CTX *ctx,
		  const struct tls_server_options *options)
{
	static const unsigned char id[] = "gateway";
	struct gw_str ciphers = options->ciphers;

	SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1);
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_dh_auto(ctx, 1);
	SSL_CTX_set_tlsext_servername_callback(ctx, choose);
	SSL_CTX_set_tlsext_servername_arg(ctx, loading->tls);
	ERR_clear_error();
	if (ciphers.len != 0 && SSL_CTX_set_cipher_list(ctx, ciphers.ptr) != 1)
		return tls_complain(loading, "ciphers", ciphers, "none of them is known");
	if (options->only_13)
		SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	return ask_clients(loading, ctx, options);
}

static void keep(struct tls_context *tls, X509 *leaf)
{
	X509_up_ref(leaf);
	tls->leaves[tls->leaf_count++] = leaf;
}

static struct tls_shown *find_like(const struct tls_context *tls, const X509 *leaf)
{
	for (size_t i = 0; i < tls->shown_count; i++)
		if (same_names(tls->shown[i].leaf, leaf))
			return &tls->shown[i];
	return NULL;
}

/* Beside another one of the same names; it was read once already, alone. */
static int show_beside(struct tls_loading *loading, struct tls_shown *shown, X509 *leaf,
		       const struct tls_pair *pair)
{
	struct problems again;
	struct tls_loading quiet;
	int done;

	if (shown->kinds & (int)kind_of(leaf))
		return tls_complain(
			loading, "certificate", pair->certificate,
			"there is another one with the same names and the same kind of key");
	problems_init(&again);
	quiet = (struct tls_loading){ .tls = loading->tls, .problems = &again };
	done = tls_load_pair(&quiet, shown->ctx, pair);
	problems_finish(&again);
	if (done < 0)
		return tls_complain(loading, "certificate", pair->certificate,
				    "it was replaced meanwhile");
	shown->kinds |= (int)kind_of(leaf);
	keep(loading->tls, leaf);
	return 0;
}

static void show_alone(struct tls_context *tls, SSL_CTX *ctx, X509 *leaf)
{
	tls->shown[tls->shown_count++] = (struct tls_shown){ ctx, leaf, (int)kind_of(leaf) };
	keep(tls, leaf);
}

static int add(struct tls_loading *loading, const struct tls_pair *pair,
	       const struct tls_server_options *options)
{
	struct tls_context *tls = loading->tls;
	SSL_CTX *ctx = tls_ctx_create(TLS_server_method());
	struct tls_shown *like;
	int done = -1;

	if (ctx == NULL)
		return tls_complain(loading, "certificate", pair->certificate, "out of memory");
	if (set_up(loading, ctx, options) < 0 || tls_load_pair(loading, ctx, pair) < 0) {
		SSL_CTX_free(ctx);
		return -1;
	}
	like = find_like(tls, SSL_CTX_get0_certificate(ctx));
	if (like == NULL) {
		show_alone(tls, ctx, SSL_CTX_get0_certificate(ctx));
		return 0;
	}
	done = show_beside(loading, like, SSL_CTX_get0_certificate(ctx), pair);
	SSL_CTX_free(ctx);
	return done;
}

static int add_all(struct tls_loading *loading, const struct tls_server_options *options)
{
	struct tls_context *tls = loading->tls;
	int done = 0;

	tls->shown = calloc(options->more_count + 1, sizeof(*tls->shown));
	tls->leaves = calloc(options->more_count + 1, sizeof(*tls->leaves));
	if (tls->shown == NULL || tls->leaves == NULL)
		return tls_complain(loading, "certificate", options->pair.certificate,
				    "out of memory");
	if (set_up(loading, tls->ctx, options) < 0 ||
	    tls_load_pair(loading, tls->ctx, &options->pair) < 0)
		return -1;
	show_alone(tls, tls->ctx, SSL_CTX_get0_certificate(tls->ctx));
	for (size_t i = 0; i < options->more_count; i++)
		if (add(loading, &options->more[i], options) < 0)
			done = -1;
	return done;
}

struct tls_context *tls_server_create(const struct tls_server_options *options, const char *file,
				      int line, struct problems *problems)
{
	struct tls_loading loading = { .file = file, .line = line, .problems = problems };

	if (tls_begin(&loading, TLS_server_method()) < 0)
		return NULL;
	if (add_all(&loading, options) == 0)
		return loading.tls;
	tls_release(loading.tls);
	return NULL;
}

/* The first SSL_CTX of those shown is the context's own. */
void tls_server_finish(struct tls_context *tls)
{
	for (size_t i = 1; i < tls->shown_count; i++)
		SSL_CTX_free(tls->shown[i].ctx);
	for (size_t i = 0; i < tls->leaf_count; i++)
		X509_free(tls->leaves[i]);
	free(tls->shown);
	free(tls->leaves);
}

const char *tls_server_trouble(const struct tls_context *tls)
{
	const char *why = NULL;

	for (size_t i = 0; i < tls->leaf_count && why == NULL; i++)
		why = tls_date_trouble(tls->leaves[i]);
	return why;
}

/* tls_private.h - what the files of loop/ share about TLS; no other room includes it. */
#ifndef LOOP_TLS_PRIVATE_H
#define LOOP_TLS_PRIVATE_H

#include "loop/tls.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

#define TLS_SESSIONS 256

/* One kept session; a name that falls on a taken place replaces it, so the cache is bounded. */
struct tls_session {
	char *name;
	SSL_SESSION *session;
};

/* What a server shows to some names. */
struct tls_shown {
	SSL_CTX *ctx;
	X509 *leaf; /* of its first certificate; its names are those of all of them */
	int kinds;  /* bits of the kinds of key it has: tls_server.c */
};

struct tls_context {
	SSL_CTX *ctx;
	/* of a server: the first is ctx with the default certificate */
	struct tls_shown *shown;
	size_t shown_count;
	X509 **leaves; /* of all its certificates; of a client none */
	size_t leaf_count;
	atomic_uint references;
	unsigned char (*pins)[TLS_PIN]; /* of a client */
	size_t pin_count;
	pthread_mutex_t lock;         /* of sessions */
	struct tls_session *sessions; /* TLS_SESSIONS places; NULL in a server's context */
};

/* Makes the context keep the sessions of its connections, whose app data is the name. -1: no
 * memory. */
int tls_sessions_init(struct tls_context *tls);
void tls_sessions_finish(struct tls_context *tls);

/* --- tls_check.c --- */

/* Makes the handshake to come look at what is demanded of `name`; -1: no memory. */
int tls_check_begin(SSL *ssl, const struct tls_demand *demand, const char *name);
/* Reads the pins; false: no memory. */
bool tls_pins_load(struct tls_context *tls, const struct gw_list *pins);
/* What a verify result says, as a phrase. */
const char *tls_check_reason(long result);
/* The same as the result type of RFC 8460 section 4.3; NULL: it is right. */
const char *tls_check_failure(long result);

/* Offers the kept session of the name, if there is one, in a handshake to come. */
void tls_sessions_offer(struct tls_context *tls, SSL *ssl, const char *name);

/* What is being loaded, and where its problems go. */
struct tls_loading {
	struct tls_context *tls;
	const char *file;
	int line;
	struct problems *problems;
	struct gw_str passphrase; /* of the key at hand */
	bool asked;               /* for the passphrase: the key is encrypted */
};

/* tls.c: with what a server and a client are made of. Each 0, or -1 with its problem told. */
int tls_begin(struct tls_loading *loading, const SSL_METHOD *method);
SSL_CTX *tls_ctx_create(const SSL_METHOD *method);
int tls_complain(struct tls_loading *loading, const char *what, struct gw_str path,
		 const char *why);
void tls_warn(struct tls_loading *loading, const char *what, struct gw_str path, const char *why);
int tls_load_pair(struct tls_loading *loading, SSL_CTX *ctx, const struct tls_pair *pair);
int tls_load_ca(struct tls_loading *loading, SSL_CTX *ctx, struct gw_str ca);
/* NULL: nothing is wrong with them */
const char *tls_date_trouble(const X509 *certificate);
void tls_server_finish(struct tls_context *tls);

/* The oldest error OpenSSL noted in this thread, as a phrase, or NULL; forgets them all. */
const char *tls_reason(void);

#endif

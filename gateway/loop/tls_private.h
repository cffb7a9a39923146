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

struct tls_context {
	SSL_CTX *ctx;
	atomic_uint references;
	pthread_mutex_t lock;         /* of sessions */
	struct tls_session *sessions; /* TLS_SESSIONS places; NULL in a server's context */
};

/* Makes the context keep the sessions of its connections, whose app data is the name. -1: no
 * memory. */
int tls_sessions_init(struct tls_context *tls);
void tls_sessions_finish(struct tls_context *tls);

/* Offers the kept session of the name, if there is one, in a handshake to come. */
void tls_sessions_offer(struct tls_context *tls, SSL *ssl, const char *name);

/* The oldest error OpenSSL noted in this thread, as a phrase, or NULL; forgets them all. */
const char *tls_reason(void);

#endif

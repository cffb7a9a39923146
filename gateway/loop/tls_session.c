/* tls_session.c - sessions of next hops, kept so that the next handshake with the same name is
 * short. */
#include "loop/tls_private.h"

#include "base/crc32c.h"

#include <stdlib.h>

static struct tls_session *place_of(struct tls_context *tls, const char *name)
{
	return &tls->sessions[crc32c(0, name, strlen(name)) % TLS_SESSIONS];
}

static void forget(struct tls_session *place)
{
	SSL_SESSION_free(place->session);
	free(place->name);
	place->session = NULL;
	place->name = NULL;
}

/* Called by OpenSSL when the peer gave a session; 1: it is kept. */
static int keep(SSL *ssl, SSL_SESSION *session)
{
	struct tls_context *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	const char *name = SSL_get_app_data(ssl);
	char *copy = name != NULL ? strdup(name) : NULL;
	struct tls_session *place;

	if (copy == NULL)
		return 0;
	place = place_of(tls, name);
	pthread_mutex_lock(&tls->lock);
	forget(place);
	place->name = copy;
	place->session = session;
	pthread_mutex_unlock(&tls->lock);
	return 1;
}

int tls_sessions_init(struct tls_context *tls)
{
	tls->sessions = calloc(TLS_SESSIONS, sizeof(*tls->sessions));
	if (tls->sessions == NULL)
		return -1;
	SSL_CTX_set_app_data(tls->ctx, tls);
	SSL_CTX_set_session_cache_mode(tls->ctx,
				       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(tls->ctx, keep);
	return 0;
}

void tls_sessions_finish(struct tls_context *tls)
{
	size_t i;

	for (i = 0; tls->sessions != NULL && i < TLS_SESSIONS; i++)
		forget(&tls->sessions[i]);
	free(tls->sessions);
	tls->sessions = NULL;
}

void tls_sessions_offer(struct tls_context *tls, SSL *ssl, const char *name)
{
	struct tls_session *place;
	SSL_SESSION *session = NULL;

	if (tls->sessions == NULL)
		return;
	place = place_of(tls, name);
	pthread_mutex_lock(&tls->lock);
	if (place->name != NULL && strcmp(place->name, name) == 0 &&
	    SSL_SESSION_is_resumable(place->session)) {
		session = place->session;
		SSL_SESSION_up_ref(session);
	}
	pthread_mutex_unlock(&tls->lock);
	if (session != NULL)
		SSL_set_session(ssl, session);
	SSL_SESSION_free(session);
}

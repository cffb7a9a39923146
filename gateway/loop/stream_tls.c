/* stream_tls.c - OpenSSL on the stream's socket. */
#include "loop/stream_private.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

#define RECORD_MOST 16384

static void fail_tls(struct stream *stream, int error, int system)
{
	bool refused = error == SSL_ERROR_SSL &&
		       ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED;
	const char *reason = tls_reason();
	char text[256];

	stream->handshake_failed = stream->phase == PHASE_SHAKING && error == SSL_ERROR_SSL;
	if (refused)
		stream->tls_refusal = SSL_get_verify_result(stream->link->ssl);
	if (refused)
		snprintf(text, sizeof(text), "certificate verify failed: %s",
			 tls_check_reason(SSL_get_verify_result(stream->link->ssl)));
	else if (error == SSL_ERROR_SSL && reason != NULL)
		snprintf(text, sizeof(text), "TLS: %s", reason);
	else if (error == SSL_ERROR_SYSCALL && system != 0)
		return stream_fail_errno(stream, system);
	else
		snprintf(text, sizeof(text), "connection closed during the TLS handshake");
	stream_fail(stream, text);
}

static void want_both(struct stream *stream, bool write)
{
	if (stream_want_read(stream, true) < 0 || stream_want_write(stream, write) < 0)
		stream_fail_errno(stream, ENOMEM);
}

/* --- who a client is --- */

/* What is no printable ASCII is escaped in it. */
static char *subject_of(const X509 *certificate)
{
	BIO *text = BIO_new(BIO_s_mem());
	char *subject = NULL, *octets;
	long len;

	if (text == NULL)
		return NULL;
	if (X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0 &&
	    (len = BIO_get_mem_data(text, &octets)) > 0)
		subject = strndup(octets, (size_t)len);
	BIO_free(text);
	return subject;
}

static void note_client(struct stream_link *link)
{
	const X509 *certificate = SSL_get0_peer_certificate(link->ssl);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	if (certificate == NULL || X509_digest(certificate, EVP_sha256(), digest, &size) != 1)
		return;
	for (unsigned i = 0; i < size && 2 * i + 2 < sizeof(link->fingerprint); i++)
		snprintf(link->fingerprint + 2 * i, 3, "%02x", digest[i]);
	if (SSL_get_verify_result(link->ssl) == X509_V_OK)
		link->subject = subject_of(certificate);
}

struct gw_str stream_tls_fingerprint(const struct stream *stream)
{
	return gw_str(stream->link != NULL ? stream->link->fingerprint : "");
}

struct gw_str stream_tls_subject(const struct stream *stream)
{
	return gw_str(stream->link != NULL && stream->link->subject != NULL ? stream->link->subject
									    : "");
}

static void shaken(struct stream *stream)
{
	struct stream_link *link = stream->link;

	if (SSL_is_server(link->ssl))
		note_client(link);
	snprintf(link->text, sizeof(link->text), "%s %s", SSL_get_version(link->ssl),
		 SSL_get_cipher_name(link->ssl));
	stream->phase = PHASE_OPEN;
	stream_touch(stream);
	want_both(stream, false);
	stream_raise(stream, STREAM_CONNECTED);
	if (stream->drain_due)
		stream_flush_later(stream);
	if (stream_tls_pending(stream)) {
		stream->read_again = true;
		stream_queue_job(stream);
	}
}

void stream_shake(struct stream *stream)
{
	int done, error;

	ERR_clear_error();
	errno = 0;
	done = SSL_do_handshake(stream->link->ssl);
	if (done == 1) {
		shaken(stream);
		return;
	}
	error = SSL_get_error(stream->link->ssl, done);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		want_both(stream, error == SSL_ERROR_WANT_WRITE);
	else
		fail_tls(stream, error, errno);
}

ssize_t stream_tls_read(struct stream *stream, char *to, size_t len)
{
	size_t got = 0;
	int done, error;

	ERR_clear_error();
	errno = 0;
	done = SSL_read_ex(stream->link->ssl, to, len, &got);
	if (done == 1)
		return (ssize_t)got;
	error = SSL_get_error(stream->link->ssl, done);
	if (error == SSL_ERROR_WANT_READ)
		return IO_BLOCKED;
	if (error == SSL_ERROR_WANT_WRITE) {
		stream->read_wants_write = true;
		want_both(stream, true);
		return IO_BLOCKED;
	}
	if (error == SSL_ERROR_ZERO_RETURN)
		return IO_EOF;
	fail_tls(stream, error, errno);
	return IO_FAILED;
}

ssize_t stream_tls_write(struct stream *stream, const char *from, size_t len)
{
	size_t put = 0;
	int done, error, system;

	ERR_clear_error();
	errno = 0;
	done = SSL_write_ex(stream->link->ssl, from, len < RECORD_MOST ? len : RECORD_MOST, &put);
	if (done == 1)
		return (ssize_t)put;
	error = SSL_get_error(stream->link->ssl, done);
	if (error == SSL_ERROR_WANT_WRITE)
		return IO_BLOCKED;
	if (error == SSL_ERROR_WANT_READ) {
		stream->write_wants_read = true;
		want_both(stream, false);
		return IO_BLOCKED;
	}
	system = errno;
	/* The last words of a peer that left, as in write_result(). */
	if (error == SSL_ERROR_SYSCALL && stream->phase == PHASE_OPEN && !stream->paused)
		stream_fill(stream);
	fail_tls(stream, error, system);
	return IO_FAILED;
}

void stream_tls_close(struct stream *stream, bool tell)
{
	struct stream_link *link = stream->link;

	if (link == NULL)
		return;
	stream->link = NULL;
	ERR_clear_error();
	if (tell)
		SSL_shutdown(link->ssl);
	else if (stream->phase == PHASE_OPEN)
		/* else the session would not be resumed */
		SSL_set_shutdown(link->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	ERR_clear_error();
	SSL_free(link->ssl);
	tls_release(link->context);
	free(link->name);
	free(link->subject);
	free(link);
}

static struct stream_link *channel_create(struct stream *stream, struct tls_context *tls)
{
	struct stream_link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	link->ssl = SSL_new(tls->ctx);
	if (link->ssl == NULL || SSL_set_fd(link->ssl, stream->fd) != 1) {
		SSL_free(link->ssl);
		free(link);
		return NULL;
	}
	link->context = tls_hold(tls);
	return link;
}

/* A session proves what its first handshake was looked at for, and where that was not required
 * perhaps nothing, so it is kept for the same alone; what DANE proves holds as long as its records
 * do, and is not kept. */
static char *session_name(const struct tls_demand *demand, const char *name)
{
	char *text;

	return asprintf(&text, "%d%c %s", (int)demand->check, demand->required ? '!' : '?', name) <
			       0
		       ? NULL
		       : text;
}

static int begin_client(struct stream_link *link, const struct tls_demand *demand)
{
	char name[256];
	size_t len = demand->name.len;

	if (len > 0 && demand->name.ptr[len - 1] == '.')
		len--;
	snprintf(name, sizeof(name), "%.*s", (int)len, demand->name.ptr);
	link->check = demand->check;
	if (tls_check_begin(link->ssl, demand, name) < 0)
		return -1;
	SSL_set_connect_state(link->ssl);
	if (demand->check == TLS_CHECK_DANE)
		return 0;
	link->name = session_name(demand, name);
	if (link->name == NULL)
		return -1;
	SSL_set_app_data(link->ssl, link->name);
	tls_sessions_offer(link->context, link->ssl, link->name);
	return 0;
}

/* What came in clear must not count as if it had come protected. */
static int begin(struct stream *stream)
{
	int dropped = buf_len(&stream->in) != 0;

	buf_clear(&stream->in);
	buf_release(&stream->in);
	stream->scanned = 0;
	stream->stopped = false;
	stream->events &= ~(1u << STREAM_DATA);
	stream->phase = PHASE_CLEARING;
	stream->clear_left = buf_len(&stream->out);
	stream_queue_flush(stream);
	return dropped;
}

int stream_start_tls_server(struct stream *stream, struct tls_context *tls)
{
	if (stream->phase == PHASE_ENDED)
		return 0;
	stream->link = channel_create(stream, tls);
	if (stream->link == NULL)
		return -1;
	SSL_set_accept_state(stream->link->ssl);
	return begin(stream);
}

int stream_start_tls_client(struct stream *stream, struct tls_context *tls,
			    const struct tls_demand *demand)
{
	if (stream->phase == PHASE_ENDED)
		return 0;
	stream->link = channel_create(stream, tls);
	if (stream->link == NULL)
		return -1;
	if (begin_client(stream->link, demand) < 0) {
		stream_tls_close(stream, false);
		return -1;
	}
	return begin(stream);
}

bool stream_is_tls(const struct stream *stream)
{
	return stream->link != NULL && stream->link->text[0] != '\0';
}

bool stream_handshake_failed(const struct stream *stream)
{
	return stream->handshake_failed;
}

enum tls_check stream_tls_proven(const struct stream *stream)
{
	const struct stream_link *link = stream->link;

	return link != NULL && SSL_get_verify_result(link->ssl) == X509_V_OK ? link->check
									     : TLS_CHECK_NOTHING;
}

struct gw_str stream_tls_doubt(const struct stream *stream)
{
	const struct stream_link *link = stream->link;
	long result = link != NULL ? SSL_get_verify_result(link->ssl) : X509_V_OK;

	return gw_str(link != NULL && link->check != TLS_CHECK_NOTHING && result != X509_V_OK
			      ? tls_check_reason(result)
			      : "");
}

const char *stream_tls_failure(const struct stream *stream)
{
	const struct stream_link *link = stream->link;
	long result = stream->tls_refusal;

	if (result == X509_V_OK && link != NULL && link->check != TLS_CHECK_NOTHING)
		result = SSL_get_verify_result(link->ssl);
	return tls_check_failure(result);
}

struct gw_str stream_tls_text(const struct stream *stream)
{
	return gw_str(stream->link != NULL ? stream->link->text : "");
}

/* --- what a login is bound to --- */

#define EXPORTER_SIZE 32

static size_t binding_exporter(SSL *ssl, char *octets)
{
	static const char label[] = "EXPORTER-Channel-Binding";

	return SSL_export_keying_material(ssl, (unsigned char *)octets, EXPORTER_SIZE, label,
					  sizeof(label) - 1, (const unsigned char *)"", 0, 1) == 1
		       ? EXPORTER_SIZE
		       : 0;
}

/* The first Finished of the handshake: the client's, or the server's where a session was resumed.
 */
static size_t binding_unique(const SSL *ssl, char *octets)
{
	bool ours = (SSL_session_reused(ssl) != 0) == (SSL_is_server(ssl) != 0);
	size_t size = ours ? SSL_get_finished(ssl, octets, STREAM_BINDING_MAX)
			   : SSL_get_peer_finished(ssl, octets, STREAM_BINDING_MAX);

	return size <= STREAM_BINDING_MAX ? size : 0;
}

size_t stream_binding(const struct stream *stream, enum stream_binding which,
		      char octets[STREAM_BINDING_MAX])
{
	SSL *ssl = stream_is_tls(stream) ? stream->link->ssl : NULL;

	if (!ssl || (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1))
		return 0;
	if (which == STREAM_BINDING_EXPORTER)
		return binding_exporter(ssl, octets);
	return SSL_version(ssl) < TLS1_3_VERSION ? binding_unique(ssl, octets) : 0;
}

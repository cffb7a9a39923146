#include "peer.h"

#include <errno.h>
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct session {
	int auths;
	struct peer *peer;
	int fd, number;
	bool left;
	int rcpts;      /* taken in this transaction */
	bool in_chunks; /* of a message */
	SSL *ssl;
	char in[70000];
	size_t at, have; /* what was read lies in in[at..have) */
};

static long get(struct session *session, char *to, size_t len)
{
	long got = session->ssl ? SSL_read(session->ssl, to, (int)len)
				: recv(session->fd, to, len, 0);
	session->peer->reads += got > 0;
	return got;
}

static void pause_for(long us)
{
	struct timespec wait = { us / 1000000, us % 1000000 * 1000 };
	nanosleep(&wait, NULL);
}

/* Before the client can know: it may open another connection at once. */
static void leave(struct session *session)
{
	if (!session->left)
		session->peer->open--;
	session->left = true;
}

static bool put(struct session *session, const char *text, size_t len)
{
	return session->ssl ? SSL_write(session->ssl, text, (int)len) > 0
			    : send(session->fd, text, len, MSG_NOSIGNAL) == (long)len;
}

static bool drip(struct session *session, const char *text)
{
	for (; *text; text++) {
		pause_for(session->peer->script.drip_us);
		if (!put(session, text, 1))
			return false;
	}
	return true;
}

static bool say(struct session *session, const char *text)
{
	if (!strcmp(text, PEER_CLOSE))
		return false;
	if (!strcmp(text, PEER_SILENCE)) {
		while (get(session, session->in, sizeof session->in) > 0)
			;
		return false;
	}
	return session->peer->script.drip_us ? drip(session, text)
					     : put(session, text, strlen(text));
}

static void append(struct peer *peer, struct peer_text *to, const char *bytes, size_t count)
{
	pthread_mutex_lock(&peer->lock);
	if (to->len + count + 1 > to->room) {
		to->room = 2 * (to->len + count + 1);
		to->text = realloc(to->text, to->room);
	}
	memcpy(to->text + to->len, bytes, count);
	to->len += count;
	to->text[to->len] = 0;
	pthread_mutex_unlock(&peer->lock);
}

/* A line with its end into `line`; false: the client left. */
static bool read_line(struct session *session, char *line, size_t room)
{
	char *end;
	size_t len;
	long got;
	while (!(end = memchr(session->in + session->at, '\n', session->have - session->at))) {
		session->have -= session->at;
		memmove(session->in, session->in + session->at, session->have);
		session->at = 0;
		got = session->have < sizeof session->in ? get(session, session->in + session->have,
							       sizeof session->in - session->have)
							 : 0;
		if (got <= 0)
			return false;
		session->have += (size_t)got;
	}
	len = (size_t)(end - session->in) + 1 - session->at;
	assert(len < room);
	memcpy(line, session->in + session->at, len);
	line[len] = 0;
	session->at += len;
	return true;
}

static const char *pick(struct session *session, const char *scripted, const char *usual)
{
	if (session->peer->script.once && session->number > 0)
		scripted = NULL;
	return scripted ? scripted : usual;
}

static bool refuses_early(const struct session *session)
{
	const struct peer_script *script = &session->peer->script;
	return script->early && !(script->early_once && session->number > 0);
}

/* Refuses in the middle, as servers do that count octets. */
static bool refuse_early(struct session *session)
{
	struct peer_script *script = &session->peer->script;
	size_t seen = session->have - session->at;
	while (seen < (size_t)script->early_after) {
		long got = get(session, session->in, sizeof session->in);
		if (got <= 0)
			return false;
		seen += (size_t)got;
	}
	if (!say(session, script->early) || script->early_close)
		return false;
	return say(session, PEER_SILENCE);
}

static bool read_message(struct session *session)
{
	struct peer *peer = session->peer;
	char line[70000];
	pthread_mutex_lock(&peer->lock);
	peer->message.len = 0;
	if (peer->message.text)
		*peer->message.text = 0;
	pthread_mutex_unlock(&peer->lock);
	if (peer->script.deaf_ms) {
		pause_for(peer->script.deaf_ms * 1000L);
		return false;
	}
	if (refuses_early(session))
		return refuse_early(session);
	for (;;) {
		if (!read_line(session, line, sizeof line))
			return false;
		if (!strcmp(line, ".\r\n"))
			break;
		append(peer, &peer->message, line, strlen(line));
	}
	pause_for(peer->script.slow_ms * 1000L);
	peer->messages++;
	return say(session,
		   pick(session,
			peer->messages > peer->script.messages_before_dot ? peer->script.dot : NULL,
			"250 2.0.0 kept\r\n"));
}

static bool begin_tls(struct session *session)
{
	if (!session->peer->script.tls)
		return false;
	session->ssl = SSL_new(session->peer->script.tls);
	SSL_set_fd(session->ssl, session->fd);
	return SSL_accept(session->ssl) == 1;
}

static bool verb_data(struct session *session)
{
	const char *reply = pick(session, session->peer->script.data, "354 go on\r\n");
	if (session->peer->script.chatters_after_354)
		reply = "354 go on\r\n250 2.0.0 forged\r\n";
	return say(session, reply) && (strncmp(reply, "354", 3) || read_message(session));
}

static bool verb_rcpt(struct session *session, const char *line)
{
	const char *reply = pick(session, session->peer->script.rcpt, "250 2.1.5 fine\r\n");
	if (strstr(line, "bad"))
		return say(session, "550 5.1.1 no such user\r\n");
	if (strstr(line, "later"))
		return say(session, "450 4.2.0 not now\r\n");
	if (session->peer->script.rcpt_most && session->rcpts >= session->peer->script.rcpt_most)
		return say(session, session->peer->script.too_many);
	session->rcpts += *reply == '2';
	return say(session, reply);
}

static bool read_chunk(struct session *session, size_t len)
{
	struct peer *peer = session->peer;
	long got;
	while (len) {
		size_t there = session->have - session->at, part = there < len ? there : len;
		append(peer, &peer->message, session->in + session->at, part);
		session->at += part;
		len -= part;
		if (!len)
			break;
		session->at = session->have = 0;
		got = get(session, session->in, sizeof session->in);
		if (got <= 0)
			return false;
		session->have = (size_t)got;
	}
	return true;
}

static bool verb_bdat(struct session *session, const char *line)
{
	struct peer *peer = session->peer;
	size_t len = strtoul(line + 5, NULL, 10);
	bool last = strstr(line, " LAST") != NULL;
	const char *reply = peer->chunks < peer->script.chunks_before_bdat
				    ? NULL
				    : pick(session, peer->script.bdat, NULL);
	if (!reply)
		reply = session->rcpts ? "250 2.0.0 chunk\r\n" : "503 5.5.1 no recipients\r\n";
	if (peer->script.no_chunks && *reply != '2')
		return say(session, reply);
	if (!session->in_chunks) {
		pthread_mutex_lock(&peer->lock);
		peer->message.len = 0;
		pthread_mutex_unlock(&peer->lock);
	}
	session->in_chunks = !last;
	if (last && refuses_early(session))
		return refuse_early(session);
	if (!read_chunk(session, len))
		return false;
	if (last) {
		peer->messages++;
		session->rcpts = 0;
	}
	peer->chunks++;
	return say(session, reply);
}

static bool verb_auth(struct session *session, const char *line)
{
	const char *prompt = session->peer->script.login_prompt;
	char answer[4096];
	while (session->peer->script.endless_login)
		if (!say(session, "334 aGVsbG8=\r\n") || !read_line(session, answer, sizeof answer))
			return false;
	if (prompt && (!say(session, prompt) || !read_line(session, answer, sizeof answer) ||
		       !say(session, prompt) || !read_line(session, answer, sizeof answer)))
		return false;
	if (prompt)
		return say(session, strcmp(answer, "c2VzYW1l\r\n") ? "535 wrong\r\n"
								   : "235 2.7.0 welcome\r\n");
	if (strstr(line, "LOGIN") &&
	    (!say(session, "334 VXNlcm5hbWU6\r\n") || !read_line(session, answer, sizeof answer) ||
	     !say(session, "334 UGFzc3dvcmQ6\r\n") || !read_line(session, answer, sizeof answer)))
		return false;
	if (session->auths++ > 0 && session->peer->script.auth_again)
		return say(session, session->peer->script.auth_again);
	return say(session, pick(session, session->peer->script.auth, "235 2.7.0 welcome\r\n"));
}

static bool starttls(struct session *session)
{
	const char *reply = pick(session, session->peer->script.starttls, "220 ready\r\n");
	if (!say(session, reply))
		return false;
	return strncmp(reply, "220", 3) || begin_tls(session);
}

static bool answer(struct session *session, const char *line)
{
	struct peer_script *script = &session->peer->script;
	if (!strncmp(line, "EHLO", 4))
		return say(
			session,
			pick(session, script->ehlo,
			     "250-peer.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 1000000\r\n"));
	if (!strncmp(line, "HELO", 4))
		return say(session, pick(session, script->helo, "250 peer.example\r\n"));
	if (!strncmp(line, "STARTTLS", 8))
		return starttls(session);
	if (!strncmp(line, "AUTH", 4))
		return verb_auth(session, line);
	if (!strncmp(line, "RSET", 4)) {
		session->peer->rsets++;
		session->rcpts = session->in_chunks = 0;
		return say(session, pick(session, script->rset, "250 2.0.0 forgotten\r\n"));
	}
	if (!strncmp(line, "BDAT", 4))
		return verb_bdat(session, line);
	if (!strncmp(line, "MAIL", 4) && (session->rcpts = 0) == 0)
		return say(session, pick(session, script->mail, "250 2.1.0 fine\r\n"));
	if (!strncmp(line, "RCPT", 4))
		return verb_rcpt(session, line);
	if (!strncmp(line, "DATA", 4))
		return verb_data(session);
	if (!strncmp(line, "QUIT", 4)) {
		session->peer->quits++;
		leave(session);
		say(session, "221 2.0.0 bye\r\n");
		return false;
	}
	return say(session, "500 5.5.1 what?\r\n");
}

static void converse(struct session *session)
{
	struct peer_script *script = &session->peer->script;
	struct peer *peer = session->peer;
	char line[70000], both[131072];
	int before = peer->messages;

	if (script->implicit && !begin_tls(session))
		return;
	snprintf(both, sizeof both, "%s%s", pick(session, script->greeting, "220 peer.example\r\n"),
		 script->after_greeting ? script->after_greeting : "");
	if (!say(session, both))
		return;
	while (read_line(session, line, sizeof line)) {
		append(peer, &peer->log, line, strlen(line));
		if (!answer(session, line))
			return;
		if (script->messages && peer->messages - before >= script->messages)
			return;
		if (script->idle_close && session->number == 0 && peer->messages > before)
			return;
	}
}

static void *session_main(void *arg)
{
	struct session *session = arg;
	struct peer *peer = session->peer;
	int now = atomic_fetch_add(&peer->open, 1) + 1, most = peer->most_open;
	while (now > most && !atomic_compare_exchange_weak(&peer->most_open, &most, now))
		;
	converse(session);
	leave(session);
	if (session->ssl) {
		SSL_shutdown(session->ssl);
		SSL_free(session->ssl);
	}
	shutdown(session->fd, SHUT_RDWR);
	free(session);
	return NULL;
}

static void *listen_main(void *arg)
{
	struct peer *peer = arg;
	for (;;) {
		int fd = accept(peer->listener, NULL, NULL), on = 1;
		bool short_of_them = fd < 0 && errno == EMFILE;
		struct session *session;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		pthread_mutex_lock(&peer->lock);
		/* The kernel wants a free number before it waits for somebody. */
		if (short_of_them && !peer->stopping) {
			pthread_mutex_unlock(&peer->lock);
			pause_for(1000);
			continue;
		}
		if (fd < 0 || peer->stopping || peer->session_count == 256) {
			pthread_mutex_unlock(&peer->lock);
			if (fd >= 0)
				close(fd);
			return NULL;
		}
		session = calloc(1, sizeof *session);
		session->peer = peer;
		session->fd = fd;
		session->number = peer->connections++;
		peer->fds[peer->session_count] = fd;
		pthread_create(&peer->sessions[peer->session_count++], NULL, session_main, session);
		pthread_mutex_unlock(&peer->lock);
	}
}

void peer_start(struct peer *peer, const struct peer_script *script)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof address;
	memset(peer, 0, sizeof *peer);
	if (script)
		peer->script = *script;
	pthread_mutex_init(&peer->lock, NULL);
	peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(bind(peer->listener, (struct sockaddr *)&address, sizeof address) == 0 &&
	       listen(peer->listener, 64) == 0);
	getsockname(peer->listener, (struct sockaddr *)&address, &len);
	peer->port = ntohs(address.sin_port);
	pthread_create(&peer->thread, NULL, listen_main, peer);
}

void peer_stop(struct peer *peer)
{
	int i;
	pthread_mutex_lock(&peer->lock);
	peer->stopping = true;
	pthread_mutex_unlock(&peer->lock);
	shutdown(peer->listener, SHUT_RDWR);
	pthread_join(peer->thread, NULL);
	for (i = 0; i < peer->session_count; i++) {
		shutdown(peer->fds[i], SHUT_RDWR);
		pthread_join(peer->sessions[i], NULL);
		close(peer->fds[i]);
	}
	close(peer->listener);
	pthread_mutex_destroy(&peer->lock);
	free(peer->log.text);
	free(peer->message.text);
}

int peer_saw(struct peer *peer, const char *text)
{
	const char *at;
	int count = 0;
	pthread_mutex_lock(&peer->lock);
	for (at = peer->log.text; at && (at = strstr(at, text)); at += strlen(text))
		count++;
	pthread_mutex_unlock(&peer->lock);
	return count;
}

/* A self-signed certificate, made when it is needed. */
SSL_CTX *peer_tls(void)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
				   (const unsigned char *)"peer.example", -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
	X509_sign(certificate, key, EVP_sha256());
	SSL_CTX_use_certificate(tls, certificate);
	SSL_CTX_use_PrivateKey(tls, key);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return tls;
}

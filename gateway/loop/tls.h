/* tls.h - certificates, keys and what is demanded of a peer, loaded once per configuration. */
#ifndef LOOP_TLS_H
#define LOOP_TLS_H

#include "base/problem.h"

struct tls_context; /* counted: create gives one reference */

struct tls_pair {
	struct gw_str certificate; /* PEM file: the chain */
	struct gw_str key;         /* PEM file; empty: in the certificate file */
	struct gw_str passphrase;  /* of the key; empty: none. Never asked for on a terminal */
};

/* Whether clients are asked for a certificate of theirs. */
enum tls_clients {
	TLS_CLIENTS_UNASKED,
	/* whatever they show they are let in: stream_tls_peer says what it is worth */
	TLS_CLIENTS_ASKED,
	/* without one, or with one that client_ca did not issue, there is no handshake */
	TLS_CLIENTS_REQUIRED,
};

struct tls_server_options {
	struct tls_pair pair; /* shown to whoever names none of the others */
	/* shown to who asks for a name in it (SNI); with the names of another and a key of another
	 * kind (RSA, ECDSA) beside it, the client's choice */
	const struct tls_pair *more;
	size_t more_count;
	enum tls_clients clients;
	struct gw_str client_ca; /* PEM file; empty: no certificate of a client is vouched for */
	bool only_13;            /* else TLS 1.2 too */
	struct gw_str ciphers;   /* of TLS 1.2, as OpenSSL writes them; empty: the library's */
};

/* Those of Mozilla's "intermediate". */
#define TLS_CIPHERS_USUAL                                                                          \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                               \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                               \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"                               \
	"DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305"

struct tls_client_options {
	bool verify;          /* certificate chain and name must be right (RFC 6125) */
	struct gw_str ca;     /* PEM file; empty: the system's */
	struct tls_pair pair; /* of ours, where the next hop asks; empty: none */
};

/* TLS 1.2 and newer; release of idle buffers; session tickets. NULL: what is wrong is in `problems`
 * (file named). */
struct tls_context *tls_server_create(const struct tls_server_options *options, const char *file,
				      int line, struct problems *problems);
struct tls_context *tls_client_create(const struct tls_client_options *options, const char *file,
				      int line, struct problems *problems);

/* What is wrong with the dates of a certificate, now; NULL: nothing. [any thread] */
const char *tls_server_trouble(const struct tls_context *tls);

struct tls_context *tls_hold(struct tls_context *tls); /* one more reference [any thread] */
void tls_release(struct tls_context *tls);             /* NULL is fine [any thread] */

/* Sessions of next hops are kept for resumption, per context and name (client contexts; by the
 * stream itself). */

#endif

/* tls.h - certificates, keys and what is demanded of a peer, loaded once per configuration. */
#ifndef LOOP_TLS_H
#define LOOP_TLS_H

#include "base/problem.h"

struct tls_context; /* counted: create gives one reference */

struct tls_server_options {
	struct gw_str certificate; /* PEM file: the chain */
	struct gw_str key;         /* PEM file; empty: in the certificate file */
	struct gw_str passphrase;  /* of the key; empty: none. Never asked for on a terminal */
	struct gw_str client_ca;   /* PEM file: ask clients for a certificate; empty: do not */
};

struct tls_client_options {
	bool verify;      /* certificate chain and name must be right (RFC 6125) */
	struct gw_str ca; /* PEM file; empty: the system's */
	/* of ours, where the next hop asks; empty: none */
	struct gw_str certificate, key, passphrase;
};

/* TLS 1.2 and newer; release of idle buffers; session tickets. NULL: what is wrong is in `problems`
 * (file named). */
struct tls_context *tls_server_create(const struct tls_server_options *options, const char *file,
				      int line, struct problems *problems);
struct tls_context *tls_client_create(const struct tls_client_options *options, const char *file,
				      int line, struct problems *problems);

/* What is wrong with the dates of the certificate, now; NULL: nothing. [any thread] */
const char *tls_server_trouble(const struct tls_context *tls);

struct tls_context *tls_hold(struct tls_context *tls); /* one more reference [any thread] */
void tls_release(struct tls_context *tls);             /* NULL is fine [any thread] */

/* Sessions of next hops are kept for resumption, per context and name (client contexts; by the
 * stream itself). */

#endif

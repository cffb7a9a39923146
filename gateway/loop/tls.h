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
	/* whatever they show they are let in: stream_tls_subject says what it is worth */
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

/* What is looked at in a server's certificate. */
enum tls_check {
	TLS_CHECK_NOTHING,
	TLS_CHECK_CHAIN, /* an authority vouches for it, and its time is right */
	TLS_CHECK_NAME,  /* that, and it is made out to the server's name (RFC 6125) */
	/* its SHA-256 or that of its key is among the pins; nothing else counts */
	TLS_CHECK_PIN,
	TLS_CHECK_DANE, /* one of the TLSA records is about it (RFC 7672) */
	TLS_CHECKS
};

struct tls_tlsa {
	uint8_t usage, selector, matching;
	uint16_t len;
	const unsigned char *octets;
};

/* Of one handshake with a server. */
struct tls_demand {
	struct gw_str name; /* the server's: for SNI and TLS_CHECK_NAME */
	enum tls_check check;
	/* else the handshake goes on, and stream_tls_doubt says what is wrong */
	bool required;
	const struct tls_tlsa *tlsa; /* of TLS_CHECK_DANE: at least one that is usable */
	size_t tlsa_count;
};

/* Whether a record can prove anything: DANE-TA or DANE-EE, the certificate or its key, as it is, by
 * SHA-256 or SHA-512 (RFC 7672 section 3.1). */
bool tls_tlsa_usable(const struct tls_tlsa *tlsa);

/* SHA-256; false: no memory. */
bool tls_digest(const unsigned char *octets, size_t len, unsigned char digest[32]);

/* A pin: 32 octets in hex, "ab:cd:...", with or without colons. */
#define TLS_PIN 32
bool tls_pin_read(struct gw_str text, unsigned char pin[TLS_PIN]);

struct tls_client_options {
	bool verify;          /* chains are to be looked at: who is trusted is loaded */
	struct gw_str ca;     /* PEM file; empty: the system's */
	struct gw_list pins;  /* that tls_pin_read() can read; with any, each link demands one */
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

/* sasl_private.h - what the exchanges share: sasl.c (the table of mechanisms, an exchange from its
 * begin to its end), sasl_secret.c (PLAIN, LOGIN) and sasl_scram.c. */
#ifndef SMTP_SASL_PRIVATE_H
#define SMTP_SASL_PRIVATE_H

#include "smtp/sasl.h"

#include <gsasl.h>

/* How often and with which words a server asks; what libgsasl asks for LOGIN ("User Name") is not
 * what clients know. */
struct mechanism {
	const char *name;
	enum sasl_state (*server)(struct sasl *sasl, struct gw_str in, struct gw_str *out);
	enum sasl_state (*client)(struct sasl *sasl, struct gw_str in, struct gw_str *out);
	const char *challenges[2];
	bool client_waits; /* not every server takes an initial response */
	bool bound;        /* to the link */
	bool (*token_is_sound)(struct gw_str token);
	int (*take)(struct sasl *sasl, struct gw_str token); /* by a server; the library's result */
};

struct sasl {
	Gsasl_session *session;
	const struct mechanism *mechanism;
	enum sasl_state (*step)(struct sasl *sasl, struct gw_str in, struct gw_str *out);
	size_t steps;
	bool over, done;
	char *line; /* base64 that was handed out */
	size_t line_len;
	struct sasl_login login;
	/* SCRAM, between ASK and its answer: the other side's message */
	char *kept;
	size_t kept_len;
	struct sasl_salting salting; /* a server's too */
	struct {
		bool given;
		char stored[SASL_KEY], server[SASL_KEY];
	} keys;
	/* a client's, with a token: the library has no part in it */
	const struct sasl_token_mechanism *token;
	char *message;           /* the first one; NULL: it is out */
	struct gw_str complaint; /* owned */
};

/* *token is to be wiped and freed; ptr NULL: malformed or no memory. */
struct gw_str sasl_decode(struct gw_str line);
void sasl_wipe_free(char *bytes, size_t len);

/* One step of the library; what it wants to send is kept as a line where `keep` says so. */
int sasl_library_step(struct sasl *sasl, struct gw_str token, bool keep);

/* A session of the library for the server side of the same mechanism; NULL: no memory. */
Gsasl_session *sasl_server_session(const struct mechanism *mechanism);
/* Ends one, its secrets wiped. */
void sasl_session_finish(Gsasl_session *session);

struct gw_str sasl_property(const struct sasl *sasl, Gsasl_property which);
/* Names stand in logs and rules: characters of UTF-8, and no control among them. */
bool sasl_is_name(struct gw_str text);

/* sasl_secret.c: members of the rows of PLAIN and LOGIN; the client's step is CRAM-MD5's too. */
bool sasl_plain_is_sound(struct gw_str token);
bool sasl_login_is_sound(struct gw_str token);
int sasl_plain_take(struct sasl *sasl, struct gw_str token);
int sasl_login_take(struct sasl *sasl, struct gw_str token);
enum sasl_state sasl_secret_server_step(struct sasl *sasl, struct gw_str in, struct gw_str *out);
enum sasl_state sasl_library_client_step(struct sasl *sasl, struct gw_str in, struct gw_str *out);

enum sasl_state sasl_scram_server_step(struct sasl *sasl, struct gw_str in, struct gw_str *out);
enum sasl_state sasl_scram_client_step(struct sasl *sasl, struct gw_str in, struct gw_str *out);

#endif

/* sasl.h - SASL exchanges (RFC 4954, 4616) through libgsasl, as steps without I/O. Logins with a
 * token (XOAUTH2, OAUTHBEARER) are ours. */
#ifndef SMTP_SASL_H
#define SMTP_SASL_H

#include "base/arena.h"

struct sasl; /* one exchange, one side */

/* How the client of a server exchange shows that it knows the password. */
enum sasl_proof {
	SASL_PROOF_NONE, /* by the secret itself, which nobody has compared */
	SASL_PROOF_WANTED,
	SASL_PROOF_RIGHT,
	SASL_PROOF_WRONG,
};

/* What a server exchange found out; the strings live as long as the exchange. */
struct sasl_login {
	struct gw_str mechanism; /* "PLAIN" */
	struct gw_str user;      /* authentication identity; OAUTHBEARER: may be empty */
	struct gw_str acting_as; /* authorization identity; empty: the same */
	struct gw_str secret;
	enum sasl_proof proof;
};

enum sasl_state { SASL_MORE, SASL_DONE, SASL_BAD, SASL_ASK };

/* What both ends of a TLS link know and nobody between them (RFC 9266, 5929): octets; empty: the
 * link has none of that kind. */
struct sasl_binding {
	struct gw_str exporter, unique;
};

/* What SCRAM compares a proof with (RFC 5802, 7677): octets, the keys of SASL_KEY each. */
#define SASL_KEY 32
struct sasl_keys {
	unsigned iterations;
	struct gw_str salt, stored_key, server_key;
};

/* What a client of SCRAM makes of its password, which takes as long as the server wants. */
#define SASL_ITERATIONS_LEAST 4096 /* RFC 7677 section 4: fewer are guessed fast */
#define SASL_ITERATIONS_MOST 2000000
#define SASL_SALT_MAX 256
struct sasl_salting {
	unsigned iterations;
	char salt[SASL_SALT_MAX];
	size_t salt_len;
};

#define SASL_LINE_MAX 12288 /* RFC 4954 section 4: octets of one line */

#define SASL_COMMAND_MAX (SASL_LINE_MAX + 64) /* AUTH, a mechanism's name and a first answer */

/* Once, in main, before threads; -1: the library does not start. */
int sasl_init(void);

/* The mechanisms by number, the best first; NULL: there are no more. */
const char *sasl_mechanism(size_t nth);

/* Does the server side take the nth? One that is bound to its link wants a binding too. */
bool sasl_server_has(size_t nth);
bool sasl_is_bound(struct gw_str mechanism);

/* The number of a mechanism, in any case of letters; -1: there is none of that name. */
int sasl_mechanism_number(struct gw_str name);

/* Begins a server exchange; NULL: unknown mechanism or no memory. */
struct sasl *sasl_server_create(struct gw_str mechanism);

/* Can a client log in by it? */
bool sasl_client_has(struct gw_str mechanism);

/* Its secret is a token, not a password. */
bool sasl_is_token(struct gw_str mechanism);

/* What the server said is wrong with a token: the JSON of its challenge, or empty. */
struct gw_str sasl_complaint(const struct sasl *sasl);

/* Begins a client exchange with what a login hook gave; the strings are copied. */
struct sasl *sasl_client_create(struct gw_str mechanism, struct gw_str user, struct gw_str secret);

/* What the link is bound to, before the first step: for a mechanism that is bound; and by a server
 * that offers the bound one, for the other too, so that a client whose list somebody between took
 * it from is found out. -1: no memory. */
int sasl_bind(struct sasl *sasl, const struct sasl_binding *binding);

/* Wipes the secrets and frees; NULL is fine. */
void sasl_destroy(struct sasl *sasl);

/* One step: `in` is a base64 line ("" is an empty response, "=" an empty initial response), `*out`
 * the base64 line to send, valid until the next step. Server: MORE: send 334 and *out; DONE: the
 * credentials are complete, sasl_login has them, but nobody has checked them; BAD: malformed base64
 * or tokens (501 5.5.2), an empty user or secret among them. Client: the first step takes "" and
 * gives the initial response (empty: AUTH is sent without one); DONE: *out is the last line to
 * send; BAD: the server asked for what the mechanism does not have. A server hands out the octets
 * as they came: whoever compares a password prepares it as well (SASLprep, RFC 4616). A name that
 * is not UTF-8 or has controls in it is BAD.
 *
 * ASK, of SCRAM alone: a server has the client's name in sasl_login and goes on with sasl_proceed;
 * a client has work to do for a thread that may take long, and goes on with sasl_salted. A server's
 * DONE says in `proof` whether the password is known. A client is not logged in before DONE: the
 * server proves that it knows the password too. */
enum sasl_state sasl_step(struct sasl *sasl, struct gw_str in, struct gw_str *out);
bool sasl_is_done(const struct sasl *sasl);

/* Server, after ASK: what the proof is compared with, copied; later ones replace them. False: they
 * are none. */
bool sasl_give_keys(struct sasl *sasl, const struct sasl_keys *keys);
/* ... and goes on with them: MORE with *out, or BAD (no keys, no memory). */
enum sasl_state sasl_proceed(struct sasl *sasl, struct gw_str *out);

/* Client: what it was created with; lives as long. */
struct gw_str sasl_secret(const struct sasl *sasl);
/* Client, after ASK: what is to be done. */
const struct sasl_salting *sasl_salting(const struct sasl *sasl);
/* ... does it: false: no memory. [any thread] */
bool sasl_salt(const struct sasl_salting *salting, struct gw_str secret, char salted[SASL_KEY]);
/* ... and goes on with it: MORE with *out, or BAD. */
enum sasl_state sasl_salted(struct sasl *sasl, const char salted[SASL_KEY], struct gw_str *out);

/* Server, of a token that is not taken: the line that goes out with 334 and says why (RFC 7628
 * section 3.2.2); the client answers it, with whatever, and then the refusal follows. Empty: the
 * mechanism has no such line, or no memory. */
struct gw_str sasl_refuse_token(struct sasl *sasl, struct gw_str status, struct gw_str scope);

const struct sasl_login *sasl_login(const struct sasl *sasl);

#endif

/* sasl.h - SASL exchanges (RFC 4954, 4616) through libgsasl, as steps without I/O. Logins with a
 * token (XOAUTH2, OAUTHBEARER) are a client's only. */
#ifndef SMTP_SASL_H
#define SMTP_SASL_H

#include "base/arena.h"

struct sasl; /* one exchange, one side */

/* What a server exchange found out; the strings live as long as the exchange. */
struct sasl_login {
	struct gw_str mechanism; /* "PLAIN" */
	struct gw_str user;      /* authentication identity */
	struct gw_str acting_as; /* authorization identity; empty: the same */
	struct gw_str secret;
};

enum sasl_state { SASL_MORE, SASL_DONE, SASL_BAD };

#define SASL_LINE_MAX 12288 /* RFC 4954 section 4: octets of one line */

#define SASL_COMMAND_MAX (SASL_LINE_MAX + 64) /* AUTH, a mechanism's name and a first answer */

/* Once, in main, before threads; -1: the library does not start. */
int sasl_init(void);

/* "PLAIN LOGIN": what the server side takes. */
const char *sasl_server_mechanisms(void);

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

/* Wipes the secrets and frees; NULL is fine. */
void sasl_destroy(struct sasl *sasl);

/* One step: `in` is a base64 line ("" is an empty response, "=" an empty initial response), `*out`
 * the base64 line to send, valid until the next step. Server: MORE: send 334 and *out; DONE: the
 * credentials are complete, sasl_login has them, but nobody has checked them; BAD: malformed base64
 * or tokens (501 5.5.2), an empty user or secret among them. Client: the first step takes "" and
 * gives the initial response (empty: AUTH is sent without one); DONE: *out is the last line to
 * send; BAD: the server asked for what the mechanism does not have. A server hands out the octets
 * as they came: whoever compares a password prepares it as well (SASLprep, RFC 4616). A name that
 * is not UTF-8 or has controls in it is BAD. */
enum sasl_state sasl_step(struct sasl *sasl, struct gw_str in, struct gw_str *out);
const struct sasl_login *sasl_login(const struct sasl *sasl);

#endif

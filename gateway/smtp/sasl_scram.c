/* sasl_scram.c - SCRAM-SHA-256 and its bound form (RFC 5802, 7677, 9266): neither side shows the
 * password to the other. */
#include "smtp/sasl_private.h"

#include <stdio.h>
#include <stdlib.h>

#define FIRST_MAX 2048 /* octets of a client's first message: a name, a nonce */

/* Where an exchange stands: what comes in next. */
enum { FIRST, ASKED, KEYS, FINAL, END };

static bool is_message(struct gw_str token)
{
	return token.ptr && token.len > 0 && token.len <= FIRST_MAX && !gw_str_has_nul(token);
}

static char *keep_copy(struct gw_str token)
{
	char *copy = malloc(token.len + 1);

	if (copy) {
		memcpy(copy, token.ptr, token.len);
		copy[token.len] = '\0';
	}
	return copy;
}

/* --- server --- */

static enum sasl_state name_is_known(struct sasl *sasl)
{
	struct sasl_login *login = &sasl->login;

	login->user = sasl_property(sasl, GSASL_AUTHID);
	login->acting_as = sasl_property(sasl, GSASL_AUTHZID);
	if (gw_str_eq(login->user, login->acting_as))
		login->acting_as = gw_str(NULL);
	login->proof = SASL_PROOF_WANTED;
	if (!login->user.len || !sasl_is_name(login->user) || !sasl_is_name(login->acting_as))
		return SASL_BAD;
	sasl->steps = KEYS;
	return SASL_ASK;
}

/* The library answers the first message at once, with the salt of whom it does not know yet: what
 * it made of the message is used, and the answer is not. The message is kept for who has the keys.
 */
static enum sasl_state server_first(struct sasl *sasl, struct gw_str token)
{
	if (!is_message(token) || sasl_library_step(sasl, token, false) != GSASL_NEEDS_MORE)
		return SASL_BAD;
	sasl->kept = keep_copy(token);
	sasl->kept_len = token.len;
	return sasl->kept ? name_is_known(sasl) : SASL_BAD;
}

/* A proof that is none of this password is no breach of the protocol. */
static enum sasl_state server_final(struct sasl *sasl, struct gw_str token, struct gw_str *out)
{
	int result = is_message(token) ? sasl_library_step(sasl, token, true)
				       : GSASL_MECHANISM_PARSE_ERROR;

	sasl->steps = END;
	*out = gw_str_n(sasl->line, sasl->line_len);
	if (result == GSASL_OK)
		return SASL_MORE;
	*out = gw_str("");
	if (result != GSASL_AUTHENTICATION_ERROR)
		return SASL_BAD;
	sasl->login.proof = SASL_PROOF_WRONG;
	return SASL_DONE;
}

/* RFC 4954 has no octets with a success: what the server proves is a challenge, and answered with
 * nothing. */
static enum sasl_state server_end(struct sasl *sasl, struct gw_str in)
{
	if (in.len > 0 && !gw_str_eq(in, gw_str("=")))
		return SASL_BAD;
	sasl->login.proof = SASL_PROOF_RIGHT;
	return SASL_DONE;
}

enum sasl_state sasl_scram_server_step(struct sasl *sasl, struct gw_str in, struct gw_str *out)
{
	enum sasl_state state = SASL_BAD;
	struct gw_str token;

	if (sasl->steps == END)
		return server_end(sasl, in);
	if (sasl->steps == FIRST && in.len == 0) {
		sasl->steps = ASKED;
		return SASL_MORE;
	}
	token = sasl_decode(in);
	if (sasl->steps == FINAL)
		state = server_final(sasl, token, out);
	else if (sasl->steps != KEYS)
		state = server_first(sasl, token);
	sasl_wipe_free((char *)token.ptr, token.len);
	return state;
}

static bool set_octets(Gsasl_session *session, Gsasl_property which, struct gw_str octets)
{
	char *text = NULL;
	size_t len;
	bool set;

	if (gsasl_base64_to(octets.ptr, octets.len, &text, &len) != GSASL_OK)
		return false;
	set = gsasl_property_set_raw(session, which, text, len) == GSASL_OK;
	sasl_wipe_free(text, len);
	return set;
}

static bool copy_property(Gsasl_session *to, Gsasl_session *from, Gsasl_property which)
{
	const char *value = gsasl_property_fast(from, which);

	return !value || gsasl_property_set(to, which, value) == GSASL_OK;
}

bool sasl_give_keys(struct sasl *sasl, const struct sasl_keys *keys)
{
	struct sasl_salting *salting = &sasl->salting;

	if (!keys->iterations || !keys->salt.len || keys->salt.len > sizeof(salting->salt) ||
	    keys->stored_key.len != SASL_KEY || keys->server_key.len != SASL_KEY)
		return false;
	salting->iterations = keys->iterations;
	memcpy(salting->salt, keys->salt.ptr, keys->salt.len);
	salting->salt_len = keys->salt.len;
	memcpy(sasl->keys.stored, keys->stored_key.ptr, SASL_KEY);
	memcpy(sasl->keys.server, keys->server_key.ptr, SASL_KEY);
	return sasl->keys.given = true;
}

static bool set_keys(const struct sasl *sasl, Gsasl_session *session)
{
	const struct sasl_salting *salting = &sasl->salting;
	char iterations[16];

	snprintf(iterations, sizeof(iterations), "%u", salting->iterations);
	return gsasl_property_set(session, GSASL_SCRAM_ITER, iterations) == GSASL_OK &&
	       set_octets(session, GSASL_SCRAM_SALT, gw_str_n(salting->salt, salting->salt_len)) &&
	       set_octets(session, GSASL_SCRAM_STOREDKEY, gw_str_n(sasl->keys.stored, SASL_KEY)) &&
	       set_octets(session, GSASL_SCRAM_SERVERKEY, gw_str_n(sasl->keys.server, SASL_KEY));
}

/* The same session cannot take the first message twice, so that another one takes it. */
static bool begin_anew(struct sasl *sasl)
{
	Gsasl_session *session = sasl_server_session(sasl->mechanism);

	if (!session)
		return false;
	if (!set_keys(sasl, session) ||
	    !copy_property(session, sasl->session, GSASL_CB_TLS_EXPORTER) ||
	    !copy_property(session, sasl->session, GSASL_CB_TLS_UNIQUE)) {
		sasl_session_finish(session);
		return false;
	}
	sasl_session_finish(sasl->session);
	sasl->session = session;
	return true;
}

enum sasl_state sasl_proceed(struct sasl *sasl, struct gw_str *out)
{
	*out = gw_str("");
	if (sasl->steps != KEYS || !sasl->keys.given || !begin_anew(sasl) ||
	    sasl_library_step(sasl, gw_str_n(sasl->kept, sasl->kept_len), true) !=
		    GSASL_NEEDS_MORE ||
	    name_is_known(sasl) != SASL_ASK) {
		sasl->login.user = sasl->login.acting_as = gw_str("");
		sasl->over = true;
		return SASL_BAD;
	}
	sasl->steps = FINAL;
	*out = gw_str_n(sasl->line, sasl->line_len);
	return SASL_MORE;
}

/* --- client --- */

/* "r=NONCE,s=SALT,i=COUNT": the value of one of them; ptr NULL: it is not there. */
static struct gw_str attribute(struct gw_str message, char name)
{
	while (message.len > 0) {
		size_t len = gw_str_find(message, ',');

		if (len > 2 && message.ptr[0] == name && message.ptr[1] == '=')
			return gw_str_n(message.ptr + 2, len - 2);
		message = gw_str_from(message, len + 1);
	}
	return gw_str(NULL);
}

static bool read_count(struct gw_str text, unsigned *count)
{
	size_t i;

	*count = 0;
	for (i = 0; i < text.len && i < 8; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		*count = *count * 10 + (unsigned)(text.ptr[i] - '0');
	}
	return i == text.len && *count >= SASL_ITERATIONS_LEAST && *count <= SASL_ITERATIONS_MOST;
}

static bool read_salting(struct gw_str message, struct sasl_salting *salting)
{
	struct gw_str salt = sasl_decode(attribute(message, 's'));
	bool fits = salt.ptr && salt.len > 0 && salt.len <= sizeof(salting->salt);

	if (fits) {
		memcpy(salting->salt, salt.ptr, salt.len);
		salting->salt_len = salt.len;
	}
	sasl_wipe_free((char *)salt.ptr, salt.len);
	return fits && read_count(attribute(message, 'i'), &salting->iterations);
}

static enum sasl_state client_first(struct sasl *sasl, struct gw_str *out)
{
	if (sasl_library_step(sasl, gw_str(""), true) != GSASL_NEEDS_MORE)
		return SASL_BAD;
	sasl->steps = KEYS;
	*out = gw_str_n(sasl->line, sasl->line_len);
	return SASL_MORE;
}

static enum sasl_state client_take(struct sasl *sasl, struct gw_str token, struct gw_str *out)
{
	if (!is_message(token))
		return SASL_BAD;
	if (sasl->steps == FINAL)
		return sasl_library_step(sasl, token, false) == GSASL_OK ? SASL_DONE : SASL_BAD;
	if (sasl->kept || !read_salting(token, &sasl->salting))
		return SASL_BAD;
	sasl->kept = keep_copy(token);
	sasl->kept_len = token.len;
	return sasl->kept ? SASL_ASK : SASL_BAD;
}

enum sasl_state sasl_scram_client_step(struct sasl *sasl, struct gw_str in, struct gw_str *out)
{
	enum sasl_state state;
	struct gw_str token;

	if (sasl->steps == FIRST)
		return client_first(sasl, out);
	token = sasl_decode(in);
	state = client_take(sasl, token, out);
	sasl_wipe_free((char *)token.ptr, token.len);
	return state;
}

const struct sasl_salting *sasl_salting(const struct sasl *sasl)
{
	return &sasl->salting;
}

bool sasl_salt(const struct sasl_salting *salting, struct gw_str secret, char salted[SASL_KEY])
{
	char keys[3][SASL_KEY];
	bool done = gsasl_scram_secrets_from_password(
			    GSASL_HASH_SHA256, secret.ptr, salting->iterations, salting->salt,
			    salting->salt_len, salted, keys[0], keys[1], keys[2]) == GSASL_OK;

	explicit_bzero(keys, sizeof(keys));
	return done;
}

enum sasl_state sasl_salted(struct sasl *sasl, const char salted[SASL_KEY], struct gw_str *out)
{
	char hex[2 * SASL_KEY + 1];
	bool set;
	int i;

	*out = gw_str("");
	for (i = 0; i < SASL_KEY; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)salted[i]);
	set = gsasl_property_set(sasl->session, GSASL_SCRAM_SALTED_PASSWORD, hex) == GSASL_OK;
	explicit_bzero(hex, sizeof(hex));
	if (!set || !sasl->kept || sasl->steps != KEYS ||
	    sasl_library_step(sasl, gw_str_n(sasl->kept, sasl->kept_len), true) !=
		    GSASL_NEEDS_MORE) {
		sasl->over = true;
		return SASL_BAD;
	}
	sasl->steps = FINAL;
	*out = gw_str_n(sasl->line, sasl->line_len);
	return SASL_MORE;
}

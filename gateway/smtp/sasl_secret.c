/* sasl_secret.c - the mechanisms that send the secret itself (PLAIN, LOGIN) as a server reads them,
 * and the client's steps of all that the library does alone. */
#include "smtp/sasl_private.h"

/* [authzid] NUL authcid NUL passwd (RFC 4616) */
struct plain {
	struct gw_str acting_as, user, secret;
};

static struct gw_str take_part(struct gw_str *rest)
{
	struct gw_str part = gw_str_n(rest->ptr, gw_str_find(*rest, '\0'));

	*rest = gw_str_from(*rest, part.len + 1);
	return part;
}

static struct plain read_plain(struct gw_str token)
{
	struct plain plain;

	plain.acting_as = take_part(&token);
	plain.user = take_part(&token);
	plain.secret = token;
	return plain;
}

/* Nothing in it but the first may be empty. */
bool sasl_plain_is_sound(struct gw_str token)
{
	struct plain plain = read_plain(token);

	return plain.user.len > 0 && plain.secret.len > 0 && !gw_str_has_nul(plain.secret);
}

bool sasl_login_is_sound(struct gw_str token)
{
	return token.len > 0 && !gw_str_has_nul(token);
}

static enum sasl_state take_login(struct sasl *sasl)
{
	struct sasl_login *login = &sasl->login;

	login->user = sasl_property(sasl, GSASL_AUTHID);
	login->acting_as = sasl_property(sasl, GSASL_AUTHZID);
	login->secret = sasl_property(sasl, GSASL_PASSWORD);
	if (gw_str_eq(login->user, login->acting_as))
		login->acting_as = gw_str(NULL);
	if (login->user.len == 0 || login->secret.len == 0 || !sasl_is_name(login->user) ||
	    !sasl_is_name(login->acting_as))
		return SASL_BAD;
	return SASL_DONE;
}

/* The octets as they came, where the library would prepare them and refuse what it cannot prepare:
 * a password may have been hashed as it is, and whoever compares it can prepare it as well. */
int sasl_plain_take(struct sasl *sasl, struct gw_str token)
{
	struct plain plain = read_plain(token);
	int result = gsasl_property_set_raw(sasl->session, GSASL_AUTHZID, plain.acting_as.ptr,
					    plain.acting_as.len);

	if (result == GSASL_OK)
		result = gsasl_property_set_raw(sasl->session, GSASL_AUTHID, plain.user.ptr,
						plain.user.len);
	if (result == GSASL_OK)
		result = gsasl_property_set_raw(sasl->session, GSASL_PASSWORD, plain.secret.ptr,
						plain.secret.len);
	return result;
}

int sasl_login_take(struct sasl *sasl, struct gw_str token)
{
	return sasl_library_step(sasl, token, false);
}

static enum sasl_state server_take(struct sasl *sasl, struct gw_str token, struct gw_str *out)
{
	int result = sasl->mechanism->token_is_sound(token) ? sasl->mechanism->take(sasl, token)
							    : GSASL_MECHANISM_PARSE_ERROR;

	if (result == GSASL_OK)
		return take_login(sasl);
	if (result != GSASL_NEEDS_MORE || sasl->steps > 1 ||
	    !sasl->mechanism->challenges[sasl->steps])
		return SASL_BAD;
	*out = gw_str(sasl->mechanism->challenges[sasl->steps++]);
	return SASL_MORE;
}

/* Without an initial response the first thing is to ask; with one, the library is told that it
 * asked. */
enum sasl_state sasl_secret_server_step(struct sasl *sasl, struct gw_str in, struct gw_str *out)
{
	enum sasl_state state = SASL_BAD;
	struct gw_str token;

	if (sasl->steps == 0) {
		if (sasl_library_step(sasl, gw_str(""), false) != GSASL_NEEDS_MORE)
			return SASL_BAD;
		*out = gw_str(sasl->mechanism->challenges[sasl->steps++]);
		if (in.len == 0)
			return SASL_MORE;
		*out = gw_str("");
	}
	token = sasl_decode(in);
	if (token.ptr)
		state = server_take(sasl, token, out);
	sasl_wipe_free((char *)token.ptr, token.len);
	return state;
}

enum sasl_state sasl_library_client_step(struct sasl *sasl, struct gw_str in, struct gw_str *out)
{
	struct gw_str token;
	int result;

	if (sasl->steps++ == 0 && sasl->mechanism->client_waits)
		return SASL_MORE;
	token = sasl_decode(in);
	if (!token.ptr && !sasl->mechanism->client_waits)
		return SASL_BAD;
	/* LOGIN has no standard, and what its prompts say no meaning: each is the next one. */
	result = sasl_library_step(sasl, token.ptr ? token : gw_str("?"), true);
	sasl_wipe_free((char *)token.ptr, token.len);
	if (result != GSASL_OK && result != GSASL_NEEDS_MORE)
		return SASL_BAD;
	*out = gw_str_n(sasl->line, sasl->line_len);
	return result == GSASL_OK ? SASL_DONE : SASL_MORE;
}

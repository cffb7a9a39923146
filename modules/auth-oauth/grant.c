#include "grant.h"
#include "jwt.h"

#define ASSERTION_LIFE 600 /* seconds; providers take an hour at most */

void grant_client(struct form *form, const struct oauth_relay *conf)
{
	form_add(form, "client_id", conf->client_id);
	form_add(form, "client_secret", conf->client_secret);
}

static const char *refresh_form(struct form *form, const struct oauth_relay *conf,
				const struct token *token)
{
	if (!token->refresh)
		return "nobody has logged in yet";
	form_add(form, "grant_type", gw_str("refresh_token"));
	form_add(form, "refresh_token", gw_str(token->refresh));
	grant_client(form, conf);
	return NULL;
}

static const char *client_form(struct form *form, const struct oauth_relay *conf,
			       const struct gw_relay *relay)
{
	form_add(form, "grant_type", gw_str("client_credentials"));
	form_add(form, "scope", oauth_address(conf, relay, ADDRESS_SCOPE));
	grant_client(form, conf);
	return NULL;
}

static const char *jwt_form(struct form *form, const struct oauth_relay *conf,
			    const struct gw_relay *relay, int64_t now)
{
	/* the addresses share a buffer where a tenant stands in them: the audience is copied */
	char audience[2048];
	struct gw_str url = oauth_address(conf, relay, ADDRESS_TOKEN);
	const char *why = "the address is too long";
	struct jwt jwt = { .issuer = conf->issuer.len ? conf->issuer : conf->client_id,
			   .subject = conf->user,
			   .key_id = conf->key_id,
			   .issued = now / 1000,
			   .expires = now / 1000 + ASSERTION_LIFE };
	char *assertion;

	if (url.len >= sizeof audience)
		return why;
	memcpy(audience, url.ptr, url.len);
	jwt.audience = gw_str_n(audience, url.len);
	jwt.scope = oauth_address(conf, relay, ADDRESS_SCOPE);
	assertion = jwt_sign(&jwt, conf->key.ptr, &why);
	if (!assertion)
		return why;
	form_add(form, "grant_type", gw_str("urn:ietf:params:oauth:grant-type:jwt-bearer"));
	form_add(form, "assertion", gw_str(assertion));
	wipe_free(assertion);
	return NULL;
}

const char *grant_form(struct form *form, const struct oauth_relay *conf,
		       const struct gw_relay *relay, const struct token *token, int64_t now,
		       int64_t ahead)
{
	const char *why = conf->grant == GRANT_LOGIN    ? refresh_form(form, conf, token)
			  : conf->grant == GRANT_CLIENT ? client_form(form, conf, relay)
							: jwt_form(form, conf, relay, now + ahead);

	return why ? why : form->failed ? "no memory" : NULL;
}

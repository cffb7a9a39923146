#include "grant.h"
#include "jwt.h"

#define ASSERTION_LIFE 600 /* seconds; providers take an hour at most */

/* The addresses share a buffer where a tenant stands in them: the audience is copied. */
#define AUDIENCE_MOST 2048
static bool put_audience(struct jwt *jwt, const struct oauth_relay *conf,
			 const struct gw_relay *relay, char audience[AUDIENCE_MOST])
{
	struct gw_str url = oauth_address(conf, relay, ADDRESS_TOKEN);

	if (url.len >= AUDIENCE_MOST)
		return false;
	memcpy(audience, url.ptr, url.len);
	jwt->audience = gw_str_n(audience, url.len);
	return true;
}

/* RFC 7523 section 2.2, as Entra wants it: the certificate is named by its SHA-256. */
static const char *certificate_form(struct form *form, const struct oauth_relay *conf,
				    const struct gw_relay *relay, int64_t now)
{
	char audience[AUDIENCE_MOST], thumbprint[THUMBPRINT], id[RANDOM_WORD];
	const char *why = "the assertion cannot be made";
	struct jwt jwt = { .issuer = conf->client_id,
			   .subject = conf->client_id,
			   .issued = now / 1000,
			   .expires = now / 1000 + ASSERTION_LIFE,
			   .pss = conf->algorithm == ALGORITHM_PS256 };
	char *assertion;

	if (!jwt_thumbprint(conf->certificate.ptr, thumbprint, &why) || !random_word(id) ||
	    !put_audience(&jwt, conf, relay, audience))
		return why;
	jwt.thumbprint = gw_str(thumbprint);
	jwt.id = gw_str(id);
	assertion = jwt_sign(&jwt, conf->key.ptr, &why);
	if (!assertion)
		return why;
	form_add(form, "client_assertion_type",
		 gw_str("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
	form_add(form, "client_assertion", gw_str(assertion));
	wipe_free(assertion);
	return NULL;
}

const char *grant_client(struct form *form, const struct oauth_relay *conf,
			 const struct gw_relay *relay, int64_t now)
{
	form_add(form, "client_id", conf->client_id);
	if (conf->certificate.len)
		return certificate_form(form, conf, relay, now);
	form_add(form, "client_secret", conf->client_secret);
	return NULL;
}

static const char *refresh_form(struct form *form, const struct oauth_relay *conf,
				const struct gw_relay *relay, const struct token *token,
				int64_t now)
{
	if (!token->refresh)
		return "nobody has logged in yet";
	form_add(form, "grant_type", gw_str("refresh_token"));
	form_add(form, "refresh_token", gw_str(token->refresh));
	return grant_client(form, conf, relay, now);
}

static const char *client_form(struct form *form, const struct oauth_relay *conf,
			       const struct gw_relay *relay, int64_t now)
{
	form_add(form, "grant_type", gw_str("client_credentials"));
	form_add(form, "scope", oauth_address(conf, relay, ADDRESS_SCOPE));
	return grant_client(form, conf, relay, now);
}

static const char *jwt_form(struct form *form, const struct oauth_relay *conf,
			    const struct gw_relay *relay, int64_t now)
{
	char audience[AUDIENCE_MOST];
	const char *why = "the address is too long";
	struct jwt jwt = { .issuer = conf->issuer.len ? conf->issuer : conf->client_id,
			   .subject = conf->user,
			   .key_id = conf->key_id,
			   .issued = now / 1000,
			   .expires = now / 1000 + ASSERTION_LIFE };
	char *assertion;

	if (!put_audience(&jwt, conf, relay, audience))
		return why;
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
	int64_t there = now + ahead;
	const char *why = conf->grant == GRANT_LOGIN ? refresh_form(form, conf, relay, token, there)
			  : conf->grant == GRANT_CLIENT ? client_form(form, conf, relay, there)
							: jwt_form(form, conf, relay, there);

	return why ? why : form->failed ? "no memory" : NULL;
}

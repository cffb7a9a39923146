#include "conf.h"

#include <stdio.h>

#define CONF(member) offsetof(struct oauth_conf, member)
const struct gw_option oauth_options[] = {
	{ "folder", GW_OPTION_PATH, CONF(folder), .fallback = "STATE/oauth",
	  .help = "Where tokens are kept, a file for each relay." },
	{ "seal", GW_OPTION_SECRET, CONF(seal),
	  .help = "A key of 64 hexadecimal digits (file:PATH, credential:NAME, env:NAME, exec:COMMAND): token files are sealed with it." },
	{ "ca_file", GW_OPTION_PATH, CONF(ca_file),
	  .help = "Certificates (PEM) that are trusted for token end points, instead of the system's." },
	{ "margin", GW_OPTION_DURATION, CONF(margin), .fallback = "10m",
	  .help = "So long before its end a token is renewed; of a short one, half its life.",
	  .min = 1000, .max = 86400000 },
	{ "timeout", GW_OPTION_DURATION, CONF(timeout), .fallback = "20s",
	  .help = "How long a token end point may take for an answer.", .min = 100, .max = 300000 },
	{ "warn_to", GW_OPTION_LIST, CONF(warn_to),
	  .help = "Who gets a mail when a relay needs a login." },
	{ "warn_from", GW_OPTION_STRING, CONF(warn_from),
	  .help = "Sender of these mails; empty: the null sender." },
	GW_OPTIONS_END
};

#define RELAY(member) offsetof(struct oauth_relay, member)
const struct gw_option oauth_relay_options[] = {
	{ "auth.method", GW_OPTION_WORD, RELAY(method), .fallback = "password",
	  .help = "\"oauth\": the relay is logged in to with a token.", .words = "password|oauth" },
	{ "auth.user", GW_OPTION_STRING, RELAY(user), .help = "The mailbox to log in as." },
	{ "auth.grant", GW_OPTION_WORD, RELAY(grant), .fallback = "login",
	  .help = "How tokens are got: after `gatewayctl oauth login`, as the application itself, or with a service account's key.",
	  .words = "login|client_credentials|jwt_bearer" },
	{ "auth.client_id", GW_OPTION_STRING, RELAY(client_id),
	  .help = "The application, as registered by you at the provider." },
	{ "auth.client_secret", GW_OPTION_SECRET, RELAY(client_secret),
	  .help = "Its secret: file:PATH, credential:NAME, env:NAME, exec:COMMAND; public clients have none." },
	{ "auth.tenant", GW_OPTION_STRING, RELAY(tenant),
	  .help = "What stands for {tenant} in the provider's addresses." },
	{ "auth.scope", GW_OPTION_STRING, RELAY(scope),
	  .help = "Scopes to ask for, parted by blanks; empty: the provider's." },
	{ "auth.token_url", GW_OPTION_STRING, RELAY(token_url),
	  .help = "Where tokens come from; empty: the provider's." },
	{ "auth.authorize_url", GW_OPTION_STRING, RELAY(authorize_url),
	  .help = "Where a person consents; empty: the provider's." },
	{ "auth.device_url", GW_OPTION_STRING, RELAY(device_url),
	  .help = "Where a device asks for its code; empty: the provider's." },
	{ "auth.revoke_url", GW_OPTION_STRING, RELAY(revoke_url),
	  .help = "Where tokens are taken back; empty: the provider's." },
	{ "auth.key", GW_OPTION_PATH, RELAY(key),
	  .help = "The private RSA key (PEM): with jwt_bearer the account's, with certificate the certificate's." },
	{ "auth.certificate", GW_OPTION_PATH, RELAY(certificate),
	  .help = "Instead of client_secret: the application's certificate (PEM), as it is registered; what is asked is signed with its key." },
	{ "auth.algorithm", GW_OPTION_WORD, RELAY(algorithm), .fallback = "PS256",
	  .help = "certificate: by which algorithm.", .words = "PS256|RS256" },
	{ "auth.key_id", GW_OPTION_STRING, RELAY(key_id),
	  .help = "jwt_bearer: the key's number at the provider; may be empty." },
	{ "auth.issuer", GW_OPTION_STRING, RELAY(issuer),
	  .help = "jwt_bearer: the service account; empty: the client_id." },
	GW_OPTIONS_END
};

const struct oauth_relay *oauth_relay(struct gw_call *call, const struct gw_relay *relay)
{
	const struct oauth_relay *conf = gw->relay_conf(call, relay);

	return conf && conf->method == METHOD_OAUTH ? conf : NULL;
}

/* --- addresses --- */

static struct gw_str own_address(const struct oauth_relay *conf, enum address which)
{
	switch (which) {
	case ADDRESS_TOKEN:
		return conf->token_url;
	case ADDRESS_AUTHORIZE:
		return conf->authorize_url;
	case ADDRESS_DEVICE:
		return conf->device_url;
	case ADDRESS_REVOKE:
		return conf->revoke_url;
	default:
		return conf->scope;
	}
}

struct gw_str oauth_address(const struct oauth_relay *conf, const struct gw_relay *relay,
			    enum address which)
{
	static const enum gw_relay_fact facts[] = {
		[ADDRESS_TOKEN] = GW_RELAY_TOKEN_URL,
		[ADDRESS_AUTHORIZE] = GW_RELAY_AUTHORIZE_URL,
		[ADDRESS_DEVICE] = GW_RELAY_DEVICE_URL,
		[ADDRESS_REVOKE] = GW_RELAY_REVOKE_URL,
		[ADDRESS_SCOPE] = GW_RELAY_SCOPE,
	};
	static _Thread_local char text[2048];
	struct gw_str own = own_address(conf, which);
	struct gw_str form = own.len ? own : gw->relay_fact(relay, facts[which]);
	const char *hole = form.len ? strstr(form.ptr, "{tenant}") : NULL;
	int len;

	if (!hole)
		return form;
	len = snprintf(text, sizeof text, "%.*s%.*s%s", (int)(hole - form.ptr), form.ptr,
		       GW_STR_ARGS(conf->tenant), hole + strlen("{tenant}"));
	return gw_str_n(text, len < 0 || (size_t)len >= sizeof text ? 0 : (size_t)len);
}

/* --- what is wrong with it --- */

static bool wrong(struct gw_call *call, const struct gw_relay *relay, const char *key,
		  const char *what)
{
	gw->problem_at(call, relay, key, true, "relay \"%s\": %s",
		       gw->relay_fact(relay, GW_RELAY_NAME).ptr, what);
	return false;
}

static bool needs_tenant(const struct oauth_relay *conf, const struct gw_relay *relay)
{
	struct gw_str form = gw->relay_fact(relay, GW_RELAY_TOKEN_URL);

	return !conf->token_url.len && !conf->tenant.len && form.len &&
	       strstr(form.ptr, "{tenant}") != NULL;
}

static bool is_https(struct gw_str url)
{
	return url.len > 8 && strncmp(url.ptr, "https://", 8) == 0;
}

static bool check_certificate(struct gw_call *call, const struct gw_relay *relay,
			      const struct oauth_relay *conf)
{
	if (!conf->certificate.len)
		return true;
	if (!conf->key.len)
		return wrong(call, relay, "auth.certificate",
			     "certificate needs key, the file of its private key");
	if (conf->client_secret.len || conf->grant == GRANT_JWT)
		return wrong(
			call, relay, "auth.certificate",
			"certificate stands in the place of client_secret, and is not for jwt_bearer");
	return true;
}

static bool check_login(struct gw_call *call, const struct gw_relay *relay,
			const struct oauth_relay *conf)
{
	if (!conf->client_id.len)
		return wrong(
			call, relay, "auth",
			"method = \"oauth\" needs client_id: register an application of your own at the provider");
	if (!is_https(oauth_address(conf, relay, ADDRESS_DEVICE)) &&
	    !is_https(oauth_address(conf, relay, ADDRESS_AUTHORIZE)))
		return wrong(
			call, relay, "auth",
			"there is no authorize_url or device_url, so nobody can log in; is another grant meant?");
	return true;
}

bool oauth_relay_check(struct gw_call *call, const struct gw_relay *relay)
{
	const struct oauth_relay *conf = oauth_relay(call, relay);

	if (!conf)
		return true;
	if (!conf->user.len)
		return wrong(call, relay, "auth",
			     "method = \"oauth\" needs user, the mailbox to log in as");
	if (needs_tenant(conf, relay))
		return wrong(
			call, relay, "auth",
			"this provider's addresses have {tenant}: set auth.tenant to your directory's id or domain");
	if (!is_https(oauth_address(conf, relay, ADDRESS_TOKEN)))
		return wrong(call, relay, "auth.token_url",
			     "method = \"oauth\" needs a token_url that begins with https://");
	if (!check_certificate(call, relay, conf))
		return false;
	if (conf->grant == GRANT_LOGIN)
		return check_login(call, relay, conf);
	if (conf->grant == GRANT_CLIENT &&
	    (!conf->client_id.len || !(conf->client_secret.len || conf->certificate.len)))
		return wrong(
			call, relay, "auth.grant",
			"grant = \"client_credentials\" needs client_id, and client_secret or certificate");
	if (conf->grant == GRANT_JWT &&
	    (!conf->key.len || !(conf->issuer.len || conf->client_id.len)))
		return wrong(call, relay, "auth.grant",
			     "grant = \"jwt_bearer\" needs key, and issuer or client_id");
	return true;
}

#include "conf.h"

#define CONF(member) offsetof(struct token_conf, member)
const struct gw_option token_options[] = {
	{ "issuer", GW_OPTION_STRING, CONF(issuer),
	  .help = "Who issues the tokens, as their claim iss says: \"https://login.microsoftonline.com/TENANT/v2.0\"; a token without it is refused. Needed with keys_url." },
	{ "audience", GW_OPTION_LIST, CONF(audience),
	  .help = "For whom tokens have to be, as their claim aud says; one of these. A token without it is refused. Needed with keys_url." },
	{ "keys_url", GW_OPTION_STRING, CONF(keys_url),
	  .help = "Where the issuer's keys are (JWKS), an https address: tokens are signed JWTs, and checked here." },
	{ "introspection_url", GW_OPTION_STRING, CONF(introspection_url),
	  .help = "Instead of keys_url: where the issuer says of a token whether it is good (RFC 7662), an https address." },
	{ "client_id", GW_OPTION_STRING, CONF(client_id),
	  .help = "Who we are at the introspection end point." },
	{ "client_secret", GW_OPTION_SECRET, CONF(client_secret),
	  .help = "Its secret (HTTP Basic): file:PATH, credential:NAME, env:NAME, exec:COMMAND." },
	{ "bearer", GW_OPTION_SECRET, CONF(bearer),
	  .help = "Instead of client_id and client_secret: a token for the introspection end point." },
	{ "cache", GW_OPTION_DURATION, CONF(cache), .fallback = "60s",
	  .help = "How long what the end point said of a good token is believed, never beyond the token's end; 0: each login is asked about.",
	  .min = 0, .max = 3600000 },
	{ "user_claim", GW_OPTION_STRING, CONF(user_claim), .fallback = "email",
	  .help = "The claim that names the user: \"email\" (one that is not verified is no name), \"upn\", \"sub\"." },
	{ "domains_claim", GW_OPTION_STRING, CONF(domains_claim),
	  .help = "The claim that names the user's sender domains, a list or words; a token without it is refused. Empty: tokens say nothing of domains." },
	{ "scope", GW_OPTION_STRING, CONF(scope),
	  .help = "A scope or role that the token has to have (scope, scp, roles); empty: none." },
	{ "skew", GW_OPTION_DURATION, CONF(skew), .fallback = "60s",
	  .help = "So far the issuer's clock and ours may be apart.", .min = 0, .max = 900000 },
	{ "refresh", GW_OPTION_DURATION, CONF(refresh), .fallback = "1h",
	  .help = "How often the keys are fetched anew; a key that is not known is looked for once a minute at most.",
	  .min = 60000, .max = 86400000 },
	{ "timeout", GW_OPTION_DURATION, CONF(timeout), .fallback = "10s",
	  .help = "How long the keys, or an answer about a token, may take.", .min = 100,
	  .max = 60000 },
	{ "ca_file", GW_OPTION_PATH, CONF(ca_file),
	  .help = "Certificates (PEM) that are trusted for these addresses, instead of the system's." },
	GW_OPTIONS_END
};

static bool wrong(struct gw_call *call, const char *key, const char *what)
{
	gw->problem_at(call, NULL, key, true, "%s", what);
	return false;
}

static bool is_https(struct gw_str url)
{
	return url.len > 8 && strncmp(url.ptr, "https://", 8) == 0;
}

static bool check_keys(struct gw_call *call, const struct token_conf *conf)
{
	if (!is_https(conf->keys_url))
		return wrong(
			call, "keys_url",
			"keys_url begins with https://: who changes the keys on their way lets himself in");
	if (!conf->issuer.len || !conf->audience.count)
		return wrong(call, "keys_url",
			     "keys_url needs issuer and audience: whose tokens, and for whom");
	return true;
}

static bool check_introspection(struct gw_call *call, const struct token_conf *conf)
{
	if (!is_https(conf->introspection_url))
		return wrong(call, "introspection_url", "introspection_url begins with https://");
	if ((conf->client_id.len && conf->client_secret.len) == (conf->bearer.len > 0))
		return wrong(
			call, "introspection_url",
			"introspection_url needs client_id and client_secret, or bearer: RFC 7662 lets nobody ask without");
	return true;
}

bool token_conf_check(struct gw_call *call)
{
	const struct token_conf *conf = gw->conf(call);

	if ((conf->keys_url.len > 0) == (conf->introspection_url.len > 0))
		return wrong(
			call, NULL,
			"one of keys_url (signed tokens) and introspection_url (the issuer is asked) is needed");
	return conf->keys_url.len ? check_keys(call, conf) : check_introspection(call, conf);
}

#include "conf.h"

#define CONF(member) offsetof(struct token_conf, member)
const struct gw_option token_options[] = {
	{ "issuer", GW_OPTION_STRING, CONF(issuer),
	  .help = "Who issues the tokens, as their claim iss says: \"https://login.microsoftonline.com/TENANT/v2.0\".",
	  .flags = GW_OPTION_REQUIRED },
	{ "audience", GW_OPTION_LIST, CONF(audience),
	  .help = "For whom tokens have to be, as their claim aud says; one of these.",
	  .flags = GW_OPTION_REQUIRED },
	{ "keys_url", GW_OPTION_STRING, CONF(keys_url),
	  .help = "Where the issuer's keys are (JWKS), an https address.",
	  .flags = GW_OPTION_REQUIRED },
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
	  .help = "How long the keys may take.", .min = 100, .max = 60000 },
	{ "ca_file", GW_OPTION_PATH, CONF(ca_file),
	  .help = "Certificates (PEM) that are trusted for keys_url, instead of the system's." },
	GW_OPTIONS_END
};

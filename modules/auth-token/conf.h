/* conf.h - whose tokens are believed, and what is read in them. */
#ifndef AUTH_TOKEN_CONF_H
#define AUTH_TOKEN_CONF_H

#include <gateway/module.h>

struct token_conf {
	struct gw_str issuer, keys_url, user_claim, domains_claim, scope, ca_file;
	struct gw_str introspection_url, client_id, client_secret, bearer;
	struct gw_list audience;
	int64_t skew, refresh, timeout, cache;
};

extern const struct gw_option token_options[];

/* Says what does not fit; false: it cannot work. In start(). */
bool token_conf_check(struct gw_call *call);

#endif

/* conf.h - what an admin says about tokens, in the fragment and at a relay. */
#ifndef OAUTH_CONF_H
#define OAUTH_CONF_H

#include <gateway/module.h>

struct oauth_conf {
	struct gw_str folder, seal, ca_file, warn_from;
	struct gw_list warn_to;
	int64_t margin, timeout;
};

enum method { METHOD_PASSWORD, METHOD_OAUTH };
enum grant { GRANT_LOGIN, GRANT_CLIENT, GRANT_JWT };
enum algorithm { ALGORITHM_PS256, ALGORITHM_RS256 };

struct oauth_relay {
	int64_t method, grant;
	struct gw_str user, client_id, client_secret, tenant, scope;
	struct gw_str token_url, authorize_url, device_url, revoke_url;
	struct gw_str key, key_id, issuer, certificate;
	struct gw_str first_secret; /* client_secret, as it was when the instance began */
	int64_t algorithm;
};

extern const struct gw_option oauth_options[], oauth_relay_options[];

/* NULL: the relay does not log in by token. */
const struct oauth_relay *oauth_relay(struct gw_call *call, const struct gw_relay *relay);

/* What a relay says, else its provider, "{tenant}" replaced. Valid until the next call of the same
 * thread. */
enum address { ADDRESS_TOKEN, ADDRESS_AUTHORIZE, ADDRESS_DEVICE, ADDRESS_REVOKE, ADDRESS_SCOPE };
struct gw_str oauth_address(const struct oauth_relay *conf, const struct gw_relay *relay,
			    enum address which);

/* Tells what is wrong with a relay; false: it cannot work. */
bool oauth_relay_check(struct gw_call *call, const struct gw_relay *relay);

#endif

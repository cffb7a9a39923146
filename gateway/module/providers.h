/* providers.h - what mail providers' submission hosts are called and want: presets for relays, from
 * the fragments with `providers = ( ... )`.
 *
 * A relay names one in auth.provider; each of its own keys goes before the preset's. A name may
 * have one "{word}" in it, which stands for any text: the same "{word}" in the host is that text.
 */
#ifndef MODULE_PROVIDERS_H
#define MODULE_PROVIDERS_H

#include <gateway/option.h>

struct load;
struct gw_relay;
struct snapshot;

struct provider {
	struct gw_str name; /* "gmail", "ses-{region}" */
	struct gw_str host;
	int64_t port, tls;                      /* enum tls_mode */
	struct gw_list mechanisms;              /* the best first */
	int64_t connections, daily, per_minute; /* 0: not known */
	/* OAuth; "{tenant}" is the customer's; empty: not there */
	struct gw_str authorize_url, device_url, token_url, revoke_url, scope;
	struct gw_str hint; /* for people whose login fails */
};

extern const struct gw_option provider_options[];

/* Fills snapshot->providers; a step of load.h. */
void load_providers(struct load *load);

/* Finds the relay's preset and fills in what the relay's fragment does not say. */
void provider_apply(struct load *load, struct gw_relay *relay);

#endif

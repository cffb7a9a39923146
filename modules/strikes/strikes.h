/* strikes.h - the configuration of strikes, as people write it. */
#ifndef STRIKES_STRIKES_H
#define STRIKES_STRIKES_H

#include <gateway/module.h>

enum policy { POLICY_REFUSE, POLICY_ACCEPT_DSN };
enum accept { ACCEPT_LISTENER, ACCEPT_QUEUED, ACCEPT_CUTTHROUGH };

struct config {
	struct gw_str timezone;
	int64_t warn_at, limit;
	struct gw_groups clients; /* struct client_config */
};

struct client_config {
	struct gw_str name;
	int64_t policy;      /* enum policy */
	int64_t accept;      /* enum accept */
	int64_t accept_wait; /* ms: with ACCEPT_CUTTHROUGH */
	int64_t limit;       /* 0: the module's */
};

/* NULL: the configuration says nothing of it. */
const struct client_config *client_named(const struct config *config, struct gw_str name);

/* So many refusals a day this client bears. */
int64_t client_limit(const struct config *config, struct gw_str name);

/* `gatewayctl strikes`. */
void report(struct gw_call *call, const struct gw_command *command);

#endif

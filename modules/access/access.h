/* access.h - the configuration of access, as people write it and as it is used. */
#ifndef ACCESS_ACCESS_H
#define ACCESS_ACCESS_H

#include "network.h"

enum sender_rule { SENDER_ANY, SENDER_DOMAINS };
enum from_rule { FROM_STRICT, FROM_ENVELOPE, FROM_OFF };

struct config {
	bool logins;
	struct gw_list networks;
	struct gw_groups clients; /* struct client_config */
	int64_t sender;           /* enum sender_rule */
	int64_t from;             /* enum from_rule */
};

struct client_config {
	struct gw_str name, type;
	struct gw_list networks, domains, logins;
	bool login;
};

struct networks {
	struct network *items;
	size_t count;
};

struct client {
	const struct client_config *config;
	struct networks networks;
	struct gw_str domains; /* parted by blanks */
};

/* The instance's data: the configuration with its networks parsed. */
struct access {
	struct networks networks;
	struct client *clients;
	size_t client_count;
};

/* Parses and judges the configuration; -1: problems were told. */
int access_start(struct gw_call *call);

/* The hook of that name. */
void access_clients(struct gw_call *call);

/* The first client in file order whose networks have the peer; NULL: none. */
const struct client *access_client(const struct access *access, const struct network *peer);

/* True when the login is bound to the networks of clients, and the peer is in none of them. */
bool access_login_is_elsewhere(const struct access *access, struct gw_str login,
			       const struct network *peer);
bool networks_have(const struct networks *networks, const struct network *peer);

/* True when `domains` (parted by blanks) name the domain: "example.com", "*.example.com" (what is
 * below it), "*" (all). Names in other scripts are the same as their A-labels. */
bool domains_name(const struct gw_call *call, struct gw_str domains, struct gw_str domain);

#endif

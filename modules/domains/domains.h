/* domains.h - what an admin says about his sender domains, and what relays say. */
#ifndef DOMAINS_H
#define DOMAINS_H

#include <gateway/module.h>

/* The module's group. */
struct domains_conf {
	struct gw_list senders, addresses, mass;
	struct gw_str keys;
	bool strict;
	int64_t deadline, bulk;
};

/* What the module adds to relays; the keys of others are looked at, as they are said there. */
struct domains_relay {
	struct gw_list sends_from;
	bool strict;
	struct gw_list domains, types;      /* routing's */
	struct gw_str return_path;          /* bounce's */
	struct gw_list return_path_domains; /* bounce's */
	bool dkim;                          /* dkim's */
};

#endif

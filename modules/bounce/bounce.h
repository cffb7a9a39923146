/* bounce.h - what the files of the module share: its configuration. */
#ifndef BOUNCE_H
#define BOUNCE_H

#include <gateway/module.h>

struct bounce_conf {
	struct gw_groups rules;
	struct gw_str domain; /* of return paths of ours; empty: none are made */
	struct gw_str key_file;
	struct gw_str store_file;
	int64_t valid, keep; /* ms */
	bool reflect;
	struct gw_list suppress; /* TYPE or CLIENT/TYPE */
	int64_t suppress_for;    /* ms; 0: until somebody takes it back */
	int64_t suppressed;      /* what becomes of mail to such an address */
	struct gw_list domains;
	struct gw_groups sets; /* of domains */
};

#endif

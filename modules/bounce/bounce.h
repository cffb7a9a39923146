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
	struct gw_list domains;
};

#endif

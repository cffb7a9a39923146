/* bounce.h - what the files of the module share: its configuration. */
#ifndef BOUNCE_H
#define BOUNCE_H

#include <gateway/module.h>

struct bounce_conf {
	struct gw_groups rules;
};

#endif

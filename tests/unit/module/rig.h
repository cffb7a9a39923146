/* rig.h - a snapshot made by hand from static tables: chains without files. */
#ifndef RIG_H
#define RIG_H

#include "fake.h"

#include <stdio.h>

#define RIG_INSTANCES 8

struct rig {
	struct snapshot snapshot;
	struct module modules[RIG_INSTANCES];
	struct instance instances[RIG_INSTANCES];
	struct instance_counters counters[RIG_INSTANCES];
	struct instance *chains[GW_HOOKS][RIG_INSTANCES];
	struct arena arena;
};

static inline void rig_init(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	arena_init(&rig->arena, 0);
	rig->snapshot.instances = rig->instances;
	for (size_t hook = 0; hook < GW_HOOKS; hook++)
		rig->snapshot.chains[hook] = rig->chains[hook];
}

static inline void rig_finish(struct rig *rig)
{
	arena_finish(&rig->arena);
}

/* Puts a module at the end of one chain. */
static inline struct instance *rig_add(struct rig *rig, const char *name, enum gw_hook hook,
				       const struct gw_module *table)
{
	size_t n = rig->snapshot.instance_count++;
	struct instance *instance = &rig->instances[n];

	rig->modules[n].table = *table;
	*instance = (struct instance){ .module = &rig->modules[n],
				       .snapshot = &rig->snapshot,
				       .name = name,
				       .deadline_ms = 2000,
				       .counters = &rig->counters[n] };
	rig->chains[hook][rig->snapshot.chain_length[hook]++] = instance;
	return instance;
}

#endif

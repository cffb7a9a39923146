#include "module/snapshot.h"

const struct hook_row hook_table[GW_HOOKS] = {
#define HOOK(name_, kind_, mode_, ends_, nobody_, broken_, asked_, otherwise_, breaks_)            \
	[GW_HOOK_##name_] = {                                                                      \
		.name = #name_,                                                                    \
		.kind = HOOK_##kind_,                                                              \
		.mode = HOOK_##mode_,                                                              \
		.ends = ends_,                                                                     \
		.nobody = nobody_,                                                                 \
		.broken = broken_,                                                                 \
		.asked = asked_,                                                                   \
		.otherwise = otherwise_,                                                           \
		.breaks = breaks_,                                                                 \
		.offset = offsetof(struct gw_module, name_),                                       \
	},
#include "module/hooks.def"
#undef HOOK
};

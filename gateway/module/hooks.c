#include "module/snapshot.h"

const struct hook_row hook_table[GW_HOOKS] = {
#define GW_DECIDES(name_, first_, second_, mode_, verdicts_, broken_, asked_, otherwise_, breaks_) \
	[GW_HOOK_##name_] = {                                                                      \
		.name = #name_,                                                                    \
		.kind = HOOK_DECIDES,                                                              \
		.mode = HOOK_##mode_,                                                              \
		.verdicts = (verdicts_),                                                           \
		.broken = GW_##broken_,                                                            \
		.asked = (asked_),                                                                 \
		.otherwise = (otherwise_),                                                         \
		.breaks = (breaks_),                                                               \
		.offset = offsetof(struct gw_module, name_),                                       \
	},
#define GW_OBSERVES(name_, first_, second_, thread_, asked_)                                       \
	[GW_HOOK_##name_] = {                                                                      \
		.name = #name_,                                                                    \
		.kind = HOOK_OBSERVES,                                                             \
		.broken = GW_CONTINUE,                                                             \
		.asked = (asked_),                                                                 \
		.otherwise = "-",                                                                  \
		.breaks = "logged",                                                                \
		.offset = offsetof(struct gw_module, name_),                                       \
	},
#include <gateway/hooks.def>
};

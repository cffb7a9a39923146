/* verbs.h - what gatewayctl asks: clients, who was refused, presets. */
#ifndef ACCESS_VERBS_H
#define ACCESS_VERBS_H

#include "access.h"

/* For gw_module.verbs. */
#define ACCESS_VERBS                                                                               \
	"client list\teach client: its last mail, today by type, refusals, domains\n"              \
	"client refused\tnetworks that were turned away, and what would let them in\n"             \
	"preset list\tnetworks of well-known services, by name\n"                                  \
	"preset show NAME\tone preset, and what its lists have now\n"                              \
	"preset diff\tthe own presets against those that were shipped, and against what is published now"

void access_control(struct gw_call *call, const struct gw_command *command);

/* preset_diff.c */
void preset_diff(struct gw_call *call, struct access *access);

#endif

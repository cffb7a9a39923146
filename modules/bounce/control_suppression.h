/* control_suppression.h - `gatewayctl suppression list|add|rm|export`. */
#ifndef BOUNCE_CONTROL_SUPPRESSION_H
#define BOUNCE_CONTROL_SUPPRESSION_H

#include <gateway/module.h>

void control_suppression(struct gw_call *call, const struct gw_command *command,
			 struct gw_list words);

#endif

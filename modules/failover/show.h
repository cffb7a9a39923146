/* show.h - what gatewayctl shows: of the relays, and of what a reply would mean. */
#ifndef FAILOVER_SHOW_H
#define FAILOVER_SHOW_H

#include <gateway/module.h>

#define CONTROL_WORDS "classify CODE TEXT [STAGE]"
#define CONTROL_VERBS                                                                              \
	CONTROL_WORDS "\twhose fault a reply of a next hop is taken for, and what follows"

void on_status(struct gw_call *call);
void on_relay_status(struct gw_call *call, struct gw_relay *relay);
void on_control(struct gw_call *call, const struct gw_command *command);

#endif

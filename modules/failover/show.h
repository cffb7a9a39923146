/* show.h - what gatewayctl shows: of the relays, and of what a reply would mean. */
#ifndef FAILOVER_SHOW_H
#define FAILOVER_SHOW_H

#include <gateway/module.h>

#define CONTROL_VERBS "classify CODE TEXT [STAGE]"

void on_status(struct gw_call *call);
void on_relay_status(struct gw_call *call, struct gw_relay *relay);
void on_control(struct gw_call *call, const struct gw_command *command);

#endif

/* verbs.h - `gatewayctl oauth ...`, and the lines of `status` and `relay show`. */
#ifndef OAUTH_VERBS_H
#define OAUTH_VERBS_H

#include <gateway/module.h>

#define VERBS                                                                                      \
	"status [RELAY]\twhat each relay that logs in by token has, and what to do\n"              \
	"!login RELAY [device|page]\tlogs in at the provider, and proves it at the relay\n"        \
	"!logout RELAY\tforgets the token, and takes it back where the provider can"

void on_control(struct gw_call *call, const struct gw_command *command);
void on_status(struct gw_call *call);
void on_relay_status(struct gw_call *call, struct gw_relay *relay);

#endif

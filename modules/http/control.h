/* control.h - `gatewayctl http ...`, and what `gatewayctl status` says. */
#ifndef HTTP_CONTROL_H
#define HTTP_CONTROL_H

#include <gateway/module.h>

#define CONTROL_VERBS                                                                              \
	"token NAME\tmakes a token for the API, and the row of the fragment that knows it\n"       \
	"webhooks\thow it stands with each\n"                                                      \
	"dead list [WEBHOOK]\tevents that a webhook did not take for too long\n"                   \
	"dead show NUMBER\tone of them, as it was sent\n"                                          \
	"!dead resend NUMBER|all\tsends it again; it stays until it is taken\n"                    \
	"!dead drop NUMBER|all\tforgets it: nobody is sent it any more"

void control(struct gw_call *call, const struct gw_command *command);
void control_status(struct gw_call *call);

#endif

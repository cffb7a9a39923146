/* control.h - `gatewayctl http ...`. */
#ifndef HTTP_CONTROL_H
#define HTTP_CONTROL_H

#include <gateway/module.h>

#define CONTROL_VERBS                                                                              \
	"token NAME\tmakes a token for the API, and the row of the fragment that knows it"

void control(struct gw_call *call, const struct gw_command *command);

#endif

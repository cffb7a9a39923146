/* control.h - `gatewayctl bounce ...`. */
#ifndef BOUNCE_CONTROL_H
#define BOUNCE_CONTROL_H

#include "findings.h"

#define CONTROL_VERBS                                                                              \
	"list FIELD=VALUE\tbounces that came back, newest first; --json has all fields of each\n"  \
	"get NUMBER\tone of them, with what came\n"                                                \
	"classify CODE TEXT\twhat a reply means\n"                                                 \
	"classify\twhat the mail on the standard input means: a line of JSON for each recipient"

void control(struct gw_call *call, const struct gw_command *command);

/* The finding as an object, which it begins and ends; NULL: of a mail that is no bounce. */
void finding_write(struct gw_json *json, const char *key, const struct findings *findings,
		   const struct finding *finding);

#endif

/* control.h - `gatewayctl bounce ...`. */
#ifndef BOUNCE_CONTROL_H
#define BOUNCE_CONTROL_H

#include "findings.h"

#define CONTROL_VERBS                                                                              \
	"list FIELD=VALUE\tbounces, newest first, or after=ID on; --json has all fields of each\n" \
	"get ID\tone of them, and for admins what came\n"                                          \
	"stats by=FIELD,FIELD\thow many, of the last days\n"                                       \
	"!read ID|all\tmarks what was ours to mend as read\n"                                      \
	"suppression list FIELD=VALUE\twhom no mail goes to, by client and type of mail\n"         \
	"!suppression add ADDRESS client=NAME type=TYPE days=N\tsends no mail there any more\n"    \
	"!suppression rm ADDRESS client=NAME type=TYPE\tsends mail there again\n"                  \
	"suppression export\tall of them as CSV\n"                                                 \
	"!take\tthe mail on the standard input is a bounce that came to a mailbox of yours\n"      \
	"classify CODE TEXT\twhat a reply means\n"                                                 \
	"classify\twhat the mail on the standard input means: a line of JSON for each recipient"

void control(struct gw_call *call, const struct gw_command *command);

/* The finding as an object, which it begins and ends; NULL: of a mail that is no bounce. */
void finding_write(struct gw_json *json, const char *key, const struct findings *findings,
		   const struct finding *finding);

#endif

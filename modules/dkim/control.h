#ifndef DKIM_CONTROL_H
#define DKIM_CONTROL_H

#include "instance.h"

#define CONTROL_VERBS                                                                                                   \
	"check [now]\teach key: its stage, what DNS and each name server of its domain serve of it, whether it signs\n" \
	"dns [DOMAIN]\tthe records to publish, of each key in use\n"                                                    \
	"!keygen DOMAIN SELECTOR FOLDER [rsa|ed25519]\tmakes a key, and says which record to publish\n"                 \
	"!rotate DOMAIN [cancel]\tmakes new keys; said again when they are published: lets them take over"

void control(struct gw_call *call, const struct gw_command *command, struct dkim *dkim);

#endif

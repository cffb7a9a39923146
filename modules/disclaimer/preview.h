/* preview.h - what would become of a mail: `gatewayctl disclaimer preview --eml FILE`. */
#ifndef DISCLAIMER_PREVIEW_H
#define DISCLAIMER_PREVIEW_H

#include "conf.h"

#define PREVIEW_VERBS                                                                              \
	"preview --eml FILE [--to ADDRESS] [--relay NAME] [--type TYPE] [--client NAME]\t"         \
	"the mail as it would leave, and which rule says so"

void preview(struct gw_call *call, const struct gw_command *command);

#endif

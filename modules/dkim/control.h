#ifndef DKIM_CONTROL_H
#define DKIM_CONTROL_H

#include "signer.h"

#include <gateway/module.h>

#define CONTROL_VERBS                                                                              \
	"dns [DOMAIN]\tthe records to publish, of each key in use\n"                               \
	"!keygen DOMAIN SELECTOR FOLDER [rsa|ed25519]\tmakes a key, and says which record to publish"

void control(struct gw_call *call, const struct gw_command *command, const struct signer *signer);

#endif

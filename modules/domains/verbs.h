/* verbs.h - `gatewayctl domains`. */
#ifndef DOMAINS_VERBS_H
#define DOMAINS_VERBS_H

#include "instance.h"

#define VERBS                                                                                      \
	"list\teach sender domain: its state, and what is wrong with it\n"                         \
	"check [DOMAIN]\tasks the DNS now: what receivers will conclude of each domain's mail\n"   \
	"spf ADDRESS HELO SENDER\twhat SPF says of that address in that sender's name\n"           \
	"!add DOMAIN\tadds a sender domain, and says which records to publish\n"                   \
	"!verify DOMAIN\tasks the DNS now; a domain without errors is verified\n"                  \
	"!rm DOMAIN\tforgets a domain that was added"

void verbs_control(struct gw_call *call, const struct gw_command *command);

#endif

/* verbs.h - `gatewayctl domain`. */
#ifndef DOMAINS_VERBS_H
#define DOMAINS_VERBS_H

#include "instance.h"

#define VERBS                                                                                      \
	"domain list\teach sender domain: its state, and what is wrong with it\n"                  \
	"domain check [DOMAIN]\tasks the DNS now what receivers will conclude of its mail\n"       \
	"check auth [DOMAIN]\tthe same\n"                                                          \
	"domain spf ADDRESS HELO SENDER\twhat SPF says of that address in that sender's name\n"    \
	"!domain add DOMAIN\tadds a sender domain, with a key, and says what to publish\n"         \
	"!domain verify DOMAIN\tasks the DNS now; a domain without errors is verified\n"           \
	"!domain rm DOMAIN\tforgets a domain that was added"

void verbs_control(struct gw_call *call, const struct gw_command *command);

#endif

/* verbs.h - `gatewayctl tlsrpt`. */
#ifndef TLSRPT_VERBS_H
#define TLSRPT_VERBS_H

#include "ledger.h"
#include "sender.h"

void tlsrpt_control(struct gw_call *call, const struct gw_command *command, struct ledger *ledger,
		    struct sender *sender);

#endif

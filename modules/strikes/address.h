/* address.h - who was refused before anybody could say who it is: counted by address, of IPv6 by
 * /64. [any worker] */
#ifndef STRIKES_ADDRESS_H
#define STRIKES_ADDRESS_H

#include "ledger.h"

#define ADDRESS_MAX 64

/* How an address is called in lists and warnings, "[192.0.2.1]" or "[2001:db8::/64]"; false: the
 * text is none. */
bool address_name(struct gw_str text, char name[ADDRESS_MAX]);

/* Another refusal; gives how many there are today. `name` becomes "[others]" where too many
 * addresses are known already. -1: the store failed. */
int64_t address_refusal(struct gw_call *call, char name[ADDRESS_MAX],
			const struct refusal *refusal);

/* Calls `each` for all that were refused today. */
int address_each(struct gw_call *call,
		 void (*each)(void *arg, struct gw_str name, const struct account *account),
		 void *arg);

#endif

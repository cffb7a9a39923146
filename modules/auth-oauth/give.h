/* give.h - the hook `login`: a token for the next hop, waited for where there is none. */
#ifndef OAUTH_GIVE_H
#define OAUTH_GIVE_H

#include <gateway/module.h>

/* Of a delivery: which token it was given. */
struct given {
	uint64_t generation;
};

enum gw_verdict on_login(struct gw_call *call, struct gw_delivery *delivery,
			 struct gw_relay *relay);

#endif

/* guard.h - who has to wait before a password is looked at: whoever guesses, by address and by
 * user, and never who had the right password of this user from this address before. The caller
 * locks. */
#ifndef AUTH_GUARD_H
#define AUTH_GUARD_H

#include "places.h"

struct guard {
	struct failures addresses, users;
	struct failures known; /* known places, each by itself */
	struct places places;
	bool changed; /* the places are to be saved */
};

/* One login, as the guard knows it. */
struct visitor {
	unsigned char address[FAILURES_KEY], user[FAILURES_KEY], place[FAILURES_KEY];
	bool sound; /* false: no memory; nobody is known by it */
};

/* How soon a hash is made of what is offered: who is known never waits behind who guesses. */
enum guard_rank { GUARD_KNOWN, GUARD_STRANGER, GUARD_SUSPECT, GUARD_LATER };
#define GUARD_RANKS GUARD_LATER

/* False: no randomness to be had. */
bool guard_init(struct guard *guard, const struct failures_limits *address,
		const struct failures_limits *user);

/* Needs no lock. */
void guard_visitor(const struct guard *guard, struct gw_str peer, struct gw_str user,
		   struct visitor *visitor);

/* LATER: nothing is looked at now. */
enum guard_rank guard_ask(struct guard *guard, const struct visitor *visitor, int64_t now);

/* What came over a limit with this failure. */
struct guard_reached {
	enum failures_step address, user;
};
struct guard_reached guard_failed(struct guard *guard, const struct visitor *visitor, int64_t now);
void guard_succeeded(struct guard *guard, const struct visitor *visitor, int64_t now);

#endif

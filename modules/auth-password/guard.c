#include "guard.h"

#include <openssl/rand.h>

bool guard_init(struct guard *guard, const struct failures_limits *address,
		const struct failures_limits *user)
{
	uint64_t seed;

	if (!places_init(&guard->places) || RAND_bytes((unsigned char *)&seed, sizeof seed) != 1)
		return false;
	failures_init(&guard->addresses, address, seed);
	failures_init(&guard->users, user, seed);
	failures_init(&guard->known, address, seed);
	guard->changed = false;
	return true;
}

void guard_visitor(const struct guard *guard, struct gw_str peer, struct gw_str user,
		   struct visitor *visitor)
{
	static const unsigned char anywhere[FAILURES_KEY];

	memset(visitor, 0, sizeof *visitor);
	failures_address(peer, visitor->address);
	visitor->sound = places_digest(&guard->places, anywhere, user, visitor->user) &&
			 places_digest(&guard->places, visitor->address, user, visitor->place);
}

static bool is_known(const struct guard *guard, const struct visitor *visitor, int64_t now)
{
	return visitor->sound && places_has(&guard->places, visitor->place, now);
}

enum guard_rank guard_ask(struct guard *guard, const struct visitor *visitor, int64_t now)
{
	if (is_known(guard, visitor, now))
		return failures_may_check(&guard->known, visitor->place, now) ? GUARD_KNOWN
									      : GUARD_LATER;
	if (!failures_may_check(&guard->addresses, visitor->address, now) ||
	    !failures_may_check(&guard->users, visitor->user, now))
		return GUARD_LATER;
	return failures_has(&guard->addresses, visitor->address, now) ||
			       failures_has(&guard->users, visitor->user, now)
		       ? GUARD_SUSPECT
		       : GUARD_STRANGER;
}

struct guard_reached guard_failed(struct guard *guard, const struct visitor *visitor, int64_t now)
{
	struct guard_reached reached = { FAILURES_COUNTED, FAILURES_COUNTED };

	if (is_known(guard, visitor, now)) {
		reached.address = failures_add(&guard->known, visitor->place, now);
	} else {
		reached.address = failures_add(&guard->addresses, visitor->address, now);
		reached.user = failures_add(&guard->users, visitor->user, now);
	}
	return reached;
}

void guard_succeeded(struct guard *guard, const struct visitor *visitor, int64_t now)
{
	if (visitor->sound)
		guard->changed |= places_add(&guard->places, visitor->place, now);
}

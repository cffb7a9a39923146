/* places.h - from where each user has logged in: an address that has had the right password is no
 * stranger to its user, however many strangers try the same name.
 *
 * Kept are digests under a key of this gateway, neither names nor addresses. Bounded: the place
 * that was not seen for longest makes room. The caller locks. */
#ifndef AUTH_PLACES_H
#define AUTH_PLACES_H

#include "failures.h"

#define PLACES_SETS 512
#define PLACES_WAYS 4
#define PLACES_KEY 32

struct places {
	unsigned char key[PLACES_KEY];
	struct place {
		unsigned char digest[12];
		uint32_t day; /* of its last login, since 1970; 0: unused */
	} entries[PLACES_SETS][PLACES_WAYS];
};

/* For as long a place is known: who moved away leaves the address to others. */
#define PLACES_DAYS 90

#define PLACES_SAVED (PLACES_KEY + PLACES_SETS * PLACES_WAYS * sizeof(struct place))

/* False: no randomness to be had. */
bool places_init(struct places *places);

/* Which place this is: of an address (failures_address) and a user, in any case of letters. Needs
 * no lock. False: no memory. */
bool places_digest(const struct places *places, const unsigned char address[FAILURES_KEY],
		   struct gw_str user, unsigned char digest[FAILURES_KEY]);

bool places_has(const struct places *places, const unsigned char digest[FAILURES_KEY], int64_t now);

/* True: it was not there, or not on this day: there is something to be saved. */
bool places_add(struct places *places, const unsigned char digest[FAILURES_KEY], int64_t now);

/* As one text, and back; false: that is none of ours. */
struct gw_str places_saved(const struct places *places);
bool places_restore(struct places *places, struct gw_str saved);

#endif

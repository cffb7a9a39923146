#include "places.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#define DAY_MS (24 * 3600 * 1000)
#define USER_MAX 256

_Static_assert(sizeof(struct places) == PLACES_SAVED, "it is saved as it stands");

bool places_init(struct places *places)
{
	memset(places, 0, sizeof *places);
	return RAND_bytes(places->key, sizeof places->key) == 1;
}

bool places_digest(const struct places *places, const unsigned char address[FAILURES_KEY],
		   struct gw_str user, unsigned char digest[FAILURES_KEY])
{
	unsigned char text[FAILURES_KEY + USER_MAX], mac[EVP_MAX_MD_SIZE];
	size_t i, len = user.len < USER_MAX ? user.len : USER_MAX;
	unsigned size = 0;

	memcpy(text, address, FAILURES_KEY);
	for (i = 0; i < len; i++)
		text[FAILURES_KEY + i] = (unsigned char)tolower((unsigned char)user.ptr[i]);
	if (!HMAC(EVP_sha256(), places->key, sizeof places->key, text, FAILURES_KEY + len, mac,
		  &size))
		return false;
	memcpy(digest, mac, FAILURES_KEY);
	return true;
}

static struct place *set_of(struct places *places, const unsigned char *digest)
{
	return places->entries[(size_t)(digest[0] | digest[1] << 8) % PLACES_SETS];
}

static struct place *find(struct places *places, const unsigned char *digest)
{
	struct place *set = set_of(places, digest);
	int i;

	for (i = 0; i < PLACES_WAYS; i++)
		if (set[i].day && memcmp(set[i].digest, digest, sizeof set[i].digest) == 0)
			return &set[i];
	return NULL;
}

static uint32_t day_of(int64_t now)
{
	return (uint32_t)(now / DAY_MS) + 1;
}

bool places_has(const struct places *places, const unsigned char digest[FAILURES_KEY], int64_t now)
{
	const struct place *place = find((struct places *)places, digest);

	return place && place->day + PLACES_DAYS >= day_of(now);
}

/* An unused one is older than all. */
static struct place *oldest(struct place *set)
{
	struct place *place = set;
	int i;

	for (i = 1; i < PLACES_WAYS; i++)
		if (set[i].day < place->day)
			place = &set[i];
	return place;
}

bool places_add(struct places *places, const unsigned char digest[FAILURES_KEY], int64_t now)
{
	struct place *place = find(places, digest), *set = set_of(places, digest);

	if (place && place->day == day_of(now))
		return false;
	if (!place)
		place = oldest(set);
	memcpy(place->digest, digest, sizeof place->digest);
	place->day = day_of(now);
	return true;
}

struct gw_str places_saved(const struct places *places)
{
	return gw_str_n((const char *)places, sizeof *places);
}

bool places_restore(struct places *places, struct gw_str saved)
{
	if (saved.len != sizeof *places)
		return false;
	memcpy(places, saved.ptr, sizeof *places);
	return true;
}

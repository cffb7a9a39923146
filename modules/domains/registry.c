#include "registry.h"

#include <stdio.h>

#define PREFIX "domain:"
#define KEY_MAX (sizeof PREFIX + GW_DOMAIN_MAX)

const char *const standings[] = { "not added", "unverified", "verified" };

static struct gw_str key_of(struct gw_str domain, char key[KEY_MAX])
{
	int len = snprintf(key, KEY_MAX, PREFIX "%.*s", GW_STR_ARGS(domain));

	return gw_str_n(key, (size_t)len < KEY_MAX ? (size_t)len : KEY_MAX - 1);
}

enum standing registry_standing(const struct gw_call *call, struct gw_str domain)
{
	char key[KEY_MAX], word[16];
	long size = gw->record_get(call, key_of(domain, key), word, sizeof word);

	if (size < 0)
		return STANDING_UNKNOWN;
	return size <= (long)sizeof word && gw_str_eq(gw_str_n(word, (size_t)size),
						      gw_str(standings[STANDING_VERIFIED]))
		       ? STANDING_VERIFIED
		       : STANDING_UNVERIFIED;
}

void registry_set(const struct gw_call *call, struct gw_str domain, enum standing standing)
{
	char key[KEY_MAX];

	gw->record_put(call, key_of(domain, key), gw_str(standings[standing]));
}

void registry_drop(const struct gw_call *call, struct gw_str domain)
{
	char key[KEY_MAX];

	gw->record_drop(call, key_of(domain, key));
}

struct each {
	int (*each)(void *arg, struct gw_str domain);
	void *arg;
};

static int of_record(void *arg, struct gw_str key, struct gw_str value)
{
	const struct each *each = arg;

	return each->each(each->arg, gw_str_from(key, sizeof PREFIX - 1));
}

void registry_each(const struct gw_call *call, int (*each)(void *arg, struct gw_str domain),
		   void *arg)
{
	struct each form = { each, arg };

	gw->record_each(call, gw_str(PREFIX), of_record, &form);
}

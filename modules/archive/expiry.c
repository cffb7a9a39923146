#include "expiry.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define EVERY_MS INT64_C(3600000)
#define BUCKET_AGAIN_MS INT64_C(300000)

static int64_t up_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_BOOTTIME, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Of an archive that nobody has looked at so: its newest mail. One that cannot be read now trusts
 * nothing but signs. */
static void read_trust(struct expiry *expiry, const char *folder)
{
	GPtrArray *names = segments_list(folder);
	int64_t known = 0;

	if (!names)
		known = 1;
	else if (names->len)
		known = segment_day_end(names->pdata[names->len - 1]);
	if (names)
		g_ptr_array_unref(names);
	trust_read(&expiry->trust, folder, known, up_ms());
	expiry->has_trust = true;
}

static bool trusts(struct expiry *expiry, const char *folder, int64_t now, bool sure)
{
	int64_t confirmed = expiry->confirmed;
	bool sign = sure || trust_clock_is_kept() ||
		    (confirmed && llabs(now - confirmed) < TRUST_MS);

	if (!expiry->has_trust)
		read_trust(expiry, folder);
	expiry->waits_for_clock = !trust_look(&expiry->trust, folder, now, up_ms(), sign);
	return !expiry->waits_for_clock;
}

static void remove_all(struct expiry *expiry, struct removal *removal, int64_t now)
{
	removal->query = (struct query){ .ended = now };
	removal->what = "expired";
	removal->time = now;
	removal->only_free = true;
	removal_run(removal);
	expiry->removed += removal->mails;
	if (!removal->error && removal_of_files(removal->store, now) >= 0)
		expiry->last = now;
	else if (removal->error == EHOSTUNREACH)
		expiry->last = now - EVERY_MS + BUCKET_AGAIN_MS;
}

void expiry_look(struct expiry *expiry, const struct removal *what)
{
	struct removal removal = *what;
	int64_t now = store_clock(removal.store);
	bool asked = atomic_exchange(&expiry->asked, false);
	bool sure = atomic_exchange(&expiry->sure, false);

	if (!now || (!asked && now - expiry->last < EVERY_MS) ||
	    (!sure && !store_clock_is_sure(removal.store)))
		return;
	if (trusts(expiry, store_folder(removal.store), now, sure))
		remove_all(expiry, &removal, now);
}

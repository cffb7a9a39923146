/* pace.c - a ring of seconds that moves with the clock. */
#include "pace.h"

#include <string.h>

static void forget_all(struct pace *pace)
{
	memset(pace->counts, 0, sizeof pace->counts);
	pace->sent = 0;
}

static void advance(struct pace *pace, int64_t now_ms)
{
	int64_t second = now_ms / 1000, steps = second - pace->second;

	pace->second = second;
	if (steps >= PACE_SECONDS)
		forget_all(pace);
	for (; steps > 0 && pace->sent > 0; steps--) {
		pace->newest = (pace->newest + 1) % PACE_SECONDS;
		pace->sent -= pace->counts[pace->newest];
		pace->counts[pace->newest] = 0;
	}
}

int64_t pace_room(struct pace *pace, int64_t most, int64_t now_ms)
{
	advance(pace, now_ms);
	return most - pace->sent - pace->flying;
}

void pace_take(struct pace *pace)
{
	pace->flying++;
}

void pace_landed(struct pace *pace, int64_t now_ms, bool sent)
{
	advance(pace, now_ms);
	pace->flying--;
	if (!sent)
		return;
	pace->counts[pace->newest]++;
	pace->sent++;
}

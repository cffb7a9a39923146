#include "throttle.h"

bool throttle_is_slow(const struct throttle *throttle)
{
	return throttle->connections != 0;
}

bool throttle_slow(struct throttle *throttle, int64_t configured, int64_t began, int64_t now)
{
	int64_t connections = throttle->connections ? throttle->connections : configured;

	if (began <= throttle->slowed && throttle->slowed <= now)
		return false;
	throttle->slowed = throttle->changed = now;
	throttle->connections = connections > 1 ? connections / 2 : 1;
	if (connections > 1)
		return true;
	throttle->interval = throttle->interval ? throttle->interval * 2 : THROTTLE_FIRST_MS;
	if (throttle->interval > THROTTLE_LAST_MS)
		throttle->interval = THROTTLE_LAST_MS;
	throttle->next = now + throttle->interval;
	return true;
}

bool throttle_recover(struct throttle *throttle, int64_t configured, int64_t now)
{
	if (throttle->changed > now) /* the clock was set back */
		throttle->changed = throttle->next = now;
	if (!throttle_is_slow(throttle) || now - throttle->changed < THROTTLE_QUIET_MS)
		return false;
	throttle->changed = now;
	if (throttle->interval) {
		throttle->interval = throttle->interval > THROTTLE_FIRST_MS ? throttle->interval / 2
									    : 0;
		return true;
	}
	throttle->connections *= 2;
	if (throttle->connections >= configured)
		throttle->connections = 0;
	return true;
}

bool throttle_due(const struct throttle *throttle, int64_t now)
{
	return !throttle->interval || now >= throttle->next;
}

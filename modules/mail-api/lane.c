#include "lane.h"

#include <stdlib.h>

static struct lane *lanes; /* main thread */

struct lane *lane_hold(struct gw_str relay)
{
	struct lane *lane = lanes;

	while (lane && !gw_str_eq(gw_str(lane->name), relay))
		lane = lane->next;
	if (!lane) {
		lane = calloc(1, sizeof *lane);
		if (!lane || !(lane->name = strndup(relay.ptr, relay.len))) {
			free(lane);
			return NULL;
		}
		lane->next = lanes;
		lanes = lane;
	}
	lane->refs++;
	return lane;
}

void lane_release(struct lane *lane)
{
	struct lane **at = &lanes;

	if (!lane || --lane->refs > 0)
		return;
	while (*at != lane)
		at = &(*at)->next;
	*at = lane->next;
	free(lane->name);
	free(lane);
}

bool lane_enter(struct lane *lane, int64_t most)
{
	int_fast64_t open = atomic_load(&lane->open);

	while (open < most)
		if (atomic_compare_exchange_weak(&lane->open, &open, open + 1))
			return true;
	return false;
}

void lane_leave(struct lane *lane)
{
	atomic_fetch_sub(&lane->open, 1);
}

void lane_pause(struct lane *lane, int64_t until)
{
	int_fast64_t now = atomic_load(&lane->until);

	while (now < until)
		if (atomic_compare_exchange_weak(&lane->until, &now, until))
			return;
}

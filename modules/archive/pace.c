#include "pace.h"

#define SHARE_OF_BUSY 19 /* parts of rest to one of work */

void pace_begin(struct pace *pace, int64_t now, uint64_t batches)
{
	*pace = (struct pace){ batches, now - PACE_QUIET_MS, now };
}

void pace_look(struct pace *pace, int64_t now, uint64_t batches)
{
	if (batches == pace->batches)
		return;
	pace->batches = batches;
	pace->changed_at = now;
}

int64_t pace_rest(const struct pace *pace, int64_t now, int64_t worked, bool wanted)
{
	bool is_quiet = now - pace->changed_at >= PACE_QUIET_MS;
	bool is_late = now - pace->whole_at >= PACE_BEHIND_MS;
	int64_t rest = worked * (wanted || is_quiet || is_late ? 1 : SHARE_OF_BUSY);

	return rest < PACE_REST_MOST_MS ? rest : PACE_REST_MOST_MS;
}

#include "supervisor/breaker.h"

#include <stdio.h>

static struct breaker_row *find(const struct breaker *breaker, const char *instance)
{
	for (size_t i = 0; i < breaker->count; i++)
		if (strcmp(breaker->rows[i].instance, instance) == 0)
			return (struct breaker_row *)&breaker->rows[i];
	return NULL;
}

static struct breaker_row *oldest(struct breaker *breaker)
{
	struct breaker_row *oldest = &breaker->rows[0];
	for (size_t i = 1; i < breaker->count; i++)
		if (breaker->rows[i].times[0] < oldest->times[0])
			oldest = &breaker->rows[i];
	return oldest;
}

static struct breaker_row *row_of(struct breaker *breaker, const char *instance)
{
	struct breaker_row *row = find(breaker, instance);
	if (row)
		return row;
	row = breaker->count < BREAKER_INSTANCES ? &breaker->rows[breaker->count++]
						 : oldest(breaker);
	*row = (struct breaker_row){ 0 };
	snprintf(row->instance, sizeof(row->instance), "%s", instance);
	return row;
}

static bool was_told(const struct death *death, size_t nth)
{
	for (size_t i = 0; i < nth; i++)
		if (strcmp(death->places[i].instance, death->places[nth].instance) == 0)
			return true;
	return false;
}

void breaker_count(struct breaker *breaker, const struct death *death, int64_t now)
{
	for (size_t i = 0; i < death->places_count; i++) {
		if (was_told(death, i))
			continue;
		struct breaker_row *row = row_of(breaker, death->places[i].instance);
		memmove(&row->times[1], &row->times[0], sizeof(row->times) - sizeof(row->times[0]));
		row->times[0] = now;
		row->deaths++;
		snprintf(row->hook, sizeof(row->hook), "%s", place_hook(&death->places[i]));
	}
}

const struct breaker_row *breaker_row(const struct breaker *breaker, const char *instance)
{
	return find(breaker, instance);
}

bool breaker_is_open(const struct breaker_row *row, int64_t now)
{
	return row && row->deaths >= BREAKER_DEATHS &&
	       now - row->times[BREAKER_DEATHS - 1] <= BREAKER_WINDOW_MS;
}

#include "admin/recent.h"

#include <stdlib.h>
#include <string.h>

#define MINUTE_MS 60000
#define MINUTES 60

struct recent_counter {
	char *name;
	uint64_t total;
	int64_t minute;         /* the newest one in `came` */
	uint64_t came[MINUTES]; /* in each minute, by its number modulo MINUTES */
};

static struct recent_counter *add(struct recent *recent, const char *name, int64_t minute)
{
	struct recent_counter *counters = realloc(recent->counters,
						  (recent->count + 1) * sizeof(*counters));
	if (!counters)
		return NULL;
	recent->counters = counters;
	char *copy = strdup(name);
	if (!copy)
		return NULL;
	counters[recent->count] = (struct recent_counter){ .name = copy, .minute = minute };
	return &counters[recent->count++];
}

static struct recent_counter *find(struct recent *recent, const char *name, int64_t minute)
{
	for (size_t i = 0; i < recent->count; i++)
		if (strcmp(recent->counters[i].name, name) == 0)
			return &recent->counters[i];
	return add(recent, name, minute);
}

static void forget_old(struct recent_counter *counter, int64_t minute)
{
	int64_t from = counter->minute + 1;
	if (from < minute - MINUTES + 1)
		from = minute - MINUTES + 1;
	for (int64_t old = from; old <= minute; old++)
		counter->came[old % MINUTES] = 0;
	counter->minute = minute;
}

uint64_t recent_count(struct recent *recent, const char *name, uint64_t total, int64_t now)
{
	int64_t minute = now / MINUTE_MS;
	struct recent_counter *counter = find(recent, name, minute);
	uint64_t sum = 0;
	if (!counter)
		return 0;
	forget_old(counter, minute);
	counter->came[minute % MINUTES] += total < counter->total ? total : total - counter->total;
	counter->total = total;
	for (size_t i = 0; i < MINUTES; i++)
		sum += counter->came[i];
	return sum;
}

void recent_finish(struct recent *recent)
{
	for (size_t i = 0; i < recent->count; i++)
		free(recent->counters[i].name);
	free(recent->counters);
	*recent = (struct recent){ 0 };
}

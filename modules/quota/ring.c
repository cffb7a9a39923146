/* ring.c - a counter of the store holds its last two periods: two quarters that follow each other
 * share one. */
#include "ring.h"

#include <stdio.h>
#include <stdlib.h>

#define QUARTERS 104 /* the longest day has 100 */

struct quarter {
	int64_t number, count, reserved;
};

struct ring {
	const char *name;
	struct quarter quarters[QUARTERS]; /* at number % QUARTERS */
	struct span span;                  /* that `sum` is of */
	struct sum sum;
	int64_t on_its_way;
};

struct ring *ring_create(const char *name)
{
	struct ring *ring = calloc(1, sizeof *ring);

	if (ring)
		ring->name = name;
	return ring;
}

void ring_destroy(struct ring *ring)
{
	free(ring);
}

static struct gw_str counter_name(const struct ring *ring, int64_t number, char *text, size_t size)
{
	int len = snprintf(text, size, "%s@q%d", ring->name, (int)(number / 2 % (QUARTERS / 2)));

	return gw_str_n(text, len < 0 ? 0 : (size_t)len < size ? (size_t)len : size - 1);
}

/* As the store has it, where the ring has another in its place. */
static struct quarter *quarter_at(const struct gw_call *call, struct ring *ring, int64_t number)
{
	struct quarter *quarter = &ring->quarters[number % QUARTERS];
	char text[300];

	if (quarter->number != number)
		*quarter = (struct quarter){
			number,
			gw->counter_get(call, counter_name(ring, number, text, sizeof text),
					number),
			0
		};
	return quarter;
}

static bool is_in(struct span span, int64_t number)
{
	return number >= span.from && number < span.to;
}

/* What is still to come is not asked of the store, only counted where the clock was there before:
 * so yesterday's quarters stay until they are overtaken. */
static struct sum add_up(const struct gw_call *call, struct ring *ring, struct span span,
			 int64_t now)
{
	struct sum sum = { 0 };
	int64_t number;

	for (number = span.from; number < span.to; number++) {
		const struct quarter *quarter = &ring->quarters[number % QUARTERS];

		if (number <= now / QUARTER_MS)
			quarter = quarter_at(call, ring, number);
		if (quarter->number == number) {
			sum.count += quarter->count;
			sum.reserved += quarter->reserved;
		}
	}
	return sum;
}

struct sum ring_sum(const struct gw_call *call, struct ring *ring, struct span span, int64_t now)
{
	if (span.from != ring->span.from || span.to != ring->span.to) {
		ring->sum = add_up(call, ring, span, now);
		ring->span = span;
	}
	return ring->sum;
}

bool ring_add(const struct gw_call *call, struct ring *ring, int64_t when, int64_t count,
	      int64_t reserved)
{
	int64_t number = when / QUARTER_MS;
	struct quarter *quarter = &ring->quarters[number % QUARTERS];
	bool known = quarter->number == number;
	char text[300];

	if (count && gw->counter_add(call, counter_name(ring, number, text, sizeof text), number,
				     count, -1) < 0)
		return false;
	ring->on_its_way += reserved;
	if (!known && reserved < 0) /* it was overtaken meanwhile */
		return true;
	quarter = quarter_at(call, ring, number);
	if (known)
		quarter->count += count;
	quarter->reserved += reserved;
	if (!is_in(ring->span, number))
		return true;
	ring->sum.count += known ? count : quarter->count;
	ring->sum.reserved += reserved;
	return true;
}

bool ring_is_idle(const struct ring *ring)
{
	return ring->on_its_way == 0;
}

int64_t ring_oldest(const struct ring *ring, struct span span, int64_t otherwise)
{
	int64_t number;

	for (number = span.from; number < span.to; number++) {
		const struct quarter *quarter = &ring->quarters[number % QUARTERS];

		if (quarter->number == number && quarter->count > 0)
			return number * QUARTER_MS;
	}
	return otherwise;
}

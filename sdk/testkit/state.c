/* state.c - counters and records, in memory for as long as the kit lives. */
#include "kit.h"

#include <stdio.h>

#define RECORD_MAX (64u << 10)

static struct counter *find_counter(struct testkit *kit, const char *name, int64_t period)
{
	struct counter *counter;

	for (counter = kit->counters; counter; counter = counter->next)
		if (counter->period == period && strcmp(counter->name, name) == 0)
			return counter;
	return NULL;
}

/* Only the last two periods of a counter are kept. */
static void forget_oldest(struct testkit *kit, const char *name)
{
	struct counter **at, **oldest = NULL;
	size_t count = 0;

	for (at = &kit->counters; *at; at = &(*at)->next)
		if (strcmp((*at)->name, name) == 0) {
			count++;
			if (!oldest || (*at)->period < (*oldest)->period)
				oldest = at;
		}
	if (count > 2)
		*oldest = (*oldest)->next;
}

static struct counter *make_counter(struct testkit *kit, const char *name, int64_t period)
{
	struct counter *counter = kit_alloc(kit, sizeof *counter);

	counter->name = kit_text(kit, name);
	counter->period = period;
	counter->next = kit->counters;
	kit->counters = counter;
	forget_oldest(kit, name);
	return counter;
}

int64_t service_counter_add(const struct gw_call *call, struct gw_str name, int64_t period,
			    int64_t add, int64_t limit)
{
	struct testkit *kit = call->kit;
	const char *key = kit_str(kit, name).ptr;
	struct counter *counter;
	int64_t value;

	if (kit_fails(kit, "counter_add") || kit_name_refused(kit, "counter_add", name))
		return -1;
	kit_lock();
	counter = find_counter(kit, key, period);
	value = (counter ? counter->value : 0) + add;
	if (limit >= 0 && value > limit) {
		value = -1;
	} else {
		if (!counter)
			counter = make_counter(kit, key, period);
		counter->value = value;
	}
	kit_unlock();
	return value;
}

int64_t testkit_counter(struct testkit *kit, const char *name, int64_t period)
{
	struct counter *counter;
	int64_t value;

	kit_lock();
	counter = find_counter(kit, name, period);
	value = counter ? counter->value : 0;
	kit_unlock();
	return value;
}

int64_t service_counter_get(const struct gw_call *call, struct gw_str name, int64_t period)
{
	return kit_name_refused(call->kit, "counter_get", name)
		       ? 0
		       : testkit_counter(call->kit, kit_str(call->kit, name).ptr, period);
}

static int put(struct testkit *kit, const char *service, struct gw_str key, struct gw_str value)
{
	const char *text = kit_str(kit, key).ptr;

	if (kit_fails(kit, service) || kit_name_refused(kit, service, key) ||
	    value.len > RECORD_MAX)
		return -1;
	kit_lock();
	pair_set(kit, &kit->records, text, value);
	kit_unlock();
	return 0;
}

int service_record_put(const struct gw_call *call, struct gw_str key, struct gw_str value)
{
	return put(call->kit, "record_put", key, value);
}

/* --- records that are waited for --- */

int service_record_keep(struct gw_call *call, struct gw_str key, struct gw_str value, void *arg)
{
	struct testkit *kit = call->kit;
	struct kit_keep *keep, **at = &kit->keeps;

	if (kit_refused(call, "record_keep", EVERY & ~(ELSEWHERE | ON(worker_stop))))
		return -1;
	if (!kit->module.kept) {
		kit_tell(kit, TESTKIT_LOG, "warning record_keep() refused");
		return -1;
	}
	if (put(kit, "record_keep", key, value) != 0)
		return -1;
	keep = kit_alloc(kit, sizeof *keep);
	keep->arg = arg;
	while (*at)
		at = &(*at)->next;
	*at = keep;
	return 0;
}

size_t testkit_keeps(struct testkit *kit)
{
	const struct kit_keep *keep;
	size_t count = 0;

	for (keep = kit->keeps; keep; keep = keep->next)
		count++;
	return count;
}

bool testkit_run_kept(struct testkit *kit, bool durable)
{
	struct kit_keep *keep = kit->keeps;
	struct gw_kept kept = { .size = sizeof kept,
				.durable = durable,
				.why = gw_str(durable ? "" : "the disk is full") };

	if (!keep)
		return false;
	kit->keeps = keep->next;
	testkit_run_kept_told(kit, &kept, keep->arg);
	return true;
}

/* --- */

long service_record_get(const struct gw_call *call, struct gw_str key, void *out, size_t len)
{
	const char *text = kit_str(call->kit, key).ptr;
	const struct pair *pair;
	long size = -1;

	if (kit_fails(call->kit, "record_get") || kit_name_refused(call->kit, "record_get", key))
		return -1;
	kit_lock();
	pair = pair_find(call->kit->records, text);
	if (pair) {
		size = (long)pair->value.len;
		content_copy(pair->value, 0, out, len);
	}
	kit_unlock();
	return size;
}

int service_record_drop(const struct gw_call *call, struct gw_str key)
{
	const char *text = kit_str(call->kit, key).ptr;
	struct pair **at;
	int result = -1;

	if (kit_fails(call->kit, "record_drop") || kit_name_refused(call->kit, "record_drop", key))
		return -1;
	kit_lock();
	for (at = &call->kit->records; *at; at = &(*at)->next)
		if (strcmp((*at)->key, text) == 0) {
			*at = (*at)->next;
			result = 0;
			break;
		}
	kit_unlock();
	return result;
}

/* `each` may change records, so it walks over a copy of the list. */
int service_record_each(const struct gw_call *call, struct gw_str prefix,
			int (*each)(void *arg, struct gw_str key, struct gw_str value), void *arg)
{
	struct testkit *kit = call->kit;
	struct pair *copy = NULL, *pair;
	int result = 0;

	if (kit_fails(kit, "record_each"))
		return -1;
	kit_lock();
	for (pair = kit->records; pair; pair = pair->next)
		if (strlen(pair->key) >= prefix.len &&
		    memcmp(pair->key, prefix.ptr, prefix.len) == 0)
			pair_set(kit, &copy, pair->key, pair->value);
	kit_unlock();
	for (; copy && result == 0; copy = copy->next)
		result = each(arg, gw_str(copy->key), copy->value);
	return result;
}

const char *testkit_record(struct testkit *kit, const char *key)
{
	const struct pair *pair;

	kit_lock();
	pair = pair_find(kit->records, key);
	kit_unlock();
	return pair ? pair->value.ptr : NULL;
}

void testkit_set_record(struct testkit *kit, const char *key, const char *value)
{
	kit_lock();
	pair_set(kit, &kit->records, key, gw_str(value));
	kit_unlock();
}

#include "services/services.h"

#include <pthread.h>
#include <stdio.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Counters that modules name; made at their first use, for the life of the process. */
struct metric {
	struct metric *next;
	char *name; /* "MODULE.metric" */
	_Atomic int64_t value;
};

static struct metric *_Atomic metrics;
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

static struct metric *find(const char *name)
{
	struct metric *metric = atomic_load_explicit(&metrics, memory_order_acquire);
	while (metric && strcmp(metric->name, name) != 0)
		metric = metric->next;
	return metric;
}

static struct metric *make(const char *name)
{
	struct metric *metric = calloc(1, sizeof(*metric));
	char *copy = strdup(name);
	if (!metric || !copy) {
		free(metric);
		free(copy);
		return NULL;
	}
	metric->name = copy;
	metric->next = metrics;
	atomic_store_explicit(&metrics, metric, memory_order_release);
	return metric;
}

static struct metric *find_or_make(const char *name)
{
	struct metric *metric = find(name);
	if (metric)
		return metric;
	pthread_mutex_lock(&making);
	metric = find(name);
	if (!metric)
		metric = make(name);
	pthread_mutex_unlock(&making);
	return metric;
}

void services_count(struct gw_call *call, const char *name, int64_t add)
{
	char full[256];
	snprintf(full, sizeof(full), "%s.%s", call->instance->module->name, name);
	struct metric *metric = find_or_make(full);
	if (metric)
		atomic_fetch_add_explicit(&metric->value, add, memory_order_relaxed);
}

void services_each_metric(void (*each)(void *arg, const char *name, int64_t value), void *arg)
{
	for (struct metric *metric = atomic_load_explicit(&metrics, memory_order_acquire); metric;
	     metric = metric->next)
		each(arg, metric->name, atomic_load_explicit(&metric->value, memory_order_relaxed));
}

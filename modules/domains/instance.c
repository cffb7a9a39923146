#include "instance.h"

#include "../common/due.h"

#include <stdlib.h>

struct instance *instance_create(struct plan *plan, int64_t now)
{
	struct instance *instance = calloc(1, sizeof *instance);

	if (!instance)
		return NULL;
	pthread_mutex_init(&instance->lock, NULL);
	instance->plan = plan;
	instance->begun = (uint64_t)now;
	return instance;
}

/* --- what is counted; under the lock --- */

static void drop_plan(struct plan *plan)
{
	if (plan && --plan->refs == 0)
		plan_destroy(plan);
}

static void drop_result(struct result *result)
{
	if (!result || --result->refs)
		return;
	report_clear(&result->report);
	drop_plan(result->plan);
	free(result);
}

void instance_destroy(struct instance *instance)
{
	if (!instance)
		return;
	drop_result(instance->result);
	drop_plan(instance->plan);
	pthread_mutex_destroy(&instance->lock);
	free(instance);
}

uint64_t instance_renew(struct instance *instance, struct plan *plan)
{
	uint64_t number;

	pthread_mutex_lock(&instance->lock);
	drop_plan(instance->plan);
	instance->plan = plan;
	instance->due = 0;
	number = instance->begun + 1;
	pthread_mutex_unlock(&instance->lock);
	return number;
}

struct result *instance_result(struct instance *instance)
{
	struct result *result;

	pthread_mutex_lock(&instance->lock);
	result = instance->result;
	if (result)
		result->refs++;
	pthread_mutex_unlock(&instance->lock);
	return result;
}

void result_release(struct instance *instance, struct result *result)
{
	pthread_mutex_lock(&instance->lock);
	drop_result(result);
	pthread_mutex_unlock(&instance->lock);
}

void instance_take(struct instance *instance, struct report *report, struct plan *plan,
		   uint64_t number)
{
	struct result *result = calloc(1, sizeof *result);

	if (!result) {
		report_clear(report);
		return;
	}
	pthread_mutex_lock(&instance->lock);
	plan->refs++;
	*result = (struct result){ *report, plan, number, 1 };
	drop_result(instance->result);
	instance->result = result;
	pthread_mutex_unlock(&instance->lock);
	*report = (struct report){ 0 };
}

struct plan *instance_begin(struct instance *instance, int64_t now, uint64_t *number)
{
	struct plan *plan = NULL;

	pthread_mutex_lock(&instance->lock);
	if (!instance->is_busy && is_due(instance->due, now, LOOK_LATEST_MS)) {
		instance->is_busy = true;
		instance->due = INT64_MAX; /* a plan that comes meanwhile begins another */
		*number = ++instance->begun;
		plan = instance->plan;
		plan->refs++;
	}
	pthread_mutex_unlock(&instance->lock);
	return plan;
}

void instance_end(struct instance *instance, struct plan *plan, int64_t due)
{
	pthread_mutex_lock(&instance->lock);
	instance->is_busy = false;
	if (due < instance->due)
		instance->due = due;
	drop_plan(plan);
	pthread_mutex_unlock(&instance->lock);
}

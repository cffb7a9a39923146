/* state.c - counters and records; there is no state while a configuration is only checked. */
#include "services/services.h"

#include "module/on_worker.h"
#include "queue/runtime.h"

static struct gw_str owner(const struct gw_call *call)
{
	return gw_str(call->instance->module->name);
}

static bool can_store(const struct gw_call *call, const char *service, struct gw_str name)
{
	if (!bounds_name(name)) {
		bounds_refuse(call, service,
			      "a name is 1 to 255 octets without control characters");
		return false;
	}
	return runtime.state != NULL;
}

int64_t services_counter_add(const struct gw_call *call, struct gw_str name, int64_t period,
			     int64_t add, int64_t limit)
{
	return !can_store(call, "counter_add", name)
		       ? -1
		       : state_counter_add(runtime.state, owner(call), name, period, add, limit);
}

int64_t services_counter_get(const struct gw_call *call, struct gw_str name, int64_t period)
{
	return !can_store(call, "counter_get", name)
		       ? 0
		       : state_counter_get(runtime.state, owner(call), name, period);
}

int services_record_put(const struct gw_call *call, struct gw_str key, struct gw_str value)
{
	return !can_store(call, "record_put", key)
		       ? -1
		       : state_record_put(runtime.state, owner(call), key, value);
}

int services_record_keep(struct gw_call *call, struct gw_str key, struct gw_str value, void *arg)
{
	return !can_store(call, "record_keep", key)
		       ? -1
		       : on_worker_record_keep(call, runtime.state, key, value, arg);
}

long services_record_get(const struct gw_call *call, struct gw_str key, void *out, size_t len)
{
	return !can_store(call, "record_get", key)
		       ? -1
		       : state_record_get(runtime.state, owner(call), key, out, len);
}

int services_record_drop(const struct gw_call *call, struct gw_str key)
{
	return !can_store(call, "record_drop", key)
		       ? -1
		       : state_record_drop(runtime.state, owner(call), key);
}

int services_record_each(const struct gw_call *call, struct gw_str prefix,
			 int (*each)(void *arg, struct gw_str key, struct gw_str value), void *arg)
{
	return !runtime.state ? -1
			      : state_record_each(runtime.state, owner(call), prefix, each, arg);
}

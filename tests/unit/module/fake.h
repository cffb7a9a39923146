/* fake.h - services enough for a module to run in a test: the ones that chain.h offers, and its own
 * configuration. */
#ifndef FAKE_H
#define FAKE_H

#include "module/chain.h"

#include <stdlib.h>

static inline void fake_log(const struct gw_call *call, enum gw_log_level level, const char *format,
			    ...)
{
}
static inline const char *fake_instance(const struct gw_call *call)
{
	return call->instance->name;
}
static inline void *fake_conf(const struct gw_call *call)
{
	return call->instance->conf;
}
static inline void *fake_data(const struct gw_call *call)
{
	return call->instance->data;
}
static inline void fake_data_set(struct gw_call *call, void *data)
{
	call->instance->data = data;
}
static inline void fake_count(struct gw_call *call, const char *metric, int64_t add) {}
static inline void *fake_base(struct gw_call *call)
{
	return worker_event_base(call->worker);
}
static inline void fake_identify(struct gw_call *call, const struct gw_identity *identity) {}

static inline struct gw_str fake_message_fact(const struct gw_message *message,
					      enum gw_message_fact fact)
{
	return gw_str("");
}
static inline struct gw_message *fake_delivery_message(struct gw_delivery *delivery)
{
	return NULL;
}

static inline void fake_reply(struct gw_call *call, int code, const char *enhanced,
			      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	call_reply(call, code, enhanced, format, args);
	va_end(args);
}

static inline void fake_problem(struct gw_call *call, bool fatal, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	problem_vadd(call->problems, fatal, call->instance->fragment->path,
		     call->instance->fragment->line, format, args);
	va_end(args);
}

static const struct gw_services fake_services __attribute__((unused)) = {
	.size = sizeof(fake_services),
	.minor = GW_ABI_MINOR,
	.release = "test",
	.log = fake_log,
	.instance = fake_instance,
	.conf = fake_conf,
	.instance_data = fake_data,
	.instance_data_set = fake_data_set,
	.message_fact = fake_message_fact,
	.delivery_message = fake_delivery_message,
	.offload = call_offload,
	.hold = call_hold,
	.wake = call_wake,
	.event_base = fake_base,
	.reply = fake_reply,
	.identify = fake_identify,
	.count = fake_count,
	.problem = fake_problem,
};

#endif

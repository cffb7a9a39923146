#include "services/services.h"

#include "base/clock.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "deliver/delivery.h"
#include "module/on_worker.h"
#include "queue/submit.h"
#include "receive/session.h"

#include <stdlib.h>

/* --- anywhere --- */

static int64_t service_now(const struct gw_call *call)
{
	return clock_wall();
}

static const char *service_instance(const struct gw_call *call)
{
	return call->instance->name;
}

static struct gw_str service_hostname(const struct gw_call *call)
{
	return call->snapshot->settings.hostname;
}

static void *service_conf(const struct gw_call *call)
{
	return call->instance->conf;
}

static void *service_instance_data(const struct gw_call *call)
{
	return call->instance->data;
}

static void service_instance_data_set(struct gw_call *call, void *data)
{
	call->instance->data = data;
}

static void *service_alloc(struct gw_call *call, size_t size)
{
	if (bounds_memory(call, size))
		return arena_alloc(call->arena, size);
	bounds_refuse(call, "alloc", "that is too much memory for one session or message");
	return NULL;
}

/* --- notes --- */

static struct gw_str note_key(struct gw_call *call, const char *key, char *room, size_t size)
{
	int len = strchr(key, '.')
			  ? snprintf(room, size, "%s", key)
			  : snprintf(room, size, "%s.%s", call->instance->module->name, key);
	return gw_str_n(room, len > 0 && (size_t)len < size ? (size_t)len : 0);
}

static struct gw_str service_note(struct gw_call *call, const struct gw_message *message,
				  const char *key)
{
	char room[256];
	return message_note(message, note_key(call, key, room, sizeof(room)));
}

static int service_note_set(struct gw_call *call, struct gw_message *message, const char *key,
			    struct gw_str value)
{
	char room[256];
	struct gw_str full = note_key(call, key, room, sizeof(room));
	return full.len ? message_note_set(message, full, value) : -1;
}

/* --- waiting --- */

static void *service_event_base(struct gw_call *call)
{
	return worker_event_base(call->worker);
}

/* --- answers --- */

static void service_reply(struct gw_call *call, int code, const char *enhanced, const char *format,
			  ...)
{
	va_list args;
	va_start(args, format);
	call_reply(call, code, enhanced, format, args);
	va_end(args);
}

static void service_wait_until(struct gw_call *call, int64_t when)
{
	call->answer.wait_until = when;
}

static void service_reason(struct gw_call *call, const char *format, ...)
{
	char text[1024];
	va_list args;
	if (!call->explain)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (call->arena)
		call->answer.reason = arena_str(call->arena, gw_str(text));
	call->explain(call, gw_str(text));
}

const struct gw_services services = {
	.size = sizeof(services),
	.minor = GW_ABI_MINOR,
	.release = GATEWAY_RELEASE,
	.log = services_log,
	.now = service_now,
	.instance = service_instance,
	.hostname = service_hostname,
	.conf = service_conf,
	.instance_data = service_instance_data,
	.instance_data_set = service_instance_data_set,
	.alloc = service_alloc,
	.session_data = services_session_data,
	.message_data = services_message_data,
	.delivery_data = services_delivery_data,
	.session_fact = services_session_fact,
	.session_number = services_session_number,
	.message_fact = services_message_fact,
	.message_number = services_message_number,
	.rcpt_fact = services_rcpt_fact,
	.rcpt_number = services_rcpt_number,
	.delivery_fact = services_delivery_fact,
	.delivery_number = services_delivery_number,
	.relay_fact = services_relay_fact,
	.relay_number = services_relay_number,
	.delivery_message = services_delivery_message,
	.message_rcpt = services_message_rcpt,
	.delivery_rcpt = services_delivery_rcpt,
	.relay_at = services_relay_at,
	.relay_named = services_relay_named,
	.relay_conf = services_relay_conf,
	.note = service_note,
	.note_set = service_note_set,
	.offload = call_offload,
	.hold = call_hold,
	.wake = call_wake,
	.event_base = service_event_base,
	.reply = service_reply,
	.wait_until = service_wait_until,
	.reason = service_reason,
	.capability = services_capability,
	.identify = services_identify,
	.type_set = services_type_set,
	.header = services_header,
	.header_named = services_header_named,
	.body_offset = services_body_offset,
	.read = services_read,
	.route_add = services_route_add,
	.delivery_header = services_delivery_header,
	.delivery_body = services_delivery_body,
	.header_add = services_header_add,
	.header_replace = services_header_replace,
	.header_drop = services_header_drop,
	.body_replace = services_body_replace,
	.return_path_set = services_return_path_set,
	.login_set = services_login_set,
	.delivery_read = services_delivery_read,
	.outcome = services_outcome,
	.counter_add = services_counter_add,
	.counter_get = services_counter_get,
	.record_put = services_record_put,
	.record_get = services_record_get,
	.record_drop = services_record_drop,
	.record_each = services_record_each,
	.count = services_count,
	.status_line = services_status_line,
	.answer = services_answer,
	.problem = services_problem,
	.emit = services_emit,
	.submit = services_submit,
	.day = services_day,
	.accept_then_bounce = services_accept_then_bounce,
	.problem_at = services_problem_at,
	.cause = services_cause,
	.split = services_split,
	.split_by = services_split_by,
	.wait_on = services_wait_on,
	.notify = services_notify,
	.fault = services_fault,
	.hold_message = services_hold_message,
	.relay_close = services_relay_close,
	.relay_open = services_relay_open,
	.relay_closed = services_relay_closed,
	.relay_connections = services_relay_connections,
	.skipped = services_skipped,
	.domain_ascii = services_domain_ascii,
	.worker_data = on_worker_data,
	.worker_data_set = on_worker_data_set,
	.timer_set = on_worker_timer_set,
	.timer_clear = on_worker_timer_clear,
	.lookup = call_lookup,
	.http_request = on_worker_http_request,
	.http_cancel = on_worker_http_cancel,
	.dns_ask = on_worker_dns_ask,
	.dns_cancel = on_worker_dns_cancel,
	.verb_run = services_verb_run,
	.dns_wait = services_dns_wait,
	.publication = services_publication,
	.publication_each = services_publication_each,
	.await_next_hop = services_await_next_hop,
	.json_create = json_writer_create,
	.json_destroy = json_writer_destroy,
	.json_begin = json_writer_begin,
	.json_end = json_writer_end,
	.json_string = json_writer_string,
	.json_format = json_writer_format,
	.json_number = json_writer_number,
	.json_bool = json_writer_bool,
	.json_time = json_writer_time,
	.json_text = json_writer_text,
	.table_create = json_writer_table,
	.table_row = json_writer_row,
	.answer_json = services_answer_json,
	.json_read = json_reader_read,
	.json_free = json_reader_free,
	.json_kind = json_reader_kind,
	.json_member = json_reader_member,
	.json_item = json_reader_item,
	.json_count = json_reader_count,
	.json_value_string = json_reader_string,
	.json_value_number = json_reader_number,
	.json_value_bool = json_reader_bool,
	.offload_ranked = call_offload_ranked,
	.mechanism = services_mechanism,
	.proof_keys = services_proof_keys,
	.client_known = services_client_known,
	.edit_known = services_edit_known,
	.edit_each = services_edit_each,
	.record_keep = services_record_keep,
	.client_each = services_client_each,
	.login = services_login,
	.login_refused = services_login_refused,
	.body_splice = services_body_splice,
	.message_file = services_message_file,
	.delivery_file = services_delivery_file,
	.token_refused = services_token_refused,
	.secret_again = services_secret_again,
};

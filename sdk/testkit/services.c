/* services.c - the table that the module calls, and the small services of it. */
#include "kit.h"

#include "base/json_reader.h"
#include "base/json_writer.h"

#include <stdlib.h>

#define RECEIVING (ON(connect) | ON(ehlo) | ON(auth) | ON(mail) | ON(rcpt) | ON(message))
#define NOTE_MAX 4096

static void service_log(const struct gw_call *call, enum gw_log_level level, const char *format,
			...) __attribute__((format(printf, 3, 4)));
static void service_log(const struct gw_call *call, enum gw_log_level level, const char *format,
			...)
{
	static const char *const names[] = { "debug", "info", "warning", "error" };
	char *text;

	FORMATTED(text, call->kit, format);
	kit_tell(call->kit, TESTKIT_LOG, "%s %s", names[level], text);
}

static int64_t service_now(const struct gw_call *call)
{
	return call->kit->time;
}

static struct gw_str service_hostname(const struct gw_call *call)
{
	return gw_str("relay.example.com");
}

static const char *service_instance(const struct gw_call *call)
{
	return kit_format(call->kit, "50-%s", call->kit->module.name);
}

static void *service_conf(const struct gw_call *call)
{
	return call->kit->conf;
}

static void *service_instance_data(const struct gw_call *call)
{
	return call->kit->instance_data;
}

static void service_instance_data_set(struct gw_call *call, void *data)
{
	if (!kit_refused(call, "instance_data_set", ON(start)))
		call->kit->instance_data = data;
}

static void *service_alloc(struct gw_call *call, size_t size)
{
	if (kit_elsewhere(call->kit, "alloc") || kit_fails(call->kit, "alloc") ||
	    kit_memory_refused(call, size))
		return NULL;
	return kit_alloc(call->kit, size);
}

static void *private_bytes(struct gw_call *call, struct private *private, size_t size,
			   const char *service)
{
	if (kit_elsewhere(call->kit, service) || !private || kit_fails(call->kit, service))
		return NULL;
	if (private->generation != call->kit->generation) {
		private->generation = call->kit->generation;
		private->bytes = kit_alloc(call->kit, size);
	}
	return private->bytes;
}

static void *service_session_data(struct gw_call *call)
{
	return private_bytes(call, call->session ? &call->session->private : NULL,
			     call->kit->module.session_size, "session_data");
}

static void *service_message_data(struct gw_call *call)
{
	return private_bytes(call, call->message ? &call->message->private : NULL,
			     call->kit->module.message_size, "message_data");
}

static void *service_delivery_data(struct gw_call *call)
{
	return private_bytes(call, call->delivery ? &call->delivery->private : NULL,
			     call->kit->module.delivery_size, "delivery_data");
}

static struct gw_message *service_delivery_message(struct gw_delivery *delivery)
{
	return delivery->message;
}

static struct gw_rcpt *service_message_rcpt(struct gw_message *message, size_t nth)
{
	return nth < message->rcpt_count ? message->rcpts[nth] : NULL;
}

static struct gw_rcpt *service_delivery_rcpt(struct gw_delivery *delivery, size_t nth)
{
	return nth < delivery->rcpt_count ? delivery->rcpts[nth] : NULL;
}

static struct gw_relay *service_relay_at(struct gw_call *call, size_t nth)
{
	struct gw_relay *relay = call->kit->relays;

	while (relay && nth--)
		relay = relay->next;
	return relay;
}

static struct gw_relay *service_relay_named(struct gw_call *call, struct gw_str name)
{
	struct gw_relay *relay = call->kit->relays;

	while (relay && !gw_str_eq(service_relay_fact(relay, GW_RELAY_NAME), name))
		relay = relay->next;
	return relay;
}

static void *service_relay_conf(struct gw_call *call, const struct gw_relay *relay)
{
	return kit_null(call->kit, "relay_conf", relay) ? NULL : relay->conf;
}

static const char *note_key(struct gw_call *call, const char *key)
{
	return strchr(key, '.') ? key : kit_format(call->kit, "%s.%s", call->kit->module.name, key);
}

static struct gw_str service_note(struct gw_call *call, const struct gw_message *message,
				  const char *key)
{
	const struct pair *pair = NULL;

	if (!kit_elsewhere(call->kit, "note") && !kit_null(call->kit, "note", message) &&
	    !kit_null(call->kit, "note", key))
		pair = pair_find(message->notes, note_key(call, key));
	return pair ? pair->value : gw_str_n(NULL, 0);
}

static int service_note_set(struct gw_call *call, struct gw_message *message, const char *key,
			    struct gw_str value)
{
	if (kit_elsewhere(call->kit, "note_set") || kit_null(call->kit, "note_set", message) ||
	    kit_null(call->kit, "note_set", key) || kit_fails(call->kit, "note_set") ||
	    value.len > NOTE_MAX)
		return -1;
	pair_set(call->kit, &message->notes, note_key(call, key), value);
	return 0;
}

static void *service_event_base(struct gw_call *call)
{
	return kit_elsewhere(call->kit, "event_base") ? NULL : call->kit->event_base;
}

static void service_reply(struct gw_call *call, int code, const char *enhanced, const char *format,
			  ...) __attribute__((format(printf, 4, 5)));
static void service_reply(struct gw_call *call, int code, const char *enhanced, const char *format,
			  ...)
{
	if (kit_refused(call, "reply", DECIDING))
		return;
	call->answer.code = code;
	call->answer.enhanced = kit_text(call->kit, enhanced ? enhanced : "");
	FORMATTED(call->answer.text, call->kit, format);
}

static void service_wait_until(struct gw_call *call, int64_t when)
{
	if (!kit_refused(call, "wait_until",
			 ON(admit) | ON(prepare) | ON(sealed) | ON(login) | ON(fallback)))
		call->answer.wait_until = when;
}

static void service_reason(struct gw_call *call, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void service_reason(struct gw_call *call, const char *format, ...)
{
	char *text;

	FORMATTED(text, call->kit, format);
	if (!kit_elsewhere(call->kit, "reason"))
		kit_tell(call->kit, TESTKIT_REASON, "%s", text);
}

static void service_capability(struct gw_call *call, const char *line, bool offered)
{
	if (!kit_refused(call, "capability", ON(ehlo)) && !kit_null(call->kit, "capability", line))
		kit_tell(call->kit, TESTKIT_CAPABILITY, "%c%s", offered ? '+' : '-', line);
}

static void service_mechanism(struct gw_call *call, const char *name, bool offered)
{
	if (!kit_refused(call, "mechanism", ON(ehlo)) && !kit_null(call->kit, "mechanism", name))
		kit_tell(call->kit, TESTKIT_CAPABILITY, "%cAUTH %s", offered ? '+' : '-', name);
}

static void service_proof_keys(struct gw_call *call, const struct gw_proof_keys *keys)
{
	struct testkit *kit = call->kit;

	if (kit_refused(call, "proof_keys", ON(auth)) || kit_null(kit, "proof_keys", keys) ||
	    kit_unsized(call, "gw_proof_keys", keys->size))
		return;
	kit->proof_keys = kit_alloc(kit, sizeof *keys);
	*kit->proof_keys = *keys;
	kit->proof_keys->salt = kit_str(kit, keys->salt);
	kit->proof_keys->stored_key = kit_str(kit, keys->stored_key);
	kit->proof_keys->server_key = kit_str(kit, keys->server_key);
}

static void service_identify(struct gw_call *call, const struct gw_identity *identity)
{
	struct gw_session *session = call->session;

	if (kit_refused(call, "identify", ON(connect) | ON(auth) | ON(mail)) ||
	    kit_null(call->kit, "identify", identity) ||
	    kit_unsized(call, "gw_identity", identity->size) || !session ||
	    kit_identity_refused(call->kit, "identify", identity))
		return;
	if (identity->client.len)
		testkit_session_fact(session, GW_SESSION_CLIENT,
				     kit_str(call->kit, identity->client).ptr);
	if (identity->type.len)
		testkit_session_fact(session, GW_SESSION_TYPE,
				     kit_str(call->kit, identity->type).ptr);
	if (identity->domains.len)
		testkit_session_fact(session, GW_SESSION_DOMAINS,
				     kit_str(call->kit, identity->domains).ptr);
}

static int service_type_set(struct gw_call *call, struct gw_message *message, struct gw_str type)
{
	if (kit_refused(call, "type_set", ON(mail) | ON(rcpt) | ON(message)) ||
	    kit_fails(call->kit, "type_set") || kit_null(call->kit, "type_set", message) ||
	    kit_type_refused(call->kit, type))
		return -1;
	testkit_message_fact(message, GW_MESSAGE_TYPE, kit_str(call->kit, type).ptr);
	return 0;
}

static void service_accept_then_bounce(struct gw_call *call, struct gw_message *message)
{
	if (!kit_refused(call, "accept_then_bounce", ON(mail) | ON(rcpt) | ON(message)))
		message->takes_refused = true;
}

static void service_await_next_hop(struct gw_call *call, struct gw_message *message, int64_t ms)
{
	if (!kit_refused(call, "await_next_hop", ON(mail) | ON(rcpt) | ON(message)))
		message->awaits_ms = ms;
}

static void service_login_set(struct gw_call *call, const struct gw_login *login)
{
	struct testkit *kit = call->kit;
	struct gw_login *copy;

	if (kit_refused(call, "login_set", ON(login)) || kit_null(kit, "login_set", login) ||
	    kit_unsized(call, "gw_login", login->size))
		return;
	copy = kit_alloc(kit, sizeof *copy);
	copy->size = sizeof *copy;
	copy->mechanism = kit_str(kit, login->mechanism);
	copy->user = kit_str(kit, login->user);
	copy->secret = kit_str(kit, login->secret);
	copy->acting_as = kit_str(kit, login->acting_as);
	call->delivery->login = copy;
}

static bool service_login(struct gw_call *call, struct gw_delivery *delivery,
			  struct gw_login *login)
{
	const struct gw_login *given = delivery->given;

	if (kit_refused(call, "login", ON(deliver) | ON(probe)) ||
	    kit_null(call->kit, "login", login) || kit_unsized(call, "gw_login", login->size) ||
	    !given)
		return false;
	memcpy(login, given, login->size < sizeof *given ? login->size : sizeof *given);
	return true;
}

static void service_login_refused(struct gw_call *call, struct gw_delivery *delivery,
				  struct gw_str text)
{
	if (!kit_refused(call, "login_refused", ON(deliver) | ON(probe)))
		delivery->login_refused = kit_str(call->kit, text).ptr;
}

static void service_token_refused(struct gw_call *call, struct gw_str status, struct gw_str scope)
{
	if (!kit_refused(call, "token_refused", ON(auth)))
		kit_tell(call->kit, TESTKIT_REASON, "token: %s %s", kit_str(call->kit, status).ptr,
			 kit_str(call->kit, scope).ptr);
}

void testkit_set_login(struct gw_delivery *delivery, const char *user, const char *secret)
{
	struct gw_login *given = kit_alloc(delivery->kit, sizeof *given);

	*given = (struct gw_login){ .size = sizeof *given,
				    .mechanism = gw_str(""),
				    .user = kit_str(delivery->kit, gw_str(user)),
				    .secret = kit_str(delivery->kit, gw_str(secret)),
				    .acting_as = gw_str("") };
	delivery->given = given;
	delivery->login_refused = NULL;
}

const char *testkit_login_refused(struct gw_delivery *delivery)
{
	return delivery->login_refused;
}

static void service_outcome(struct gw_call *call, struct gw_delivery *delivery,
			    struct gw_rcpt *rcpt, const struct gw_outcome *outcome)
{
	struct gw_outcome *copy;
	size_t i;

	if (kit_refused(call, "outcome", ON(deliver) | ON(probe)) ||
	    kit_null(call->kit, "outcome", rcpt) || kit_null(call->kit, "outcome", outcome) ||
	    kit_unsized(call, "gw_outcome", outcome->size))
		return;
	for (i = 0; i < delivery->rcpt_count && delivery->rcpts[i] != rcpt; i++)
		;
	if (i == delivery->rcpt_count) {
		kit_misuse(call->kit, "outcome() for a recipient that is not of this delivery");
		return;
	}
	copy = kit_alloc(call->kit, sizeof *copy);
	memcpy(copy, outcome, outcome->size < sizeof *copy ? outcome->size : sizeof *copy);
	copy->text = kit_str(call->kit, copy->text);
	copy->host = kit_str(call->kit, copy->host);
	copy->stage = kit_str(call->kit, copy->stage.ptr ? copy->stage : gw_str(""));
	delivery->outcomes[i] = copy;
}

static void service_count(struct gw_call *call, const char *metric, int64_t add)
{
	struct testkit *kit = call->kit;
	const struct pair *pair;
	const char *sum;

	if (kit_null(kit, "count", metric))
		return;
	kit_lock();
	pair = pair_find(kit->metrics, metric);
	sum = kit_format(kit, "%lld",
			 (pair ? strtoll(pair->value.ptr, NULL, 10) : 0) + (long long)add);
	pair_set(kit, &kit->metrics, metric, gw_str(sum));
	kit_unlock();
}

static void service_status_line(struct gw_call *call, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void service_status_line(struct gw_call *call, const char *key, const char *format, ...)
{
	char *text;

	FORMATTED(text, call->kit, format);
	if (!kit_refused(call, "status_line", ON(status) | ON(relay_status)))
		kit_tell(call->kit, TESTKIT_STATUS, "%s: %s", key, text);
}

static void service_answer(struct gw_call *call, struct gw_str json)
{
	if (kit_refused(call, "answer", ON(control)))
		return;
	if (call->answered)
		kit_misuse(call->kit, "answer() twice");
	if (!json_is_one_object(json))
		kit_misuse(call->kit, "answer() with something else than one JSON object");
	call->answered = true;
	kit_tell(call->kit, TESTKIT_REPLY, "%s", kit_str(call->kit, json).ptr);
}

static void service_problem(struct gw_call *call, bool fatal, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void service_problem(struct gw_call *call, bool fatal, const char *format, ...)
{
	char *text;

	FORMATTED(text, call->kit, format);
	if (!kit_refused(call, "problem", ON(start) | ON(check) | ON(control)))
		kit_tell(call->kit, TESTKIT_PROBLEM, "%s: %s", fatal ? "error" : "warning", text);
}

static void service_problem_at(struct gw_call *call, const struct gw_relay *relay, const char *key,
			       bool fatal, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
static void service_problem_at(struct gw_call *call, const struct gw_relay *relay, const char *key,
			       bool fatal, const char *format, ...)
{
	struct testkit *kit = call->kit;
	const char *owner = relay ? kit_format(kit, "relay %s: ",
					       service_relay_fact(relay, GW_RELAY_NAME).ptr)
				  : "";
	char *text;

	FORMATTED(text, kit, format);
	if (!kit_refused(call, "problem_at", ON(start) | ON(check)))
		kit_tell(kit, TESTKIT_PROBLEM, "%s: %s%s%s%s", fatal ? "error" : "warning", owner,
			 key ? key : "", key ? ": " : "", text);
}

static void service_answer_json(struct gw_call *call, struct gw_json *json)
{
	struct gw_str text = json_writer_text(json);

	if (json_writer_misused(json))
		kit_misuse(call->kit, "answer_json() of no JSON: %s", json_writer_fault(json));
	else if (text.ptr && !kit_fails(call->kit, "answer_json"))
		service_answer(call, text);
	else
		service_problem(call, true, "the answer cannot be written: no memory");
	json_writer_destroy(json);
}

static void service_emit(struct gw_call *call, const struct gw_event *event)
{
	struct testkit *kit = call->kit;
	const char *text, *json;

	if (kit_elsewhere(kit, "emit") || kit_null(kit, "emit", event) ||
	    kit_unsized(call, "gw_event", event->size))
		return;
	text = kit_str(kit, event->text).ptr;
	json = kit_str(kit, event->json).ptr;
	if (event->json.len && !json_is_one_object(event->json))
		kit_misuse(kit, "emit() with a json that is no JSON object");
	kit_tell(kit, TESTKIT_EVENT, "%s %s%s%s", kit_str(kit, event->name).ptr, text,
		 *json ? " " : "", json);
}

static int service_submit(struct gw_call *call, const struct gw_submission *submission)
{
	struct testkit *kit = call->kit;
	struct gw_submission *copy;
	struct gw_str *rcpts;
	size_t i;

	if (kit_elsewhere(kit, "submit") || kit_null(kit, "submit", submission) ||
	    kit_unsized(call, "gw_submission", submission->size) || kit_fails(kit, "submit") ||
	    kit_submission_refused(kit, submission))
		return -1;
	copy = kit_alloc(kit, sizeof *copy);
	rcpts = kit_alloc(kit, submission->rcpts.count * sizeof *rcpts + 1);
	for (i = 0; i < submission->rcpts.count; i++)
		rcpts[i] = kit_str(kit, submission->rcpts.items[i]);
	copy->size = sizeof *copy;
	copy->sender = kit_str(kit, submission->sender);
	copy->rcpts = (struct gw_list){ rcpts, submission->rcpts.count };
	copy->bytes = kit_str(kit, submission->bytes);
	copy->type = kit_str(kit, submission->type);
	kit->submissions = kit_grow(kit, kit->submissions, kit->submission_count, sizeof copy);
	kit->submissions[kit->submission_count++] = copy;
	return 0;
}

const struct gw_services kit_services = {
	.size = sizeof kit_services,
	.minor = GW_ABI_MINOR,
	.release = "testkit",
	.log = service_log,
	.now = service_now,
	.instance = service_instance,
	.hostname = service_hostname,
	.conf = service_conf,
	.instance_data = service_instance_data,
	.instance_data_set = service_instance_data_set,
	.alloc = service_alloc,
	.session_data = service_session_data,
	.message_data = service_message_data,
	.delivery_data = service_delivery_data,
	.session_fact = service_session_fact,
	.session_number = service_session_number,
	.message_fact = service_message_fact,
	.message_number = service_message_number,
	.rcpt_fact = service_rcpt_fact,
	.rcpt_number = service_rcpt_number,
	.delivery_fact = service_delivery_fact,
	.delivery_number = service_delivery_number,
	.relay_fact = service_relay_fact,
	.relay_number = service_relay_number,
	.delivery_message = service_delivery_message,
	.message_rcpt = service_message_rcpt,
	.delivery_rcpt = service_delivery_rcpt,
	.relay_at = service_relay_at,
	.relay_named = service_relay_named,
	.relay_conf = service_relay_conf,
	.note = service_note,
	.note_set = service_note_set,
	.offload = service_offload,
	.hold = service_hold,
	.wake = service_wake,
	.event_base = service_event_base,
	.reply = service_reply,
	.wait_until = service_wait_until,
	.reason = service_reason,
	.capability = service_capability,
	.identify = service_identify,
	.type_set = service_type_set,
	.header = service_header,
	.header_named = service_header_named,
	.body_offset = service_body_offset,
	.read = service_read,
	.route_add = service_route_add,
	.delivery_header = service_delivery_header,
	.delivery_body = service_delivery_body,
	.header_add = service_header_add,
	.header_replace = service_header_replace,
	.header_drop = service_header_drop,
	.body_replace = service_body_replace,
	.return_path_set = service_return_path_set,
	.login_set = service_login_set,
	.delivery_read = service_delivery_read,
	.outcome = service_outcome,
	.counter_add = service_counter_add,
	.counter_get = service_counter_get,
	.record_put = service_record_put,
	.record_get = service_record_get,
	.record_drop = service_record_drop,
	.record_each = service_record_each,
	.count = service_count,
	.status_line = service_status_line,
	.answer = service_answer,
	.problem = service_problem,
	.emit = service_emit,
	.submit = service_submit,
	.problem_at = service_problem_at,
	.day = service_day,
	.accept_then_bounce = service_accept_then_bounce,
	.cause = service_cause,
	.split = service_split,
	.split_by = service_split_by,
	.wait_on = service_wait_on,
	.notify = service_notify,
	.fault = service_fault,
	.hold_message = service_hold_message,
	.relay_close = service_relay_close,
	.relay_open = service_relay_open,
	.relay_closed = service_relay_closed,
	.relay_connections = service_relay_connections,
	.skipped = service_skipped,
	.domain_ascii = service_domain_ascii,
	.worker_data = service_worker_data,
	.worker_data_set = service_worker_data_set,
	.timer_set = service_timer_set,
	.timer_clear = service_timer_clear,
	.lookup = service_lookup,
	.http_request = service_http_request,
	.http_cancel = service_http_cancel,
	.dns_ask = service_dns_ask,
	.dns_cancel = service_dns_cancel,
	.verb_run = service_verb_run,
	.dns_wait = service_dns_wait,
	.publication = service_publication,
	.publication_each = service_publication_each,
	.await_next_hop = service_await_next_hop,
	.json_create = json_writer_create,
	.json_destroy = json_writer_destroy,
	.json_begin = json_writer_begin,
	.json_end = json_writer_end,
	.json_string = json_writer_string,
	.json_format = json_writer_format,
	.json_number = json_writer_number,
	.json_bool = json_writer_bool,
	.json_time = json_writer_time,
	.json_text = kit_json_text,
	.table_create = json_writer_table,
	.table_row = json_writer_row,
	.answer_json = service_answer_json,
	.json_read = json_reader_read,
	.json_free = json_reader_free,
	.json_kind = json_reader_kind,
	.json_member = json_reader_member,
	.json_item = json_reader_item,
	.json_count = json_reader_count,
	.json_value_string = json_reader_string,
	.json_value_number = json_reader_number,
	.json_value_bool = json_reader_bool,
	.offload_ranked = service_offload_ranked,
	.mechanism = service_mechanism,
	.proof_keys = service_proof_keys,
	.client_known = service_client_known,
	.edit_known = service_edit_known,
	.edit_each = service_edit_each,
	.client_each = service_client_each,
	.login = service_login,
	.login_refused = service_login_refused,
	.body_splice = service_body_splice,
	.message_file = service_message_file,
	.delivery_file = service_delivery_file,
	.token_refused = service_token_refused,
	.secret_again = kit_secret_again,
	.record_keep = service_record_keep,
};

/* services.h - the table that modules call. */
#ifndef SERVICES_SERVICES_H
#define SERVICES_SERVICES_H

#include "services/output.h"
#include "module/chain.h"

#include <gateway/module.h>

extern const struct gw_services services;

/* --- the parts of the table, by what they are about --- */
struct gw_str services_session_fact(const struct gw_session *session, enum gw_session_fact fact);
int64_t services_session_number(const struct gw_session *session, enum gw_session_fact fact);
struct gw_str services_message_fact(const struct gw_message *message, enum gw_message_fact fact);
int64_t services_message_number(const struct gw_message *message, enum gw_message_fact fact);
struct gw_str services_rcpt_fact(const struct gw_rcpt *rcpt, enum gw_rcpt_fact fact);
int64_t services_rcpt_number(const struct gw_rcpt *rcpt, enum gw_rcpt_fact fact);
struct gw_str services_delivery_fact(const struct gw_delivery *delivery,
				     enum gw_delivery_fact fact);
int64_t services_delivery_number(const struct gw_delivery *delivery, enum gw_delivery_fact fact);
struct gw_str services_relay_fact(const struct gw_relay *relay, enum gw_relay_fact fact);
int64_t services_relay_number(const struct gw_relay *relay, enum gw_relay_fact fact);

int services_header(struct gw_message *message, size_t nth, struct gw_header *header);
int services_header_named(struct gw_message *message, struct gw_str name, size_t nth,
			  struct gw_header *header);
uint64_t services_body_offset(struct gw_message *message);
long services_read(struct gw_message *message, uint64_t offset, void *out, size_t len);
int services_delivery_header(struct gw_delivery *delivery, size_t nth, struct gw_header *header);
long services_delivery_body(struct gw_delivery *delivery, uint64_t offset, void *out, size_t len);
int services_header_add(struct gw_call *call, struct gw_delivery *delivery, size_t nth,
			struct gw_str name, struct gw_str value);
int services_header_replace(struct gw_call *call, struct gw_delivery *delivery, size_t nth,
			    struct gw_str value);
int services_header_drop(struct gw_call *call, struct gw_delivery *delivery, size_t nth);
int services_body_splice(struct gw_call *call, struct gw_delivery *delivery, uint64_t offset,
			 uint64_t drop, struct gw_str text);
int services_body_replace(struct gw_call *call, struct gw_delivery *delivery, struct gw_str body);
int services_return_path_set(struct gw_call *call, struct gw_delivery *delivery,
			     struct gw_str address);
void services_login_set(struct gw_call *call, const struct gw_login *login);
int services_message_file(struct gw_message *message); /* file.c */
int services_delivery_file(struct gw_delivery *delivery);
long services_delivery_read(struct gw_delivery *delivery, uint64_t offset, void *out, size_t len);
bool services_login(struct gw_call *call, struct gw_delivery *delivery, struct gw_login *login);
void services_login_refused(struct gw_call *call, struct gw_delivery *delivery, struct gw_str text);
void services_outcome(struct gw_call *call, struct gw_delivery *delivery, struct gw_rcpt *rcpt,
		      const struct gw_outcome *outcome);

/* objects.c */
void *services_session_data(struct gw_call *call);
void *services_message_data(struct gw_call *call);
void *services_delivery_data(struct gw_call *call);
struct gw_message *services_delivery_message(struct gw_delivery *delivery);
struct gw_rcpt *services_message_rcpt(struct gw_message *message, size_t nth);
struct gw_rcpt *services_delivery_rcpt(struct gw_delivery *delivery, size_t nth);
struct gw_relay *services_relay_at(struct gw_call *call, size_t nth);
struct gw_relay *services_relay_named(struct gw_call *call, struct gw_str name);
long services_secret_again(struct gw_call *call, struct gw_str secret, char *out, size_t size);
void *services_relay_conf(struct gw_call *call, const struct gw_relay *relay);

/* state.c */
int64_t services_counter_add(const struct gw_call *call, struct gw_str name, int64_t period,
			     int64_t add, int64_t limit);
int64_t services_counter_get(const struct gw_call *call, struct gw_str name, int64_t period);
int services_record_put(const struct gw_call *call, struct gw_str key, struct gw_str value);
int services_record_keep(struct gw_call *call, struct gw_str key, struct gw_str value, void *arg);
long services_record_get(const struct gw_call *call, struct gw_str key, void *out, size_t len);
int services_record_drop(const struct gw_call *call, struct gw_str key);
int services_record_each(const struct gw_call *call, struct gw_str prefix,
			 int (*each)(void *arg, struct gw_str key, struct gw_str value), void *arg);

/* telling.c */
void services_log(const struct gw_call *call, enum gw_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void services_status_line(struct gw_call *call, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void services_problem(struct gw_call *call, bool fatal, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void services_answer(struct gw_call *call, struct gw_str json);
void services_answer_json(struct gw_call *call, struct gw_json *json);
void services_emit(struct gw_call *call, const struct gw_event *event);
int services_submit(struct gw_call *call, const struct gw_submission *submission);

int services_day(const struct gw_call *call, struct gw_str zone, int64_t when, struct gw_day *day);
long services_domain_ascii(const struct gw_call *call, struct gw_str domain,
			   char out[GW_DOMAIN_MAX + 1]);
int services_route_add(struct gw_call *call, const struct gw_relay *relay);
void services_cause(struct gw_call *call, enum gw_cause cause);
int services_split(struct gw_call *call, struct gw_delivery *delivery, size_t count);
int services_split_by(struct gw_call *call, struct gw_delivery *delivery, const bool *keep);
void services_wait_on(struct gw_call *call, struct gw_str key);
void services_notify(struct gw_call *call, struct gw_str key, size_t count);
void services_fault(struct gw_call *call, enum gw_fault fault);
void services_hold_message(struct gw_call *call, const char *why);
void services_relay_close(struct gw_call *call, const struct gw_relay *relay, enum gw_cause cause,
			  int64_t until, const char *why);
void services_relay_open(struct gw_call *call, const struct gw_relay *relay);
bool services_relay_closed(struct gw_call *call, const struct gw_relay *relay,
			   struct gw_closure *closure);
void services_relay_connections(struct gw_call *call, const struct gw_relay *relay,
				int64_t connections);
void services_skipped(struct gw_call *call, const struct gw_relay *relay, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void services_problem_at(struct gw_call *call, const struct gw_relay *relay, const char *key,
			 bool fatal, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* receive.c */
void services_capability(struct gw_call *call, const char *line, bool offered);
void services_identify(struct gw_call *call, const struct gw_identity *identity);
int services_type_set(struct gw_call *call, struct gw_message *message, struct gw_str type);
void services_mechanism(struct gw_call *call, const char *name, bool offered);
void services_token_refused(struct gw_call *call, struct gw_str status, struct gw_str scope);
void services_proof_keys(struct gw_call *call, const struct gw_proof_keys *keys);
void services_accept_then_bounce(struct gw_call *call, struct gw_message *message);
void services_await_next_hop(struct gw_call *call, struct gw_message *message, int64_t ms);

/* clients.c */
/* Tells a hook of the main thread to all instances that have started, until *enough; `listener` is
 * the call's answer_to. */
void services_ask_started(struct snapshot *snapshot, struct worker *main, enum gw_hook hook,
			  void *listener, const bool *enough);
bool services_client_known(struct gw_call *call, const struct gw_client *client);
void services_client_each(struct gw_call *call, bool (*each)(void *arg, const struct gw_client *),
			  void *arg);

/* edited.c */
bool services_edit_known(struct gw_call *call, const struct gw_edit *edit);
void services_edit_each(struct gw_call *call, bool (*each)(void *arg, const struct gw_edit *),
			void *arg);

/* verb.c */
int services_verb_run(const struct gw_call *call, const struct gw_verb *verb,
		      void (*answered)(void *arg, struct gw_str json), void *arg);

/* publications.c */
void services_publication(struct gw_call *call, const struct gw_publication *publication);
void services_publication_each(struct gw_call *call,
			       void (*each)(void *arg, const struct gw_publication *), void *arg);

/* dns_wait.c */
int services_dns_wait(struct gw_call *call, const struct gw_dns_question *questions, size_t count,
		      void (*answered)(void *arg, size_t nth, const struct gw_dns_answer *),
		      void *arg);

/* What a module may hand in. The functions that give a text give NULL where all is well, else what
 * is wrong. */
bool bounds_name(struct gw_str name); /* of a counter or record */
bool bounds_type(struct gw_str type);
/* whether the call's subject may have so much more */
bool bounds_memory(const struct gw_call *call, size_t size);
const char *bounds_identity(const struct gw_identity *identity);
const char *bounds_submission(const struct gw_submission *submission,
			      const struct settings *settings);
/* says so in the log */
void bounds_refuse(const struct gw_call *call, const char *service, const char *why);

/* Counters of modules, by name; the second calls each with all of them. [any thread] */
void services_count(struct gw_call *call, const char *name, int64_t add);
void services_each_metric(void (*each)(void *arg, const char *name, int64_t value), void *arg);

#endif

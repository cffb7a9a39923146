/* kit.h - inside of the testkit: what its files share. */
#ifndef TESTKIT_KIT_H
#define TESTKIT_KIT_H

#include <gateway/testkit.h>

#include <pthread.h>
#include <stdarg.h>

/* The hooks of <gateway/hooks.def>, after the two ends of an instance. */
enum kit_hook {
	ON_start,
	ON_stop,
#define GW_DECIDES(name, ...) ON_##name,
#define GW_OBSERVES(name, ...) ON_##name,
#include <gateway/hooks.def>
	KIT_HOOK_COUNT
};

/* Sets of hooks. */
#define ON(name) (UINT64_C(1) << ON_##name)
#define EVERY ((UINT64_C(1) << KIT_HOOK_COUNT) - 1)
static const uint64_t DECIDING = 0
#define GW_DECIDES(name, ...) | ON(name)
#define GW_OBSERVES(name, ...)
#include <gateway/hooks.def>
	;
/* on no worker */
#define ON_WORKER(name) 0
#define ON_MAIN(name) ON(name)
static const uint64_t ELSEWHERE = ON(start) | ON(stop)
#define GW_DECIDES(name, ...)
#define GW_OBSERVES(name, first, second, thread, asked) | ON_##thread(name)
#include <gateway/hooks.def>
	;

#define BIT(verdict) (1u << (verdict))
struct hook_row {
	const char *name;
	unsigned verdicts; /* bits of those it knows besides CONTINUE and PENDING; 0: it observes */
};
extern const struct hook_row kit_hooks[KIT_HOOK_COUNT];

/* One key with its text: an option, a note, a record. */
struct pair {
	struct pair *next;
	char *key;
	struct gw_str value;
	bool used;
};

struct counter {
	struct counter *next;
	char *name;
	int64_t period, value;
};

/* Why a relay is closed, one a closer. */
struct closure {
	struct closure *next;
	struct gw_closure said;
};

/* Private bytes of the instance on an object; of an earlier instance when the generation is not the
 * kit's. */
struct private
{
	void *bytes;
	unsigned generation;
};

#define FACTS_MAX 32
struct facts {
	struct gw_str text[FACTS_MAX]; /* ptr NULL: not set */
};

struct gw_session {
	struct testkit *kit;
	size_t allocated; /* by alloc() */
	struct facts facts;
	struct private private;
};

struct gw_message {
	struct testkit *kit;
	size_t allocated; /* by alloc() */
	struct gw_session *session;
	struct facts facts;
	struct private private;
	struct gw_str bytes;
	struct gw_header *fields;
	size_t field_count, body_offset;
	bool blank; /* a blank line ends the header */
	struct gw_rcpt **rcpts;
	size_t rcpt_count;
	struct pair *notes;
	int64_t id, received_at;
	bool takes_refused;
	int64_t awaits_ms; /* -1: not said */
};

struct gw_rcpt {
	struct testkit *kit;
	struct gw_message *message;
	struct facts facts;
	size_t index;
	char *route;
};

struct gw_relay {
	struct gw_relay *next;
	struct testkit *kit;
	struct facts facts;
	struct pair *options;
	void *conf;
	size_t index;
	struct closure *closures;
	int64_t pace;
};

struct gw_delivery {
	struct testkit *kit;
	struct gw_message *message;
	struct gw_relay *relay;
	struct facts facts;
	struct private private;
	struct gw_rcpt **rcpts;
	size_t rcpt_count, left_behind; /* left_behind: by split(), after the last of rcpts */
	char *fallback;
	struct gw_outcome **outcomes; /* beside rcpts */
	struct gw_login *login;
	struct gw_login *given;    /* testkit_set_login() */
	const char *login_refused; /* NULL: it was not said */
	struct gw_header *fields;  /* the header as it stands; NULL: as received */
	size_t field_count;
	struct gw_str body, return_path; /* ptr NULL: as received */
	struct gw_str trace;
	struct gw_str sent; /* made when asked for; ptr NULL: to be made */
};

struct gw_call {
	struct gw_call *next; /* among the held ones */
	struct testkit *kit;
	enum kit_hook hook;
	struct gw_session *session;
	struct gw_message *message;
	struct gw_rcpt *rcpt;
	struct gw_delivery *delivery;
	struct gw_login *login; /* a copy, until the hook returns */
	struct testkit_answer answer;
	bool answered; /* control: by answer() */

	bool held, woken;
	bool over; /* nobody waits for the answer any more */
	gw_ticket ticket;
	uint64_t woken_order;
	struct gw_async async;
	void *arg;
	int64_t deadline;
	void (*work)(void *arg);   /* of offload(); NULL: a hold() */
	struct kit_lookup *lookup; /* of lookup() */
	pthread_t thread;
};

struct kit_timer {
	struct kit_timer *next;
	gw_timer number;
	int64_t when, repeat;
	void *arg;
};

struct kit_request {
	struct kit_request *next;
	gw_http number;
	struct gw_http_request asked;
	void *arg;
};

struct kit_keep {
	struct kit_keep *next;
	void *arg;
};

struct kit_verb {
	struct kit_verb *next;
	const char *words;
	void (*answered)(void *arg, struct gw_str json);
	void *arg;
};

struct edited {
	struct gw_edit *list;
	size_t count;
};

struct clients {
	struct gw_client *list;
	size_t count;
};

struct publications {
	struct gw_publication *list;
	size_t count;
};

struct kit_question {
	struct kit_question *next;
	gw_dns number;
	struct gw_dns_question asked;
	void *arg;
};

struct line {
	struct line *next;
	char *text;
};

struct testkit {
	const struct gw_module *(*entry)(const struct gw_services *services);
	struct gw_module module; /* copied min(size) into zeroes, as the gateway does */
	pthread_t worker;
	void **memory;
	size_t memory_count, memory_room;
	char *folder;

	struct pair *options;
	void *conf, *instance_data;
	unsigned generation;
	bool started, tolerant;
	int64_t time;
	int64_t next_id;
	struct gw_relay *relays;
	size_t relay_count;

	struct testkit_answer answer;
	enum gw_fault fault;
	enum testkit_offload offload;
	void *worker_data;
	struct gw_call *begun; /* of start(), until the instance has ended; NULL: it has none */
	struct kit_timer *timers;
	gw_timer last_timer;
	struct kit_request *requests; /* the oldest first */
	gw_http last_request;
	struct kit_question *questions; /* the oldest first */
	gw_dns last_question;
	struct kit_keep *keeps; /* the oldest first */
	struct kit_verb *verbs; /* the oldest first; under kit_lock() */
	struct kit_lookup *lookups;
	struct kit_secret *secrets;
	size_t lookup_count;
	void *event_base;

	struct line *lines[TESTKIT_LINES];
	struct pair *metrics, *records;
	struct counter *counters;
	struct gw_submission **submissions;
	struct gw_proof_keys *proof_keys; /* given by the last call; NULL: none */
	int last_rank;                    /* of offload_ranked() */
	size_t submission_count;

	struct clients known;          /* that the hook `clients` told of */
	struct clients others;         /* that other modules know */
	struct publications published; /* that the hook `published` told of */
	struct publications needed;    /* that other modules need */
	void (*dns)(void *arg, const struct gw_dns_question *question,
		    struct gw_dns_answer *answer); /* of dns_wait() */
	void *dns_arg;
	struct edited edited;  /* what the hook `edits` told of */
	struct edited foreign; /* what other modules change */

	const char *fail_service;
	unsigned fail_in;
	bool failed;
};

/* --- secret.c --- */
/* The first line of the file, which kit_secret_again() looks at again; NULL: there is none. */
const char *kit_secret_file(struct testkit *kit, const char *path);
long kit_secret_again(struct gw_call *call, struct gw_str text, char *out, size_t size);

/* The text of a printf-like service. */
#define FORMATTED(text, kit, format)                                                               \
	do {                                                                                       \
		va_list args;                                                                      \
		va_start(args, format);                                                            \
		(text) = kit_vformat(kit, format, args);                                           \
		va_end(args);                                                                      \
	} while (0)

/* --- memory.c: everything is freed with the kit; running out ends the program. [any] --- */
void *kit_alloc(struct testkit *kit, size_t size);
struct gw_str kit_str(struct testkit *kit, struct gw_str text);
char *kit_text(struct testkit *kit, const char *text);
char *kit_vformat(struct testkit *kit, const char *format, va_list args);
char *kit_format(struct testkit *kit, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void kit_free(struct testkit *kit);
/* An array that kit_grow() can grow. */
void *kit_copy(struct testkit *kit, const void *items, size_t count, size_t size);
/* One that these two made, or none, with room for one more: itself, or a larger copy. */
void *kit_grow(struct testkit *kit, void *items, size_t count, size_t size);

struct pair *pair_find(struct pair *list, const char *key);
void pair_set(struct testkit *kit, struct pair **list, const char *key, struct gw_str value);

/* --- closures.c --- */
void closures_forget(struct testkit *kit);

/* --- told.c [any] --- */
void kit_tell(struct testkit *kit, enum testkit_line what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void kit_misuse(struct testkit *kit, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* True, and a misuse is told, when the call's hook is none of `hooks`. */
bool kit_refused(const struct gw_call *call, const char *service, uint64_t hooks);
/* True, and a misuse is told, when a struct was handed in without its size. */
bool kit_unsized(const struct gw_call *call, const char *name, uint32_t size);
/* True, and a misuse is told, when a service that is not marked [any] is called in an offload's
 * work, or by a thread of the module. */
bool kit_elsewhere(struct testkit *kit, const char *service);
/* True, and a misuse is told, when an argument is NULL that may not be. */
bool kit_null(struct testkit *kit, const char *service, const void *argument);
/* The turn of this service to fail has come. */
bool kit_fails(struct testkit *kit, const char *service);

/* --- bounds.c: true, and a line in the log, where the gateway refuses it too --- */
bool kit_name_refused(struct testkit *kit, const char *service, struct gw_str name); /* [any] */
bool kit_publication_refused(struct testkit *kit, const struct gw_publication *publication);
bool kit_type_refused(struct testkit *kit, struct gw_str type);
bool kit_identity_refused(struct testkit *kit, const char *service,
			  const struct gw_identity *identity);
bool kit_memory_refused(struct gw_call *call, size_t size);
bool kit_submission_refused(struct testkit *kit, const struct gw_submission *submission);

/* --- verb.c [any] --- */
int service_verb_run(const struct gw_call *call, const struct gw_verb *verb,
		     void (*answered)(void *arg, struct gw_str json), void *arg);

/* --- json.c [any] --- */
bool json_is_one_object(struct gw_str text);
/* The writer's text; a text that the module wrote wrongly ends the test. */
struct gw_str kit_json_text(struct gw_json *json);

/* One lock for what several threads may ask for at once. */
void kit_lock(void);
void kit_unlock(void);
pthread_mutex_t *kit_mutex(void);

/* --- options.c: the number of errors told --- */
size_t options_parse(struct testkit *kit, const char *owner, struct pair *values,
		     const struct gw_option *options, void *into);

/* --- content.c --- */
void content_parse(struct gw_message *message);
struct gw_str content_from_domain(struct gw_message *message);
struct gw_str content_from_domain_of(struct testkit *kit, const struct gw_header *fields,
				     size_t count);
int content_field(struct gw_message *message, const struct gw_header *fields, size_t count,
		  size_t nth, struct gw_header *out);
long content_copy(struct gw_str bytes, uint64_t offset, void *out, size_t len);
struct gw_str delivery_sent(struct gw_delivery *delivery);
struct gw_str delivery_body_now(struct gw_delivery *delivery);

/* --- wait.c --- */
struct gw_call *call_create(struct testkit *kit, enum kit_hook hook);
void call_destroy(struct gw_call *call);
/* From what the module's hook gave to what the gateway makes of it; ends the call unless that is
 * GW_PENDING. */
enum gw_verdict call_settle(struct gw_call *call, enum gw_verdict verdict);
void calls_past_deadline(struct testkit *kit);

/* The call waits for this, under its ticket; wake_all_of() is for who has the lock. */
void lookup_join(struct gw_call *call, struct kit_lookup *lookup);
void wake_all_of(const struct kit_lookup *lookup);

/* --- lookup.c --- */
void lookup_wait(struct kit_lookup *lookup);

/* --- on_worker.c --- */
void timers_run(struct testkit *kit, int64_t until);
void worker_begin(struct testkit *kit);
void worker_end(struct testkit *kit);

/* The services, in the files that keep what they are about. */
extern const struct gw_services kit_services;

enum gw_verdict service_offload(struct gw_call *call, const struct gw_async *async,
				void (*work)(void *arg), void *arg);
enum gw_verdict service_offload_ranked(struct gw_call *call, const struct gw_async *async,
				       void (*work)(void *arg), void *arg, int rank);
enum gw_verdict service_hold(struct gw_call *call, const struct gw_async *async, void *arg,
			     gw_ticket *ticket);
int service_wake(gw_ticket ticket);
enum gw_verdict service_lookup(struct gw_call *call, const struct gw_lookup *form,
			       struct gw_str key, void *arg);

void *service_worker_data(struct gw_call *call);
void service_worker_data_set(struct gw_call *call, void *data);
gw_timer service_timer_set(struct gw_call *call, int64_t ms, int64_t repeat_ms, void *arg);
int service_timer_clear(struct gw_call *call, gw_timer number);
/* --- http.c --- */
struct gw_list kit_lines(struct testkit *kit, const char *text); /* parted by '\n' */

gw_http service_http_request(struct gw_call *call, const struct gw_http_request *request,
			     void *arg);
int service_http_cancel(struct gw_call *call, gw_http number);
gw_dns service_dns_ask(struct gw_call *call, const struct gw_dns_question *question, void *arg);
int service_dns_wait(struct gw_call *call, const struct gw_dns_question *questions, size_t count,
		     void (*answered)(void *arg, size_t nth, const struct gw_dns_answer *),
		     void *arg);
void service_publication(struct gw_call *call, const struct gw_publication *publication);
void service_publication_each(struct gw_call *call,
			      void (*each)(void *arg, const struct gw_publication *), void *arg);
int service_dns_cancel(struct gw_call *call, gw_dns number);

struct gw_str service_session_fact(const struct gw_session *session, enum gw_session_fact fact);
int64_t service_session_number(const struct gw_session *session, enum gw_session_fact fact);
struct gw_str service_message_fact(const struct gw_message *message, enum gw_message_fact fact);
int64_t service_message_number(const struct gw_message *message, enum gw_message_fact fact);
struct gw_str service_rcpt_fact(const struct gw_rcpt *rcpt, enum gw_rcpt_fact fact);
int64_t service_rcpt_number(const struct gw_rcpt *rcpt, enum gw_rcpt_fact fact);
struct gw_str service_delivery_fact(const struct gw_delivery *delivery, enum gw_delivery_fact fact);
int64_t service_delivery_number(const struct gw_delivery *delivery, enum gw_delivery_fact fact);
struct gw_str service_relay_fact(const struct gw_relay *relay, enum gw_relay_fact fact);
int64_t service_relay_number(const struct gw_relay *relay, enum gw_relay_fact fact);

int service_day(const struct gw_call *call, struct gw_str zone, int64_t when, struct gw_day *day);

int service_header(struct gw_message *message, size_t nth, struct gw_header *out);
int service_header_named(struct gw_message *message, struct gw_str name, size_t nth,
			 struct gw_header *out);
uint64_t service_body_offset(struct gw_message *message);
long service_read(struct gw_message *message, uint64_t offset, void *out, size_t len);

int service_delivery_header(struct gw_delivery *delivery, size_t nth, struct gw_header *out);
long service_delivery_body(struct gw_delivery *delivery, uint64_t offset, void *out, size_t len);
long service_delivery_read(struct gw_delivery *delivery, uint64_t offset, void *out, size_t len);
int service_header_add(struct gw_call *call, struct gw_delivery *delivery, size_t nth,
		       struct gw_str name, struct gw_str value);
int service_header_replace(struct gw_call *call, struct gw_delivery *delivery, size_t nth,
			   struct gw_str value);
int service_header_drop(struct gw_call *call, struct gw_delivery *delivery, size_t nth);
int service_body_splice(struct gw_call *call, struct gw_delivery *delivery, uint64_t offset,
			uint64_t drop, struct gw_str text);
int service_message_file(struct gw_message *message);
int service_delivery_file(struct gw_delivery *delivery);
int service_body_replace(struct gw_call *call, struct gw_delivery *delivery, struct gw_str body);
int service_return_path_set(struct gw_call *call, struct gw_delivery *delivery,
			    struct gw_str address);

void service_cause(struct gw_call *call, enum gw_cause cause);
int service_split(struct gw_call *call, struct gw_delivery *delivery, size_t count);
int service_split_by(struct gw_call *call, struct gw_delivery *delivery, const bool *keep);
void service_wait_on(struct gw_call *call, struct gw_str key);
void service_notify(struct gw_call *call, struct gw_str key, size_t count);
void service_fault(struct gw_call *call, enum gw_fault fault);
void service_hold_message(struct gw_call *call, const char *why);
int service_route_add(struct gw_call *call, const struct gw_relay *relay);
long service_domain_ascii(const struct gw_call *call, struct gw_str domain,
			  char out[GW_DOMAIN_MAX + 1]);
void service_skipped(struct gw_call *call, const struct gw_relay *relay, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void service_relay_close(struct gw_call *call, const struct gw_relay *relay, enum gw_cause cause,
			 int64_t until, const char *why);
void service_relay_open(struct gw_call *call, const struct gw_relay *relay);
bool service_relay_closed(struct gw_call *call, const struct gw_relay *relay,
			  struct gw_closure *closure);
void service_relay_connections(struct gw_call *call, const struct gw_relay *relay,
			       int64_t connections);

bool service_edit_known(struct gw_call *call, const struct gw_edit *edit);
void service_edit_each(struct gw_call *call, bool (*each)(void *arg, const struct gw_edit *),
		       void *arg);
bool service_client_known(struct gw_call *call, const struct gw_client *client);
void service_client_each(struct gw_call *call, bool (*each)(void *arg, const struct gw_client *),
			 void *arg);

int64_t service_counter_add(const struct gw_call *call, struct gw_str name, int64_t period,
			    int64_t add, int64_t limit);
int64_t service_counter_get(const struct gw_call *call, struct gw_str name, int64_t period);
int service_record_put(const struct gw_call *call, struct gw_str key, struct gw_str value);
int service_record_keep(struct gw_call *call, struct gw_str key, struct gw_str value, void *arg);
long service_record_get(const struct gw_call *call, struct gw_str key, void *out, size_t len);
int service_record_drop(const struct gw_call *call, struct gw_str key);
int service_record_each(const struct gw_call *call, struct gw_str prefix,
			int (*each)(void *arg, struct gw_str key, struct gw_str value), void *arg);

#endif

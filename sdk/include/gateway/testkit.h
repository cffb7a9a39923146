/* gateway/testkit.h - tests a module in an ordinary program: a gateway made of nothing but this
 * table of services.
 *
 *     struct testkit *kit = testkit_create(gw_module_v1);
 *     testkit_option(kit, "greeting", "hello");
 *     assert(testkit_start(kit) == 0);
 *     struct gw_message *message = testkit_message(kit, testkit_session(kit, "192.0.2.1"),
 * "a@example.com", "Subject: x\r\n\r\nhi\r\n"); assert(testkit_run_rcpt(kit, message,
 * testkit_rcpt(message, "b@example.net")) == GW_ACCEPT); testkit_destroy(kit);
 *
 * Link the module's own sources, GatewayModule::testkit and what the module links. One program
 * tests one module; it may have many kits, one after another or at once. A program is one worker:
 * call everything here from one thread.
 *
 * A module that breaks the contract (an answer its hook does not know, an edit outside `prepare`, a
 * second hold, a service in offload's work that is not for any thread, a NULL, an answer() that is
 * no JSON object) ends the program with a sentence on stderr, unless testkit_tolerate() was called.
 * What is over the gateway's bounds is refused as there, and a line of TESTKIT_LOG. Memory that
 * runs out in the kit itself ends the program too. Every string and object a kit hands out lives
 * until testkit_destroy(), unless a function says otherwise. */
#ifndef GATEWAY_TESTKIT_H
#define GATEWAY_TESTKIT_H

#include <gateway/module.h>

#ifdef __cplusplus
extern "C" {
#endif

struct testkit;

/* The names of the functions that run hooks, see below. */
#define TESTKIT_RUN(name, first, second)                                                           \
	TESTKIT_JOIN(testkit_run_##name, TESTKIT_OF_##first, TESTKIT_OF_##second)
#define TESTKIT_JOIN(name, first, second) TESTKIT_JOINED(name, first, second)
#define TESTKIT_JOINED(name, first, second) name##first##second
#define TESTKIT_OF_NONE
#define TESTKIT_OF_SESSION
#define TESTKIT_OF_LOGIN _login
#define TESTKIT_OF_MESSAGE
#define TESTKIT_OF_RCPT
#define TESTKIT_OF_DELIVERY
#define TESTKIT_OF_RELAY
#define TESTKIT_OF_RESULT
#define TESTKIT_OF_EVENT
#define TESTKIT_OF_COMMAND _command
#define TESTKIT_OF_HTTP_ANSWER _answer
#define TESTKIT_OF_DNS_ANSWER _answer
#define TESTKIT_OF_LINK
#define TESTKIT_OF_KEPT _told
#define TESTKIT_OF_ARG

/* The entry that GW_MODULE made. */
const struct gw_module *gw_module_v1(const struct gw_services *services);

/* --- one instance of the module --- */
struct testkit *testkit_create(
	const struct gw_module *(*entry)(const struct gw_services *services));
/* drops what is held, stops the instance, frees everything; NULL is fine */
void testkit_destroy(struct testkit *kit);

/* A value of the module's fragment, before testkit_start(). Keys as in the table ("auth.user"); a
 * row of a group by number
 * ("clients[0].name"). Texts as in the file without their quotes; a list is words parted by blanks,
 * a word with blanks in double quotes. A key set twice has the later value. */
void testkit_option(struct testkit *kit, const char *key, const char *text);
/* All values that a fragment's file gives its module, as by testkit_option(): for tests of what is
 * shipped. Texts of its lists have no double quotes. A file that is none ends the program, with
 * path and line. */
void testkit_fragment(struct testkit *kit, const char *path);
/* Parses the options, relays' too, and calls start(). 0; -1: TESTKIT_PROBLEM lines say why, and
 * nothing was left started. */
int testkit_start(struct testkit *kit);
void testkit_stop(struct testkit *kit);
/* As a gateway that was started anew: private bytes and closures are gone, notes and state are
 * kept. Objects may be used on. */
int testkit_restart(struct testkit *kit);
/* The folder that "STATE" and relative paths stand for: empty at first, removed with the kit. */
const char *testkit_folder(struct testkit *kit);
/* "FOLDER/name"; with `text` not NULL the file is written first. */
const char *testkit_file(struct testkit *kit, const char *name, const char *text);

/* --- time: stands still until told; at first 2026-01-01 00:00:00 UTC --- */
void testkit_set_time(struct testkit *kit, int64_t ms);
/* held calls whose deadline passes are dropped and count as GW_FAILED */
void testkit_advance(struct testkit *kit, int64_t ms);

/* --- the world around it --- */
/* before testkit_start() */
struct gw_relay *testkit_relay(struct testkit *kit, const char *name);
/* a key of the module's relay_options */
void testkit_relay_option(struct gw_relay *relay, const char *key, const char *text);
/* unset: on, port 25, host "NAME.example", UTC */
void testkit_relay_fact(struct gw_relay *relay, enum gw_relay_fact fact, const char *text);
/* Somebody else's closure, as relay_closed() tells it; `by` ("gatewayctl") has one at a time. Past
 * `until` it is gone. */
void testkit_close(struct gw_relay *relay, enum gw_cause cause, int64_t until, const char *by,
		   const char *why);
void testkit_open(struct gw_relay *relay, const char *by);
/* A client that another module knows: client_each() tells of it. */
void testkit_client(struct testkit *kit, const struct gw_client *client);
/* A record that another module needs: publication_each() tells of it. */
void testkit_publication(struct testkit *kit, const struct gw_publication *publication);
/* Who answers dns_wait(); without, there is no answer. What `answer` points to lives until the next
 * question. */
void testkit_dns(struct testkit *kit,
		 void (*dns)(void *arg, const struct gw_dns_question *question,
			     struct gw_dns_answer *answer),
		 void *arg);
/* Mail that another module changes: edit_each() tells of it. */
void testkit_edit(struct testkit *kit, const struct gw_edit *edit);
struct gw_session *testkit_session(struct testkit *kit, const char *peer);
void testkit_session_fact(struct gw_session *session, enum gw_session_fact fact, const char *text);
/* A message with its bytes, CRLF line ends; what is not set as a fact of the message is taken from
 * the session (may be NULL) or counted. */
struct gw_message *testkit_message(struct testkit *kit, struct gw_session *session,
				   const char *sender, const char *bytes);
/* other bytes, NULs too */
void testkit_message_bytes(struct gw_message *message, const void *bytes, size_t len);
void testkit_message_fact(struct gw_message *message, enum gw_message_fact fact, const char *text);
struct gw_rcpt *testkit_rcpt(struct gw_message *message, const char *address);
void testkit_rcpt_fact(struct gw_rcpt *rcpt, enum gw_rcpt_fact fact, const char *text);
/* The message on its way through `relay` to all recipients it has so far. */
struct gw_delivery *testkit_delivery(struct gw_message *message, struct gw_relay *relay);
/* ... to this one instead */
void testkit_delivery_only(struct gw_delivery *delivery, struct gw_rcpt *rcpt);
void testkit_delivery_fact(struct gw_delivery *delivery, enum gw_delivery_fact fact,
			   const char *text);
/* What `login` gave for it: login() in the hooks deliver and probe. */
void testkit_set_login(struct gw_delivery *delivery, const char *user, const char *secret);
/* our Received field; empty at first */
void testkit_delivery_trace(struct gw_delivery *delivery, const char *field);

/* --- running hooks: testkit_run_NAME() for each row of <gateway/hooks.def>, given what the hook is
 * given: testkit_run_rcpt(kit, message, rcpt). A hook the module has not answers GW_CONTINUE;
 * GW_PENDING: it is held, see below. Where a struct is handed over that a test would have to fill
 * (a login, a command, an answer) the name says so, and a function with less to write has the plain
 * name. worker_start, worker_stop and timer run by themselves, as said below. For `fallback`,
 * GW_DELIVERY_CAUSE is a fact of the delivery; unset: a failure. --- */
#define GW_DECIDES(name, first, second, ...)                                                       \
	enum gw_verdict TESTKIT_RUN(name, first, second)(struct testkit *                          \
							 kit GW_PARAM_##first GW_PARAM_##second);
#define GW_OBSERVES(name, first, second, ...)                                                      \
	void TESTKIT_RUN(name, first,                                                              \
			 second)(struct testkit * kit GW_PARAM_##first GW_PARAM_##second);
#include <gateway/hooks.def>
enum gw_verdict testkit_run_auth(struct testkit *kit, struct gw_session *session,
				 const char *mechanism, const char *user, const char *secret);
/* words parted by blanks */
void testkit_run_control(struct testkit *kit, const char *words, bool admin);

/* --- the answer of the run that ended last --- */
struct testkit_answer {
	enum gw_verdict verdict;
	int code;             /* of reply(); 0: not called */
	const char *enhanced; /* "" where reply() gave none, as with text */
	const char *text;
	int64_t wait_until;  /* 0: not called */
	enum gw_cause cause; /* 0: not called */
	/* 0: not called. The delivery has lost the others by then, see testkit_rest() */
	size_t split;
	const char *wait_on; /* "": not called */
};
const struct testkit_answer *testkit_answer(struct testkit *kit);

/* --- held calls. An offload's work runs at once, on a thread of its own, and its answer is what
 * the run gives, unless TESTKIT_LATER --- */
enum testkit_offload { TESTKIT_AT_ONCE, TESTKIT_LATER };
void testkit_set_offload(struct testkit *kit, enum testkit_offload mode);
/* what event_base() gives; the test runs the loop itself */
void testkit_set_event_base(struct testkit *kit, void *base);
size_t testkit_held(struct testkit *kit);
/* Waits until a held call was woken or its work is done, then runs resumed(): its answer, or
 * GW_PENDING: held again, or nothing woke it in that time (real milliseconds). Several that are
 * held resume in the order in which they were woken. */
enum gw_verdict testkit_resume(struct testkit *kit, int timeout_ms);
/* The client left, the gateway stops: held calls of this session, message or delivery are dropped;
 * NULL: all of them. */
void testkit_drop(struct testkit *kit, const void *subject);

/* --- the worker: worker_start runs in testkit_start(), worker_stop in testkit_stop().
 * testkit_advance() and testkit_set_time() run what timers come due, in order, each at its time ---
 */
size_t testkit_timers(struct testkit *kit); /* that are set */
/* of which work was begun: with TESTKIT_LATER, calls that ask with one key share one */
size_t testkit_lookups(struct testkit *kit);
/* of http_request(), that wait for their answer: nobody is asked, testkit_run_http() answers */
size_t testkit_requests(struct testkit *kit);
const struct gw_http_request *testkit_request(struct testkit *kit); /* the oldest; NULL: none */
/* The body of the oldest, read whole by its body_read() in pieces of `piece` octets (0: 4096); len
 * 0 and ptr NULL: it gave up, and the request should be answered with status 0. */
struct gw_str testkit_request_body(struct testkit *kit, size_t piece);
/* Answers as testkit_run_http() the oldest, of which all was sent, and whose answer began with that
 * status (0: none) and broke off. */
bool testkit_run_http_broken(struct testkit *kit, int begun, const char *why);
/* Runs the hook `http` with the answer to the oldest: "Name: value" lines parted by '\n', and the
 * body; status 0: `text` is why there is none. False: nothing was asked. */
bool testkit_run_http(struct testkit *kit, int status, const char *headers, const char *text);
/* of dns_ask(), that wait for their answer: nobody is asked. testkit_run_dns() answers the oldest:
 * records parted by '\n', with this TTL; FAILED: `text` is why. False: nothing was asked. */
size_t testkit_questions(struct testkit *kit);
const struct gw_dns_question *testkit_question(struct testkit *kit); /* the oldest; NULL: none */
bool testkit_run_dns(struct testkit *kit, enum gw_dns_status status, uint32_t ttl,
		     const char *text);
/* of record_keep(), that wait to hear of the disk: the records are there, and stay over a restart.
 * testkit_run_kept() tells the oldest. False: there is none. */
size_t testkit_keeps(struct testkit *kit);
bool testkit_run_kept(struct testkit *kit, bool durable);

/* of verb_run(), that wait for their answer: nobody runs them, testkit_run_verb() answers the
 * oldest as the control socket would; NULL: the gateway stops. testkit_verb(): its words, parted by
 * blanks; NULL: none. False: none was run. */
size_t testkit_verbs(struct testkit *kit);
const char *testkit_verb(struct testkit *kit);
bool testkit_run_verb(struct testkit *kit, const char *json);

/* --- what the module did --- */
/* the nth client that the hook `clients` told of when it was run last; NULL: there are no more */
const struct gw_client *testkit_known(struct testkit *kit, size_t nth);
/* the same of records, and the hook `published` */
const struct gw_publication *testkit_published(struct testkit *kit, size_t nth);
/* the nth that the hook `edits` told of when it was run last; NULL: there are no more */
const struct gw_edit *testkit_edited(struct testkit *kit, size_t nth);
/* names of route_add(), parted by blanks */
const char *testkit_route(struct gw_rcpt *rcpt);
/* the same, of the hook fallback */
const char *testkit_fallback(struct gw_delivery *delivery);
/* A delivery of its own for the recipients that split() has left behind; NULL: none. */
struct gw_delivery *testkit_rest(struct gw_delivery *delivery);
/* of the result hook that ran last */
enum gw_fault testkit_fault(struct testkit *kit);
bool testkit_takes_refused(struct gw_message *message);
/* of await_next_hop(); -1: it was not called */
int64_t testkit_awaits_next_hop(struct gw_message *message);
/* the closure of the module under test; NULL: none */
const struct gw_closure *testkit_closed(struct gw_relay *relay);
int64_t testkit_pace(struct gw_relay *relay); /* 0: as configured */
/* the octets that would go out, edits applied, trace first */
struct gw_str testkit_sent(struct gw_delivery *delivery);
struct gw_str testkit_sent_body(struct gw_delivery *delivery);
/* NULL: none was given */
const struct gw_outcome *testkit_outcome(struct gw_delivery *delivery, struct gw_rcpt *rcpt);
/* login_set(); NULL: none */
const struct gw_login *testkit_login(struct gw_delivery *delivery);
/* what login_refused() said since testkit_set_login(); NULL: nothing */
const char *testkit_login_refused(struct gw_delivery *delivery);
/* of the last proof_keys(); NULL: none was given */
const struct gw_proof_keys *testkit_proof_keys(struct testkit *kit);
/* of the last offload_ranked() */
int testkit_rank(struct testkit *kit);
size_t testkit_submissions(struct testkit *kit);
const struct gw_submission *testkit_submission(struct testkit *kit, size_t nth);
/* sum of count() */
int64_t testkit_metric(struct testkit *kit, const char *metric);
/* key with its dot; NULL: none */
const char *testkit_note(struct gw_message *message, const char *key);
void testkit_set_note(struct gw_message *message, const char *key, const char *value);
/* The state store's view, as the module would ask. */
int64_t testkit_counter(struct testkit *kit, const char *name, int64_t period);
/* NULL: none */
const char *testkit_record(struct testkit *kit, const char *key);
void testkit_set_record(struct testkit *kit, const char *key, const char *value);

/* Lines of what was told, in order. */
enum testkit_line {
	TESTKIT_LOG,        /* "warning text" */
	TESTKIT_PROBLEM,    /* "error: text", "warning: text", of problem_at() "error: relay a: key:
			       text"; those of the option parser too */
	TESTKIT_REASON,     /* "text" */
	TESTKIT_EVENT,      /* "name text json" */
	TESTKIT_STATUS,     /* "key: text" */
	TESTKIT_REPLY,      /* what answer() gave to `control` */
	TESTKIT_CAPABILITY, /* "+line" or "-line" */
	TESTKIT_MISUSE,     /* where the contract was broken, after testkit_tolerate() */
	TESTKIT_NOTIFIED,   /* "name count" of notify() */
	TESTKIT_HELD,       /* what hold_message() said */
	/* "relay: text" of skipped(); none unless GW_MESSAGE_DRY of the message is 1 */
	TESTKIT_PASSED,
	TESTKIT_LINES
};
size_t testkit_lines(struct testkit *kit, enum testkit_line what);
/* "" past the end */
const char *testkit_line(struct testkit *kit, enum testkit_line what, size_t nth);
/* one of the lines has it in it */
bool testkit_has(struct testkit *kit, enum testkit_line what, const char *part);
/* all lines, of every kind */
void testkit_forget(struct testkit *kit);

/* --- making things fail --- */
/* The nth call from now (from 1) of a service that may fail does: by name ("alloc", "read",
 * "header_add", "record_put", ...), or "any". */
void testkit_fail(struct testkit *kit, const char *service, unsigned nth);
/* it came to that; forgotten by the next testkit_fail() */
bool testkit_failed(struct testkit *kit);
void testkit_tolerate(struct testkit *kit);

#ifdef __cplusplus
}
#endif
#endif

/* world.h - all that a round of deliver/ meets, played by a script: hooks, the SMTP client, the
 * spool, the queue, in place of the rooms that have them. Whatever may answer later is pending, and
 * the script says what comes first.
 *
 * A choice is a number below n; 0 is what happens mostly. world_each runs a scenario for every
 * sequence of choices with at most `most` that are not 0. */
#ifndef TESTS_DELIVER_WORLD_H
#define TESTS_DELIVER_WORLD_H

#include "base/log.h"
#include "deliver/delivery_private.h"
#include "deliver/explain.h"
#include "client/usable.h"
#include "queue/asker.h"
#include "queue/submit.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define RELAYS 3 /* A and B are the route, C is a fallback */
#define RCPTS 3
#define CHOICES 128
#define PENDING 16

/* --- the script --- */

static struct {
	unsigned said[CHOICES], of[CHOICES];
	size_t at, length;
	unsigned left, most; /* choices other than 0 */
} script;

static inline unsigned choose(unsigned n)
{
	assert_true(script.at < CHOICES);
	if (script.at == script.length) {
		script.said[script.length] = 0;
		script.of[script.length++] = script.left ? n : 1;
	}
	script.left -= script.said[script.at] != 0;
	return script.said[script.at++];
}

static inline bool script_next(void)
{
	script.at = 0;
	script.left = script.most;
	for (; script.length; script.length--)
		if (++script.said[script.length - 1] < script.of[script.length - 1])
			return true;
	return false;
}

/* --- what is so --- */

enum pending_kind { HELD_HOOK, POOL_WORK, ATTEMPT, REPORT };

struct pending {
	enum pending_kind kind;
	void *what;
	const struct submission *submission;
};

static struct {
	struct pending pending[PENDING];
	size_t count;
	struct submission reports[PENDING];
	size_t report_count;
	struct gw_message *message;
	unsigned ended, ended_final, explained;
	bool outdated, sent_back, stopped, inside, dry;
	uint64_t final_mask, recorded_mask;
	bool has_hook[GW_HOOKS];
	const struct attempt *login;       /* the last that wanted one */
	unsigned declined;                 /* bits of relays for which there was no login */
	bool by_module;                    /* A has no host: a module delivers, with a login */
	bool client_waits, client_refused; /* for what the next hop says */
	unsigned client_told;
	unsigned asked[GW_HOOKS], admitted, left, sends;
	unsigned tried[RCPTS]; /* bits of relays */
	bool over[RCPTS];      /* delivered, bounced or unknown: no other send in this round */
	bool delivered[RCPTS]; /* whatever is made of it, it must not be forgotten */
	bool again[RCPTS];     /* came back unserved: the relay may be asked again */
} world;

static struct worker *worker;
static struct snapshot snapshot;
static struct gw_relay relays[RELAYS];
static struct gw_str host = GW_STR("192.0.2.1");
static const char *const relay_names[RELAYS] = { "A", "B", "C" };

static inline void pend(enum pending_kind kind, void *what)
{
	assert_true(world.count < PENDING);
	world.pending[world.count++] = (struct pending){ .kind = kind, .what = what };
}

static inline bool unpend(enum pending_kind kind, const void *what)
{
	for (size_t i = 0; i < world.count; i++) {
		if (world.pending[i].kind != kind || world.pending[i].what != what)
			continue;
		memmove(&world.pending[i], &world.pending[i + 1],
			(--world.count - i) * sizeof(world.pending[0]));
		return true;
	}
	return false;
}

/* Nothing is asked of the world from inside of an answer it gives. */
static inline void outside(void)
{
	assert_false(world.inside);
	assert_false(world.ended);
}

/* --- hooks: in place of module/chain.c --- */

void chain_init(struct gw_call *call, struct worker *on, struct snapshot *by, struct arena *arena)
{
	*call = (struct gw_call){ .worker = on, .snapshot = by, .arena = arena, .hook = GW_HOOKS };
}

static inline unsigned relay_bit(const struct gw_relay *relay)
{
	return 1u << relay->index;
}

static inline size_t rcpt_index(const struct gw_rcpt *rcpt)
{
	return rcpt->index;
}

static inline void add_route(struct gw_call *call, size_t from, size_t to)
{
	struct route *route = call->answer_to;
	while (from < to)
		route->relays[route->count++] = &relays[from++];
}

static inline enum gw_verdict route_verdict(struct gw_call *call)
{
	switch (choose(4)) {
	case 0:
		add_route(call, 0, 2);
		return GW_ACCEPT;
	case 1:
		return GW_REJECT;
	case 2:
		return GW_CONTINUE;
	default:
		return GW_WAIT;
	}
}

static inline enum gw_verdict admit_verdict(struct gw_call *call)
{
	static const enum gw_verdict verdicts[] = { GW_CONTINUE, GW_NEXT, GW_WAIT, GW_REJECT };
	unsigned choice = choose(6);
	if (choice < 4)
		return verdicts[choice];
	/* one recipient stays; with 5 it is the second, and the others are two deliveries */
	if (choice == 5 && delivery_attempt(call->delivery)->count > 2)
		assert_int_equal(delivery_split(call->delivery, 2), 0);
	if (choice == 5 && delivery_attempt(call->delivery)->count == 2)
		assert_int_equal(delivery_split_by(call->delivery, (bool[]){ false, true }), 0);
	else if (delivery_attempt(call->delivery)->count > 1)
		assert_int_equal(delivery_split(call->delivery, 1), 0);
	return GW_CONTINUE;
}

static inline enum gw_verdict prepare_verdict(void)
{
	static const enum gw_verdict verdicts[] = { GW_CONTINUE, GW_NEXT, GW_WAIT };
	return verdicts[choose(3)];
}

static inline enum gw_verdict deliver_verdict(struct gw_call *call)
{
	const struct attempt *attempt = delivery_attempt(call->delivery);
	struct gw_outcome taken = { .size = sizeof(taken),
				    .status = GW_DELIVERED,
				    .code = 250,
				    .text = GW_STR("taken"),
				    .host = GW_STR(""),
				    .stage = GW_STR("") };
	unsigned choice = choose(4);
	if (choice == 0)
		return GW_CONTINUE;
	if (choice == 1)
		return GW_NEXT;
	for (size_t i = 0; i < attempt->count && choice == 2; i++) {
		size_t n = rcpt_index(attempt->rcpts[i]);
		assert_false(world.over[n]);
		world.over[n] = world.delivered[n] = true;
		delivery_set_outcome(call->delivery, attempt->rcpts[i], &taken);
	}
	return GW_ACCEPT; /* and the last says nothing of the outcome */
}

static inline void module_says(struct gw_call *call, size_t nth, enum gw_status status)
{
	const struct attempt *attempt = delivery_attempt(call->delivery);
	struct gw_outcome given = { .size = sizeof(given),
				    .status = status,
				    .code = status == GW_UNKNOWN ? 0 : 250,
				    .text = GW_STR("so"),
				    .host = GW_STR(""),
				    .stage = GW_STR("dot") };
	size_t n = rcpt_index(attempt->rcpts[nth]);
	assert_false(world.delivered[n]);
	world.delivered[n] |= status == GW_DELIVERED;
	world.over[n] = status != GW_DEFERRED;
	delivery_set_outcome(call->delivery, attempt->rcpts[nth], &given);
}

static inline void module_says_all(struct gw_call *call, enum gw_status status)
{
	for (size_t i = 0; i < delivery_attempt(call->delivery)->count; i++)
		module_says(call, i, status);
}

static inline bool is_by_module(const struct gw_call *call)
{
	return world.by_module && call->hook == GW_HOOK_deliver && call->relay == &relays[0];
}

/* The answer of an API. The last is that of a module that does not know what it says. */
static inline enum gw_verdict module_verdict(struct gw_call *call)
{
	unsigned choice = choose(5);
	module_says_all(call, choice == 0 ? GW_DELIVERED : choice == 1 ? GW_UNKNOWN : GW_DEFERRED);
	if (choice >= 3)
		delivery_refuse_login(call->delivery, gw_str("401"));
	if (choice == 4)
		module_says(call, 0, GW_DELIVERED);
	return GW_ACCEPT;
}

static inline enum gw_verdict login_verdict(struct gw_call *call)
{
	static char secret[] = "token"; /* it is wiped when nobody needs it any more */
	const struct gw_login login = { .size = sizeof(login),
					.user = gw_str("me"),
					.secret = gw_str_n(secret, strlen("token")) };
	bool waits = choose(2);
	if (waits || !world.by_module)
		world.declined |= relay_bit(call->relay);
	if (waits)
		return GW_WAIT;
	if (!world.by_module)
		return GW_CONTINUE;
	delivery_set_login(call->delivery, &login);
	return GW_ACCEPT;
}

static inline enum gw_verdict fallback_verdict(struct gw_call *call)
{
	unsigned choice = choose(3);
	if (choice == 0)
		return GW_CONTINUE;
	add_route(call, 2, 3);
	return choice == 1 ? GW_ACCEPT : GW_WAIT;
}

static inline enum gw_verdict verdict_of(struct gw_call *call)
{
	switch (call->hook) {
	case GW_HOOK_route:
		return route_verdict(call);
	case GW_HOOK_admit:
		return admit_verdict(call);
	case GW_HOOK_prepare:
		return prepare_verdict();
	case GW_HOOK_deliver:
		return is_by_module(call) ? module_verdict(call) : deliver_verdict(call);
	case GW_HOOK_fallback:
		return fallback_verdict(call);
	case GW_HOOK_bounce:
		return choose(2) ? GW_DISCARD : GW_CONTINUE;
	case GW_HOOK_login:
		return login_verdict(call);
	default:
		return GW_CONTINUE;
	}
}

bool chain_run(struct gw_call *call, enum gw_hook hook,
	       void (*done)(struct gw_call *call, void *arg), void *arg)
{
	outside();
	assert_false(world.stopped);
	assert_null(call->hold);
	call->hook = hook;
	call->done = done;
	call->arg = arg;
	call->cancelled = false;
	call->answer = (struct chain_answer){ .text = gw_str("") };
	world.asked[hook]++;
	world.admitted += hook == GW_HOOK_admit;
	if (!world.has_hook[hook])
		return true;
	if (choose(2)) {
		if (is_by_module(call)) /* until an answer is there */
			module_says_all(call, GW_UNKNOWN);
		call->hold = (struct hold *)&world;
		pend(HELD_HOOK, call);
		return false;
	}
	call->answer.verdict = verdict_of(call);
	return true;
}

static inline void work_stays(struct gw_call *call)
{
	call->busy++;
	pend(POOL_WORK, call);
}

/* In time, or at its deadline while its work goes on in the pool. */
static inline void hook_answers(struct gw_call *call)
{
	call->hold = NULL;
	if (choose(2)) {
		work_stays(call);
		call->answer.verdict = GW_WAIT;
		call->answer.broke = true;
	} else {
		call->answer.verdict = verdict_of(call);
	}
	call->done(call, call->arg);
}

static inline void work_returns(struct gw_call *call)
{
	if (--call->busy > 0 || !call->cancelled)
		return;
	call->answer.verdict = GW_FAILED;
	call->done(call, call->arg);
}

bool chain_cancel(struct gw_call *call)
{
	call->cancelled = true;
	if (call->hold) {
		assert_true(unpend(HELD_HOOK, call));
		call->hold = NULL;
		if (is_by_module(call) &&
		    choose(2)) /* its answer had come, and waited for its turn */
			verdict_of(call);
		else if (choose(2))
			work_stays(call);
	}
	return call->busy == 0;
}

bool chain_held(const struct gw_call *call)
{
	return call->hold != NULL;
}

void chain_tell(struct gw_call *call, enum gw_hook hook)
{
	outside();
	world.left += hook == GW_HOOK_leave;
	world.asked[hook]++;
}

void event_tell(struct worker *on, struct snapshot *by, enum event_id event,
		struct gw_event *details)
{
}
void call_log_reason(struct gw_call *call, struct gw_str sentence) {}

struct gw_relay *snapshot_relay(const struct snapshot *in, struct gw_str name)
{
	for (size_t i = 0; i < RELAYS; i++)
		if (gw_str_eq(relays[i].name, name))
			return &relays[i];
	return NULL;
}

bool snapshot_is_outdated(const struct snapshot *of)
{
	return world.outdated;
}

void snapshot_release(struct snapshot *of) {}

/* --- the SMTP client: in place of client/transport.c --- */

bool relay_is_usable_here(struct worker *on, struct gw_relay *relay, struct gw_str domain,
			  bool urgent, struct relay_refusal *refusal, struct gw_str *way)
{
	static const struct relay_refusal refusals[] = {
		{ .reason = RELAY_CROWDED, .cause = GW_CAUSE_RATE },
		{ .reason = RELAY_UNREACHABLE, .cause = GW_CAUSE_FAILURE },
		{ .reason = RELAY_SHORT, .cause = GW_CAUSE_FAILURE },
	};
	*way = gw_str("");
	if (!relay_status_is_open(relay, worker_wall(on), urgent, refusal))
		return false;
	unsigned choice = choose(4);
	outside();
	*way = relay->name;
	if (choice)
		*refusal = refusals[choice - 1];
	return choice == 0;
}

static inline void check_send(const struct attempt *attempt, const struct gw_rcpt *rcpt)
{
	size_t n = rcpt_index(rcpt);
	assert_int_equal(rcpt->status, RCPT_PENDING);
	assert_false(world.over[n]);
	assert_true(world.again[n] || !(world.tried[n] & relay_bit(attempt->relay)));
	world.tried[n] |= relay_bit(attempt->relay);
	world.again[n] = false;
}

static inline void attempt_answers(struct attempt *attempt);

void transport_send(struct attempt *attempt)
{
	outside();
	assert_false(world.stopped || world.dry);
	assert_true(attempt->count > 0);
	world.sends++;
	world.login = NULL;
	attempt->unserved = attempt->sent_back = attempt->down = false;
	for (size_t i = 0; i < attempt->count; i++) {
		assert_int_equal(attempt->outcomes[i].status, 0);
		check_send(attempt, attempt->rcpts[i]);
	}
	pend(ATTEMPT, attempt);
	if (!choose(2))
		return;
	world.inside =
		true; /* the real one does not; what is asked here would be a step in a step */
	attempt_answers(attempt);
	world.inside = false;
}

static inline void give(struct attempt *attempt, size_t from, size_t to, enum gw_status status,
			enum stage stage, int code)
{
	for (size_t i = from; i < to; i++) {
		outcome_set(&attempt->outcomes[i], attempt->arena, status, stage, code == 0, code,
			    NULL, gw_str("so"), gw_str(""));
		size_t n = rcpt_index(attempt->rcpts[i]);
		world.over[n] |= status != GW_DEFERRED;
		world.delivered[n] |= status == GW_DELIVERED;
	}
}

static inline void come_back(struct attempt *attempt)
{
	attempt->unserved = true;
	for (size_t i = 0; i < attempt->count; i++)
		world.again[rcpt_index(attempt->rcpts[i])] = attempt->outcomes[i].status == 0;
}

static inline void attempt_ends(struct attempt *attempt)
{
	assert_true(unpend(ATTEMPT, attempt));
	attempt->done(attempt);
}

/* One transaction for the first recipient; the rest of them follow, or come back. */
static inline void attempt_goes_on(struct attempt *attempt)
{
	give(attempt, 0, 1, GW_DELIVERED, STAGE_DOT, 250);
	attempt->progress(attempt);
	if (attempt->count > 1 && choose(2) == 0)
		return;
	come_back(attempt);
	attempt_ends(attempt);
}

static inline size_t without_outcome(const struct attempt *attempt)
{
	size_t n = 0;
	while (n < attempt->count && attempt->outcomes[n].status)
		n++;
	return n;
}

static inline void attempt_answers(struct attempt *attempt)
{
	size_t from = without_outcome(attempt), to = attempt->count;
	unsigned choice = choose(9);
	if (attempt->sent_back || choice == 1)
		come_back(attempt);
	else if (choice == 0)
		give(attempt, from, to, GW_DELIVERED, STAGE_DOT, 250);
	else if (choice == 2)
		give(attempt, from, to, GW_DEFERRED, STAGE_CONNECT, 0);
	else if (choice == 3)
		give(attempt, from, to, GW_BOUNCED, STAGE_RCPT, 550);
	else if (choice == 4)
		give(attempt, from, to, GW_UNKNOWN, STAGE_DOT, 0);
	else if (choice == 5)
		give(attempt, from, to, GW_DEFERRED, STAGE_RCPT, 450);
	if (choice == 6 && from == 0 && !world.inside && world.login != attempt) {
		world.login = attempt; /* one is wanted */
		attempt->login(attempt, gw_str("PLAIN"));
		return;
	}
	if (choice == 7 && from == 0 && !world.inside && !attempt->sent_back) {
		attempt_goes_on(attempt);
		return;
	}
	if (choice == 8 && !attempt->sent_back)
		attempt->down = true;
	if (!attempt->unserved)
		give(attempt, without_outcome(attempt), to, GW_DEFERRED, STAGE_CONNECT, 0);
	attempt_ends(attempt);
}

void attempt_login(struct attempt *attempt, enum gw_verdict verdict, const struct gw_login *login)
{
	assert_null(
		((struct gw_delivery *)((char *)attempt - offsetof(struct gw_delivery, attempt)))
			->task.call.hold);
}

void transport_send_back(struct attempt *attempt)
{
	attempt->sent_back = true;
}

void transport_abandon(struct attempt *attempt)
{
	assert_true(unpend(ATTEMPT, attempt));
	if (choose(2))
		give(attempt, without_outcome(attempt), attempt->count, GW_UNKNOWN, STAGE_DOT, 0);
}

/* --- the queue and the spool: in place of queue/ --- */

int64_t queue_now(void)
{
	return 1000000;
}

int64_t queue_backoff(const struct settings *settings, unsigned attempts)
{
	return 1000;
}

bool queue_wants_bounce(const struct gw_message *message)
{
	return false;
}

/* What a crash must not forget. */
static inline uint64_t mask_of(const struct gw_message *message)
{
	uint64_t mask = 0;
	for (size_t i = 0; i < message->rcpt_count; i++)
		mask |= (uint64_t)(message->rcpts[i]->status != RCPT_PENDING ||
				   message->rcpts[i]->suspect)
			<< i;
	return mask;
}

void queue_record(struct gw_message *message)
{
	assert_ptr_equal(message, world.message);
	assert_false(world.ended || world.dry);
	world.recorded_mask = mask_of(message);
}

void queue_record_now(struct gw_message *message)
{
	(void)message;
}

static inline void message_ends(struct gw_message *message)
{
	outside();
	assert_false(world.dry);
	assert_ptr_equal(message, world.message);
	for (size_t i = 0; i < message->rcpt_count; i++)
		assert_true(!world.delivered[i] || message->rcpts[i]->status == RCPT_DELIVERED);
	if (!world.stopped)
		assert_int_equal(world.count, 0); /* nothing looks at it any more */
	world.ended++;
	world.recorded_mask = mask_of(message);
	message_destroy(message);
	world.message = NULL;
	assert_false(world.client_refused && (world.asked[GW_HOOK_bounce] || world.report_count));
}

void queue_final(struct gw_message *message)
{
	assert_int_equal(message_pending(message), 0);
	world.ended_final++;
	message_ends(message);
}

/* How often it waits for the relay to open. */
static inline unsigned waits_to_open(const struct gw_message *message, const struct gw_relay *relay)
{
	struct gw_str keys = message->wait_on, key;
	unsigned times = 0;
	while (keys.len) {
		key = gw_str_cut(&keys, '\n');
		times += key.len == 6 && memcmp(key.ptr, "open:", 5) == 0 &&
			 key.ptr[5] == relay->name.ptr[0];
	}
	return times;
}

/* Nothing is waited on twice; and who had no login for a relay is called back by who opens it,
 * unless the message begins anew at once. */
static inline void check_waits(const struct gw_message *message)
{
	for (size_t i = 0; i < RELAYS; i++) {
		unsigned times = waits_to_open(message, &relays[i]);
		assert_true(times <= 1);
		if (world.declined & relay_bit(&relays[i]) && !world.outdated && !world.sent_back)
			assert_int_equal(times, 1);
	}
}

void queue_later(struct gw_message *message)
{
	assert_true(message_pending(message) > 0);
	check_waits(message);
	message_ends(message);
}

void queue_hold(struct gw_message *message, struct gw_str why)
{
	message_ends(message);
}

/* --- the client: in place of queue/asker.c --- */

bool queue_is_asked(const struct worker *on, uint64_t id)
{
	return world.client_waits;
}

void queue_tell(struct gw_message *message, enum asker_end end, const struct smtp_reply *reply)
{
	assert_true(world.client_waits);
	world.client_waits = false;
	world.client_told++;
	for (size_t i = 0; i < message->rcpt_count && end == ASKER_DELIVERED; i++)
		assert_true(world.delivered[i]);
}

bool queue_refuse(struct gw_message *message, const struct smtp_reply *reply)
{
	if (!world.client_waits)
		return false;
	world.client_waits = false;
	world.client_told++;
	for (size_t i = 0; i < message->rcpt_count; i++)
		assert_false(world.delivered[i]);
	return world.client_refused = choose(2) == 0;
}

uint64_t submit_id(struct worker *on)
{
	return 77;
}

void submit(const struct submission *submission)
{
	outside();
	assert_false(world.dry);
	if (choose(2)) { /* refused from inside */
		world.inside = true;
		submission->done(submission->arg, submission->id, false);
		world.inside = false;
		return;
	}
	assert_true(world.report_count < PENDING);
	world.reports[world.report_count] = *submission;
	pend(REPORT, &world.reports[world.report_count++]);
}

static inline struct gw_message *make_message(void)
{
	static const struct gw_str bytes = GW_STR("Subject: x\r\n\r\nhello\r\n");
	struct gw_message *message = message_create(worker, &snapshot, 5);
	assert_non_null(message);
	message->content = (struct spool_content){ .size = bytes.len, .tail = bytes };
	message->sender = gw_str("a@example.com");
	message->received_at = queue_now();
	message->expires_at = queue_now() + 100000;
	for (size_t i = 0; i < RCPTS; i++)
		assert_non_null(
			message_rcpt_add(message, gw_str("one@example.net"), gw_str(""), 0));
	return message;
}

struct gw_message *submission_message(const struct submission *submission)
{
	return world.message = make_message();
}

/* --- a run --- */

static inline void report_answers(struct submission *submission)
{
	submission->done(submission->arg, submission->id, choose(2) == 0);
}

static inline void pending_answers(size_t nth)
{
	struct pending pending = world.pending[nth];
	if (pending.kind != ATTEMPT)
		unpend(pending.kind, pending.what);
	switch (pending.kind) {
	case HELD_HOOK:
		hook_answers(pending.what);
		break;
	case POOL_WORK:
		work_returns(pending.what);
		break;
	case ATTEMPT:
		attempt_answers(pending.what);
		break;
	case REPORT:
		report_answers(pending.what);
		break;
	}
}

static inline void world_stop(void)
{
	world.stopped = true;
	delivery_stop(worker);
}

/* What comes between two answers. */
static inline void meanwhile(void)
{
	switch (choose(world.dry ? 4 : 5)) {
	case 1:
		relay_status_close(relays[0].name, gw_str("test"), GW_CAUSE_LIMIT, 0,
				   gw_str("its limit is reached"));
		break;
	case 2:
		world.outdated = true;
		break;
	case 3:
		world.sent_back = true;
		delivery_send_back(worker, 5);
		break;
	case 4:
		world_stop();
		break;
	default:
		break;
	}
}

/* Whatever is under way: what was delivered, or may have been, is on its way to the disk. */
static inline void check_at_rest(void)
{
	if (world.message && !world.dry)
		assert_int_equal(mask_of(world.message) & ~world.recorded_mask, 0);
}

static inline void world_run(void)
{
	for (unsigned i = 0; world.count; i++) {
		assert_true(i < 200);
		check_at_rest();
		if (!world.stopped)
			meanwhile();
		if (world.count)
			pending_answers(choose((unsigned)world.count));
	}
	check_at_rest();
}

static inline void world_begin(void)
{
	memset(&world, 0, sizeof(world));
	for (size_t i = 0; i < GW_HOOKS; i++)
		world.has_hook[i] = true;
}

static inline void world_end(void)
{
	relay_status_open(relays[0].name, gw_str("test"), 0);
	if (world.message)
		message_destroy(world.message);
}

/* Runs the scenario for each script; gives how many there were. */
static inline unsigned world_each(void (*scenario)(void), unsigned most)
{
	unsigned runs = 0;
	script.length = 0;
	script.at = 0;
	script.left = script.most = most;
	do {
		world_begin();
		scenario();
		world_end();
		runs++;
	} while (script_next());
	return runs;
}

static inline int world_setup(void **state)
{
	log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
	worker = worker_create(0);
	assert_non_null(worker);
	assert_int_equal(delivery_start(worker), 0);
	for (size_t hook = 0; hook < GW_HOOKS; hook++)
		snapshot.chain_length[hook] = 1;
	snapshot.settings.hostname = gw_str("gateway.example");
	for (size_t i = 0; i < RELAYS; i++)
		relays[i] = (struct gw_relay){ .name = gw_str(relay_names[i]),
					       .index = i,
					       .hosts = { &host, 1 },
					       .enabled = true };
	return 0;
}

static inline int world_teardown(void **state)
{
	delivery_finish(worker);
	worker_destroy(worker);
	return 0;
}

#endif

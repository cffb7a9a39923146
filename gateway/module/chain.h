/* chain.h - runs a hook over the instances of a snapshot, in order, by the rules of
 * <gateway/hooks.def>.
 *
 * A struct gw_call is embedded in the thing that asks (a session, a message, a delivery) and used
 * for one hook at a time, on that thing's worker. The host guards, not the module: an unknown
 * verdict, a hold past its deadline, a call that blocks the loop too long (logged) are dealt with
 * here.
 *
 * Work that a module gave to the pool cannot be called back, and it may look at the call and its
 * subject until it returns, also after its deadline, when the chain went on without it. So whoever
 * frees a subject asks chain_cancel first, always, and waits where it says false. */
#ifndef MODULE_CHAIN_H
#define MODULE_CHAIN_H

#include "base/arena.h"
#include "base/event.h"
#include "loop/offload.h"
#include "loop/worker.h"
#include "module/snapshot.h"

struct chain_answer {
	/* one the hook's row knows: FAILED was turned into what on_error or the row says */
	enum gw_verdict verdict;
	bool voted;           /* rcpt: somebody said ACCEPT */
	bool broke;           /* the verdict stands for a module that broke */
	const char *instance; /* who gave the verdict; NULL: nobody did */
	/* of reply(); 0: not called, or of another class than the verdict */
	int code;
	char enhanced[12];   /* "" : none */
	struct gw_str text;  /* in the arena; empty: none */
	int64_t wait_until;  /* wall ms; 0: not said */
	enum gw_cause cause; /* with NEXT; 0: not said */
	/* the last reason() of who gave the verdict, in the arena; empty: none */
	struct gw_str reason;
	struct gw_str key; /* with WAIT: where it waits, in the arena; empty: nowhere */
};

struct gw_call {
	/* who asks; set by chain_init and by the asker */
	struct worker *worker;
	struct snapshot *snapshot;
	struct arena *arena; /* of the subject: strings and alloc() live there */
	struct gw_session *session;
	struct gw_message *message;
	struct gw_rcpt *rcpt;
	struct gw_delivery *delivery;
	struct gw_relay *relay;
	/* gw_login, gw_result, gw_event, gw_command, gw_http_answer, gw_dns_answer, gw_link of
	 * the hook */
	const void *argument;
	void *asked_with;          /* timer, http, dns: what the module set or asked it with */
	void *answer_to;           /* status, control: where services put their output */
	struct problems *problems; /* start, check, control: where problem() goes */
	/* the run */
	enum gw_hook hook;         /* GW_HOOKS: none of them, i.e. start() or stop() */
	size_t at;                 /* next in the chain */
	struct instance *instance; /* whose turn it is */
	struct chain_answer answer;
	void (*done)(struct gw_call *call, void *arg);
	void *arg;
	/* where reason() goes; may be NULL */
	void (*explain)(struct gw_call *call, struct gw_str sentence);
	/* where skipped() goes; NULL: nobody asked */
	void (*passed)(struct gw_call *call, struct gw_relay *relay, struct gw_str sentence);
	struct hold *hold; /* the held call, NULL: none */
	bool running;      /* code of a module runs for a deciding hook: it may hold */
	bool cancelled;    /* the asker is going: nothing may hold any more */
	/* offloaded work that was given up and has not returned yet */
	unsigned busy;
};

void chain_init(struct gw_call *call, struct worker *worker, struct snapshot *snapshot,
		struct arena *arena);

/* Runs a deciding hook. True: call->answer is final now. False: a module holds it; done(call, arg)
 * comes later, from the loop, unless chain_cancel was called. Subjects (session, message, ...) are
 * set in `call` before. */
bool chain_run(struct gw_call *call, enum gw_hook hook,
	       void (*done)(struct gw_call *call, void *arg), void *arg);

/* Tells an observing hook, of all instances or (control) of one. */
void chain_tell(struct gw_call *call, enum gw_hook hook);
void chain_tell_one(struct gw_call *call, enum gw_hook hook, struct instance *instance);

/* Tells the event hook, and costs nothing where nobody has it; `details` has what is special: name,
 * size and time are filled in, and "" for text that is missing. */
void event_tell(struct worker *worker, struct snapshot *snapshot, enum event_id event,
		struct gw_event *details);

/* The asker goes away: what is held is dropped (a hold that was woken already is resumed from
 * inside this call, and its verdict not heard). To be asked before a subject is freed, held or not.
 * True: nothing looks at the call any more, done will not run. False: offloaded work still does:
 * keep the call, its subject and its snapshot; done, which the owner sets anew before or after,
 * runs from the loop when the work has returned, with call->cancelled and the verdict GW_FAILED. A
 * call that was cancelled with true may be used again. */
bool chain_cancel(struct gw_call *call);
bool chain_held(const struct gw_call *call);

/* Is there anybody at all for this hook? (to skip work that only a module would look at) */
static inline bool chain_empty(const struct snapshot *snapshot, enum gw_hook hook)
{
	return snapshot->chain_length[hook] == 0;
}

/* --- behind the services of the same names --- */
enum gw_verdict call_offload(struct gw_call *call, const struct gw_async *async,
			     void (*work)(void *arg), void *arg);
enum gw_verdict call_offload_ranked(struct gw_call *call, const struct gw_async *async,
				    void (*work)(void *arg), void *arg, int rank);
enum gw_verdict call_hold(struct gw_call *call, const struct gw_async *async, void *arg,
			  gw_ticket *ticket);
int call_wake(gw_ticket ticket); /* [any thread] */
enum gw_verdict call_lookup(struct gw_call *call, const struct gw_lookup *form, struct gw_str key,
			    void *arg);
/* an `explain` for the log, and so for `message explain` */
void call_log_reason(struct gw_call *call, struct gw_str sentence);
void call_reply(struct gw_call *call, int code, const char *enhanced, const char *format,
		va_list args);

/* "CONTINUE", "REJECT", ... */
const char *verdict_name(enum gw_verdict verdict);

/* Ends every hold that waits (shutdown), in its worker: the module counts as broken, nobody else is
 * asked, done runs. Call it when nothing new begins on this worker: no wake() of a foreign thread
 * reaches it afterwards. */
void chain_drop_all(struct worker *worker);

/* What module code runs on this thread, for a supervisor that must name the culprit of a crash.
 * `watch` runs on whatever thread enters or leaves module code, pool threads included; place NULL:
 * none runs now. Set once in main, before workers start. */
struct chain_place {
	const char *instance;
	enum gw_hook hook;
	uint64_t id; /* of the message; 0: none */
	const struct chain_place *outer;
};
void chain_set_watch(void (*watch)(const struct chain_place *place));

#endif

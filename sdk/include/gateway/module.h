/* gateway/module.h - the whole contract between the gateway and a module: the gateway calls hooks,
 * the module answers with a verdict and calls back through the table `gw`.
 *
 *     static enum gw_verdict on_rcpt(struct gw_call *call, struct gw_message *message, struct
 * gw_rcpt *rcpt) { ... } GW_MODULE(.name = "example", .version = "1.0", .summary = "...", .rcpt =
 * on_rcpt)
 *
 * Build with -fvisibility=hidden and link with -Wl,--no-undefined,-z,now: the one symbol a module
 * exports is its entry.
 *
 * Threads: hooks run on a worker; the same instance runs on several workers at once, so what an
 * instance shares between calls is read-only or locked. A function of the table is for the worker
 * of the call it is given, unless marked [any]. Strings: what the module hands in is copied before
 * the call returns; what it is handed lives as long as the object it was asked of and is in the
 * module's hands only until its hook returns, unless a function says otherwise. Memory: nothing
 * allocated on one side is freed on the other. Keep no handle across hooks. */
#ifndef GATEWAY_MODULE_H
#define GATEWAY_MODULE_H

#include <gateway/dns.h>
#include <gateway/facts.h>
#include <gateway/hooks.h>
#include <gateway/http.h>
#include <gateway/json.h>
#include <gateway/link.h>
#include <gateway/option.h>
#include <gateway/str.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GW_ABI_MAJOR 1 /* a break; it is also in the name of the entry symbol */
#define GW_ABI_MINOR 0 /* an addition at the end of a table; ABI.md tells which */
#ifndef GW_ABI_NEED    /* set it lower to run on older gateways: what is newer then vanishes from  \
			  this header */
#define GW_ABI_NEED GW_ABI_MINOR
#endif

/* One run of one hook for one instance: valid until that run returns. That of start() lives as long
 * as the instance, so that threads of the module's own may use services marked [any] with it. */
struct gw_call;
struct gw_session;  /* a client connection */
struct gw_message;  /* envelope and bytes as received */
struct gw_rcpt;     /* a recipient of a message */
struct gw_delivery; /* a message on its way through one relay to some of its recipients */
struct gw_relay;    /* a configured next hop */

/* Names a held call; a stale one is harmless. 0 is none. */
typedef uint64_t gw_ticket;

/* Names a timer of an instance on its worker. 0 is none. */
typedef uint64_t gw_timer;

/* Names a request of an instance on its worker. 0 is none. */
typedef uint64_t gw_http;

/* Names a question to the DNS of an instance on its worker. 0 is none. */
typedef uint64_t gw_dns;

/* What a hook answers. Which of them end the chain early is in the table of hooks (`gatewayctl
 * hooks`); one that the hook does not know counts as GW_FAILED. */
enum gw_verdict {
	GW_CONTINUE, /* no opinion, or done: ask the next module */
	/* rcpt: a vote for it. auth, route, login, deliver: claimed, ask nobody else */
	GW_ACCEPT,
	GW_REJECT,     /* no, for good: 5xx with reply()'s text, or a bounce */
	GW_TEMPFAIL,   /* no, not now: 4xx with reply()'s text, or retry later */
	GW_DISCARD,    /* message: say 250 and keep nothing. bounce: write no DSN */
	GW_HOLD,       /* message: keep it, but on hold until an admin releases it */
	GW_DISCONNECT, /* 421 and close */
	/* admit, prepare, login: not through this relay, try the next of the route */
	GW_NEXT,
	/* admit, prepare, login: later; wait_until() says when, else the retry schedule does */
	GW_WAIT,
	GW_PENDING, /* the answer comes later: only ever what hold() or offload() returned */
	/* the module broke: on_error of the instance decides, else the hook's default */
	GW_FAILED,
};

/* What becomes of a held call: exactly one of the two functions runs, on the worker of the call. */
struct gw_async {
	enum gw_verdict (*resumed)(struct gw_call *call, void *arg); /* answer now, or hold again */
	/* the peer left, the deadline passed, the gateway stops: cancel and free `arg`. NULL:
	 * another thread owns `arg`; wake() tells it -1, and it frees */
	void (*dropped)(void *arg);
	/* 0: the instance's `deadline`. Past it the call counts as GW_FAILED */
	uint32_t deadline_ms;
};

/* How a client shows that it knows the password: what the auth hook is asked. */
enum gw_proof {
	/* `secret` is the password, or the token: compare it */
	GW_PROOF_NONE,
	/* SCRAM: `secret` is empty, and nobody is logged in yet. Who has this user says
	 * proof_keys() and ACCEPT; of a user who is not there keys that fit nothing do not tell it.
	 * identify() is for later. Nobody: the gateway takes keys that fit nothing itself */
	GW_PROOF_WANTED,
	GW_PROOF_RIGHT, /* the client knows the password that the keys are of: identify(), ACCEPT */
	GW_PROOF_WRONG, /* it does not, and is told 535: for who counts, whatever the verdict */
};

/* A login: what a client gave (auth), or what to give to a next hop (login_set). */
struct gw_login {
	uint32_t size; /* sizeof(struct gw_login), in every struct below too */
	/* "PLAIN", "LOGIN", ...; empty in login_set: the best both sides have */
	struct gw_str mechanism;
	struct gw_str user;
	struct gw_str secret;    /* the password, or the token */
	struct gw_str acting_as; /* SASL authorization identity, empty: the same */
	enum gw_proof proof;     /* auth */
};

/* What a proof of SCRAM-SHA-256 is compared with, RFC 5802: octets. */
struct gw_proof_keys {
	uint32_t size;
	uint32_t iterations;
	struct gw_str salt, stored_key, server_key; /* the keys are of 32 octets */
};

/* Who a client is: what an auth or access module found out. Empty members leave what was known. */
struct gw_identity {
	uint32_t size;
	struct gw_str client;  /* a name for logs and limits: "crm-eu" */
	struct gw_str type;    /* the type of its mail */
	struct gw_str domains; /* sender domains it may use, parted by blanks */
};

/* A client that a module knows: what it would be identified as, and how it comes. */
struct gw_client {
	uint32_t size;
	struct gw_str name, type, domains; /* as of gw_identity */
	/* an address that it may come from; empty: from anywhere, with one of its logins */
	struct gw_str peer;
	struct gw_list logins; /* with `peer`: those that are good from its addresses only */
	bool needs_login;      /* the address alone gives no right; some login does */
};

/* A record that has to be in the DNS for what a module does. */
struct gw_publication {
	uint32_t size;
	uint32_t type; /* enum gw_dns_type */
	struct gw_str name;
	/* of TXT: the text that is to be there; empty: any record of the type */
	struct gw_str value;
	/* sender domains whose mail needs it, parted by blanks, as <gateway/domain.h> has them;
	 * empty: it is about no sender domain */
	struct gw_str senders;
};

/* Mail whose body a module changes, which breaks the signature that it came with. */
struct gw_edit {
	uint32_t size;
	/* of From, as a pattern of <gateway/domain.h>; empty: not known */
	struct gw_str domain;
	const struct gw_relay *relay; /* NULL: through any */
	struct gw_str by;             /* name of the instance; the gateway says so */
};

/* What became of a record that record_keep() put. */
struct gw_kept {
	uint32_t size;
	bool durable;
	struct gw_str why; /* it is not, in words */
};

struct gw_header {
	uint32_t size;
	struct gw_str name;  /* without colon */
	struct gw_str value; /* raw, folds kept, without the final CRLF */
	struct gw_str whole; /* the field's bytes, final CRLF included */
};

enum gw_status { GW_DELIVERED = 1, GW_DEFERRED, GW_BOUNCED, GW_UNKNOWN };

/* Whose fault a failed attempt was: it decides whether the next relay of the route is asked. */
enum gw_fault {
	GW_FAULT_NONE,
	/* it cannot be reached, or is in trouble: the next relay is asked, nobody is bounced */
	GW_FAULT_RELAY,
	/* ours there (login, provider's quota, throttle, sender refused): the same */
	GW_FAULT_ACCOUNT,
	GW_FAULT_RECIPIENT, /* this recipient: no other relay is asked */
	GW_FAULT_MESSAGE,   /* this message: no other relay is asked */
	/* the link was lost after the final dot: only the same relay is asked again */
	GW_FAULT_UNKNOWN,
	/* nobody's but this machine's (no descriptors, no way out, silent name servers): to be held
	   against nobody */
	GW_FAULT_LOCAL,
};

/* Why a relay is left or closed. */
enum gw_cause {
	GW_CAUSE_FAILURE = 1, /* it failed, or is suspended */
	GW_CAUSE_LIMIT,       /* a limit is reached */
	GW_CAUSE_OFF,         /* an admin switched it off */
	/* too fast for the moment: a module that wants mail to stay says WAIT; left for this, no
	   list of the relay is followed */
	GW_CAUSE_RATE,
};

/* What an attempt gave for one recipient. */
struct gw_outcome {
	uint32_t size;
	enum gw_status status;
	int code;            /* SMTP reply code; 0: there was no reply */
	uint8_t enhanced[3]; /* RFC 3463; zeros: none */
	struct gw_str text;  /* the remote's words, or ours */
	struct gw_str host;  /* who said so: "mx.example.net [192.0.2.7]" */
	/* deliver, probe: where it was decided, in the words of gw_result; empty: "module". What
	 * was decided before "mail" is about the relay or our account there, and bounces nobody.
	 * After GW_UNKNOWN only "dot" with a code, "module" or GW_DELIVERED tells whether the next
	 * hop has it: whatever else is said, the same relay is asked again. */
	struct gw_str stage;
	/* deliver: the next hop lacks what the message needs; the relays after it are asked, and
	 * only where none of them can take it is it bounced */
	bool unfit;
};

/* What observers are told (result, bounce): one recipient's outcome with its surroundings. */
struct gw_result {
	uint32_t size;
	const struct gw_rcpt *rcpt;
	const struct gw_outcome *outcome; /* never NULL */
	struct gw_str relay;              /* name of the relay, empty: none was chosen */
	uint32_t attempt;                 /* from 1 */
	int64_t took_ms;
	bool delayed; /* bounce: not failed, but late: a delay warning would go out */
	/* where it was decided: "resolve" "connect" "greeting" "ehlo" "tls" "auth" "mail" "rcpt"
	 * "data" "body" "dot" "module" */
	struct gw_str stage;
	enum gw_fault fault; /* the gateway's own view; NONE: it was delivered */
	int64_t began;       /* when the attempt got its connection, ms since 1970 UTC */
};

/* Why a relay takes no mail for now, as relay_closed() tells it. */
struct gw_closure {
	uint32_t size;
	enum gw_cause cause;
	int64_t until;     /* ms since 1970 UTC; 0: until somebody opens it */
	struct gw_str by;  /* the module's name, or "gatewayctl" */
	struct gw_str why; /* for people: "2000/2000 until 00:00 Europe/Berlin" */
};

/* A calendar day in a time zone: 23 or 25 hours long where clocks change. */
struct gw_day {
	uint32_t size;
	/* of the local date, days since 1970-01-01: a period for counters */
	int64_t number;
	int64_t begins, ends; /* ms since 1970 UTC; ends: when the next one begins */
};

/* Something that happened and that somebody may want to know: told to all event hooks. */
struct gw_event {
	uint32_t size;
	/* of the gateway, as ABI.md has them, or a module's own. "refused": a client was told 4xx
	 * or 5xx, or left before the answer; about `message` where there is one. One of "accepted"
	 * and "refused" follows each run of the message hook. */
	struct gw_str name;
	int64_t time;                     /* ms since 1970 UTC */
	const struct gw_message *message; /* or NULL */
	const struct gw_rcpt *rcpt;       /* or NULL */
	struct gw_str text;               /* for people */
	/* details as a JSON object, or empty. refused: "peer", and "stage": connect ehlo auth mail
	 * rcpt data message limit sessions (its address has too many: told once until it has none
	 * left). accepted: "discarded": true where nothing is kept, "answered": false where the
	 * client left before its 250, "delivered": true where that was the next hop's, which has
	 * the message then */
	struct gw_str json;
	struct gw_str client; /* who handed it in, or was refused; empty: not known */
	struct gw_str relay;  /* name of the relay it is about; empty: none */
	/* refused: the reply code, 0: the client left; delivered, deferred, bounced, unknown: the
	 * next hop's, 0: it said none */
	int code;
};

/* A gatewayctl verb that belongs to a module: `gatewayctl NAME WORDS...`. */
struct gw_command {
	uint32_t size;
	struct gw_list words; /* what followed the module's name */
	bool admin;           /* the caller may change things; else only look */
	int64_t uid;          /* of the caller */
	/* what the caller's gatewayctl read from its standard input, once an answer had "input" in
	 * it; ptr NULL: nothing yet */
	struct gw_str input;
};

/* A verb of gatewayctl that a module runs for somebody: `gatewayctl WORDS...`. */
struct gw_verb {
	uint32_t size;
	struct gw_list words; /* "bounce", "list", "limit=10"; up to 256, no NUL in them */
	/* for whom, as the module calls them: "crm"; in the audit of what changes something, behind
	 * the instance's name */
	struct gw_str by;
	bool admin; /* they may change things; else only look */
};

/* A message that a module gives to the gateway, to be treated as any other. */
struct gw_submission {
	uint32_t size;
	struct gw_str sender; /* empty: the null sender */
	struct gw_list rcpts;
	struct gw_str bytes; /* header and body, CRLF line ends */
	struct gw_str type;  /* empty: the default type */
};

enum gw_log_level { GW_LOG_DEBUG, GW_LOG_INFO, GW_LOG_WARNING, GW_LOG_ERROR };

/* A module: a static table, known to the gateway before any code of the module runs. Append only.
 */
struct gw_module {
	uint32_t size, need; /* GW_MODULE fills these in */
	/* as in `module = "..."`, and of its group and its .so */
	const char *name;
	const char *version, *summary;
	const struct gw_option *options; /* its group in the fragment -> `conf` */
	/* the struct that `options` fill, made and freed by the gateway */
	size_t conf_size;
	const struct gw_option *relay_options; /* keys it adds to every relay -> relay_conf() */
	size_t relay_conf_size;
	/* private bytes: zeroed, freed with their object */
	size_t session_size, message_size, delivery_size;
	/* for `gatewayctl`: "!keygen DOMAIN\tmakes a key\ndns DOMAIN\twhat to publish", one a line:
	 * its words, a tab, what `help` says of it (without: the summary); NULL: none. Words that
	 * begin with a small letter are said as they stand. "!": it changes something: only admins
	 * may, and the words that stand here go into the log with what came of it. */
	const char *verbs;

	/* Begins an instance with its configuration; in the main thread, before any hook of it, and
	 * for --check too (then no hook follows). -1: it cannot work; problem() said why. */
	int (*start)(struct gw_call *call);
	/* Ends it; in the main thread, after the last hook. */
	void (*stop)(struct gw_call *call);

	/* The hooks: <gateway/hooks.def> says of each what it is given, what it may answer and what
	 * it is for. `GW_DECIDES(rcpt, MESSAGE, RCPT, ...)` is the member `enum gw_verdict
	 * (*rcpt)(struct gw_call *, struct gw_message *, struct gw_rcpt *)`. Those that decide may
	 * be held; those that observe have no say. NULL: the module has it not. */
#define GW_DECIDES(name, first, second, ...)                                                       \
	enum gw_verdict (*name)(struct gw_call * call GW_PARAM_##first GW_PARAM_##second);
#define GW_OBSERVES(name, first, second, ...)                                                      \
	void (*name)(struct gw_call * call GW_PARAM_##first GW_PARAM_##second);
#include <gateway/hooks.def>

	/* NULL: as many fragments as an admin likes, each an instance of its own. Else a second
	 * fragment is an error at load, and this says what it would do: "would count all mail
	 * twice". (After a reload the old instance still ends beside the new one.) */
	const char *once;
};

#define GW_DOMAIN_MAX 253 /* octets of a domain in the DNS */

/* A question that may block, and that many calls may ask at once: lookup() does its work once for
 * all that ask with the same key meanwhile. */
struct gw_lookup {
	uint32_t size;
	size_t result_size; /* up to 1 MiB; zeroed, freed by the gateway */
	/* On a pool thread; fills in `result`. `call` is the instance's: for conf(),
	 * instance_data() and services marked [any]. */
	void (*work)(struct gw_call *call, struct gw_str key, void *result);
	/* what `result` points to, when the last call has its answer; or NULL */
	void (*release)(void *result);
	/* On the worker of each call: answer now, or hold again. `result` until it returns. */
	enum gw_verdict (*answered)(struct gw_call *call, const void *result, void *arg);
	void (*dropped)(void *arg); /* instead of answered: free `arg`; or NULL */
	uint32_t deadline_ms;       /* of each call; 0: the instance's `deadline` */
};

/* What a module calls. Append only; a member is there when `size` covers it, which GW_ABI_NEED
 * proves. */
struct gw_services {
	uint32_t size, minor;
	const char *release; /* of the gateway: "0.1.0" */

	/* --- anywhere --- */
	/* A log line `event=MODULE-EVENT id=... text="..."`; the id of the call's message is added.
	 * [any, while the call's instance lives] */
	void (*log)(const struct gw_call *, enum gw_log_level, const char *format, ...)
		__attribute__((format(printf, 3, 4)));
	int64_t (*now)(const struct gw_call *);          /* ms since 1970 UTC */
	const char *(*instance)(const struct gw_call *); /* name of the fragment: "80-dkim" */
	/* what this gateway is called in greetings and trace fields; lives as long as the call's
	 * instance */
	struct gw_str (*hostname)(const struct gw_call *);
	void *(*conf)(const struct gw_call *);          /* the struct that `options` filled */
	void *(*instance_data)(const struct gw_call *); /* what start() set, or NULL */
	/* in start() only; stop() frees what it names */
	void (*instance_data_set)(struct gw_call *, void *);
	/* zeroed, freed with the call's message, before `mail` with its session, in `ehlo` at the
	 * next EHLO; in start(): with the instance. NULL: no memory, or more than one message may
	 * have (64 MiB and four times limits.message_size) */
	void *(*alloc)(struct gw_call *, size_t);

	/* --- private bytes of this instance: zeroed at first, NULL when memory is out or the call
	 * has no such object --- */
	void *(*session_data)(struct gw_call *);
	void *(*message_data)(struct gw_call *);
	void *(*delivery_data)(struct gw_call *);

	/* --- facts --- */
	struct gw_str (*session_fact)(const struct gw_session *, enum gw_session_fact);
	int64_t (*session_number)(const struct gw_session *, enum gw_session_fact);
	struct gw_str (*message_fact)(const struct gw_message *, enum gw_message_fact);
	int64_t (*message_number)(const struct gw_message *, enum gw_message_fact);
	struct gw_str (*rcpt_fact)(const struct gw_rcpt *, enum gw_rcpt_fact);
	int64_t (*rcpt_number)(const struct gw_rcpt *, enum gw_rcpt_fact);
	struct gw_str (*delivery_fact)(const struct gw_delivery *, enum gw_delivery_fact);
	int64_t (*delivery_number)(const struct gw_delivery *, enum gw_delivery_fact);
	struct gw_str (*relay_fact)(const struct gw_relay *, enum gw_relay_fact);
	int64_t (*relay_number)(const struct gw_relay *, enum gw_relay_fact);

	/* --- from one object to another; NULL: none --- */
	struct gw_message *(*delivery_message)(struct gw_delivery *);
	struct gw_rcpt *(*message_rcpt)(struct gw_message *, size_t nth);
	struct gw_rcpt *(*delivery_rcpt)(struct gw_delivery *, size_t nth);
	struct gw_relay *(*relay_at)(struct gw_call *, size_t nth); /* in file order */
	struct gw_relay *(*relay_named)(struct gw_call *, struct gw_str name);
	/* what relay_options filled for that relay */
	void *(*relay_conf)(struct gw_call *, const struct gw_relay *);

	/* --- notes: small strings spooled with the message, kept over a restart; the key is
	 * prefixed with the module's name unless it has a dot ("routing.rule" reads another
	 * module's). A value up to 4096 octets. --- */
	/* ptr NULL: none */
	struct gw_str (*note)(struct gw_call *, const struct gw_message *, const char *key);
	int (*note_set)(struct gw_call *, struct gw_message *, const char *key,
			struct gw_str value);

	/* --- waiting: the three ways --- */
	/* `work(arg)` runs on a pool thread, then `resumed` on the worker; dropped, when the call
	 * is gone by then, runs after work returned. */
	enum gw_verdict (*offload)(struct gw_call *, const struct gw_async *,
				   void (*work)(void *arg), void *arg);
	/* Holds the call until wake(). The async struct is copied. */
	enum gw_verdict (*hold)(struct gw_call *, const struct gw_async *, void *arg,
				gw_ticket *ticket);
	/* 0: resumed() will run and `arg` is handed over; -1: too late, `arg` is yours (only where
	 * dropped is NULL; with dropped, `arg` was or will be dropped). From a thread that is not
	 * the call's worker only for holds without dropped: others are refused and logged. [any] */
	int (*wake)(gw_ticket);
	/* libevent's, of this worker: for libraries that plug into it */
	void *(*event_base)(struct gw_call *);

	/* --- answers --- */
	/* What the client is told with REJECT, TEMPFAIL, DISCONNECT; what a bounce says. `enhanced`
	 * "5.7.1" or NULL. */
	void (*reply)(struct gw_call *, int code, const char *enhanced, const char *format, ...)
		__attribute__((format(printf, 4, 5)));
	void (*wait_until)(struct gw_call *, int64_t when); /* with GW_WAIT: ms since 1970 UTC */
	/* Why, for `message explain`: one sentence about this step, also with GW_CONTINUE. */
	void (*reason)(struct gw_call *, const char *format, ...)
		__attribute__((format(printf, 2, 3)));

	/* --- receiving --- */
	/* ehlo: adds or takes away an EHLO line; a keyword takes away */
	void (*capability)(struct gw_call *, const char *line, bool offered);
	/* connect, auth, mail. A name up to 255 octets, domains up to 4096, no control characters;
	 * else nothing of it is taken, which is logged */
	void (*identify)(struct gw_call *, const struct gw_identity *);
	/* mail to message; -1: too late, or no word of up to 64 octets */
	int (*type_set)(struct gw_call *, struct gw_message *, struct gw_str type);

	/* --- content as received (message and later hooks) --- */
	/* 0; -1: there is no nth */
	int (*header)(struct gw_message *, size_t nth, struct gw_header *);
	int (*header_named)(struct gw_message *, struct gw_str name, size_t nth,
			    struct gw_header *);
	/* where the body begins in the bytes */
	uint64_t (*body_offset)(struct gw_message *);
	/* header and body; fewer only at the end; -1: failed. It may wait for the disk; in
	 * offload's work too, while the call is held */
	long (*read)(struct gw_message *, uint64_t offset, void *out, size_t len);

	/* --- route --- */
	/* appends to the recipient's ordered list */
	int (*route_add)(struct gw_call *, const struct gw_relay *);

	/* --- prepare: the delivery's view and its edits. -1: it would break the message, or no
	 * memory --- */
	int (*delivery_header)(struct gw_delivery *, size_t nth, struct gw_header *);
	long (*delivery_body)(struct gw_delivery *, uint64_t offset, void *out, size_t len);
	int (*header_add)(struct gw_call *, struct gw_delivery *, size_t nth, struct gw_str name,
			  struct gw_str value);
	int (*header_replace)(struct gw_call *, struct gw_delivery *, size_t nth,
			      struct gw_str value);
	int (*header_drop)(struct gw_call *, struct gw_delivery *, size_t nth);
	int (*body_replace)(struct gw_call *, struct gw_delivery *, struct gw_str body);
	int (*return_path_set)(struct gw_call *, struct gw_delivery *, struct gw_str address);

	/* --- login, deliver --- */
	void (*login_set)(struct gw_call *, const struct gw_login *);
	/* as it goes out: our trace field, header, body. In offload's work too, while the call is
	 * held */
	long (*delivery_read)(struct gw_delivery *, uint64_t offset, void *out, size_t len);
	/* A recipient without one is deferred. What was set before a call was held stands if the
	 * call ends without an answer (its deadline, a crash, a stop): so GW_UNKNOWN is set before
	 * anything is handed over that cannot be taken back. */
	void (*outcome)(struct gw_call *, struct gw_delivery *, struct gw_rcpt *,
			const struct gw_outcome *);

	/* --- state: named counters and records that outlive the process; names are the module's
	 * own, 1 to 255 octets without control characters. [any] --- */
	/* Adds to a counter of a period (any number the module picks, e.g. a day; others than the
	 * last two are forgotten) unless it would pass `limit`
	 * (< 0: none). Gives the new value, or -1 when it would pass. */
	int64_t (*counter_add)(const struct gw_call *, struct gw_str name, int64_t period,
			       int64_t add, int64_t limit);
	int64_t (*counter_get)(const struct gw_call *, struct gw_str name, int64_t period);
	/* up to 64 KiB; on disk within a second. Whoever must not go on before it is: record_keep()
	 */
	int (*record_put)(const struct gw_call *, struct gw_str key, struct gw_str value);
	/* its size, or -1 */
	long (*record_get)(const struct gw_call *, struct gw_str key, void *out, size_t len);
	int (*record_drop)(const struct gw_call *, struct gw_str key);
	int (*record_each)(const struct gw_call *, struct gw_str prefix,
			   int (*each)(void *arg, struct gw_str key, struct gw_str value),
			   void *arg);

	/* --- telling --- */
	/* a counter in `gatewayctl status --json`: MODULE.metric [any] */
	void (*count)(struct gw_call *, const char *metric, int64_t add);
	void (*status_line)(struct gw_call *, const char *key, const char *format, ...)
		__attribute__((format(printf, 3, 4)));
	/* control: what gatewayctl prints, one JSON object, once; ABI.md has its members: "text",
	 * "columns" and "rows", "data", "code" */
	void (*answer)(struct gw_call *, struct gw_str json);
	/* start, check, control; the fragment's file and line are added */
	void (*problem)(struct gw_call *, bool fatal, const char *format, ...)
		__attribute__((format(printf, 3, 4)));
	void (*emit)(struct gw_call *, const struct gw_event *);
	/* 0: taken, will be durable soon; -1: refused, logged: what a client could not send
	 * (addresses, limits of the host, a CR or LF alone, a NUL, lines over 998 octets), or no
	 * memory */
	int (*submit)(struct gw_call *, const struct gw_submission *);

	void (*problem_at)(struct gw_call *, const struct gw_relay *, const char *key, bool fatal,
			   const char *format, ...)
		/* start, check: with file and line of that key of the relay, or (NULL) of the
		   module's own group: "size", "rows[2].size"; NULL: of the fragment */
		__attribute__((format(printf, 5, 6)));
	/* The calendar day that `when` (ms since 1970 UTC) is in, in an IANA zone ("Europe/Berlin",
	 * "UTC"). -1: there is no such zone. [any] */
	int (*day)(const struct gw_call *, struct gw_str zone, int64_t when, struct gw_day *day);
	/* mail, rcpt, message: if the message hook refuses this message for good, the client is
	 * told 250 all the same, and the refusal goes back as a DSN: for clients that count a 5xx
	 * against the gateway. */
	void (*accept_then_bounce)(struct gw_call *, struct gw_message *);

	/* --- admit, fallback, result: where a delivery goes --- */
	/* with NEXT: why; without it, GW_CAUSE_FAILURE. wait_until() may say when the relay takes
	 * mail again: used when nobody else does */
	void (*cause)(struct gw_call *, enum gw_cause);
	/* admit: this delivery keeps its first `count` recipients (at least 1); the others become a
	 * delivery of their own, which is asked about anew. -1: no memory */
	int (*split)(struct gw_call *, struct gw_delivery *, size_t count);
	/* admit, prepare, sealed, with WAIT or NEXT: notify() calls it back; wait_until() is the
	 * latest */
	void (*wait_on)(struct gw_call *, struct gw_str key);
	/* calls back about `count` of those that wait at this module's key, in turn from each
	 * client [any worker, main] */
	void (*notify)(struct gw_call *, struct gw_str key, size_t count);
	/* result: whose fault it is; who says so first is believed */
	void (*fault)(struct gw_call *, enum gw_fault);
	/* result: what is not final goes on hold when this round is over */
	void (*hold_message)(struct gw_call *, const char *why);

	/* --- relays that take no mail for now; kept by relay name over reloads, not over restarts.
	 * [any] --- */
	/* for this module; again: replaced */
	void (*relay_close)(struct gw_call *, const struct gw_relay *, enum gw_cause, int64_t until,
			    const char *why);
	/* takes this module's closure back: what waits comes without a burst */
	void (*relay_open)(struct gw_call *, const struct gw_relay *);
	/* somebody's closure, the one that lasts longest; strings live until the hook returns */
	bool (*relay_closed)(struct gw_call *, const struct gw_relay *, struct gw_closure *);
	/* at most so many connections for this module; 0: it does not mind. The lowest of all
	 * modules and of the configuration counts; ends with a reload that has the module no more
	 */
	void (*relay_connections)(struct gw_call *, const struct gw_relay *, int64_t connections);

	/* --- explaining --- */
	void (*skipped)(struct gw_call *, const struct gw_relay *, const char *format, ...)
		__attribute__((format(printf, 3, 4)));
	/* route, fallback: a candidate that is not in the route, and why; costs
	   nothing unless somebody asked (GW_MESSAGE_DRY) */

	/* The domain as the DNS knows it, in lower case and A-labels, without a final dot, NUL
	 * behind it: how domains are compared. Its size; -1: it can be no domain. [any] */
	long (*domain_ascii)(const struct gw_call *, struct gw_str domain,
			     char out[GW_DOMAIN_MAX + 1]);

	/* --- on each worker: in hooks that run on one --- */
	/* what worker_start set there, or NULL */
	void *(*worker_data)(struct gw_call *);
	/* in worker_start() only; worker_stop() frees what it names */
	void (*worker_data_set)(struct gw_call *, void *);
	/* Calls the hook `timer` in `ms`, then every `repeat_ms` (0: once; else 10 or more). 0:
	 * refused (no hook `timer`, no worker, more than 256 of the instance on this worker),
	 * logged, or no memory. */
	gw_timer (*timer_set)(struct gw_call *, int64_t ms, int64_t repeat_ms, void *arg);
	/* it does not come any more. -1: there is none: it came, or was cleared */
	int (*timer_clear)(struct gw_call *, gw_timer);

	/* As offload(), for a question with a key (up to 4096 octets): a call that asks while the
	 * same is asked already on this worker waits for that answer. GW_PENDING, or GW_FAILED:
	 * nothing was handed over, `arg` is yours. */
	enum gw_verdict (*lookup)(struct gw_call *, const struct gw_lookup *, struct gw_str key,
				  void *arg);
	/* Asks a server on the web: the hook `http` is told once what came, never before this
	 * returns. What is asked is copied. The instance lives until then, over a reload too; a
	 * gateway that stops gives up, and nothing is told once worker_stop began. 0: refused (no
	 * hook `http`, no worker, no https, a header with a line end in it, more than 256 of the
	 * instance on this worker; in `http`, `timer` and `kept` also once a reload has replaced
	 * it), logged, or no memory. A hook that waits for it holds its call, and is woken from
	 * `http`.
	 */
	gw_http (*http_request)(struct gw_call *, const struct gw_http_request *, void *arg);
	/* nothing is told of it any more. -1: there is none: it was answered, or cancelled */
	int (*http_cancel)(struct gw_call *, gw_http);

	/* mail, rcpt, message: the client waits up to `ms` (5 minutes at most) to hear what the
	 * next hop says of this message instead of 250 "queued"; 0: it does not. Without this, as
	 * the listener says. */
	void (*await_next_hop)(struct gw_call *, struct gw_message *, int64_t ms);

	/* --- JSON, as <gateway/json.h> shows it. [any], without a call --- */
	/* A text to be written, which json_destroy() or answer_json() frees; NULL: no memory, which
	 * the functions below take too. */
	struct gw_json *(*json_create)(void);
	void (*json_destroy)(struct gw_json *);
	/* begins an object or an array; json_end() ends what was begun last */
	void (*json_begin)(struct gw_json *, const char *key, enum gw_json_kind);
	void (*json_end)(struct gw_json *);
	void (*json_string)(struct gw_json *, const char *key, struct gw_str);
	void (*json_format)(struct gw_json *, const char *key, const char *format, ...)
		__attribute__((format(printf, 3, 4)));
	void (*json_number)(struct gw_json *, const char *key, int64_t);
	void (*json_bool)(struct gw_json *, const char *key, bool);
	/* ms since 1970 UTC as "2026-11-23T17:40:12.345Z"; null where it is 0 or less */
	void (*json_time)(struct gw_json *, const char *key, int64_t ms);
	/* The text, after all that is still open was ended. The writer's own until it is destroyed;
	 * ptr NULL: it failed. */
	struct gw_str (*json_text)(struct gw_json *);
	/* A writer for the rows of a table, freed as one of json_create(). */
	struct gw_json *(*table_create)(const struct gw_column *columns);
	/* begins a row, and ends the one before: its members are written next */
	void (*table_row)(struct gw_json *table);
	/* control: as answer(), with what was written, which is freed in any case. Of one that
	 * failed, gatewayctl is told so. Not [any] */
	void (*answer_json)(struct gw_call *, struct gw_json *);

	/* A text of others (a whole answer, up to GW_JSON_READ_MAX): RFC 8259 to the letter, no
	 * member twice, no U+0000. Freed by json_free(); parts live as long. NULL: no JSON, over a
	 * bound, or no memory; `why` says which, with none of the text's own words in it, which may
	 * be secrets. `size` 0: nobody wants to know. */
	struct gw_json_value *(*json_read)(struct gw_str text, char *why, size_t size);
	void (*json_free)(struct gw_json_value *);
	/* Of NULL, of another kind, past the end: nothing (NONE, NULL, 0, ptr NULL, `otherwise`),
	 * so that what is not there needs no question of its own. */
	enum gw_json_kind (*json_kind)(const struct gw_json_value *);
	const struct gw_json_value *(*json_member)(const struct gw_json_value *object,
						   const char *key);
	const struct gw_json_value *(*json_item)(const struct gw_json_value *array, size_t nth);
	size_t (*json_count)(const struct gw_json_value *); /* members or items */
	struct gw_str (*json_value_string)(const struct gw_json_value *);
	/* without its fraction; `otherwise` too where 64 bits cannot hold it */
	int64_t (*json_value_number)(const struct gw_json_value *, int64_t otherwise);
	bool (*json_value_bool)(const struct gw_json_value *, bool otherwise);

	/* As offload(), among what the instance has given to the pool: what has a lower `rank` is
	 * begun first, of one rank what came first. offload() is rank 0. */
	enum gw_verdict (*offload_ranked)(struct gw_call *, const struct gw_async *,
					  void (*work)(void *arg), void *arg, int rank);

	/* --- logins of clients --- */
	/* ehlo: this instance checks logins by this mechanism (PLAIN, LOGIN, SCRAM-SHA-256,
	 * SCRAM-SHA-256-PLUS, OAUTHBEARER, XOAUTH2), or not; one that is not there on this link is
	 * left out. An instance with `auth` that says nothing checks PLAIN and LOGIN. */
	void (*mechanism)(struct gw_call *, const char *name, bool offered);
	/* auth, GW_PROOF_WANTED: with ACCEPT */
	void (*proof_keys)(struct gw_call *, const struct gw_proof_keys *);

	/* --- clients that modules know --- */
	/* clients: one of them. False: enough, nobody needs to hear of more; one that is over the
	 * bounds of identify() is left out, and logged */
	bool (*client_known)(struct gw_call *, const struct gw_client *);
	/* start, check, control, status: asks the hook `clients` of all instances that have
	 * started; in start: of those in the fragments before. Strings live until `each` returns;
	 * false: it wants no more */
	void (*client_each)(struct gw_call *, bool (*each)(void *arg, const struct gw_client *),
			    void *arg);

	/* --- logins of relays without a host --- */
	/* deliver, probe: what `login` gave, which is asked first where the relay has `auth`; its
	 * strings live as long as the delivery. False: there is none, since the relay has no
	 * `auth`. */
	bool (*login)(struct gw_call *, struct gw_delivery *, struct gw_login *);
	/* deliver, probe, with ACCEPT: the next hop does not take this login, and said `text`
	 * ("401 ..."). `login` is asked once more, and where it has another, this hook. Else, and
	 * the second time, the outcomes stand. */
	void (*login_refused)(struct gw_call *, struct gw_delivery *, struct gw_str text);
	/* --- content without a copy in memory --- */
	/* prepare: drops `drop` octets of the body as it stands at `offset`, and puts `text` there;
	 * what stays is not copied. Reading it back is as if it had come so. -1: not in the body;
	 * a CR or LF alone in the text, or left by the cut; too many cuts (2,000 are always taken);
	 * no memory
	 */
	int (*body_splice)(struct gw_call *, struct gw_delivery *, uint64_t offset, uint64_t drop,
			   struct gw_str text);
	/* A descriptor of a file that holds the message as received and nothing else, in memory,
	 * that nobody can write to, at its beginning: to be handed to another program (SCM_RIGHTS).
	 * close() it. -1 with errno. It copies, and may wait for the disk: in offload's work, for
	 * what may be large. [in hooks of its message, and their offload's work] */
	int (*message_file)(struct gw_message *);
	/* The same of what goes out, as delivery_read() gives it. [prepare, sealed, deliver, and
	 * their offload's work] */
	int (*delivery_file)(struct gw_delivery *);

	/* auth of a mechanism with a token, with REJECT: what the client is told of it (RFC 7628):
	 * "invalid_token", "insufficient_scope", and the scope that is wanted, or nothing. Without
	 * it, "invalid_token". */
	void (*token_refused)(struct gw_call *, struct gw_str status, struct gw_str scope);

	/* --- the DNS, as <gateway/dns.h> shows it --- */
	/* Asks the gateway's resolver: the hook `dns` is told once what came, never before this
	 * returns. What is asked is copied. Once worker_stop began nothing is told any more, nor
	 * when a reload has replaced the instance and nobody holds the old one; `arg` is the
	 * module's to free then. 0: refused (no hook `dns`, no worker, another type, more than 4096
	 * of the instance on this worker), logged, or no memory. A hook that waits for it holds its
	 * call, and is woken from `dns`. */
	gw_dns (*dns_ask)(struct gw_call *, const struct gw_dns_question *, void *arg);
	/* nothing is told of it any more. -1: there is none: it was answered, or cancelled */
	int (*dns_cancel)(struct gw_call *, gw_dns);

	/* --- recipients of one delivery that differ --- */
	/* admit: as split(), by choice: this delivery keeps its recipients of which `keep` is true,
	 * and their order; the others become a delivery of their own, which is asked about anew.
	 * `keep` has one member for each of GW_DELIVERY_RCPTS. -1: it would keep none, or no memory
	 */
	int (*split_by)(struct gw_call *, struct gw_delivery *, const bool *keep);

	/* --- what gatewayctl is told --- */
	/* Runs a verb as if somebody with these rights had said it to gatewayctl; what it changes
	 * is audited. `answered` is told once, on the main thread and never before this returns:
	 * the answer as the control socket gives it, {"code": 0, ...}, until it returns; ptr NULL:
	 * there is none, the gateway stops. The instance lives until then. Verbs ask no person, and
	 * have no input. -1: nothing is told, and `arg` is yours: out of bounds, 64 of them are
	 * under way, the gateway stops, or no memory. [any, while the call's instance lives] */
	int (*verb_run)(const struct gw_call *, const struct gw_verb *,
			void (*answered)(void *arg, struct gw_str json), void *arg);
	/* start, check: asks so many questions at once and waits for all of them, the longest of
	 * their deadlines at most: for what has to be known before it can begin. `answered` is told
	 * of each, once, before this returns; an answer lives until `answered` returns. -1: refused
	 * (another hook, another type, more than 4096), logged, or no memory; nothing is told. */
	int (*dns_wait)(struct gw_call *, const struct gw_dns_question *questions, size_t count,
			void (*answered)(void *arg, size_t nth, const struct gw_dns_answer *),
			void *arg);

	/* --- what has to be in the DNS --- */
	/* published: one record. */
	void (*publication)(struct gw_call *, const struct gw_publication *);
	/* start, check, control, status: asks the hook `published` of all instances that have
	 * started; in start: of those in the fragments before. Strings live until `each` returns */
	void (*publication_each)(struct gw_call *,
				 void (*each)(void *arg, const struct gw_publication *), void *arg);

	/* --- secrets --- */
	/* tick: of a secret, as conf() or relay_conf() has it, that came from a file which has
	 * changed since it was read last: its length, in `out` with a NUL behind it (8 KiB are
	 * enough). 0: it has not changed, or came from no file. -1, told once: the file cannot be
	 * taken as it is now, `out` says why, and what was good is. It waits for the disk. */
	long (*secret_again)(struct gw_call *, struct gw_str secret, char *out, size_t size);

	/* --- mail that modules change --- */
	/* edits: some of it. False: enough, nobody needs to hear of more */
	bool (*edit_known)(struct gw_call *, const struct gw_edit *);
	/* start, check: asks the hook `edits` of all instances that have started; in start: of
	 * those in the fragments before. Strings live until `each` returns; false: it wants no more
	 */
	void (*edit_each)(struct gw_call *, bool (*each)(void *arg, const struct gw_edit *),
			  void *arg);

	/* --- records that have to be on disk before the module goes on --- */
	/* As record_put(), and the hook `kept` is told once whether the record is on disk, never
	 * before this returns, and in the order in which they were put. Durable: it is, or what was
	 * put under its key since is, and so is all that the module had put and dropped before it;
	 * of several records only the last has to be asked about. Many share one sync. Not durable:
	 * the disk does not take it now. The record stands as it was put, and is written as soon as
	 * it can be; a kill before that loses it. Who does not want that drops it.
	 * The instance lives until then, over a reload too. Once worker_stop began nothing is told
	 * any more, and `arg` is the module's to free. -1: refused (as record_put(), no hook
	 * `kept`, no worker; in `kept` and `timer` also once a reload has replaced it), logged, or
	 * no memory; nothing is put, and nothing is told. A hook that waits for it holds its call,
	 * and is woken from `kept`. */
	int (*record_keep)(struct gw_call *, struct gw_str key, struct gw_str value, void *arg);
};

/* The table; set before start() is called. Defined by GW_MODULE, one for all files of a module. */
#define GW_HIDDEN __attribute__((visibility("hidden")))
extern const struct gw_services *gw GW_HIDDEN;

#define GW_PUBLIC __attribute__((visibility("default")))
#ifdef __cplusplus
#define GW_C_SYMBOL extern "C"
#else
#define GW_C_SYMBOL
#endif

/* The module's table, its members by name: GW_MODULE(.name = "dkim", .version = "1.0", ...). */
#define GW_MODULE(...)                                                                             \
	const struct gw_services *gw;                                                              \
	GW_C_SYMBOL GW_PUBLIC const struct gw_module *gw_module_v1(                                \
		const struct gw_services *services);                                               \
	GW_C_SYMBOL const struct gw_module *gw_module_v1(const struct gw_services *services)       \
	{                                                                                          \
		static const struct gw_module self = { .size = sizeof self,                        \
						       .need = GW_ABI_NEED,                        \
						       __VA_ARGS__ };                              \
		gw = services;                                                                     \
		return &self;                                                                      \
	}

/* The same where members cannot be named, or not in any order (C++): `fill` is a function that is
 * given the zeroed table, `static void fill(struct gw_module *self)`. It sets members and calls
 * nothing: it runs before the configuration is read. */
#define GW_MODULE_FILLED(fill)                                                                     \
	const struct gw_services *gw;                                                              \
	GW_C_SYMBOL GW_PUBLIC const struct gw_module *gw_module_v1(                                \
		const struct gw_services *services);                                               \
	GW_C_SYMBOL const struct gw_module *gw_module_v1(const struct gw_services *services)       \
	{                                                                                          \
		static struct gw_module self;                                                      \
		self.size = sizeof self;                                                           \
		self.need = GW_ABI_NEED;                                                           \
		fill(&self);                                                                       \
		gw = services;                                                                     \
		return &self;                                                                      \
	}

#ifdef __cplusplus
}
#endif
#endif

/* request.h - one question on the control socket, until it is answered. */
#ifndef ADMIN_REQUEST_H
#define ADMIN_REQUEST_H

#include "admin/admin.h"
#include "admin/trouble.h"
#include "supervisor/hang.h"
#include "base/arena.h"
#include "base/buf.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sysexits.h>

struct admin {
	struct worker *main;
	const struct admin_operations *operations;
	struct listener *listener;
	struct timer look; /* for threads that do not answer, while somebody asks */
	struct hangs hangs;
	struct troubles troubles;
	struct connection *connections;
	struct request *inside; /* what modules ask, until it is answered */
	char path[256];
};

#define REQUEST_WORDS 256
#define VERB_WORDS 16

struct request {
	struct admin *admin;
	struct connection *connection; /* there until the request is answered */
	const char *words[REQUEST_WORDS];
	size_t count;
	const char *names[REQUEST_WORDS]; /* what follows the verb without dashes */
	size_t name_count;
	const struct control_verb *verb;
	/* beside verb->words: the value, the word itself where it takes none, NULL where it was not
	 * said */
	const char *options[VERB_WORDS];
	bool may_change; /* the caller is an admin */
	/* there is a person to be asked before many messages are changed */
	bool asks;
	/* nobody waits for the answer any more: who works for long may stop [any thread] */
	_Atomic bool abandoned;
	int64_t uid, pid;    /* of the caller */
	const char *audited; /* the command, when its answer goes into the log; NULL: not */
	/* where the answer goes when there is no connection; NULL: nowhere */
	FILE *out;
	struct verb_run *inside;     /* a module's, which has the answer; NULL: nobody's */
	struct request *next_inside; /* of the admin's; there until it is answered */
	const char *by;              /* for whom a module asks; NULL: a caller of the socket */
	json_t *json;                /* owns the words */
	struct arena arena;
};

/* One word with dashes that a verb knows. */
struct verb_word {
	const char *name;  /* "--limit" */
	const char *value; /* what follows it, for people: "N"; NULL: nothing */
	const char *help;
	bool needed;
};

enum verb_rights {
	FOR_VIEW,   /* who may look */
	FOR_ADMINS, /* it changes nothing, but does more than to look */
	CHANGES,    /* for admins; audited */
};

struct control_verb {
	const char *name;      /* "queue list" */
	const char *arguments; /* what follows without dashes, for people: "ID ..." */
	const char *help, *example;
	enum verb_rights rights;
	size_t least, most;            /* of what follows without dashes */
	const struct verb_word *words; /* at most VERB_WORDS, ended by a name of NULL; NULL: none */
	/* what follows without dashes: as many as said above */
	void (*run)(struct request *request, const char *const *words, size_t count);
};
extern const struct control_verb control_verbs[];

/* control.c: a request from its line; answered in any case, now or later. NULL: no memory. */
struct request *request_create(struct connection *connection, struct gw_str line);
void request_run(struct request *request);
/* One that came over no connection, with all rights of the gateway's own user. NULL: no memory. */
struct request *request_alone(struct admin *admin, const struct gw_str *words, size_t count);

/* inside.c: what modules ask for. The second when the admin ends: nobody who waits is answered by
 * then, and each is told so. */
void inside_begin(struct admin *admin);
void inside_end(struct admin *admin);
/* Gives the module its answer. */
void inside_answer(struct request *request, struct gw_str json);
/* False: the caller may only look, and has been told so. `shown` as for audit_begin(). */
bool request_may_change(struct request *request, const char *verb, bool looks, size_t shown);

/* verb_words.c: puts the words after the verb in their places. False: it was said which is wrong,
 * and the request is over. */
bool verb_words_take(struct request *request, const struct control_verb *verb, size_t used);
const char *request_option(const struct request *request, const char *name);
/* A module's verb is its name, or what follows "auth-" in it: `gatewayctl oauth` is auth-oauth's.
 */
const char *verb_of_name(const char *module);
bool is_verb_of_module(const char *module, const char *word);

/* "queue list [--held] [--limit N]" */
void verb_usage(const struct control_verb *verb, struct buf *usage);
/* Ends the request with what is wrong, how it is said right, and where more of it stands. */
void request_usage(struct request *request, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void verb_help(struct request *request);

/* One whole answer without its end of line, for who has no request; to be freed. NULL: no memory.
 */
char *answer_line(int code, const char *text);
/* The one answer that is not made by the writer. */
#define ANSWER_NO_MEMORY "{\"code\":71,\"text\":\"no memory\"}"

/* Answers and ends the request; takes over `json`. */
void request_answer(struct request *request, json_t *json);
/* The same with an answer that is written, of a request that is not audited. */
void request_answer_line(struct request *request, struct gw_str line);
/* {"code": code, "text": ...} */
void request_say(struct request *request, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The problems, a line each; after them `wrong` where one is an error, with `code`, else `fine`. */
void request_problems(struct request *request, int code, const struct problems *problems,
		      const char *fine, const char *wrong);

/* A table: json_t with columns from "key\0Title\0..." pairs ended by NULL, and an empty row array,
 * which *rows names. */
json_t *table_create(const char *const columns[][2], size_t count, json_t **rows);

/* Allocated: the text with what is no UTF-8 replaced. */
char *text_clean(struct gw_str text);
/* A string that came from outside: valid UTF-8 in any case, "" without memory. */
json_t *text_of(struct gw_str text);

/* Runs `ask` once on each worker, then `done` on main; `arg` is theirs to guard (workers run at the
 * same time). -1: no memory. */
int on_each_worker(void (*ask)(struct worker *worker, unsigned number, void *arg),
		   void (*done)(void *arg), void *arg);

/* queue_message.c: answers with the octets of a queued message. */
void queue_message_show(struct request *request, uint64_t id);

/* verbs, by file */
void verb_status(struct request *request, const char *const *words, size_t count);
void verb_queue_list(struct request *request, const char *const *words, size_t count);
void verb_queue_summary(struct request *request, const char *const *words, size_t count);
void verb_queue_show(struct request *request, const char *const *words, size_t count);
void verb_queue_retry(struct request *request, const char *const *words, size_t count);
void verb_queue_hold(struct request *request, const char *const *words, size_t count);
void verb_queue_release(struct request *request, const char *const *words, size_t count);
void verb_queue_bounce(struct request *request, const char *const *words, size_t count);
void verb_relay_list(struct request *request, const char *const *words, size_t count);
void verb_relay_show(struct request *request, const char *const *words, size_t count);
void verb_queue_delete(struct request *request, const char *const *words, size_t count);
void verb_queue_move(struct request *request, const char *const *words, size_t count);
void verb_relay_add(struct request *request, const char *const *words, size_t count);
void verb_relay_rm(struct request *request, const char *const *words, size_t count);
void verb_relay_off(struct request *request, const char *const *words, size_t count);
void verb_relay_on(struct request *request, const char *const *words, size_t count);
void verb_relay_resume(struct request *request, const char *const *words, size_t count);
void verb_relay_test(struct request *request, const char *const *words, size_t count);
void verb_explain(struct request *request, const char *const *words, size_t count);
void verb_tls_explain(struct request *request, const char *const *words, size_t count);
void verb_explain_what(struct request *request, const char *const *words, size_t count);
void verb_password(struct request *request, const char *const *words, size_t count);
void verb_modules(struct request *request, const char *const *words, size_t count);
void verb_hooks(struct request *request, const char *const *words, size_t count);
void verb_options(struct request *request, const char *const *words, size_t count);
void verb_check(struct request *request, const char *const *words, size_t count);
void verb_reload(struct request *request, const char *const *words, size_t count);
bool verb_of_module(struct request *request); /* false: no module has it */
/* Of a module's verb that stands for itself, "client list", and begins what was said: how many
 * words it has; 0: there is none. */
size_t verb_of_module_words(const struct request *request);

#endif

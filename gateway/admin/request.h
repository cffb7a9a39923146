/* request.h - one question on the control socket, until it is answered. */
#ifndef ADMIN_REQUEST_H
#define ADMIN_REQUEST_H

#include "admin/admin.h"
#include "base/arena.h"

#include <jansson.h>
#include <sysexits.h>

struct admin {
	struct worker *main;
	const struct admin_operations *operations;
	struct listener *listener;
	struct connection *connections;
	char *path;
};

#define REQUEST_WORDS 32

struct request {
	struct admin *admin;
	struct connection *connection; /* NULL: the caller left; answers go nowhere */
	const char *words[REQUEST_WORDS];
	size_t count;
	bool may_change;               /* the caller is an admin */
	int64_t uid;
	json_t *json;                  /* owns the words */
	struct arena arena;
};

struct control_verb {
	const char *name;      /* "queue list" */
	const char *arguments; /* "ID ..." for people */
	const char *help;
	bool changes;          /* only for admins; logged */
	void (*run)(struct request *request, const char *const *words, size_t count); /* what follows the name */
};
extern const struct control_verb control_verbs[];

/* Answers and ends the request; takes over `json`. */
void request_answer(struct request *request, json_t *json);
/* {"code": code, "text": ...} */
void request_say(struct request *request, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
void request_problems(struct request *request, int code, const struct problems *problems, const char *fine);

/* A table: json_t with columns from "key\0Title\0..." pairs ended by NULL, and an empty row array, which *rows names. */
json_t *table_create(const char *const columns[][2], size_t count, json_t **rows);

/* A string that came from outside: valid UTF-8 in any case. */
json_t *text_of(struct gw_str text);

/* Runs `ask` once on each worker, then `done` on main; `arg` is theirs to guard (workers run at the same time). -1: no memory. */
int on_each_worker(void (*ask)(struct worker *worker, unsigned number, void *arg), void (*done)(void *arg), void *arg);

/* verbs, by file */
void verb_status(struct request *request, const char *const *words, size_t count);
void verb_queue_list(struct request *request, const char *const *words, size_t count);
void verb_queue_show(struct request *request, const char *const *words, size_t count);
void verb_queue_retry(struct request *request, const char *const *words, size_t count);
void verb_queue_hold(struct request *request, const char *const *words, size_t count);
void verb_queue_release(struct request *request, const char *const *words, size_t count);
void verb_queue_bounce(struct request *request, const char *const *words, size_t count);
void verb_relay_list(struct request *request, const char *const *words, size_t count);
void verb_relay_show(struct request *request, const char *const *words, size_t count);
void verb_queue_move(struct request *request, const char *const *words, size_t count);
void verb_relay_add(struct request *request, const char *const *words, size_t count);
void verb_relay_rm(struct request *request, const char *const *words, size_t count);
void verb_relay_off(struct request *request, const char *const *words, size_t count);
void verb_relay_on(struct request *request, const char *const *words, size_t count);
void verb_relay_resume(struct request *request, const char *const *words, size_t count);
void verb_relay_test(struct request *request, const char *const *words, size_t count);
void verb_explain(struct request *request, const char *const *words, size_t count);
void verb_explain_what(struct request *request, const char *const *words, size_t count);
void verb_modules(struct request *request, const char *const *words, size_t count);
void verb_hooks(struct request *request, const char *const *words, size_t count);
void verb_options(struct request *request, const char *const *words, size_t count);
void verb_check(struct request *request, const char *const *words, size_t count);
void verb_reload(struct request *request, const char *const *words, size_t count);
bool verb_of_module(struct request *request); /* false: no module has it */

#endif

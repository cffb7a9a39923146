/* control.c - from a line of the control socket to the verb that answers it. */
#include "admin/connection.h"

#include "admin/audit.h"
#include "admin/control_socket.h"
#include "admin/trouble.h"
#include "conf/option.h"
#include "loop/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* --- which verb --- */

static size_t matches(const struct control_verb *verb, const struct request *request)
{
	const char *name = verb->name;
	for (size_t i = 0;; i++) {
		size_t len = strcspn(name, " ");
		if (i >= request->count || strlen(request->words[i]) != len ||
		    strncmp(request->words[i], name, len) != 0)
			return 0;
		if (!name[len])
			return i + 1;
		name += len + 1;
	}
}

/* Verbs that begin with what was said: "relay" alone. */
static void add_beginning(struct buf *text, const char *word)
{
	size_t len = strlen(word);
	for (const struct control_verb *verb = control_verbs; verb->name; verb++)
		if (strncmp(verb->name, word, len) == 0 && verb->name[len] == ' ')
			buf_printf(text, "%s%s", buf_len(text) ? "|" : "", verb->name + len + 1);
}

static const char *nearest(const char *word, const char *second)
{
	char both[256];
	const char *names[64];
	size_t count = 0;
	for (const struct control_verb *verb = control_verbs; verb->name && count < 64; verb++)
		names[count++] = verb->name;
	snprintf(both, sizeof(both), "%.100s%s%.100s", word, second ? " " : "",
		 second ? second : "");
	const char *found = option_nearest_word(names, count, both);
	return found ? found : option_nearest_word(names, count, word);
}

static void say_unknown(struct request *request)
{
	const char *word = request->words[0],
		   *second = request->count > 1 ? request->words[1] : NULL,
		   *near = nearest(word, second);
	struct buf known;
	buf_init(&known, 0);
	add_beginning(&known, word);
	const char *more = "`gatewayctl help` tells what each does";
	if (near && (second || !buf_len(&known)))
		request_say(request, EX_USAGE,
			    "there is no verb \"%s%s%s\", did you mean \"%s\"? %s", word,
			    second ? " " : "", second ? second : "", near, more);
	else if (buf_len(&known))
		request_say(request, EX_USAGE, "%s %.*s; %s", word, (int)buf_len(&known),
			    buf_ptr(&known), more);
	else
		request_say(request, EX_USAGE,
			    "there is no verb \"%s\"; `gatewayctl help` lists them, "
			    "those of modules where the module is on",
			    word);
	buf_finish(&known);
}

bool request_may_change(struct request *request, const char *verb, bool looks, size_t shown)
{
	if (request->may_change)
		return true;
	audit_refused(request, shown);
	request_say(request, EX_NOPERM,
		    "%s %s: only root, the gateway's user and the admin group may", verb,
		    looks ? "reads more than there is to see" : "changes something");
	return false;
}

static void run_verb(struct request *request, const struct control_verb *verb, size_t used)
{
	if (verb->rights != FOR_VIEW &&
	    !request_may_change(request, verb->name, verb->rights == FOR_ADMINS, request->count))
		return;
	if (!verb_words_take(request, verb, used))
		return;
	if (verb->rights == CHANGES)
		audit_begin(request, request->count);
	verb->run(request, request->names, request->name_count);
}

static void dispatch(struct request *request)
{
	if (request->count == 0 || strcmp(request->words[0], "help") == 0) {
		verb_help(request);
		return;
	}
	/* the one of more words is meant: "check auth" is not "check" */
	size_t longer = verb_of_module_words(request);
	for (const struct control_verb *verb = control_verbs; verb->name; verb++) {
		size_t used = matches(verb, request);
		if (used && used >= longer) {
			run_verb(request, verb, used);
			return;
		}
	}
	if (!verb_of_module(request))
		say_unknown(request);
}

/* --- the request --- */

static bool read_words(struct request *request)
{
	json_t *words = json_object_get(request->json, "words"), *word;
	size_t at;
	if (!json_is_array(words) || json_array_size(words) > REQUEST_WORDS)
		return false;
	json_array_foreach(words, at, word)
	{
		if (!json_is_string(word) ||
		    strlen(json_string_value(word)) != json_string_length(word))
			return false;
		request->words[request->count++] = json_string_value(word);
	}
	return true;
}

struct request *request_create(struct connection *connection, struct gw_str line)
{
	struct request *request = calloc(1, sizeof(*request));
	if (!request)
		return NULL;
	arena_init(&request->arena, 0);
	request->admin = connection->admin;
	request->connection = connection;
	request->may_change = connection->caller.change;
	request->uid = connection->caller.uid;
	request->pid = connection->caller.pid;
	request->json = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
				   NULL);
	request->asks = json_is_true(json_object_get(request->json, "ask"));
	return request;
}

void request_run(struct request *request)
{
	if (!request->json || !read_words(request))
		request_say(
			request, EX_DATAERR,
			"the request is no JSON of the form {\"words\": [\"status\"]} with at most %d words",
			REQUEST_WORDS);
	else
		dispatch(request);
}

/* --- the socket --- */

struct admin *admin_create(struct worker *main, const char *state, const struct settings *settings,
			   const struct admin_operations *operations, struct problems *problems)
{
	struct admin *admin = calloc(1, sizeof(*admin));
	if (!admin)
		return NULL;
	control_socket_path(settings, state, admin->path, sizeof(admin->path));
	int fd = control_socket_bind(admin->path);
	admin->main = main;
	admin->operations = operations;
	admin->listener = fd < 0 ? NULL : listener_create(main, fd, connection_accept, admin);
	if (admin->listener) {
		control_socket_open(admin->path, settings);
		connection_watch(admin);
		inside_begin(admin);
		trouble_watch(&admin->troubles, main);
		return admin;
	}
	problem_add(problems, true, admin->path, 0, "the control socket cannot be opened: %s",
		    strerror(errno));
	if (fd >= 0)
		close(fd);
	free(admin);
	return NULL;
}

void admin_reloaded(const struct admin *admin, const struct settings *settings)
{
	control_socket_open(admin->path, settings);
}

void admin_destroy(struct admin *admin)
{
	if (!admin)
		return;
	listener_destroy(admin->listener);
	timer_clear(&admin->look);
	trouble_watch_end(&admin->troubles);
	connection_close_all(admin);
	inside_end(admin);
	unlink(admin->path);
	free(admin);
}

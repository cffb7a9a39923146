#include "admin/request.h"

#include "base/log.h"
#include "loop/listener.h"
#include "loop/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST_MAX (64 * 1024)
#define CONNECTIONS_MAX 64
#define SILENCE_MS 30000

struct connection {
	struct connection *next;
	struct admin *admin;
	struct stream *stream;
	struct request *request; /* the one being answered */
	struct ucred peer;
	bool view, change;
};

/* --- answers --- */

json_t *text_of(struct gw_str text)
{
	json_t *json = json_stringn(text.ptr ? text.ptr : "", text.len);
	if (json)
		return json;
	char clean[1024];
	size_t len = text.len < sizeof(clean) ? text.len : sizeof(clean);
	for (size_t i = 0; i < len; i++)
		clean[i] = (unsigned char)text.ptr[i] < 127 ? text.ptr[i] : '?';
	return json_stringn(clean, len);
}

json_t *table_create(const char *const columns[][2], size_t count, json_t **rows)
{
	json_t *table = json_object(), *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("[ss]", columns[i][0], columns[i][1]));
	*rows = json_array();
	json_object_set_new(table, "code", json_integer(EX_OK));
	json_object_set_new(table, "columns", list);
	json_object_set_new(table, "rows", *rows);
	return table;
}

static void request_free(struct request *request)
{
	json_decref(request->json);
	arena_finish(&request->arena);
	free(request);
}

void request_answer(struct request *request, json_t *json)
{
	struct connection *connection = request->connection;
	char *text = connection && json ? json_dumps(json, JSON_COMPACT) : NULL;
	if (connection) {
		connection->request = NULL;
		if (text && stream_write(connection->stream, gw_str(text)) == 0)
			stream_write(connection->stream, gw_str("\n"));
		stream_resume(connection->stream);
	}
	free(text);
	json_decref(json);
	request_free(request);
}

void request_say(struct request *request, int code, const char *format, ...)
{
	char text[4096];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_t *json = json_object();
	json_object_set_new(json, "code", json_integer(code));
	json_object_set_new(json, "text", text_of(gw_str(text)));
	request_answer(request, json);
}

void request_problems(struct request *request, int code, const struct problems *problems, const char *fine)
{
	struct buf text;
	json_t *json = json_object(), *rows = json_array();
	char line[4096];
	buf_init(&text, REQUEST_MAX * 8);
	for (const struct problem *problem = problems->first; problem; problem = problem->next) {
		buf_printf(&text, "%s\n", problem_format(problem, line, sizeof(line)));
		json_array_append_new(rows, json_pack("{s:s?, s:i, s:b, s:o}", "file", problem->file, "line", problem->line, "fatal",
		                                      (int)problem->fatal, "text", text_of(gw_str(problem->text))));
	}
	buf_add_text(&text, problems->errors ? "" : fine);
	json_object_set_new(json, "code", json_integer(problems->errors ? code : EX_OK));
	json_object_set_new(json, "text", text_of(buf_str(&text)));
	json_object_set_new(json, "data", json_pack("{s:i, s:i, s:o}", "errors", (int)problems->errors, "warnings", (int)problems->warnings,
	                                            "problems", rows));
	buf_finish(&text);
	request_answer(request, json);
}

/* --- who may --- */

static bool in_group(gid_t gid, const struct ucred *peer, struct gw_str name)
{
	struct group *group = name.len ? getgrnam(name.ptr) : NULL;
	gid_t groups[256];
	int count = 0;
	if (!group)
		return false;
	if (gid == group->gr_gid)
		return true;
	char path[64], line[4096];
	snprintf(path, sizeof(path), "/proc/%d/status", (int)peer->pid);
	FILE *status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status))
		for (char *at = strncmp(line, "Groups:", 7) == 0 ? line + 7 : NULL, *end; at && count < 256; at = end) {
			gid_t one = (gid_t)strtoul(at, &end, 10);
			if (end == at)
				break;
			groups[count++] = one;
		}
	if (status)
		fclose(status);
	while (count > 0)
		if (groups[--count] == group->gr_gid)
			return true;
	return false;
}

/* Root, the gateway's own user and the admin group may change things; the view group may look. */
static bool permissions(struct connection *connection, int fd)
{
	socklen_t len = sizeof(connection->peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &connection->peer, &len) != 0)
		return false;
	struct snapshot *snapshot = snapshot_current();
	const struct ucred *peer = &connection->peer;
	connection->change = peer->uid == 0 || peer->uid == geteuid() || in_group(peer->gid, peer, snapshot->settings.control.admin_group);
	connection->view = connection->change || in_group(peer->gid, peer, snapshot->settings.control.view_group);
	snapshot_release(snapshot);
	return true;
}

/* --- a question --- */

/* What follows a key may be a password. */
static int shown(const char *word)
{
	return (int)(strcspn(word, "=") + (strchr(word, '=') != NULL));
}

static size_t matches(const struct control_verb *verb, const struct request *request)
{
	const char *name = verb->name;
	for (size_t i = 0;; i++) {
		size_t len = strcspn(name, " ");
		if (i >= request->count || strlen(request->words[i]) != len || strncmp(request->words[i], name, len) != 0)
			return 0;
		if (!name[len])
			return i + 1;
		name += len + 1;
	}
}

static void log_change(const struct request *request)
{
	char words[512] = "";
	for (size_t i = 0; i < request->count && strlen(words) + strlen(request->words[i]) + 2 < sizeof(words); i++) {
		strcat(words, i ? " " : "");
		strncat(words, request->words[i], (size_t)shown(request->words[i]));
	}
	struct log_line *line = log_open(LOG_INFORM, "control");
	log_int(line, "uid", request->uid);
	log_text(line, "command", words);
	log_close(line);
}

/* What modules answer: a line of the table for each line of theirs. */
static void add_modules(json_t *rows, const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->instance_count; i++) {
		const struct gw_module *table = &snapshot->instances[i].module->table;
		for (const char *line = table->control && table->verbs ? table->verbs : ""; *line;) {
			size_t len = strcspn(line, "\n");
			json_array_append_new(rows, json_pack("{s:s, s:o, s:s}", "verb", table->name, "arguments", text_of(gw_str_n(line, len)), "help",
			                                      table->summary ? table->summary : ""));
			line += len + (line[len] != '\0');
		}
	}
}

static void say_help(struct request *request)
{
	struct snapshot *snapshot = snapshot_current();
	static const char *const columns[][2] = { { "verb", "VERB" }, { "arguments", "ARGUMENTS" }, { "help", "WHAT IT DOES" } };
	json_t *rows, *table = table_create(columns, 3, &rows);
	for (const struct control_verb *verb = control_verbs; verb->name; verb++)
		json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "verb", verb->name, "arguments", verb->arguments, "help", verb->help));
	add_modules(rows, snapshot);
	snapshot_release(snapshot);
	request_answer(request, table);
}

/* "relay" alone has verbs that begin with it. */
static void say_unknown(struct request *request)
{
	const char *word = request->words[0];
	size_t len = strlen(word);
	char known[512] = "";
	for (const struct control_verb *verb = control_verbs; verb->name; verb++) {
		if (strncmp(verb->name, word, len) != 0 || verb->name[len] != ' ' || strlen(known) + strlen(verb->name) + 2 >= sizeof(known))
			continue;
		strcat(known, known[0] ? "|" : "");
		strcat(known, verb->name + len + 1);
	}
	if (known[0])
		request_say(request, EX_USAGE, "%s %s; `gatewayctl help` tells what each does", word, known);
	else
		request_say(request, EX_USAGE, "there is no verb \"%s\"; `gatewayctl help` lists them", word);
}

static void dispatch(struct request *request)
{
	if (request->count == 0 || strcmp(request->words[0], "help") == 0) {
		say_help(request);
		return;
	}
	for (const struct control_verb *verb = control_verbs; verb->name; verb++) {
		size_t used = matches(verb, request);
		if (!used)
			continue;
		if (verb->changes && !request->may_change) {
			request_say(request, EX_NOPERM, "%s changes something: only root, the gateway's user and the admin group may", verb->name);
			return;
		}
		if (verb->changes)
			log_change(request);
		verb->run(request, request->words + used, request->count - used);
		return;
	}
	if (!verb_of_module(request))
		say_unknown(request);
}

static bool read_words(struct request *request)
{
	json_t *words = json_object_get(request->json, "words"), *word;
	size_t at;
	if (!json_is_array(words) || json_array_size(words) > REQUEST_WORDS)
		return false;
	json_array_foreach(words, at, word) {
		if (!json_is_string(word) || strlen(json_string_value(word)) != json_string_length(word))
			return false;
		request->words[request->count++] = json_string_value(word);
	}
	return true;
}

static void take_line(struct connection *connection, struct gw_str line)
{
	struct request *request = calloc(1, sizeof(*request));
	if (!request)
		return;
	arena_init(&request->arena, 0);
	request->admin = connection->admin;
	request->connection = connection;
	request->may_change = connection->change;
	request->uid = connection->peer.uid;
	request->json = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, NULL);
	connection->request = request;
	stream_pause(connection->stream);
	if (!connection->view)
		request_say(request, EX_NOPERM, "only root, the gateway's user and its admin and view groups may ask");
	else if (!request->json || !read_words(request))
		request_say(request, EX_DATAERR, "the request is no JSON of the form {\"words\": [\"status\"]}");
	else
		dispatch(request);
}

/* --- connections --- */

static void connection_close(struct connection *connection)
{
	struct connection **at = &connection->admin->connections;
	while (*at != connection)
		at = &(*at)->next;
	*at = connection->next;
	if (connection->request)
		connection->request->connection = NULL;
	stream_finish(connection->stream, SILENCE_MS);
	free(connection);
}

/* Lines end in LF here: the other end is a program of ours. */
static bool next_line(struct stream *stream, struct gw_str *line)
{
	struct gw_str in = stream_input(stream);
	size_t end = gw_str_find(in, '\n');
	*line = gw_str_n(in.ptr, end);
	return end < in.len;
}

static void on_event(struct stream *stream, enum stream_event event, void *arg)
{
	struct connection *connection = arg;
	struct gw_str line;
	if (event == STREAM_DATA && !connection->request && next_line(stream, &line)) {
		char *copy = strndup(line.ptr, line.len);
		size_t len = line.len;
		stream_consume(stream, len + 1);
		if (copy)
			take_line(connection, gw_str_n(copy, len));
		free(copy);
	} else if (event == STREAM_EOF || event == STREAM_ERROR || event == STREAM_TIMEOUT ||
	           stream_input(stream).len >= REQUEST_MAX) {
		connection_close(connection);
	}
}

static size_t count_connections(const struct admin *admin)
{
	size_t count = 0;
	for (const struct connection *connection = admin->connections; connection; connection = connection->next)
		count++;
	return count;
}

static void accepted(int fd, const struct sockaddr *peer, socklen_t len, void *arg)
{
	static const struct stream_limits limits = { .input = REQUEST_MAX, .output = 0 };
	struct admin *admin = arg;
	struct connection *connection = count_connections(admin) < CONNECTIONS_MAX ? calloc(1, sizeof(*connection)) : NULL;
	if (!connection || !permissions(connection, fd) ||
	    !(connection->stream = stream_accept(admin->main, fd, &limits, on_event, connection))) {
		free(connection);
		close(fd);
		return;
	}
	connection->admin = admin;
	connection->next = admin->connections;
	admin->connections = connection;
	stream_timeout(connection->stream, SILENCE_MS * 20);
}

/* --- the socket --- */

/* A socket file that nobody answers on is left from a crash and may go. */
static bool answered(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool alive = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
	if (fd >= 0)
		close(fd);
	return alive;
}

static int bind_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	if (answered(&address)) {
		errno = EADDRINUSE;
		return -1;
	}
	unlink(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask = umask(0177);
	if (fd >= 0 && (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 64) != 0)) {
		close(fd);
		fd = -1;
	}
	umask(mask);
	return fd;
}

/* With groups named, everybody may connect and who is no member is told so; without, the file itself keeps others out. */
static void open_to_groups(const char *path)
{
	struct snapshot *snapshot = snapshot_current();
	if (snapshot->settings.control.admin_group.len || snapshot->settings.control.view_group.len)
		if (chmod(path, 0666) != 0)
			log_say(LOG_WARN, "control", "%s: %s", path, strerror(errno));
	snapshot_release(snapshot);
}

struct admin *admin_create(struct worker *main, const char *path, const struct admin_operations *operations, struct problems *problems)
{
	struct admin *admin = calloc(1, sizeof(*admin));
	int fd = bind_socket(path);
	if (fd < 0)
		problem_add(problems, true, path, 0, "the control socket cannot be opened: %s", strerror(errno));
	if (!admin || fd < 0) {
		free(admin);
		return NULL;
	}
	admin->main = main;
	admin->operations = operations;
	admin->path = strdup(path);
	admin->listener = listener_create(main, fd, accepted, admin);
	open_to_groups(path);
	return admin;
}

void admin_destroy(struct admin *admin)
{
	if (!admin)
		return;
	listener_destroy(admin->listener);
	while (admin->connections)
		connection_close(admin->connections);
	if (admin->path)
		unlink(admin->path);
	free(admin->path);
	free(admin);
}

#include "admin/connection.h"

#include "base/list.h"
#include "loop/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A question is short, but for one that brings a mail: 256 KiB, some octets of which JSON writes as
 * several. */
#define REQUEST_MAX (1024 * 1024)
#define PER_CALLER 8  /* connections of one uid */
#define ALL_OTHERS 48 /* of all that have no place of their own */
#define OWN 16        /* of root, and of the gateway's user */
#define SILENCE_MS 60000
#define FINISH_MS 5000

/* --- the end --- */

static void forget(struct connection *connection)
{
	struct connection **at = &connection->admin->connections;
	while (*at != connection)
		at = &(*at)->next;
	*at = connection->next;
	free(connection);
}

static void hang_up(struct connection *connection, bool at_once)
{
	if (connection->stream && at_once)
		stream_destroy(connection->stream);
	else if (connection->stream)
		stream_finish(connection->stream, FINISH_MS);
	connection->stream = NULL;
	if (connection->request)
		atomic_store(&connection->request->abandoned, true);
	else
		forget(connection);
}

/* Requests that workers still have are not freed by anybody: the process ends. */
void connection_close_all(struct admin *admin)
{
	for (struct connection *connection = admin->connections, *next; connection;
	     connection = next) {
		next = connection->next;
		hang_up(connection, false);
	}
}

/* --- question and answer --- */

void connection_answer(struct connection *connection, struct gw_str json)
{
	if (!connection)
		return;
	connection->request = NULL;
	if (!connection->stream)
		forget(connection);
	else if (stream_write(connection->stream, json) != 0 ||
		 stream_write(connection->stream, gw_str("\n")) != 0)
		stream_give_up(connection->stream);
}

/* Lines end in LF here: the other end is a program of ours. */
static bool next_line(struct stream *stream, struct gw_str *line)
{
	struct gw_str in = stream_input(stream);
	size_t end = gw_str_find(in, '\n');
	*line = gw_str_n(in.ptr, end);
	return end < in.len;
}

static void take_line(struct connection *connection, struct gw_str line)
{
	char *copy = strndup(line.ptr, line.len);
	size_t len = line.len;
	stream_consume(connection->stream, len + 1);
	connection->answering = true;
	connection->waits = 0;
	stream_pause(connection->stream);
	if (copy)
		connection->request = request_create(connection, gw_str_n(copy, len));
	free(copy);
	if (connection->request)
		request_run(connection->request);
	else
		stream_give_up(connection->stream);
}

static void on_event(struct stream *stream, enum stream_event event, void *arg)
{
	struct connection *connection = arg;
	struct gw_str line;
	if (event == STREAM_DRAINED && !connection->request && stream_unwritten(stream) == 0) {
		connection->answering = false;
		stream_resume(stream);
	} else if (event == STREAM_TIMEOUT && connection->request) {
		stream_timeout(stream, SILENCE_MS);
	} else if (event == STREAM_DATA && !connection->answering && next_line(stream, &line)) {
		take_line(connection, line);
	} else if (event == STREAM_EOF || event == STREAM_ERROR || event == STREAM_TIMEOUT ||
		   (event == STREAM_DATA && stream_input(stream).len >= REQUEST_MAX)) {
		hang_up(connection, event == STREAM_TIMEOUT);
	}
}

/* --- who waits for a worker that hangs --- */

#define LOOK_MS 1000
#define PATIENCE_S 4

/* What it asked may still be answered, by then to nobody. */
static void say_hang(struct connection *connection, const struct hang *hang)
{
	char what[256], text[512];
	hang_describe(hang, what, sizeof(what));
	snprintf(text, sizeof(text), "no answer: %s", what);
	char *line = answer_line(EX_TEMPFAIL, text);
	atomic_store(&connection->request->abandoned, true);
	connection->request->connection = NULL;
	connection_answer(connection, gw_str(line ? line : ANSWER_NO_MEMORY));
	free(line);
}

static void look(struct timer *timer)
{
	struct admin *admin = list_of(timer, struct admin, look);
	struct hang hang;
	bool hangs = hangs_look(&admin->hangs, places_own(), &hang) && hang.seconds >= PATIENCE_S;
	for (struct connection *connection = admin->connections, *next; connection;
	     connection = next) {
		next = connection->next;
		if (connection->request && ++connection->waits >= PATIENCE_S && hangs)
			say_hang(connection, &hang);
	}
	timer_set(admin->main, timer, LOOK_MS, look);
}

void connection_watch(struct admin *admin)
{
	timer_set(admin->main, &admin->look, LOOK_MS, look);
}

/* --- who gets in --- */

struct crowd {
	size_t of_caller, of_others;
	struct connection *silent; /* the caller's that asks nothing, the oldest of them */
};

static struct crowd count(const struct admin *admin, const struct caller *caller)
{
	struct crowd crowd = { 0 };
	for (struct connection *connection = admin->connections; connection;
	     connection = connection->next) {
		bool same = connection->caller.uid == caller->uid;
		crowd.of_caller += same;
		crowd.of_others += !connection->caller.own;
		if (same && !connection->request && connection->stream)
			crowd.silent = connection;
	}
	return crowd;
}

/* The newest of one's own goes before the oldest of somebody else's: nobody closes what others have
 * open. */
static bool make_room(const struct admin *admin, const struct caller *caller)
{
	struct crowd crowd = count(admin, caller);
	if (crowd.of_caller >= (caller->own ? OWN : PER_CALLER)) {
		if (!crowd.silent)
			return false;
		hang_up(crowd.silent, true);
		crowd.of_others -= !caller->own;
	}
	return caller->own || crowd.of_others < ALL_OTHERS;
}

/* What fits into an empty socket goes out at once; nothing is kept for somebody who is no longer
 * there. */
static void send_away(int fd, int code, const char *words)
{
	char text[512], *line = answer_line(code, words);
	int len = snprintf(text, sizeof(text), "%s\n", line ? line : ANSWER_NO_MEMORY);
	ssize_t sent = send(fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)sent;
	free(line);
	close(fd);
}

static struct connection *connection_create(struct admin *admin, int fd,
					    const struct caller *caller)
{
	static const struct stream_limits limits = { .input = REQUEST_MAX };
	struct connection *connection = calloc(1, sizeof(*connection));
	if (connection)
		connection->stream = stream_accept(admin->main, fd, &limits, on_event, connection);
	if (!connection || !connection->stream) {
		free(connection);
		return NULL;
	}
	connection->admin = admin;
	connection->caller = *caller;
	connection->next = admin->connections;
	admin->connections = connection;
	stream_timeout(connection->stream, SILENCE_MS);
	return connection;
}

void connection_accept(int fd, const struct sockaddr *peer, socklen_t len, void *arg)
{
	struct admin *admin = arg;
	struct caller caller;
	struct snapshot *snapshot = snapshot_current();
	bool known = caller_find(&caller, fd, &snapshot->settings);
	snapshot_release(snapshot);
	if (!known || !caller.view)
		send_away(fd, EX_NOPERM,
			  "only root, the gateway's user and its admin and view groups may ask");
	else if (!make_room(admin, &caller))
		send_away(fd, EX_TEMPFAIL,
			  "too many connections to the control socket: try again later");
	else if (!connection_create(admin, fd, &caller))
		close(fd);
}

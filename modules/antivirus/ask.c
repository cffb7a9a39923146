#include "ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK 65536
#define ANSWER_MOST 8192

/* What is put into the buffer next, once it is sent. */
enum next { NEXT_FILE, NEXT_CHUNK, NEXT_NOTHING };

struct ask {
	const struct protocol *protocol;
	int socket, file;
	struct event *readable, *writable, *late;
	enum next next;
	uint64_t offset; /* of the next chunk in the file */
	size_t out_len, out_at, in_len;
	void (*told)(void *arg, const struct ask_answer *);
	void *arg;
	const char *broken; /* found before the loop ran; told from it */
	char why[160];
	char in[ANSWER_MOST];
	char out[FRAME_MOST + CHUNK + FRAME_MOST];
};

void ask_cancel(struct ask *ask)
{
	if (!ask)
		return;
	if (ask->readable)
		event_free(ask->readable);
	if (ask->writable)
		event_free(ask->writable);
	if (ask->late)
		event_free(ask->late);
	if (ask->socket >= 0)
		close(ask->socket);
	free(ask);
}

static void tell(struct ask *ask, const struct ask_answer *answer)
{
	ask->told(ask->arg, answer);
	ask_cancel(ask);
}

static void fail(struct ask *ask, const char *why)
{
	struct ask_answer answer = { .why = why };

	tell(ask, &answer);
}

static void late(evutil_socket_t fd, short what, void *arg)
{
	struct ask *ask = arg;

	(void)fd;
	(void)what;
	fail(ask, ask->broken ? ask->broken : "no answer in time");
}

/* --- sending --- */

static bool is_later(int error)
{
	return error == EAGAIN || error == EINTR || error == EINPROGRESS;
}

/* With the octet that a descriptor needs to travel. */
static ssize_t send_file(struct ask *ask)
{
	char octet = 0;
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control = { .room = { 0 } };
	struct iovec data = { &octet, 1 };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control.room,
				  .msg_controllen = sizeof control.room };

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.head), &ask->file, sizeof(int));
	return sendmsg(ask->socket, &message, MSG_NOSIGNAL);
}

/* The head stands right before the octets, so that all goes out as one. */
static bool fill_chunk(struct ask *ask)
{
	char *octets = ask->out + FRAME_MOST, head[FRAME_MOST];
	ssize_t got = pread(ask->file, octets, CHUNK, (off_t)ask->offset);
	size_t len;

	if (got < 0)
		return false;
	len = ask->protocol->head((size_t)got, head);
	memcpy(octets - len, head, len);
	ask->out_at = FRAME_MOST - len;
	ask->out_len = FRAME_MOST + (size_t)got + ask->protocol->tail((size_t)got, octets + got);
	ask->offset += (uint64_t)got;
	if (got == 0)
		ask->next = NEXT_NOTHING;
	return true;
}

static bool is_sent(const struct ask *ask)
{
	return ask->out_at == ask->out_len && ask->next == NEXT_NOTHING;
}

/* Sends what it can: 1 when that was all, 0 when the rest has to wait, -1 with errno. */
static int send_some(struct ask *ask)
{
	ssize_t sent;

	while (!is_sent(ask)) {
		if (ask->out_at < ask->out_len) {
			sent = send(ask->socket, ask->out + ask->out_at, ask->out_len - ask->out_at,
				    MSG_NOSIGNAL);
			ask->out_at += sent > 0 ? (size_t)sent : 0;
		} else if (ask->next == NEXT_FILE) {
			sent = send_file(ask);
			ask->next = sent > 0 ? NEXT_NOTHING : NEXT_FILE;
		} else {
			sent = fill_chunk(ask) ? 1 : -1;
		}
		if (sent <= 0)
			return is_later(errno) ? 0 : -1;
		if (ask->next == NEXT_CHUNK && ask->offset && ask->out_at == ask->out_len)
			return fill_chunk(ask) ? 0 : -1; /* others on the loop have their turn */
	}
	return 1;
}

/* --- reading --- */

/* Whether all is said. */
static bool tell_whole(struct ask *ask)
{
	struct ask_answer answer = { .early = !is_sent(ask) };
	enum whole whole = ask->protocol->whole(ask->in, ask->in_len, &answer.text);

	if (whole == WHOLE_NOT_YET)
		return false;
	if (whole == WHOLE_NEVER)
		answer = (struct ask_answer){ .why = "more than one answer" };
	tell(ask, &answer);
	return true;
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
	struct ask *ask = arg;
	ssize_t got = recv(fd, ask->in + ask->in_len, sizeof ask->in - ask->in_len, 0);

	(void)what;
	if (got < 0 && is_later(errno))
		return;
	if (got <= 0) {
		snprintf(ask->why, sizeof ask->why, "%s",
			 got < 0 ? strerrordesc_np(errno) : "closed before its answer ended");
		fail(ask, ask->why);
		return;
	}
	ask->in_len += (size_t)got;
	if (!tell_whole(ask) && ask->in_len == sizeof ask->in)
		fail(ask, "an answer without an end");
}

/* Whoever says that it is too much closes while we still write: what it said is read first. */
static void writable(evutil_socket_t fd, short what, void *arg)
{
	struct ask *ask = arg;
	int sent = send_some(ask);
	int error = errno;

	(void)what;
	if (sent == 0)
		return;
	event_del(ask->writable);
	if (sent > 0)
		return;
	if (recv(fd, &(char){ 0 }, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		return;
	snprintf(ask->why, sizeof ask->why, "%s", strerrordesc_np(error));
	fail(ask, ask->why);
}

/* --- beginning --- */

static enum next first_of(const struct server *server, int file)
{
	if (file < 0)
		return NEXT_NOTHING;
	return server->local ? NEXT_FILE : NEXT_CHUNK;
}

static bool put_question(struct ask *ask, const struct server *server)
{
	ask->protocol = server->protocol;
	ask->out_len = ask->protocol->question(server, ask->file < 0, ask->out, sizeof ask->out);
	ask->next = first_of(server, ask->file);
	return ask->out_len != 0;
}

static const char *connect_to(struct ask *ask, const struct server *server)
{
	ask->socket = socket(server->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			     0);
	if (ask->socket < 0)
		return strerrordesc_np(errno);
	if (connect(ask->socket, (const struct sockaddr *)&server->address, server->address_len) ==
		    0 ||
	    errno == EINPROGRESS)
		return NULL;
	return strerrordesc_np(errno);
}

static bool watch(struct ask *ask, struct event_base *base, int64_t timeout_ms)
{
	struct timeval time = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };

	ask->late = evtimer_new(base, late, ask);
	if (ask->broken) {
		time = (struct timeval){ 0, 0 };
		return ask->late && evtimer_add(ask->late, &time) == 0;
	}
	ask->readable = event_new(base, ask->socket, EV_READ | EV_PERSIST, readable, ask);
	ask->writable = event_new(base, ask->socket, EV_WRITE | EV_PERSIST, writable, ask);
	return ask->late && ask->readable && ask->writable && evtimer_add(ask->late, &time) == 0 &&
	       event_add(ask->readable, NULL) == 0 && event_add(ask->writable, NULL) == 0;
}

struct ask *ask_begin(struct event_base *base, const struct server *server, int file,
		      int64_t timeout_ms, void (*told)(void *arg, const struct ask_answer *),
		      void *arg)
{
	struct ask *ask = malloc(sizeof *ask);

	if (!ask)
		return NULL;
	memset(ask, 0, offsetof(struct ask, in));
	ask->file = file;
	ask->told = told;
	ask->arg = arg;
	ask->socket = -1;
	ask->broken = put_question(ask, server) ? connect_to(ask, server) : "its name is too long";
	if (watch(ask, base, timeout_ms))
		return ask;
	ask_cancel(ask);
	return NULL;
}

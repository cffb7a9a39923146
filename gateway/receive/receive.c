#include "receive/receive.h"

#include "base/log.h"
#include "loop/listener.h"
#include "receive/session.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define RESERVE_MOST 1024 /* descriptors that clients leave to deliveries, the spool and the control socket; at most a quarter of all */
#define NO_MEMORY "421 4.3.0 no memory, try again later\r\n"

/* A listening socket of this worker. */
struct door {
	struct door *next;
	struct listener *listener;
	const struct listen_settings *settings; /* of reception.snapshot */
	struct doors *doors;
};

struct doors {
	struct worker *worker;
	struct snapshot *snapshot; /* held */
	struct door *first;
	struct list_link sessions;
	rlim_t highest; /* descriptor that a client may get: the lowest free one is given, so a higher one says that few are left */
};

static struct doors *doors_of(const struct worker *worker)
{
	return worker_get(worker, SLOT_RECEIVE);
}

/* One line on a socket that nobody serves; whether it gets there does not matter. */
static void turn_away(int fd, const char *why)
{
	ssize_t sent = send(fd, why, strlen(why), MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)sent;
	close(fd);
	COUNT(sessions_refused);
}

static bool full(const struct doors *doors, int fd)
{
	return (rlim_t)fd > doors->highest ||
	       atomic_load_explicit(&counters.sessions_open, memory_order_relaxed) >= doors->snapshot->settings.limits.sessions;
}

/* Said once until the address has no session left: who floods would flood the log as well. */
static void log_crowd(const struct sockaddr *peer, int64_t most)
{
	char text[INET6_ADDRSTRLEN] = "?";
	struct log_line *line = log_open(LOG_WARN, "client-crowd");
	if (peer->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)peer)->sin6_addr, text, sizeof(text));
	else
		inet_ntop(AF_INET, &((const struct sockaddr_in *)peer)->sin_addr, text, sizeof(text));
	log_text(line, "peer", text);
	log_int(line, "sessions", most);
	log_close(line);
}

/* False: it was turned away. */
static bool enter(int fd, const struct sockaddr *address, int64_t most, struct peer **peer)
{
	enum peers_answer answer = most ? peers_enter(address, most, peer) : PEERS_ENTERED;
	if (answer == PEERS_ENTERED)
		return true;
	if (answer == PEERS_FULL_FIRST)
		log_crowd(address, most);
	turn_away(fd, answer == PEERS_NO_MEMORY ? NO_MEMORY : "421 4.7.0 too many sessions from your address\r\n");
	return false;
}

static void accepted(int fd, const struct sockaddr *peer, socklen_t len, void *arg)
{
	struct door *door = arg;
	struct doors *doors = door->doors;
	if (full(doors, fd)) {
		turn_away(fd, "421 4.7.0 too many sessions, try again later\r\n");
		return;
	}
	struct peer *place = NULL;
	if (!enter(fd, peer, doors->snapshot->settings.limits.sessions_per_client, &place))
		return;
	struct gw_session *session = session_create(doors->worker, fd, doors->snapshot, door->settings);
	if (!session) {
		peers_leave(place);
		turn_away(fd, NO_MEMORY);
		return;
	}
	session->peer = place;
	if (session->mode != MODE_CLOSING)
		list_add(&doors->sessions, &session->link);
}

static rlim_t highest_descriptor(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return RLIM_INFINITY;
	return limit.rlim_cur - (limit.rlim_cur / 4 < RESERVE_MOST ? limit.rlim_cur / 4 : RESERVE_MOST);
}

int receive_start(struct worker *worker)
{
	struct doors *doors = calloc(1, sizeof(*doors));
	if (!doors)
		return -1;
	doors->worker = worker;
	doors->highest = highest_descriptor();
	list_init(&doors->sessions);
	worker_set(worker, SLOT_RECEIVE, doors);
	return 0;
}

static void close_doors(struct door *door)
{
	while (door) {
		struct door *next = door->next;
		listener_destroy(door->listener);
		free(door);
		door = next;
	}
}

static struct door *door_create(struct doors *doors, const struct listen_socket *socket)
{
	struct door *door = calloc(1, sizeof(*door));
	if (!door)
		return NULL;
	door->doors = doors;
	door->settings = socket->settings;
	door->listener = listener_create(doors->worker, socket->fd, accepted, door);
	if (door->listener)
		return door;
	free(door);
	return NULL;
}

int receive_listen(struct worker *worker, struct snapshot *snapshot, const struct listen_socket *sockets, size_t count)
{
	struct doors *doors = doors_of(worker);
	struct door *old = doors->first, *first = NULL;
	for (size_t i = 0; i < count; i++) {
		struct door *door = door_create(doors, &sockets[i]);
		if (!door) {
			close_doors(first);
			return -1;
		}
		door->next = first;
		first = door;
	}
	snapshot_hold(snapshot);
	snapshot_release(doors->snapshot);
	doors->snapshot = snapshot;
	doors->first = first;
	close_doors(old);
	return 0;
}

static bool may_end(const struct gw_session *session)
{
	return !session->busy && !session->message && session->mode == MODE_COMMAND;
}

static void say_goodbye(struct gw_session *session)
{
	session_say(session, 421, "4.3.2", "shutting down, try again soon");
	session_close(session);
}

void receive_drain(struct worker *worker)
{
	struct doors *doors = doors_of(worker);
	close_doors(doors->first);
	doors->first = NULL;
	for (struct list_link *at = doors->sessions.next, *next; at != &doors->sessions; at = next) {
		struct gw_session *session = list_of(at, struct gw_session, link);
		next = at->next;
		if (may_end(session))
			say_goodbye(session);
	}
}

void receive_stop(struct worker *worker)
{
	struct doors *doors = doors_of(worker);
	if (!doors)
		return;
	close_doors(doors->first);
	while (!list_empty(&doors->sessions))
		session_drop(list_of(doors->sessions.next, struct gw_session, link));
	doors->first = NULL;
}

void receive_finish(struct worker *worker)
{
	struct doors *doors = doors_of(worker);
	if (!doors)
		return;
	snapshot_release(doors->snapshot);
	free(doors);
	worker_set(worker, SLOT_RECEIVE, NULL);
}

size_t receive_open(const struct worker *worker)
{
	const struct doors *doors = doors_of(worker);
	size_t count = 0;
	for (const struct list_link *at = doors->sessions.next; at != &doors->sessions; at = at->next)
		count++;
	return count;
}

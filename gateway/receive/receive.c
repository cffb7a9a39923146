#include "receive/receive.h"

#include "base/log.h"
#include "loop/listener.h"
#include "queue/asker.h"
#include "receive/admission.h"
#include "receive/session.h"

#include <stdlib.h>

/* A listening socket of this worker. */
struct door {
	struct door *next;
	struct listener *listener;
	const struct listen_settings *settings; /* of doors.snapshot */
	struct doors *doors;
};

struct doors {
	struct snapshot *snapshot; /* held */
	struct door *first;
	struct admission admission;
};

static struct doors *doors_of(const struct worker *worker)
{
	return worker_get(worker, SLOT_RECEIVE);
}

/* Who connects after a reload was answered is served by what was loaded, also where this worker has
 * not taken it over yet. NULL: gone. */
static const struct listen_settings *settings_in(const struct snapshot *snapshot,
						 const struct door *door)
{
	const struct listen_settings *rows = snapshot->settings.listeners.items;
	if (snapshot == door->doors->snapshot)
		return door->settings;
	for (size_t i = 0; i < snapshot->settings.listeners.count; i++)
		if (gw_str_eq(rows[i].name, door->settings->name))
			return &rows[i];
	return NULL;
}

static void accepted(int fd, const struct sockaddr *peer, socklen_t len, void *arg)
{
	struct door *door = arg;
	struct snapshot *snapshot = snapshot_current();
	const struct listen_settings *settings = settings_in(snapshot, door);
	if (settings)
		admission_accept(&door->doors->admission, fd, peer, snapshot, settings);
	else
		admission_refuse(fd, "421 4.3.2 this port is no longer served\r\n");
	snapshot_release(snapshot);
}

int receive_start(struct worker *worker)
{
	struct doors *doors = calloc(1, sizeof(*doors));
	if (!doors)
		return -1;
	admission_init(&doors->admission, worker);
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
	door->listener = listener_create(doors->admission.worker, socket->fd, accepted, door);
	if (door->listener)
		return door;
	free(door);
	return NULL;
}

int receive_listen(struct worker *worker, struct snapshot *snapshot,
		   const struct listen_socket *sockets, size_t count)
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

void receive_drain(struct worker *worker)
{
	struct doors *doors = doors_of(worker);
	close_doors(doors->first);
	doors->first = NULL;
	admission_close(&doors->admission);
	queue_tell_all(worker, ASKER_STOPPED);
	struct list_link *sessions = &doors->admission.sessions;
	for (struct list_link *at = sessions->next, *next; at != sessions; at = next) {
		struct gw_session *session = list_of(at, struct gw_session, link);
		next = at->next;
		if (may_end(session))
			session_goodbye(session, "shutting down, try again soon");
	}
}

void receive_stop(struct worker *worker)
{
	struct doors *doors = doors_of(worker);
	if (!doors)
		return;
	close_doors(doors->first);
	doors->first = NULL;
	admission_close(&doors->admission);
	while (!list_empty(&doors->admission.sessions))
		session_drop(list_of(doors->admission.sessions.next, struct gw_session, link));
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
	const struct list_link *sessions = &doors_of(worker)->admission.sessions;
	size_t count = 0;
	for (const struct list_link *at = sessions->next; at != sessions; at = at->next)
		count++;
	return count;
}

#include "daemon/daemon.h"

#include "supervisor/channel.h"
#include "base/log.h"
#include "loop/listener.h"
#include "receive/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* What the supervisor gave for one row of the listeners: a socket for each worker, or fewer that
 * workers share. */
struct offer {
	unsigned count;
	int fds[CHANNEL_SOCKETS];
};

struct sockets {
	size_t count;
	struct offer offers[]; /* a row each */
};

void sockets_close(struct sockets *sockets)
{
	for (size_t i = 0; sockets && i < sockets->count; i++)
		for (struct offer *offer = &sockets->offers[i]; offer->count;)
			close(offer->fds[--offer->count]);
	free(sockets);
}

static int ask(const struct listen_settings *row, struct offer *offer)
{
	struct sockaddr_storage address;
	socklen_t len;
	errno = EINVAL;
	int count = listener_address(row->address, (uint16_t)row->port, &address, &len)
			    ? channel_listen(&address, len, runtime.worker_count, offer->fds)
			    : -1;
	offer->count = count < 0 ? 0 : (unsigned)count;
	return count < 0 ? -1 : 0;
}

struct sockets *sockets_open(const struct snapshot *snapshot, struct problems *problems)
{
	const struct listen_settings *rows = snapshot->settings.listeners.items;
	size_t count = snapshot->settings.listeners.count, at = 0;
	struct sockets *sockets = calloc(1, sizeof(*sockets) + count * sizeof(sockets->offers[0]));
	while (sockets && at < count && ask(&rows[at], &sockets->offers[at]) == 0)
		sockets->count = ++at;
	if (sockets && at == count)
		return sockets;
	problem_add(problems, true, NULL, 0, "cannot listen on %s: %s",
		    at < count ? rows[at].name.ptr : "anything", strerror(errno));
	sockets_close(sockets);
	channel_say(CHANNEL_UNDO);
	return NULL;
}

/* --- handing them out --- */

struct handout {
	struct post post;
	struct worker *worker;
	struct snapshot *snapshot; /* held */
	size_t count;
	struct listen_socket sockets[];
};

static void take_over(struct post *post)
{
	struct handout *handout = (struct handout *)post;
	if (receive_listen(handout->worker, handout->snapshot, handout->sockets, handout->count) !=
	    0)
		log_say(EVENT_LISTEN, "no memory: the listeners stay as they were");
	snapshot_release(handout->snapshot);
	free(handout);
}

static struct handout *handout_create(const struct sockets *sockets, struct snapshot *snapshot,
				      unsigned number)
{
	const struct listen_settings *rows = snapshot->settings.listeners.items;
	struct handout *handout = calloc(1, sizeof(*handout) +
						    sockets->count * sizeof(handout->sockets[0]));
	if (!handout)
		return NULL;
	handout->post.run = take_over;
	handout->worker = runtime.workers[number];
	handout->snapshot = snapshot_hold(snapshot);
	for (size_t i = 0; i < sockets->count; i++) {
		const struct offer *offer = &sockets->offers[i];
		int fd = fcntl(offer->fds[number % offer->count], F_DUPFD_CLOEXEC, 0);
		if (fd >= 0)
			handout->sockets[handout->count++] = (struct listen_socket){ fd, &rows[i] };
		else
			log_say(EVENT_LISTEN, "worker %u does not listen on %s: %s", number,
				rows[i].name.ptr, strerror(errno));
	}
	return handout;
}

void sockets_hand_out(struct sockets *sockets, struct snapshot *snapshot, bool running)
{
	for (unsigned i = 0; i < runtime.worker_count; i++) {
		struct handout *handout = handout_create(sockets, snapshot, i);
		if (!handout)
			log_say(EVENT_LISTEN, "no memory: worker %u keeps its listeners", i);
		else if (running)
			worker_post(handout->worker, &handout->post);
		else
			take_over(&handout->post);
	}
	sockets_close(sockets);
	channel_say(CHANNEL_KEEP);
}

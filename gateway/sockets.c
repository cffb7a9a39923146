#include "daemon.h"

#include "base/log.h"
#include "loop/listener.h"
#include "receive/receive.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define BACKLOG 1024

/* One address and port, with a socket for each worker. What workers listen on are duplicates, so closing theirs
 * loses no connection that waits in the backlog. */
struct address_sockets {
	struct address_sockets *next;
	char *name;
	int *fds;
	bool named; /* by the snapshot that is being opened */
};

static struct address_sockets *all;

static struct address_sockets *find(struct gw_str name)
{
	struct address_sockets *sockets = all;
	while (sockets && !gw_str_eq(gw_str(sockets->name), name))
		sockets = sockets->next;
	return sockets;
}

static void sockets_free(struct address_sockets *sockets)
{
	for (unsigned i = 0; sockets->fds && i < runtime.worker_count; i++)
		if (sockets->fds[i] >= 0)
			close(sockets->fds[i]);
	free(sockets->fds);
	free(sockets->name);
	free(sockets);
}

static struct address_sockets *sockets_alloc(struct gw_str name)
{
	struct address_sockets *sockets = calloc(1, sizeof(*sockets));
	if (!sockets)
		return NULL;
	sockets->name = strndup(name.ptr, name.len);
	sockets->fds = calloc(runtime.worker_count, sizeof(int));
	for (unsigned i = 0; sockets->fds && i < runtime.worker_count; i++)
		sockets->fds[i] = -1;
	if (sockets->name && sockets->fds)
		return sockets;
	sockets_free(sockets);
	return NULL;
}

static struct address_sockets *bind_all(const struct listen_settings *settings, struct problems *problems)
{
	struct sockaddr_storage address;
	socklen_t len;
	struct address_sockets *sockets = sockets_alloc(settings->name);
	bool fine = sockets && listener_address(settings->address, (uint16_t)settings->port, &address, &len);
	for (unsigned i = 0; fine && i < runtime.worker_count; i++) {
		sockets->fds[i] = listener_bind((struct sockaddr *)&address, len, true, BACKLOG);
		fine = sockets->fds[i] >= 0;
	}
	if (fine)
		return sockets;
	problem_add(problems, true, NULL, 0, "cannot listen on %.*s: %s", (int)settings->name.len, settings->name.ptr, strerror(errno));
	if (sockets)
		sockets_free(sockets);
	return NULL;
}

static void drop_unnamed(void)
{
	for (struct address_sockets **at = &all, *sockets; (sockets = *at);) {
		if (sockets->named) {
			at = &sockets->next;
			continue;
		}
		*at = sockets->next;
		sockets_free(sockets);
	}
}

int sockets_open(const struct snapshot *snapshot, struct problems *problems)
{
	const struct listen_settings *rows = snapshot->settings.listeners.items;
	struct address_sockets *fresh = NULL;
	for (size_t i = 0; i < snapshot->settings.listeners.count; i++) {
		struct address_sockets *sockets = find(rows[i].name) ? NULL : bind_all(&rows[i], problems);
		if (!sockets && !find(rows[i].name)) {
			while (fresh) {
				struct address_sockets *next = fresh->next;
				sockets_free(fresh);
				fresh = next;
			}
			return -1;
		}
		if (sockets) {
			sockets->next = fresh;
			fresh = sockets;
		}
	}
	while (fresh) {
		struct address_sockets *next = fresh->next;
		fresh->next = all;
		all = fresh;
		fresh = next;
	}
	return 0;
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
	if (receive_listen(handout->worker, handout->snapshot, handout->sockets, handout->count) != 0)
		log_say(LOG_FAIL, "listen", "no memory: the listeners stay as they were");
	snapshot_release(handout->snapshot);
	free(handout);
}

static struct handout *handout_create(struct snapshot *snapshot, unsigned number)
{
	const struct listen_settings *rows = snapshot->settings.listeners.items;
	size_t count = snapshot->settings.listeners.count;
	struct handout *handout = calloc(1, sizeof(*handout) + count * sizeof(handout->sockets[0]));
	if (!handout)
		return NULL;
	handout->post.run = take_over;
	handout->worker = runtime.workers[number];
	handout->snapshot = snapshot_hold(snapshot);
	for (size_t i = 0; i < count; i++) {
		struct address_sockets *sockets = find(rows[i].name);
		int fd = sockets ? dup(sockets->fds[number]) : -1;
		if (fd < 0)
			continue;
		sockets->named = true;
		handout->sockets[handout->count++] = (struct listen_socket){ fd, &rows[i] };
	}
	return handout;
}

void sockets_hand_out(struct snapshot *snapshot, bool running)
{
	for (struct address_sockets *sockets = all; sockets; sockets = sockets->next)
		sockets->named = false;
	for (unsigned i = 0; i < runtime.worker_count; i++) {
		struct handout *handout = handout_create(snapshot, i);
		if (!handout)
			log_say(LOG_FAIL, "listen", "no memory: worker %u keeps its listeners", i);
		else if (running)
			worker_post(handout->worker, &handout->post);
		else
			take_over(&handout->post);
	}
	drop_unnamed();
}

void sockets_close(void)
{
	for (struct address_sockets *sockets = all; sockets; sockets = sockets->next)
		sockets->named = false;
	drop_unnamed();
}

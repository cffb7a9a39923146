/* listener.c - in the place of loop/listener.c: descriptors that are numbers. */
#include "sim_private.h"

#include "loop/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#define FIRST_FD 100

struct listener {
	struct list_link link;
	struct worker *worker;
	int fd;
	bool paused;
	void (*accepted)(int fd, const struct sockaddr *peer, socklen_t len, void *arg);
	void *arg;
};

struct waiting {
	struct list_link link;
	int listener;
	struct peer_end *peer;
};

static struct list_link listeners = { &listeners, &listeners };
static struct list_link backlog = { &backlog, &backlog };

static struct listener *listener_of(int fd)
{
	for (struct list_link *at = listeners.next; at != &listeners; at = at->next)
		if (list_of(at, struct listener, link)->fd == fd)
			return list_of(at, struct listener, link);
	return NULL;
}

struct listener *listener_create(struct worker *worker, int fd,
				 void (*accepted)(int fd, const struct sockaddr *peer,
						  socklen_t len, void *arg),
				 void *arg)
{
	struct listener *listener = calloc(1, sizeof(*listener));

	*listener = (struct listener){
		.worker = worker, .fd = fd, .accepted = accepted, .arg = arg
	};
	list_add(&listeners, &listener->link);
	return listener;
}

void listener_pause(struct listener *listener)
{
	listener->paused = true;
}

void listener_resume(struct listener *listener)
{
	listener->paused = false;
}

void listener_destroy(struct listener *listener)
{
	if (!listener)
		return;
	list_take(&listener->link);
	free(listener);
}

void listener_refuse(int fd, struct gw_str why)
{
	struct peer_end *peer = peer_of(fd);

	buf_add_str(&peer->heard, why);
	peer->left = true;
}

struct peer_end *peer_connect(int fd, const char *address)
{
	static int last = FIRST_FD;
	struct sockaddr_in *v4;
	struct waiting *waiting;
	struct peer_end *peer;

	if (!listener_of(fd))
		return NULL;
	peer = calloc(1, sizeof(*peer));
	waiting = calloc(1, sizeof(*waiting));
	peer->fd = last = last < 1000 ? last + 1 : FIRST_FD;
	buf_init(&peer->said, 0);
	buf_init(&peer->heard, 0);
	v4 = (struct sockaddr_in *)&peer->address;
	v4->sin_family = AF_INET;
	v4->sin_port = htons(40000);
	assert_int_equal(inet_pton(AF_INET, address, &v4->sin_addr), 1);
	peer_enter(peer);
	*waiting = (struct waiting){ .listener = fd, .peer = peer };
	list_add(&backlog, &waiting->link);
	return peer;
}

static bool accept_one(struct waiting *waiting)
{
	struct listener *listener = listener_of(waiting->listener);
	struct peer_end *peer = waiting->peer;

	if (listener && listener->paused)
		return false;
	list_take(&waiting->link);
	free(waiting);
	if (listener)
		listener->accepted(peer->fd, (struct sockaddr *)&peer->address,
				   sizeof(struct sockaddr_in), listener->arg);
	else
		peer->left = true;
	return true;
}

bool listeners_run(struct worker *worker)
{
	bool any = false;

	for (struct list_link *at = backlog.next, *next; at != &backlog; at = next) {
		next = at->next;
		any |= accept_one(list_of(at, struct waiting, link));
	}
	return any;
}

bool listener_address(struct gw_str text, uint16_t port, struct sockaddr_storage *address,
		      socklen_t *len)
{
	return false;
}

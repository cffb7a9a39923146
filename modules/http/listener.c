#include "listener.h"

#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024

/* The instance of a reload and the one before it are of one process. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	struct server *owner;
	char *text;
	int fd;
} shared = { NULL, NULL, -1 };

/* --- a new one --- */

/* What a gateway that was killed has left is in the way; what somebody answers on is not ours. */
static bool is_left(int fd, const struct sockaddr_un *address)
{
	return connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
	       errno == ECONNREFUSED;
}

static int bind_path(int fd, struct gw_str path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof address.sun_path, "%.*s", GW_STR_ARGS(path));
	if (is_left(fd, &address))
		unlink(address.sun_path);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
		return -1;
	/* Who may ask is said by tokens; who may connect, by the folder. */
	return chmod(address.sun_path, 0666);
}

static int bind_port(int fd, const struct listen_address *address)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
				    .sin6_port = htons((uint16_t)address->port) };
	struct sockaddr_in four = { .sin_family = AF_INET,
				    .sin_port = htons((uint16_t)address->port) };
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	/* Connections have it from here. Without, the end of an answer may wait 40 ms for a client
	 * that acknowledges late. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	inet_pton(AF_INET6, address->host, &six.sin6_addr);
	inet_pton(AF_INET, address->host, &four.sin_addr);
	return address->is_ipv6 ? bind(fd, (struct sockaddr *)&six, sizeof six)
				: bind(fd, (struct sockaddr *)&four, sizeof four);
}

static int listen_on(struct gw_str text)
{
	struct listen_address address;
	int fd, error;

	if (!listen_address_read(text, &address))
		return errno = EINVAL, -1;
	fd = socket(address.path.len  ? AF_UNIX
		    : address.is_ipv6 ? AF_INET6
				      : AF_INET,
		    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if ((address.path.len ? bind_path(fd, address.path) : bind_port(fd, &address)) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* --- who has it --- */

static void forget(void)
{
	if (shared.fd >= 0)
		close(shared.fd);
	free(shared.text);
	shared.text = NULL;
	shared.fd = -1;
}

static bool is_same(struct gw_str text)
{
	return shared.fd >= 0 && gw_str_eq(gw_str(shared.text), text);
}

static int open_shared(struct gw_str text)
{
	if (is_same(text))
		return 0;
	forget();
	shared.fd = listen_on(text);
	shared.text = shared.fd < 0 ? NULL : strndup(text.ptr, text.len);
	if (shared.fd >= 0 && !shared.text)
		forget();
	return shared.fd < 0 ? -1 : 0;
}

int listener_take(struct server *server, struct gw_str text)
{
	int fd = -1;

	pthread_mutex_lock(&lock);
	if (open_shared(text) == 0)
		fd = fcntl(shared.fd, F_DUPFD_CLOEXEC, 3);
	if (fd >= 0 && shared.owner && shared.owner != server) {
		atomic_store(&shared.owner->retired, true);
		event_active(shared.owner->wake, 0, 0);
	}
	if (fd >= 0)
		shared.owner = server;
	pthread_mutex_unlock(&lock);
	return fd;
}

void listener_leave(struct server *server)
{
	pthread_mutex_lock(&lock);
	if (shared.owner == server) {
		shared.owner = NULL;
		forget();
	}
	pthread_mutex_unlock(&lock);
}

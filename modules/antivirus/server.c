#include "server.h"

#include <errno.h>
#include <event2/util.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

static bool local_address(struct server *server)
{
	struct sockaddr_un *address = (struct sockaddr_un *)&server->address;
	size_t len = strlen(server->name);

	if (len >= sizeof address->sun_path)
		return false;
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, server->name, len + 1);
	server->address_len = sizeof *address;
	server->local = true;
	return true;
}

/* evutil takes an address without a port too. */
static bool has_port(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET6)
		return ((const struct sockaddr_in6 *)address)->sin6_port != 0;
	return ((const struct sockaddr_in *)address)->sin_port != 0;
}

static bool parse(struct server *server, const char *address)
{
	int len = sizeof server->address;

	if (evutil_parse_sockaddr_port(address, (struct sockaddr *)&server->address, &len) != 0)
		return false;
	server->address_len = (socklen_t)len;
	return has_port(&server->address);
}

#define ICAP "icap://"
#define ICAP_PORT ":1344"

/* "icap://192.0.2.1/avscan", with a port or without. */
static bool icap_address(struct server *server)
{
	const char *host = server->name + sizeof(ICAP) - 1;
	size_t len = strcspn(host, "/");

	server->protocol = &protocol_icap;
	if (len == 0 || host[len] != '/' || strpbrk(server->name, " \r\n"))
		return false;
	snprintf(server->host, sizeof server->host, "%.*s", (int)len, host);
	if (parse(server, server->host))
		return true;
	strncat(server->host, ICAP_PORT, sizeof server->host - strlen(server->host) - 1);
	return parse(server, server->host);
}

static bool server_init(struct server *server, struct gw_str name)
{
	if (name.len >= sizeof server->name)
		return false;
	server->protocol = &protocol_clamd;
	snprintf(server->name, sizeof server->name, "%.*s", GW_STR_ARGS(name));
	if (server->name[0] == '/')
		return local_address(server);
	if (strncmp(server->name, ICAP, sizeof(ICAP) - 1) == 0)
		return icap_address(server);
	return parse(server, server->name);
}

bool servers_init(struct servers *servers, struct gw_list names, const char **wrong)
{
	size_t i;

	*wrong = NULL;
	servers->items = calloc(names.count + 1, sizeof *servers->items);
	if (!servers->items)
		return false;
	pthread_mutex_init(&servers->lock, NULL);
	servers->count = names.count;
	for (i = 0; i < names.count && !*wrong; i++)
		if (!server_init(&servers->items[i], names.items[i]))
			*wrong = names.items[i].ptr;
	if (*wrong)
		servers_finish(servers);
	return !*wrong;
}

void servers_finish(struct servers *servers)
{
	if (servers->items)
		pthread_mutex_destroy(&servers->lock);
	free(servers->items);
	servers->items = NULL;
}

int servers_next(struct servers *servers, uint32_t tried)
{
	int next = -1;
	size_t i;

	pthread_mutex_lock(&servers->lock);
	for (i = 0; i < servers->count; i++) {
		if (tried >> i & 1)
			continue;
		if (!servers->items[i].down) {
			next = (int)i;
			break;
		}
		next = next < 0 ? (int)i : next;
	}
	pthread_mutex_unlock(&servers->lock);
	return next;
}

void servers_fail(struct servers *servers, size_t which, const char *why)
{
	struct server *server = &servers->items[which];

	pthread_mutex_lock(&servers->lock);
	server->down = true;
	snprintf(server->fault, sizeof server->fault, "%s", why);
	pthread_mutex_unlock(&servers->lock);
}

bool servers_answered(struct servers *servers, size_t which, struct gw_str version)
{
	struct server *server = &servers->items[which];
	bool changed;

	pthread_mutex_lock(&servers->lock);
	changed = !gw_str_eq(gw_str(server->version), version);
	snprintf(server->version, sizeof server->version, "%.*s", GW_STR_ARGS(version));
	server->down = false;
	pthread_mutex_unlock(&servers->lock);
	return changed;
}

bool servers_look(struct servers *servers, size_t which, struct server *known)
{
	struct server *server = &servers->items[which];
	bool turned;

	pthread_mutex_lock(&servers->lock);
	*known = *server;
	turned = server->down != server->told_down;
	server->told_down = server->down;
	pthread_mutex_unlock(&servers->lock);
	return turned;
}

uint64_t servers_signatures(struct servers *servers, size_t which)
{
	const struct server *server = &servers->items[which];
	uint64_t number;

	pthread_mutex_lock(&servers->lock);
	number = server->protocol->signatures(server->version);
	pthread_mutex_unlock(&servers->lock);
	return number;
}

#define TRY_MS 1000

static int outcome_of(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	int error = ETIMEDOUT;
	socklen_t len = sizeof error;

	if (poll(&wait, 1, TRY_MS) == 1)
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error;
}

const char *server_refuses(const struct server *server)
{
	int fd = socket(server->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = 0;

	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&server->address, server->address_len) != 0)
		error = errno == EINPROGRESS ? outcome_of(fd) : errno;
	if (fd >= 0)
		close(fd);
	return error ? strerrordesc_np(error) : NULL;
}

#include "supervisor/listening.h"

#include "base/log.h"
#include "loop/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define BACKLOG 1024

/* One address and port: a socket for each worker, or those that were given to us. */
struct kept {
	struct kept *next;
	struct sockaddr_storage address;
	unsigned count;
	bool given, asked, fresh;
	int fds[CHANNEL_SOCKETS];
};

static struct kept *all;

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)a,
				 *b4 = (const struct sockaddr_in *)b;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a,
				  *b6 = (const struct sockaddr_in6 *)b;
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a6->sin6_port == b6->sin6_port &&
	       memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
}

static struct kept *find(const struct sockaddr_storage *address)
{
	struct kept *kept = all;
	while (kept && !same_address(&kept->address, address))
		kept = kept->next;
	return kept;
}

static struct kept *kept_create(const struct sockaddr_storage *address)
{
	struct kept *kept = calloc(1, sizeof(*kept));
	if (!kept)
		return NULL;
	kept->address = *address;
	kept->next = all;
	all = kept;
	return kept;
}

static void shrink(struct kept *kept, unsigned count)
{
	while (kept->count > count)
		close(kept->fds[--kept->count]);
}

static void close_where(bool (*closes)(const struct kept *kept))
{
	for (struct kept **at = &all, *kept; (kept = *at);) {
		if (!closes(kept)) {
			at = &kept->next;
			continue;
		}
		*at = kept->next;
		shrink(kept, 0);
		free(kept);
	}
}

static bool is_fresh(const struct kept *kept)
{
	return kept->fresh;
}
static bool is_unused(const struct kept *kept)
{
	return !kept->asked && !kept->given;
}
static bool is_any(const struct kept *kept)
{
	return true;
}

/* --- given --- */

static void adopt(int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t len = sizeof(address);
	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0 ||
	    (address.ss_family != AF_INET && address.ss_family != AF_INET6)) {
		log_say(EVENT_SOCKET,
			"descriptor %d of the service manager is no TCP socket: not used", fd);
		return;
	}
	struct kept *kept = find(&address);
	if (!kept)
		kept = kept_create(&address);
	if (!kept || kept->count == CHANNEL_SOCKETS)
		return;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	kept->given = true;
	kept->fds[kept->count++] = fd;
}

void listening_adopt(const int *fds, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		adopt(fds[i]);
}

/* --- asked for --- */

#define FREE_TRIES 40
#define FREE_PAUSE_MS 25

static uint16_t port_of(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET ? ((const struct sockaddr_in *)address)->sin_port
					     : ((const struct sockaddr_in6 *)address)->sin6_port;
}

/* What we have on this port ourselves would be in the way of asking. */
static bool port_is_ours(uint16_t port)
{
	bool ours = false;
	for (const struct kept *kept = all; kept; kept = kept->next)
		ours |= kept->count && port_of(&kept->address) == port;
	return ours;
}

/* For a moment longer than a process that was killed needs to let go. */
static bool wait_until_free(const struct channel_order *order)
{
	const struct sockaddr *address = (const struct sockaddr *)&order->address;
	bool is_free = port_is_ours(port_of(&order->address)) ||
		       listener_is_free(address, order->len);
	for (int i = 0; !is_free && errno == EADDRINUSE && i < FREE_TRIES; i++) {
		poll(NULL, 0, FREE_PAUSE_MS);
		is_free = listener_is_free(address, order->len);
	}
	return is_free;
}

static int grow(struct kept *kept, const struct channel_order *order)
{
	if (!kept->count && !wait_until_free(order))
		return -1;
	while (kept->count < order->count) {
		int fd = listener_bind((const struct sockaddr *)&kept->address, order->len, true,
				       BACKLOG);
		if (fd < 0)
			return -1;
		kept->fds[kept->count++] = fd;
	}
	return 0;
}

static bool is_proper(const struct channel_order *order)
{
	return order->count > 0 && order->count <= CHANNEL_SOCKETS &&
	       ((order->address.ss_family == AF_INET && order->len == sizeof(struct sockaddr_in)) ||
		(order->address.ss_family == AF_INET6 &&
		 order->len == sizeof(struct sockaddr_in6)));
}

const int *listening_give(const struct channel_order *order, unsigned *count)
{
	errno = EINVAL;
	if (!is_proper(order))
		return NULL;
	struct kept *kept = find(&order->address);
	if (!kept && (kept = kept_create(&order->address)))
		kept->fresh = true;
	if (!kept || (!kept->given && grow(kept, order) != 0))
		return NULL;
	if (!kept->given)
		shrink(kept, order->count);
	kept->asked = true;
	*count = kept->count < order->count ? kept->count : order->count;
	return kept->fds;
}

void listening_forget(void)
{
	for (struct kept *kept = all; kept; kept = kept->next)
		kept->asked = kept->fresh = false;
}

void listening_settle(bool keep)
{
	close_where(keep ? is_unused : is_fresh);
	listening_forget();
}

void listening_close(void)
{
	close_where(is_any);
}

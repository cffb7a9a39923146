#include "supervisor/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int supervisor = -1;

void channel_use(int fd)
{
	supervisor = fd;
}

/* --- descriptors --- */

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(CHANNEL_SOCKETS * sizeof(int))];
};

int channel_send_fds(int link, const void *packet, size_t len, const int *fds, unsigned count)
{
	union control control = { 0 };
	struct iovec data = { (void *)packet, len };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };
	if (count) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(rights), fds, count * sizeof(int));
	}
	return sendmsg(link, &message, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -1;
}

ssize_t channel_receive_fds(int link, void *packet, size_t len, int *fds, unsigned *count)
{
	union control control;
	struct iovec data = { packet, len };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	ssize_t got;
	do
		got = recvmsg(link, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	struct cmsghdr *rights = got < 0 ? NULL : CMSG_FIRSTHDR(&message);
	*count = 0;
	if (!rights || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS)
		return got;
	*count = (unsigned)((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(fds, CMSG_DATA(rights), *count * sizeof(int));
	return got;
}

/* --- orders --- */

static int say(const struct channel_order *order)
{
	return channel_send_fds(supervisor, order, sizeof(*order), NULL, 0);
}

void channel_say(enum channel_kind kind)
{
	say(&(struct channel_order){ .kind = kind });
}

void link_say_refused(const char *why)
{
	struct channel_order order = { .kind = CHANNEL_REFUSED };
	snprintf(order.text, sizeof(order.text), "%s", why);
	say(&order);
}

void channel_say_log(const char *path)
{
	const struct channel_order order = { .kind = CHANNEL_LOG };
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		      0640);
	if (fd < 0)
		return;
	channel_send_fds(supervisor, &order, sizeof(order), &fd, 1);
	close(fd);
}

static int refuse(const int *fds, unsigned count, int error)
{
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
	errno = error;
	return -1;
}

int channel_listen(const struct sockaddr_storage *address, socklen_t len, unsigned count, int *fds)
{
	struct channel_order order = {
		CHANNEL_LISTEN, count < CHANNEL_SOCKETS ? count : CHANNEL_SOCKETS, len, { *address }
	};
	struct link_answer answer;
	unsigned got = 0;
	int received[CHANNEL_SOCKETS];
	if (say(&order) != 0)
		return -1;
	ssize_t size = channel_receive_fds(supervisor, &answer, sizeof(answer), received, &got);
	if (size < 0)
		return -1;
	if (size != (ssize_t)sizeof(answer) || answer.error || got == 0 || got > order.count)
		return refuse(received, got,
			      size == (ssize_t)sizeof(answer) && answer.error ? answer.error
									      : EPROTO);
	memcpy(fds, received, got * sizeof(int));
	return (int)got;
}

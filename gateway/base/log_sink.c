#include "base/log_private.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int log_sink_init(struct log_sink *sink)
{
	memset(sink, 0, sizeof(*sink));
	sink->fd = -1;
	sink->last = '\n';
	sink->pending = malloc(LOG_SINK_SIZE);
	return sink->pending ? 0 : -1;
}

/* The newline that ends a torn line stands alone in front and is no line. */
static uint64_t lines_waiting(const struct log_sink *sink)
{
	const char *at = sink->pending + sink->start, *end = sink->pending + sink->end;
	uint64_t lines = 0;

	if (at < end && *at == '\n' && sink->last != '\n')
		at++;
	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		lines++;
		at++;
	}
	return lines;
}

static void drop_waiting(struct log_sink *sink)
{
	uint64_t lines = sink->start < sink->end ? lines_waiting(sink) : 0;

	sink->lost += lines;
	log_count_dropped(lines);
	sink->start = sink->end = 0;
}

void log_sink_finish(struct log_sink *sink)
{
	if (sink->pending)
		drop_waiting(sink);
	free(sink->pending);
	sink->pending = NULL;
}

void log_sink_use(struct log_sink *sink, int fd)
{
	struct stat st;

	sink->fd = fd;
	sink->last = '\n';
	sink->pollable = fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode);
	sink->is_socket = sink->pollable && S_ISSOCK(st.st_mode);
}

bool log_sink_waits(const struct log_sink *sink)
{
	return sink->start < sink->end;
}

void log_sink_add(struct log_sink *sink, const char *line, size_t len)
{
	size_t held = sink->end - sink->start, repair = held == 0 && sink->last != '\n';

	if (len + repair > LOG_SINK_SIZE - sink->end && held + len <= LOG_SINK_SIZE / 2) {
		memmove(sink->pending, sink->pending + sink->start, held);
		sink->start = 0;
		sink->end = held;
	}
	if (len + repair > LOG_SINK_SIZE - sink->end)
		log_sink_flush(sink);
	if (len + 1 > LOG_SINK_SIZE - sink->end) {
		sink->lost++;
		log_count_dropped(1);
		return;
	}
	if (sink->start == sink->end && sink->last != '\n')
		sink->pending[sink->end++] = '\n';
	memcpy(sink->pending + sink->end, line, len);
	sink->end += len;
}

/* A descriptor we were given may not be made non-blocking, since others share it; a pipe that polls
 * writable takes PIPE_BUF bytes without blocking. */
static ssize_t write_some(const struct log_sink *sink)
{
	const char *at = sink->pending + sink->start;
	size_t len = sink->end - sink->start;
	struct pollfd ready = { .fd = sink->fd, .events = POLLOUT };

	if (sink->is_socket)
		return send(sink->fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (!sink->pollable)
		return write(sink->fd, at, len);
	if (poll(&ready, 1, 0) != 1) {
		errno = EAGAIN;
		return -1;
	}
	return write(sink->fd, at, len < PIPE_BUF ? len : PIPE_BUF);
}

void log_sink_flush(struct log_sink *sink)
{
	sink->error = 0;
	while (log_sink_waits(sink)) {
		ssize_t done = write_some(sink);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (done <= 0) {
			sink->error = done < 0 ? errno : EIO;
			drop_waiting(sink);
			return;
		}
		sink->start += (size_t)done;
		sink->last = sink->pending[sink->start - 1];
	}
	sink->start = sink->end = 0;
}

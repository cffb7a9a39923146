#include "base/log_private.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/* The log's own words go to the target like any line, but not through the queue. */
__attribute__((format(printf, 3, 4))) static void tell(struct log_output *out, enum event_id event,
						       const char *format, ...)
{
	char line[512], *at = clock_rfc3339(clock_wall(), line) + CLOCK_RFC3339 - 1;
	size_t room = sizeof(line) - CLOCK_RFC3339;
	va_list args;
	int len;

	at += len = snprintf(at, room, " %s %s ", log_level_name(event_level(event)),
			     event_name(event));
	room -= (size_t)len;
	va_start(args, format);
	len = vsnprintf(at, room, format, args);
	va_end(args);
	at += (size_t)len < room ? (size_t)len : room - 1;
	*at++ = '\n';
	log_sink_add(&out->target, line, (size_t)(at - line));
}

static void tell_lost(struct log_output *out, enum event_id event, uint64_t lines)
{
	tell(out, event, "%s=%llu", event_key_name(KEY_LINES), (unsigned long long)lines);
}

static void tell_failed(struct log_output *out, enum event_id event, const char *path, int error)
{
	tell(out, event, "%s=\"%s\" %s=\"%s\"", event_key_name(KEY_PATH), path,
	     event_key_name(KEY_REASON), strerrordesc_np(error));
}

/* Told when the target takes lines again; when the telling fails the count is kept for the next
 * time. */
static void flush_target(struct log_output *out)
{
	uint64_t lost;

	log_sink_flush(&out->target);
	lost = out->target.lost;
	if (lost == 0 || out->target.error || log_sink_waits(&out->target))
		return;
	out->target.lost = 0;
	tell_lost(out, EVENT_LOG_DROPPED, lost);
	log_sink_flush(&out->target);
	if (out->target.error)
		out->target.lost = lost;
}

static void flush_journal(struct log_output *out)
{
	struct log_sink *sink = &out->journal.sink;

	if (!out->has_journal || !log_sink_waits(sink))
		return;
	log_journal_flush(&out->journal);
	if (sink->error && !out->journal_broken)
		tell_failed(out, EVENT_JOURNAL_FAILED, out->journal.folder, sink->error);
	if (!sink->error && sink->lost) {
		tell_lost(out, EVENT_JOURNAL_DROPPED, sink->lost);
		sink->lost = 0;
	}
	out->journal_broken = sink->error != 0;
}

void log_output_write(struct log_output *out, const char *batch, size_t len, uint64_t lost_before)
{
	struct log_record record;

	out->target.lost += lost_before;
	for (const char *at = batch; at < batch + len; at += record.len) {
		memcpy(&record, at, sizeof(record));
		at += sizeof(record);
		if (record.where & LOG_TO_JOURNAL)
			log_journal_add(&out->journal, at, record.len);
		if (record.where & LOG_TO_TARGET)
			log_sink_add(&out->target, at, record.len);
	}
	flush_journal(out);
	flush_target(out);
}

static int open_target(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
}

/* The old file stays in use when the new one cannot be opened. */
void log_output_reopen(struct log_output *out)
{
	int fd = out->path ? open_target(out->path) : -1, error = errno;

	if (out->has_journal)
		log_journal_reopen(&out->journal);
	if (!out->path)
		return;
	if (fd < 0) {
		tell_failed(out, EVENT_LOG_REOPEN_FAILED, out->path, error);
		return;
	}
	log_sink_flush(&out->target);
	close(out->target.fd);
	log_sink_use(&out->target, fd);
}

void log_output_wait(struct log_output *out, int ms)
{
	struct pollfd ready = { .fd = out->target.fd, .events = POLLOUT };

	poll(&ready, 1, ms);
}

void log_output_drain(struct log_output *out, int64_t stop_at)
{
	while (log_sink_waits(&out->target)) {
		int64_t left = stop_at - clock_monotonic();
		if (left <= 0)
			return;
		log_output_wait(out, (int)left);
		flush_target(out);
	}
}

int log_output_init(struct log_output *out, const char *path, const char *journal,
		    unsigned keep_days)
{
	bool to_stderr = !path || strcmp(path, "-") == 0;
	int fd = to_stderr ? STDERR_FILENO : open_target(path), error;

	memset(out, 0, sizeof(*out));
	if (fd < 0)
		return -1;
	if (log_sink_init(&out->target) != 0)
		goto fail;
	out->path = to_stderr ? NULL : strdup(path);
	if (!to_stderr && !out->path)
		goto fail;
	log_sink_use(&out->target, fd);
	if (journal && log_journal_init(&out->journal, journal, keep_days) != 0)
		goto fail;
	out->has_journal = journal != NULL;
	return 0;
fail:
	error = errno;
	log_sink_finish(&out->target);
	free(out->path);
	if (!to_stderr)
		close(fd);
	errno = error;
	return -1;
}

void log_output_finish(struct log_output *out)
{
	if (out->has_journal)
		log_journal_finish(&out->journal);
	log_sink_finish(&out->target);
	if (out->path)
		close(out->target.fd);
	free(out->path);
}

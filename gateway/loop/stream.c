#include "loop/stream_private.h"

#include "base/list.h"

#include <stdlib.h>
#include <unistd.h>

#define INPUT_DEFAULT 65536

/* Reads of a paused stream wait with what they would tell. */
#define PAUSED_EVENTS (1u << STREAM_DATA | 1u << STREAM_EOF)

static void run_job(struct post *post)
{
	struct stream *stream = list_of(post, struct stream, job);

	stream->job_queued = false;
	if (!stream->dead) {
		if (stream->read_again && stream->phase == PHASE_OPEN)
			stream_fill(stream);
		stream_deliver(stream);
	}
	stream_drop(stream);
}

static void init_events(struct stream *stream)
{
	event_assign(&stream->read, stream->worker->base, stream->fd, EV_READ | EV_PERSIST,
		     stream_readable, stream);
	event_assign(&stream->write, stream->worker->base, stream->fd, EV_WRITE | EV_PERSIST,
		     stream_writable, stream);
}

struct stream *stream_make(struct worker *worker, int fd, const struct stream_limits *limits,
			   stream_handler *handler, void *arg)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL)
		return NULL;
	stream->worker = worker;
	stream->handler = handler;
	stream->arg = arg;
	stream->fd = fd;
	stream->references = 1;
	stream->phase = PHASE_OPEN;
	stream->job.run = run_job;
	stream->flush.run = stream_flush_post;
	stream->input_limit = limits->input != 0 ? limits->input : INPUT_DEFAULT;
	stream->farewell = limits->farewell;
	buf_init(&stream->in, 0);
	buf_init(&stream->out, limits->output);
	init_events(stream);
	stream_touch(stream);
	return stream;
}

struct stream *stream_accept(struct worker *worker, int fd, const struct stream_limits *limits,
			     stream_handler *handler, void *arg)
{
	struct stream *stream = stream_make(worker, fd, limits, handler, arg);

	if (stream == NULL)
		return NULL;
	if (stream_want_read(stream, true) < 0) {
		free(stream);
		return NULL;
	}
	return stream;
}

void stream_set_handler(struct stream *stream, stream_handler *handler, void *arg)
{
	stream->handler = handler;
	stream->arg = arg;
}

void stream_drop(struct stream *stream)
{
	if (--stream->references != 0)
		return;
	free(stream->error);
	free(stream);
}

void stream_destroy(struct stream *stream)
{
	if (stream == NULL)
		return;
	stream->dead = true;
	worker_disown(&stream->orphan);
	stream_want_read(stream, false);
	stream_want_write(stream, false);
	timer_clear(&stream->timer);
	stream_tls_close(stream, false);
	close(stream->fd);
	buf_finish(&stream->in);
	buf_finish(&stream->out);
	stream_drop(stream);
}

static int want(struct event *event, bool *added, bool on)
{
	if (*added == on)
		return 0;
	if ((on ? event_add(event, NULL) : event_del(event)) < 0)
		return -1;
	*added = on;
	return 0;
}

int stream_want_read(struct stream *stream, bool on)
{
	return want(&stream->read, &stream->reading, on);
}

int stream_want_write(struct stream *stream, bool on)
{
	return want(&stream->write, &stream->writing, on);
}

void stream_raise(struct stream *stream, enum stream_event event)
{
	stream->events |= 1u << event;
}

void stream_queue_job(struct stream *stream)
{
	if (stream->job_queued)
		return;
	stream->job_queued = true;
	stream->references++;
	worker_later(stream->worker, TURN_EVENT, &stream->job);
}

void stream_raise_later(struct stream *stream, enum stream_event event)
{
	stream_raise(stream, event);
	stream_queue_job(stream);
}

/* Tells what is to be told now; what arises meanwhile is told in the next turn, so that no stream
 * keeps the loop. */
void stream_deliver(struct stream *stream)
{
	unsigned round = stream->events, bit;
	int event;

	stream->references++;
	for (event = STREAM_CONNECTED; event <= STREAM_ERROR && round != 0 && !stream->dead;
	     event++) {
		bit = 1u << event;
		if ((round & stream->events & bit) == 0 ||
		    (stream->paused && (bit & PAUSED_EVENTS) != 0))
			continue;
		stream->events &= ~bit;
		stream->handler(stream, (enum stream_event)event, stream->arg);
	}
	if (!stream->dead && buf_len(&stream->in) == 0)
		stream_return_input(stream);
	stream_drop(stream);
}

/* Input that came before the failure is still told: a peer's last words are often why it left. */
void stream_fail(struct stream *stream, const char *text)
{
	if (stream->phase == PHASE_ENDED)
		return;
	stream->phase = PHASE_ENDED;
	stream->error = strdup(text);
	stream_want_read(stream, false);
	stream_want_write(stream, false);
	timer_clear(&stream->timer);
	stream->timeout = 0;
	stream->events &= 1u << STREAM_DATA;
	stream_raise_later(stream, STREAM_ERROR);
}

void stream_fail_errno(struct stream *stream, int error)
{
	if (stream->phase != PHASE_ENDED)
		stream->error_number = error;
	stream_fail(stream, error == ENOMEM ? "out of memory" : strerror(error));
}

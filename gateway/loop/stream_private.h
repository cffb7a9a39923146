/* stream_private.h - what the files of a stream share; nobody else includes it. */
#ifndef LOOP_STREAM_PRIVATE_H
#define LOOP_STREAM_PRIVATE_H

#include "loop/stream.h"
#include "loop/tls_private.h"
#include "loop/worker_private.h"

#include <event2/event_struct.h>
#include <netinet/in.h>

enum stream_state {
	PHASE_CONNECTING,
	PHASE_OPEN,
	PHASE_CLEARING, /* TLS was asked for; output of before goes out in clear */
	PHASE_SHAKING,  /* TLS handshake */
	PHASE_ENDED,    /* failed */
};

struct stream_link {
	SSL *ssl;
	struct tls_context *context;
	char *name; /* what the session is kept under; client only */
	char text[64];
	enum tls_check check; /* what is looked at; client only */
	char fingerprint[65]; /* of a client's certificate; or empty */
	char *subject;        /* the same; NULL: nobody vouches for it */
};

struct stream_end {
	bool known;
	uint16_t port;
	char text[INET6_ADDRSTRLEN];
};

struct stream {
	struct worker *worker;
	stream_handler *handler;
	void *arg;
	int fd;
	enum stream_state phase;
	unsigned references; /* the owner, each queued post, each delivery */
	unsigned events;     /* bits of what is to be told */
	bool dead;           /* destroyed; waits for the references */
	bool paused, eof;
	bool reading, writing; /* the events that are added */
	bool stopped;          /* reading stopped for want of room or of permission */
	bool read_again;       /* OpenSSL may hold input that no event will tell of */
	bool read_wants_write, write_wants_read;
	bool drain_due; /* something was written since STREAM_DRAINED was last told */
	bool job_queued, flush_queued;
	bool handshake_failed; /* by what was said in it */
	bool shut;             /* stream_finish: our side is closed */
	struct event read, write;
	struct post job, flush;
	struct buf in, out;
	size_t input_limit;
	const char *farewell;
	size_t chunk;      /* how much to read at once */
	size_t scanned;    /* input without a CRLF */
	size_t clear_left; /* output that goes before the handshake */
	struct stream_link *link;
	char *error;
	int error_number;
	long tls_refusal;
	uint64_t bytes_read;
	struct timer timer;
	int64_t timeout, active, due; /* asked for; last movement; when the timer fires */
	struct stream_end peer, local;
	struct orphan orphan;
};

/* A read or write: bytes, or one of these. */
#define IO_EOF 0
#define IO_BLOCKED -1
#define IO_FAILED -2 /* stream_fail was called */

/* stream.c */
struct stream *stream_make(struct worker *worker, int fd, const struct stream_limits *limits,
			   stream_handler *handler, void *arg);
/* told by the stream_deliver of who calls */
void stream_raise(struct stream *stream, enum stream_event event);
/* told at the end of the turn */
void stream_raise_later(struct stream *stream, enum stream_event event);
void stream_queue_job(struct stream *stream);
void stream_deliver(struct stream *stream);
void stream_fail(struct stream *stream, const char *text);
void stream_fail_errno(struct stream *stream, int error); /* of a system call, in its words */
void stream_drop(struct stream *stream);                  /* one reference */
int stream_want_read(struct stream *stream, bool on);
int stream_want_write(struct stream *stream, bool on);
static inline void stream_touch(struct stream *stream)
{
	stream->active = worker_now(stream->worker);
}
static inline bool stream_in_tls(const struct stream *stream)
{
	return stream->link != NULL;
}

/* stream_input.c */
void stream_readable(evutil_socket_t fd, short what, void *arg);
void stream_fill(struct stream *stream);
void stream_return_input(struct stream *stream); /* the memory of an input that is empty */

/* stream_output.c */
void stream_writable(evutil_socket_t fd, short what, void *arg);
void stream_flush_post(struct post *post);
void stream_flush(struct stream *stream);
/* at the end of the turn, where a handshake begins as well */
void stream_queue_flush(struct stream *stream);

/* stream_connect.c */
void stream_connect_result(struct stream *stream);
void stream_end_set(struct stream_end *end, const struct sockaddr *address);

/* stream_tls.c */
void stream_shake(struct stream *stream);
ssize_t stream_tls_read(struct stream *stream, char *to, size_t len);
ssize_t stream_tls_write(struct stream *stream, const char *from, size_t len);
void stream_tls_close(struct stream *stream, bool tell);
static inline bool stream_tls_pending(const struct stream *stream)
{
	return stream->link != NULL && SSL_has_pending(stream->link->ssl) == 1;
}

#endif

/* stream.h - one connection as a stream of bytes: buffered both ways, in clear or TLS, on one
 * worker.
 *
 * A stream belongs to the worker that made it and is used by that thread alone. What happens on it
 * reaches its owner as events, always from the loop and never from inside a call of this interface,
 * so an owner may do anything in an event, destroying the stream included. An idle stream holds no
 * buffers.
 *
 * Input is pulled: on STREAM_DATA the owner takes what it can use (stream_input / stream_line,
 * stream_consume) and returns; what it leaves stays and is offered again with the next bytes, or
 * when stream_resume asks. Output is appended and written at the end of the loop's turn, so that
 * many small writes leave as one. */
#ifndef LOOP_STREAM_H
#define LOOP_STREAM_H

#include "base/buf.h"
#include "loop/tls.h"
#include "loop/worker.h"

#include <sys/socket.h>
#include <sys/uio.h>

struct stream;

enum stream_event {
	STREAM_CONNECTED, /* connect succeeded, or the TLS handshake did */
	STREAM_DATA,      /* there is new input (or stream_resume asked) */
	/* all output is in the kernel; told once after each turn that wrote (stream_writev
	   included) */
	STREAM_DRAINED,
	STREAM_EOF,     /* the peer closed its side; input that was left is still there */
	STREAM_TIMEOUT, /* nothing moved for as long as stream_timeout said */
	/* connect, handshake, read or write failed; stream_error says why; nothing follows */
	STREAM_ERROR,
};

typedef void stream_handler(struct stream *stream, enum stream_event event, void *arg);

struct stream_limits {
	/* most bytes kept unread; reading pauses there (a line must fit in it). 0: 64 KiB */
	size_t input;
	size_t output; /* most bytes kept unwritten: stream_write fails beyond it. 0: no bound */
	/* said where there is no memory to go on; NULL: nothing. Stays where it is */
	const char *farewell;
};

/* Takes over a connected, non-blocking socket, e.g. from a listener. NULL: no memory; the socket is
 * then still yours. */
struct stream *stream_accept(struct worker *worker, int fd, const struct stream_limits *limits,
			     stream_handler *handler, void *arg);

/* Begins to connect; `source` may be NULL. STREAM_CONNECTED or STREAM_ERROR follows. NULL: errno
 * says why. */
struct stream *stream_connect(struct worker *worker, const struct sockaddr *to, socklen_t to_len,
			      const struct sockaddr *source, socklen_t source_len,
			      const struct stream_limits *limits, stream_handler *handler,
			      void *arg);

/* Gives the stream to another owner (a pooled connection). */
void stream_set_handler(struct stream *stream, stream_handler *handler, void *arg);

/* Closes the socket at once, drops what is unwritten, frees. NULL is fine. No event follows. */
void stream_destroy(struct stream *stream);

/* Writes out what is waiting (at most `ms`), ends TLS properly, closes, frees by itself. No event
 * follows, the handle is gone. */
void stream_finish(struct stream *stream, int64_t ms);

/* The unread input. */
struct gw_str stream_input(const struct stream *stream);
void stream_consume(struct stream *stream, size_t len);

/* The next line, without its CRLF, and takes it: 1. 0: no whole line yet. -1: more than `max`
 * octets without a CRLF, or the input is full. Only CRLF ends a line. The line lives until the next
 * call on this stream that reads, consumes or returns to the loop. */
int stream_line(struct stream *stream, size_t max, struct gw_str *line);

/* The same, and a bare LF ends a line too: of a peer whose lines are only read, never passed on. */
int stream_line_lf(struct stream *stream, size_t max, struct gw_str *line);

/* Stops reading from the socket and telling STREAM_DATA and STREAM_EOF (a hook is held, a disk is
 * slow); what is unread stays in order. */
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream); /* STREAM_DATA follows when input is there */

/* Appends output. 0; -1: over the limit or no memory (the stream is then to be destroyed). */
int stream_write(struct stream *stream, struct gw_str bytes);
/* The buffer itself, to format into; call stream_flush_later after. */
struct buf *stream_output(struct stream *stream);
void stream_flush_later(struct stream *stream);
/* Ends it for want of memory: what is waiting and the farewell go out as far as the socket takes
 * them at once, STREAM_ERROR follows. */
void stream_give_up(struct stream *stream);
/* Writes pieces without copying what the socket takes at once; what it does not take is copied.
 * What was appended before goes first. */
int stream_writev(struct stream *stream, const struct iovec *pieces, size_t count);
size_t stream_unwritten(const struct stream *stream);
/* False: it failed, STREAM_ERROR is on its way or was told, and what is written is dropped. */
bool stream_is_open(const struct stream *stream);

/* STREAM_TIMEOUT after `ms` without a byte read or written; 0: never. Told again only after
 * stream_timeout is called again. */
void stream_timeout(struct stream *stream, int64_t ms);

/* Begins TLS: as the server (stream_start_tls_server) or client. Unread clear input is dropped and
 * told by the return value (1: there was some: RFC 3207 section 4.2, the caller ends the session).
 * Output waiting goes first, in clear. 0: STREAM_CONNECTED or STREAM_ERROR follows. -1: no memory.
 * Only on a connected stream; `tls` is held by the stream until it ends. The handshake's bytes do
 * not count as movement for stream_timeout. What `demand` names need not stay. */
int stream_start_tls_server(struct stream *stream, struct tls_context *tls);
int stream_start_tls_client(struct stream *stream, struct tls_context *tls,
			    const struct tls_demand *demand);
bool stream_is_tls(const struct stream *stream);
/* Of a client in TLS: what the server's certificate was looked at for and proved; NOTHING: nothing,
 * and stream_tls_doubt says why where it was looked at, else it is empty. */
enum tls_check stream_tls_proven(const struct stream *stream);
struct gw_str stream_tls_doubt(const struct stream *stream);
/* What is wrong with the server's certificate, be it that the handshake went on or that it ended:
 * the result type of RFC 8460, "certificate-expired"; NULL: nothing, or it was not looked at. */
const char *stream_tls_failure(const struct stream *stream);
/* After STREAM_ERROR: the handshake had begun, and what was said in it ended it (an alert, no
 * common version, no TLS at all). A peer that left, or said nothing, is none. */
bool stream_handshake_failed(const struct stream *stream);

/* "TLSv1.3 TLS_AES_256_GCM_SHA384", or empty; lives as long as the stream. */
struct gw_str stream_tls_text(const struct stream *stream);

/* Of the certificate that a client showed, and whose key it has: its SHA-256 in lower-case hex, or
 * empty where it showed none; and its subject ("CN=crm,O=Example", RFC 2253), empty where no
 * authority of client_ca vouches for it. They live as long as the stream. */
struct gw_str stream_tls_fingerprint(const struct stream *stream);
struct gw_str stream_tls_subject(const struct stream *stream);

/* What both ends of the TLS link know and nobody between them, for logins that are bound to it.
 * EXPORTER (RFC 9266): 32 octets, of TLS 1.2 only with its extended master secret. UNIQUE (RFC
 * 5929): of TLS 1.2 with the same. Their size; 0: there is none of that kind. */
#define STREAM_BINDING_MAX 64
enum stream_binding { STREAM_BINDING_EXPORTER, STREAM_BINDING_UNIQUE };
size_t stream_binding(const struct stream *stream, enum stream_binding which,
		      char octets[STREAM_BINDING_MAX]);

/* What went wrong, as a sentence: "Connection refused", "certificate verify failed: self-signed
 * certificate". */
struct gw_str stream_error(const struct stream *stream);
/* of the system call that failed; 0: it was none, or nothing failed */
int stream_errno(const struct stream *stream);

/* The peer has closed its side, or the link is lost: the system is asked, so it is known of a
 * paused stream too. */
bool stream_peer_closed(const struct stream *stream);

/* The peer's and our address, without port, as in RFC 5321 ("192.0.2.1", "IPv6:2001:db8::1" is
 * written by the caller). */
struct gw_str stream_peer(const struct stream *stream);
struct gw_str stream_local(const struct stream *stream);
uint16_t stream_peer_port(const struct stream *stream);
uint16_t stream_local_port(const struct stream *stream);

/* Names the peer: as it was accepted, or for whom a load balancer speaks. */
void stream_set_peer(struct stream *stream, const struct sockaddr *peer);

uint64_t stream_bytes_read(const struct stream *stream);
struct worker *stream_worker(const struct stream *stream);

#endif

/* client.c - the table of places, the way of a reply to its place, and the end of a connection. */
#include "client/client.h"
#include "client/tap.h"
#include "queue/runtime.h"

#include <stdlib.h>

#define TIMEOUT(name) offsetof(struct settings, delivery.name)
#define QUIT_WAIT 5000 /* ms for the answer to QUIT; a slot is held meanwhile */

static void quit_reply(struct client *client, const struct smtp_reply *reply)
{
	client_close(client);
}

const struct client_place client_places[] = {
	[AT_RESOLVE] = { STAGE_RESOLVE, 0, NULL, NULL },
	[AT_CONNECT] = { STAGE_CONNECT, TIMEOUT(connect), NULL, NULL },
	[AT_TLS] = { STAGE_TLS, TIMEOUT(helo), NULL, NULL },
	[AT_GREETING] = { STAGE_GREETING, TIMEOUT(greeting), NULL, client_greeting_reply },
	[AT_EHLO] = { STAGE_EHLO, TIMEOUT(helo), client_ehlo_begin, client_ehlo_reply },
	[AT_HELO] = { STAGE_EHLO, TIMEOUT(helo), client_helo_begin, client_helo_reply },
	[AT_STARTTLS] = { STAGE_TLS, TIMEOUT(helo), client_starttls_begin, client_starttls_reply },
	[AT_LOGIN] = { STAGE_AUTH, TIMEOUT(mail), client_login_begin, NULL },
	[AT_AUTH] = { STAGE_AUTH, TIMEOUT(mail), NULL, client_auth_reply },
	[AT_PROOF] = { STAGE_AUTH, TIMEOUT(mail), NULL, NULL },
	[AT_RSET] = { STAGE_MAIL, TIMEOUT(mail), client_rset_begin, client_rset_reply },
	[AT_MAIL] = { STAGE_MAIL, TIMEOUT(mail), client_mail_begin, client_mail_reply },
	[AT_RCPT] = { STAGE_RCPT, TIMEOUT(rcpt), client_rcpt_begin, client_rcpt_reply },
	[AT_DATA] = { STAGE_DATA, TIMEOUT(data), client_data_begin, client_data_reply },
	[AT_CHUNK] = { STAGE_DATA, TIMEOUT(data), client_chunk_begin, client_chunk_reply },
	[AT_BODY] = { STAGE_BODY, TIMEOUT(block), client_body_begin, client_body_reply },
	[AT_DOT] = { STAGE_DOT, TIMEOUT(dot), NULL, client_dot_reply },
	[AT_TRY_MAIL] = { STAGE_MAIL, TIMEOUT(mail), client_try_mail_begin, client_try_mail_reply },
	[AT_TRY_RCPT] = { STAGE_RCPT, TIMEOUT(rcpt), client_try_rcpt_begin, client_try_rcpt_reply },
	[AT_TRY_RSET] = { STAGE_RCPT, TIMEOUT(mail), client_try_rset_begin, client_try_rset_reply },
	[AT_IDLE] = { STAGE_NONE, TIMEOUT(idle), NULL, NULL },
	[AT_QUIT] = { STAGE_NONE, 0, NULL, quit_reply },
	[AT_CLOSED] = { STAGE_NONE, 0, NULL, NULL },
};

/* --- a connection's life --- */

struct client *client_create(struct relay_queue *queue, struct attempt *attempt)
{
	struct client *client = calloc(1, sizeof *client);
	if (!client)
		return NULL;
	client->queue = queue;
	client->generation = attempt->snapshot->generation;
	client->attempt = attempt;
	attempt->client = client;
	client->tap = attempt->tap;
	if (client->tap)
		client->tap->open = true;
	attempt->began_at = worker_now(queue->transport->worker);
	reply_reader_init(&client->reader);
	LIST_INSERT_HEAD(&queue->busy, client, link);
	if (attempt->mx)
		client_mx_begin(client, attempt->mx);
	return client;
}

void client_open(struct client *client)
{
	if (client_connect_next(client))
		return;
	if (client->error)
		client_failed(client, client->error);
	else if (client->mx)
		client_lost(
			client,
			gw_str(client->passed_over
				       ? client->passed_over
				       : "none of the domain's mail hosts can be reached from here"));
	else if (client->attempt->relay->hosts.count == 0)
		client_lost(client, gw_str("the relay has no host"));
	else
		client_lost(client, gw_str("none of the relay's hosts can be looked up now"));
}

void client_detach(struct client *client)
{
	if (client->attempt)
		client->attempt->client = NULL;
	client->attempt = NULL;
}

void client_close(struct client *client)
{
	struct relay_queue *queue = client->queue;
	if (client->at == AT_CLOSED)
		return;
	if (client->at == AT_IDLE)
		atomic_fetch_sub(&queue->shared->idle, 1);
	if (client->at == AT_QUIT)
		queue->quitting--;
	resolver_cancel(&client->resolve);
	client_disconnect(client);
	client->at = AT_CLOSED;
	LIST_REMOVE(client, link);
	LIST_INSERT_HEAD(&queue->transport->closed_clients, client, link);
	slot_give_back(queue->holder);
	relay_queue_touch(queue);
}

void client_free(struct client *client)
{
	struct tap *tap = client->tap;
	reply_reader_finish(&client->reader);
	client_proof_end(client);
	sasl_destroy(client->sasl);
	arena_finish(&client->arena);
	dns_release(client->mx);
	sts_policy_release(client->sts);
	free(client->resolved);
	free(client->window);
	free(client);
	if (tap) {
		tap->open = false;
		tap->gone(tap);
	}
}

static void retime(struct client *client, int64_t ms)
{
	if (!client->stream || client->timeout == ms)
		return;
	client->timeout = ms;
	stream_timeout(client->stream, ms);
}

static int64_t place_timeout(const struct client *client)
{
	size_t offset = client_places[client->at].timeout;
	int64_t ms = offset && client->attempt
			     ? *(const int64_t *)((const char *)client_settings(client) + offset)
			     : 0;
	return client->tap && ms > TAP_WAIT ? TAP_WAIT : ms;
}

void client_enter(struct client *client, enum client_at at)
{
	client->at = at;
	client->since = worker_now(client->queue->transport->worker);
	if (client_places[at].timeout)
		retime(client, place_timeout(client));
	client_tell_place(client);
	if (client_places[at].begin)
		client_places[at].begin(client);
}

void client_quit(struct client *client)
{
	struct relay_queue *queue = client->queue;
	if (client->at == AT_IDLE) {
		atomic_fetch_sub(&queue->shared->idle, 1);
		LIST_REMOVE(client, link);
		LIST_INSERT_HEAD(&queue->busy, client, link);
	}
	if (client->established) {
		client->established = false;
		relay_queue_link(queue, -1);
	}
	queue->quitting++;
	client_enter(client, AT_QUIT);
	retime(client, QUIT_WAIT);
	client_tell_command(client, gw_str("QUIT"));
	if (stream_write(client->stream, gw_str("QUIT\r\n")) != 0)
		client_close(client);
}

void client_carry(struct client *client, struct attempt *attempt)
{
	atomic_fetch_sub(&client->queue->shared->idle, 1);
	LIST_REMOVE(client, link);
	LIST_INSERT_HEAD(&client->queue->busy, client, link);
	COUNT(connections_reused);
	client->attempt = attempt;
	client->reused = true;
	attempt->client = client;
	attempt->began_at = worker_now(client->queue->transport->worker);
	client_established(client);
}

/* --- commands and replies --- */

bool client_may_speak(struct client *client)
{
	if (stream_input(client->stream).len == 0)
		return true;
	client_broken(client, "the next hop sent a reply to nothing");
	return false;
}

void client_put(struct client *client, const char *format, ...)
{
	struct buf *out = stream_output(client->stream);
	size_t before = buf_len(out);
	va_list args;
	va_start(args, format);
	buf_vprintf(out, format, args);
	va_end(args);
	client_tell_command(client, gw_str_from(buf_str(out), before));
	stream_flush_later(client->stream);
}

bool client_is_refusal(struct gw_str line)
{
	return line.len && (line.ptr[0] == '4' || line.ptr[0] == '5');
}

static void take_line(struct client *client, struct gw_str line)
{
	const struct client_place *place = &client_places[client->at];
	struct smtp_reply reply = { 0 };

	client_tell(client, TAP_THEIRS, line);
	if (!place->reply || (client->at == AT_BODY && !client_is_refusal(line))) {
		client_broken(client, "the next hop sent a reply to nothing");
		return;
	}
	switch (reply_reader_line(&client->reader, line, &reply)) {
	case REPLY_MORE:
		return;
	case REPLY_BAD:
		client_broken(client, "the next hop's answer is no SMTP reply");
		return;
	case REPLY_DONE:
		break;
	}
	if (reply.code == 421) {
		client_refused(client, &reply);
		return;
	}
	client->answered = true;
	place->reply(client, &reply);
}

/* The dot counts as sent when the kernel has it; the stream may tell of the reply first. */
static void body_is_out(struct client *client)
{
	if (client->at == AT_BODY && client->handed_over && stream_unwritten(client->stream) == 0)
		client_enter(client, AT_DOT);
}

/* A reply that trickles in has no more time than one that comes at once. */
static bool trickles(const struct client *client)
{
	return client->timeout && client->at != AT_BODY &&
	       worker_now(client->queue->transport->worker) - client->since > client->timeout;
}

static bool is_listening(const struct client *client)
{
	return client->at != AT_CLOSED && client->at != AT_TLS && client->stream;
}

static void on_data(struct client *client)
{
	struct stream *stream = client->stream;
	struct gw_str line;
	int got = 0;

	if (!is_listening(client))
		return;
	body_is_out(client);
	while (is_listening(client) && client->stream == stream &&
	       (got = stream_line_lf(stream, REPLY_LINE_MAX, &line)) > 0)
		take_line(client, line);
	if (!is_listening(client) || client->stream != stream)
		return;
	if (got < 0)
		client_broken(client, "the next hop sent a line without an end");
	else if (!client_places[client->at].reply)
		client_may_speak(client);
	else if (trickles(client))
		client_lost(client, gw_str("the reply took too long"));
}

static void on_drained(struct client *client)
{
	if (client->at != AT_BODY || !client->begun || client->showing)
		return;
	if (client->handed_over)
		body_is_out(client);
	else
		client_body_more(client);
}

static void on_eof(struct client *client)
{
	client_lost(client, gw_str("the next hop closed the connection"));
}

static void on_timeout(struct client *client)
{
	if (client->at == AT_IDLE)
		client_quit(client);
	else
		client_lost(client, gw_str("no answer in time"));
}

static void on_error(struct client *client)
{
	int error = stream_errno(client->stream);

	if (error)
		client_failed(client, error);
	else
		client_lost(client, stream_error(client->stream));
}

void client_event(struct stream *stream, enum stream_event event, void *arg)
{
	static void (*const handlers[])(struct client *) = {
		[STREAM_CONNECTED] = client_connected, [STREAM_DATA] = on_data,
		[STREAM_DRAINED] = on_drained,         [STREAM_EOF] = on_eof,
		[STREAM_TIMEOUT] = on_timeout,         [STREAM_ERROR] = on_error,
	};
	struct client *client = arg;
	struct transport *transport = client->queue->transport;

	transport_enter(transport);
	if (stream == client->stream || client_race_won(client, stream, event))
		handlers[event](client);
	transport_leave(transport, true);
}

/* client_connect.c - from a relay's names to a link that is greeted and, where asked for, in TLS.
 */
#include "client/client.h"
#include "queue/runtime.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>

static const struct stream_limits limits = { .input = REPLY_LINE_MAX + 1024 };

static const struct gw_relay *relay_of(const struct client *client)
{
	return client->attempt->relay;
}

static uint16_t port_of(const struct gw_relay *relay)
{
	if (relay->port)
		return (uint16_t)relay->port;
	return relay->tls == TLS_IMPLICIT ? 465 : 25;
}

/* --- the next address --- */

/* The relay's `source` as an address of that family: its length; 0: it is of another one. */
static socklen_t parse_source(struct gw_str text, int family, union dns_address *source)
{
	memset(source, 0, sizeof *source);
	source->any.sa_family = (sa_family_t)family;
	if (family == AF_INET && inet_pton(AF_INET, text.ptr, &source->v4.sin_addr) == 1)
		return sizeof source->v4;
	if (family == AF_INET6 && inet_pton(AF_INET6, text.ptr, &source->v6.sin6_addr) == 1)
		return sizeof source->v6;
	return 0;
}

static socklen_t length_of(const union dns_address *address)
{
	return address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
}

void client_connect_name(struct client *client)
{
	char text[INET6_ADDRSTRLEN] = "";
	getnameinfo(&client->peer.any, length_of(&client->peer), text, sizeof text, NULL, 0,
		    NI_NUMERICHOST);
	client->host = arena_printf(&client->arena, "%s [%s]:%u", client->name.ptr, text,
				    (unsigned)port_of(relay_of(client)));
	if (!client->host.ptr)
		client->host = gw_str("");
}

static void set_port(union dns_address *address, uint16_t port)
{
	if (address->any.sa_family == AF_INET6)
		address->v6.sin6_port = htons(port);
	else
		address->v4.sin_port = htons(port);
}

struct stream *client_connect_to(struct client *client, const union dns_address *peer)
{
	const struct gw_relay *relay = relay_of(client);
	union dns_address source, to = *peer;
	socklen_t source_len = 0;
	struct stream *stream;

	client->error = EADDRNOTAVAIL;
	if (relay->source.len &&
	    !(source_len = parse_source(relay->source, peer->any.sa_family, &source)))
		return NULL;
	set_port(&to, port_of(relay));
	stream = stream_connect(client->queue->transport->worker, &to.any, length_of(&to),
				source_len ? &source.any : NULL, source_len, &limits, client_event,
				client);
	client->error = stream ? 0 : errno;
	if (stream)
		stream_timeout(stream, client_settings(client)->delivery.connect);
	return stream;
}

/* To client->peer. */
static bool connect_peer(struct client *client)
{
	set_port(&client->peer, port_of(relay_of(client)));
	client_connect_name(client);
	client->at = AT_CONNECT; /* whatever fails from here on */
	client->timeout = 0;
	if (!client->clear)
		client_tls_level(client);
	client->stream = client_connect_to(client, &client->peer);
	if (!client->stream)
		return false;
	COUNT(connections);
	atomic_fetch_add_explicit(&counters.connections_open, 1, memory_order_relaxed);
	client_enter(client, AT_CONNECT);
	if (!client->clear)
		client_race_begin(client);
	return true;
}

const union dns_address *client_connect_more(const struct client *client)
{
	const struct client_target *target = &client->plan[client->plan_at];

	if (client->mx)
		return client->plan_at < client->plan_count &&
				       gw_str_eq(target->host->name, client->name)
			       ? target->address
			       : NULL;
	if (!client->resolved || client->address_at >= client->resolved->count)
		return NULL;
	return (const union dns_address *)&client->resolved->addresses[client->address_at];
}

void client_connect_skip(struct client *client)
{
	if (client->mx)
		client->plan_at++;
	else
		client->address_at++;
}

static bool next_address(struct client *client)
{
	struct resolved *resolved = client->resolved;
	while (resolved && client->address_at < resolved->count) {
		size_t at = client->address_at++;
		memcpy(&client->peer, &resolved->addresses[at], sizeof client->peer);
		if (connect_peer(client))
			return true;
	}
	return false;
}

/* Families by turns (RFC 8305 section 4): where one of them does not work, the second address is of
 * the other one. */
static void alternate(struct resolved *resolved)
{
	size_t at, other;

	for (at = 1; at < resolved->count; at++) {
		struct sockaddr_storage address;
		socklen_t len;
		for (other = at; other < resolved->count; other++)
			if (resolved->addresses[other].ss_family !=
			    resolved->addresses[at - 1].ss_family)
				break;
		if (other == resolved->count)
			return;
		address = resolved->addresses[other];
		len = resolved->lengths[other];
		memmove(&resolved->addresses[at + 1], &resolved->addresses[at],
			(other - at) * sizeof address);
		memmove(&resolved->lengths[at + 1], &resolved->lengths[at],
			(other - at) * sizeof len);
		resolved->addresses[at] = address;
		resolved->lengths[at] = len;
	}
}

static void resolved(struct resolve *resolve, const struct resolved *answer)
{
	struct client *client = list_of(resolve, struct client, resolve);
	struct transport *transport = client->queue->transport;

	transport_enter(transport);
	client->address_at = 0;
	if (!client->resolved)
		client->resolved = malloc(sizeof *client->resolved);
	if (client->resolved)
		*client->resolved = *answer;
	if (client->resolved && answer->error)
		client->resolved->count = 0;
	if (client->resolved)
		alternate(client->resolved);
	if (answer->error || !client->resolved)
		answer->error ? client_unresolved(client, gai_strerror(answer->error),
						  answer->error == EAI_AGAIN)
			      : client_failed(client, ENOMEM);
	else if (!client_connect_next(client))
		client_failed(client, client->error ? client->error : EADDRNOTAVAIL);
	transport_leave(transport, true);
}

static bool next_host(struct client *client)
{
	const struct gw_relay *relay = relay_of(client);
	struct resolver *resolver = worker_get(client->queue->transport->worker, SLOT_RESOLVER);

	if (client->resolved)
		client->resolved->count = 0;
	while (client->host_at < relay->hosts.count) {
		client->name = relay->hosts.items[client->host_at++];
		client->host = client->name;
		client->resolve.done = resolved;
		client_enter(client, AT_RESOLVE);
		if (resolver_ask(resolver, client->name, port_of(relay), &client->resolve) == 0)
			return true;
	}
	return false;
}

static bool next_of_mx(struct client *client)
{
	const union dns_address *address;
	client_enter(client, AT_CONNECT);
	while ((address = client_mx_next(client))) {
		client->peer = *address;
		if (connect_peer(client))
			return true;
	}
	return false;
}

bool client_connect_next(struct client *client)
{
	client->clear = false;
	if (client->mx)
		return next_of_mx(client);
	return next_address(client) || next_host(client);
}

bool client_connect_clear(struct client *client, struct gw_str why)
{
	if (!client_tls_gives_up(client, why))
		return false;
	client_disconnect(client);
	return connect_peer(client);
}

void client_disconnect(struct client *client)
{
	client_race_end(client);
	client_proof_end(client);
	if (client->stream)
		atomic_fetch_sub_explicit(&counters.connections_open, 1, memory_order_relaxed);
	stream_destroy(client->stream);
	client->stream = NULL;
	client->timeout = 0;
	client->offers = 0;
	client->bound_refused = false;
	client->mails = 0;
	if (client->established)
		relay_queue_link(client->queue, -1);
	client->established = false;
	reply_reader_finish(&client->reader);
	reply_reader_init(&client->reader);
}

/* --- greeting, EHLO --- */

void client_connected(struct client *client)
{
	client_race_end(client);
	if (client->at == AT_TLS)
		client_tls_stands(client);
	else if (relay_of(client)->tls == TLS_IMPLICIT)
		client_tls_begin(client);
	else
		client_enter(client, AT_GREETING);
}

/* A 5xx greeting is a fault of the relay as much as a 4xx is, and never the recipients'. */
void client_greeting_reply(struct client *client, const struct smtp_reply *reply)
{
	if (reply->code / 100 == 2)
		client_enter(client, AT_EHLO);
	else
		client_refused(client, reply);
}

static void hello(struct client *client, const char *verb)
{
	struct gw_str name = relay_of(client)->helo;
	if (name.len == 0)
		name = client_settings(client)->hostname;
	if (client_may_speak(client))
		client_put(client, "%s %.*s\r\n", verb, (int)name.len, name.ptr);
}

void client_ehlo_begin(struct client *client)
{
	hello(client, "EHLO");
}

void client_helo_begin(struct client *client)
{
	hello(client, "HELO");
}

static void greeted(struct client *client)
{
	const struct gw_relay *relay = relay_of(client);

	if (client_tls_follows(client))
		return;
	if (relay->auth)
		client_enter(client, AT_LOGIN);
	else
		client_established(client);
}

void client_ehlo_reply(struct client *client, const struct smtp_reply *reply)
{
	if (reply->code / 100 == 5) {
		client_enter(client, AT_HELO);
	} else if (reply->code / 100 != 2) {
		client_refused(client, reply);
	} else {
		client_offers(client, reply->text);
		greeted(client);
	}
}

void client_helo_reply(struct client *client, const struct smtp_reply *reply)
{
	client_offers(client, gw_str(""));
	if (reply->code / 100 == 2)
		greeted(client);
	else
		client_refused(client, reply);
}

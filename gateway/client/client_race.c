/* client_race.c - happy eyeballs (RFC 8305 section 5): an address that does not answer in a moment
 * is not given up, and the next one of the same host is tried beside it. The first that connects
 * carries the link, the others are closed.
 *
 * client->stream is the one tried first; it counts as the connection, with its slot. Where it
 * fails, a rival takes its place. */
#include "client/client.h"

#define RACE_DELAY 250 /* ms, the Connection Attempt Delay */

static void fire(struct timer *timer);

static void wait_a_moment(struct client *client)
{
	if (client->at == AT_CONNECT && client_connect_more(client))
		timer_set(client->queue->transport->worker, &client->race, RACE_DELAY, fire);
}

static struct rival *find(struct client *client, const struct stream *stream)
{
	for (size_t i = 0; i < CLIENT_RIVALS; i++)
		if (client->rivals[i].stream == stream)
			return &client->rivals[i];
	return NULL;
}

/* The next address that can be tried at all, where there is room for one more. */
static void add_rival(struct client *client)
{
	struct rival *rival = find(client, NULL);
	const union dns_address *address;

	while (rival && !rival->stream && (address = client_connect_more(client))) {
		client_connect_skip(client);
		rival->peer = *address;
		rival->stream = client_connect_to(client, &rival->peer);
	}
}

static void fire(struct timer *timer)
{
	struct client *client = list_of(timer, struct client, race);

	transport_enter(client->queue->transport);
	if (client->at == AT_CONNECT) {
		add_rival(client);
		wait_a_moment(client);
	}
	transport_leave(client->queue->transport, true);
}

void client_race_begin(struct client *client)
{
	wait_a_moment(client);
}

void client_race_end(struct client *client)
{
	timer_clear(&client->race);
	for (size_t i = 0; i < CLIENT_RIVALS; i++) {
		stream_destroy(client->rivals[i].stream);
		client->rivals[i].stream = NULL;
	}
}

/* It takes the place of the one that was tried first. */
static void promote(struct client *client, struct rival *rival)
{
	stream_destroy(client->stream);
	client->stream = rival->stream;
	client->peer = rival->peer;
	rival->stream = NULL;
	client_connect_name(client);
}

bool client_race_goes_on(struct client *client)
{
	if (client->at != AT_CONNECT)
		return false;
	for (size_t i = 0; i < CLIENT_RIVALS; i++) {
		if (!client->rivals[i].stream)
			continue;
		promote(client, &client->rivals[i]);
		add_rival(client);
		return true;
	}
	return false;
}

bool client_race_won(struct client *client, struct stream *stream, enum stream_event event)
{
	struct rival *rival = stream ? find(client, stream) : NULL;

	if (!rival)
		return false;
	if (event == STREAM_CONNECTED) {
		promote(client, rival);
		return true;
	}
	client->blamed |= !(event == STREAM_ERROR && local_of(stream_errno(stream)));
	stream_destroy(stream);
	rival->stream = NULL;
	add_rival(client);
	return false;
}

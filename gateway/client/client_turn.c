/* client_turn.c - from one message to the next: what is told of the link, the next transaction, the
 * end of an attempt, and whether the link carries another. */
#include "client/client.h"
#include "queue/runtime.h"

#include <stdlib.h>

static struct gw_str attempt_copy(struct attempt *attempt, struct gw_str text)
{
	struct gw_str copy = text.len ? arena_str(attempt->arena, text) : gw_str("");
	return copy.ptr ? copy : gw_str("");
}

static void tell_facts(struct client *client)
{
	struct attempt *attempt = client->attempt;
	attempt->host = attempt_copy(attempt, client->host);
	attempt->capabilities = attempt_copy(attempt, client->capabilities);
	attempt->mechanisms = attempt_copy(attempt, client->mechanisms);
	attempt->tls = (struct attempt_tls){ attempt_copy(attempt, client->tls),
					     client_tls_wanted(client), client_tls_got(client),
					     attempt_copy(attempt, client->doubt) };
}

void client_established(struct client *client)
{
	if (!client->established) {
		client->established = true;
		relay_queue_link(client->queue, 1);
		free(client->resolved);
		client->resolved = NULL;
	}
	/* nothing was said of it yet */
	if (relay_queue_is_no_way(client->queue, client->attempt)) {
		client_retire(client);
		return;
	}
	client->answered = false;
	client->next_rcpt = 0;
	tell_facts(client);
	if (client->tap) {
		client_try(client);
		return;
	}
	client_check(client);
	client_transact(client);
}

static bool mails_used_up(const struct client *client)
{
	return client->limits.mails && client->mails >= client->limits.mails;
}

static bool is_used_up(const struct client *client)
{
	const struct relay_queue *queue = client->queue;
	int64_t most = client->attempt->relay->per_connection;
	return (most > 0 && client->messages >= most) || queue->transport->stopping ||
	       mails_used_up(client) ||
	       (client->messages >= RELAY_QUEUE_TURN && slot_others_starve(queue->holder));
}

static void rest(struct client *client)
{
	struct relay_queue *queue = client->queue;
	client_enter(client, AT_IDLE);
	client_detach(client);
	LIST_REMOVE(client, link);
	LIST_INSERT_HEAD(&queue->idle, client, link);
	atomic_fetch_add(&queue->shared->idle, 1);
	slot_holder_idle(queue->holder, true);
	relay_queue_touch(queue);
}

static void finish(struct client *client)
{
	struct attempt *attempt = client->attempt;
	bool worn = is_used_up(client), clean = stream_input(client->stream).len == 0;

	if (clean && !worn) {
		rest(client);
	} else {
		client_detach(client);
		if (clean)
			client_quit(client);
		else
			client_close(client); /* it answers what was not asked */
	}
	attempt_end(client->queue->transport, attempt);
}

static void begin_transaction(struct client *client)
{
	if (client->attempt->progress)
		client->attempt->progress(client->attempt);
	client->mails++;
	client_enter(client, client->needs_rset ? AT_RSET : AT_MAIL);
}

/* A message without a field of ours has nothing to show with. */
static bool goes_by_chunks(const struct client *client)
{
	const struct attempt *attempt = client->attempt;
	enum hop_chunks chunks;

	if (!(client->offers & OFFER_CHUNKING) || attempt->by_data)
		return false;
	chunks = client_hop(client).chunks;
	return chunks == HOP_CHUNKS_TAKEN ||
	       (chunks == HOP_CHUNKS_UNSHOWN && attempt->edits->message->trace.len);
}

void client_transact(struct client *client)
{
	client->pipelined = client->handed_over = client->no_recipients = client->begun =
		client->showing = false;
	client->chunked = goes_by_chunks(client);
	if (client_window_fill(client) != 0)
		client_lost(client, gw_str("out of memory"));
	else if (client->window_count == 0)
		finish(client);
	else if (client->mails && mails_used_up(client))
		client_retire(client);
	else
		begin_transaction(client);
}

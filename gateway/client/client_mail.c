/* client_mail.c - the transaction: MAIL, RCPT, DATA and the dot, or BDAT where that is offered.
 *
 * With PIPELINING all of it up to DATA goes in one write, and `ahead` is set: the places are then
 * passed for their replies alone. Without, each place sends its command as it is entered.
 *
 * A chunk never goes ahead of a reply. Not every next hop that offers BDAT reads a chunk that it
 * refuses, and of such a one the message would be commands: so the content follows when a recipient
 * was taken, and all of it only where a first chunk, our own Received field, was. */
#include "client/client.h"
#include "queue/runtime.h"

#include <stdlib.h>

/* --- which recipients --- */

static struct outcome *windowed(const struct client *client, size_t at)
{
	return &client->attempt->outcomes[client->window[at]];
}

static bool grow_window(struct client *client)
{
	size_t room = client->window_room ? client->window_room * 2 : 16;
	size_t *window = realloc(client->window, room * sizeof *window);
	if (!window)
		return false;
	client->window = window;
	client->window_room = room;
	return true;
}

static struct hop hop_of(const struct client *client)
{
	return hops_known(&client->queue->shared->hops, &client->peer);
}

static void learn_chunks(struct client *client, enum hop_chunks chunks)
{
	hops_learn_chunks(&client->queue->shared->hops, &client->peer, chunks);
}

static uint64_t smaller(uint64_t one, uint64_t other)
{
	return !one || (other && other < one) ? other : one; /* 0: no limit */
}

/* How many go into one transaction; 0: no limit. */
static uint64_t rcpts_at_once(const struct client *client)
{
	uint64_t configured = (uint64_t)client->attempt->relay->max_rcpts;
	return smaller(smaller(configured, client->limits.rcpts), hop_of(client).max_rcpts);
}

/* Whether the next hop takes the recipient's domain beside those of the transaction. */
static bool takes_domain(struct client *client, struct gw_str domain)
{
	size_t i;
	if (!client->limits.domains)
		return true;
	for (i = 0; i < client->domain_count; i++)
		if (gw_str_ieq(client->domains[i], domain))
			return true;
	if (client->domain_count == CLIENT_DOMAINS ||
	    client->domain_count >= client->limits.domains)
		return false;
	client->domains[client->domain_count++] = domain;
	return true;
}

static void empty_window(struct client *client)
{
	client->window_count = client->window_at = client->window_kept = client->window_taken = 0;
	client->left_over = client->too_many_after = client->domain_count = 0;
	client->said_too_many = false;
}

/* The next recipients that nothing is decided about, as many as the relay takes at once. -1: no
 * memory. */
static int fill_window(struct client *client)
{
	struct attempt *attempt = client->attempt;
	uint64_t most = rcpts_at_once(client);
	size_t i;

	empty_window(client);
	while (client->next_rcpt < attempt->count && attempt->outcomes[client->next_rcpt].status)
		client->next_rcpt++;
	for (i = client->next_rcpt; i < attempt->count && (!most || client->window_count < most);
	     i++) {
		if (attempt->outcomes[i].status || !takes_domain(client, attempt->rcpts[i]->domain))
			continue;
		if (client->window_count == client->window_room && !grow_window(client))
			return -1;
		client->window[client->window_count++] = i;
	}
	return 0;
}

/* How many of them the next hop took. */
static size_t taken(const struct client *client)
{
	size_t i, count = 0;
	for (i = 0; i < client->window_count; i++)
		count += windowed(client, i)->status == 0;
	return count;
}

/* --- what a refusal means --- */

/* Commands unknown or out of order, and a login that is wanted: between the next hop and us. */
static bool is_about_session(int code)
{
	return code == 500 || code == 502 || code == 503 || code == 530;
}

/* The message's size, and a message that goes round (RFC 3463: x.3.4, x.4.6). */
static bool is_about_content(const uint8_t enhanced[3])
{
	return (enhanced[1] == 3 && enhanced[2] == 4) || (enhanced[1] == 4 && enhanced[2] == 6);
}

/* About our system or account there, not about this message: a bounce would punish the wrong one.
 */
static bool is_about_link(const struct smtp_reply *reply)
{
	const uint8_t *enhanced = reply->enhanced;
	if (is_about_session(reply->code))
		return true;
	if (enhanced[0] == 0 || is_about_content(enhanced))
		return false;
	return enhanced[1] == 3 || enhanced[1] == 4;
}

static void outcome_of(struct client *client, const struct smtp_reply *reply, bool link,
		       struct outcome *outcome)
{
	enum gw_status status = reply->code / 100 == 2            ? GW_DELIVERED
				: reply->code / 100 == 5 && !link ? GW_BOUNCED
								  : GW_DEFERRED;
	outcome_reply(outcome, client->attempt->arena, status, client_places[client->at].stage,
		      link, reply, client->host);
}

static void finish_window(struct client *client, const struct smtp_reply *reply, bool link)
{
	struct outcome outcome;
	size_t i;
	outcome_of(client, reply, link, &outcome);
	for (i = 0; i < client->window_count; i++)
		if (!windowed(client, i)->status)
			*windowed(client, i) = outcome;
}

static bool is_answer(struct client *client, const struct smtp_reply *reply)
{
	if (reply->code / 100 != 3 && reply->code / 100 != 1)
		return true;
	client_broken(client, "the next hop's reply does not answer the command");
	return false;
}

/* --- from one message to the next --- */

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
	chunks = hop_of(client).chunks;
	return chunks == HOP_CHUNKS_TAKEN ||
	       (chunks == HOP_CHUNKS_UNSHOWN && attempt->edits->message->trace.len);
}

void client_transact(struct client *client)
{
	client->pipelined = client->handed_over = client->no_recipients = client->begun =
		client->showing = false;
	client->chunked = goes_by_chunks(client);
	if (fill_window(client) != 0)
		client_lost(client, gw_str("out of memory"));
	else if (client->window_count == 0)
		finish(client);
	else if (client->mails && mails_used_up(client))
		client_retire(client);
	else
		begin_transaction(client);
}

/* --- commands --- */

static void write_pipelined(struct client *client)
{
	struct buf *out = stream_output(client->stream);
	size_t i;

	client->pipelined = true;
	client_put_mail(client, out);
	for (i = 0; i < client->window_count; i++)
		client_put_rcpt(client, i, out);
	if (!client->chunked)
		buf_add_text(out, "DATA\r\n");
}

static void sent(struct client *client)
{
	if (stream_output(client->stream)->failed)
		client_lost(client, gw_str("out of memory"));
	else
		stream_flush_later(client->stream);
}

void client_rset_begin(struct client *client)
{
	if (!client_may_speak(client))
		return;
	buf_add_text(stream_output(client->stream), "RSET\r\n");
	if (client->offers & OFFER_PIPELINING)
		write_pipelined(client);
	sent(client);
}

void client_mail_begin(struct client *client)
{
	if (client->pipelined || !client_may_speak(client))
		return;
	if (client->offers & OFFER_PIPELINING)
		write_pipelined(client);
	else
		client_put_mail(client, stream_output(client->stream));
	sent(client);
}

void client_rcpt_begin(struct client *client)
{
	if (client->pipelined || !client_may_speak(client))
		return;
	client_put_rcpt(client, client->window_at, stream_output(client->stream));
	sent(client);
}

void client_data_begin(struct client *client)
{
	if (client->pipelined || !client_may_speak(client))
		return;
	buf_add_text(stream_output(client->stream), "DATA\r\n");
	sent(client);
}

/* --- replies --- */

/* Where the old transaction may still stand, no new one is begun; the attempt did nothing yet and
 * gets another connection. */
void client_rset_reply(struct client *client, const struct smtp_reply *reply)
{
	if (reply->code / 100 != 2) {
		client->answered = false;
		client_refused(client, reply);
		return;
	}
	client->needs_rset = false;
	client_enter(client, AT_MAIL);
}

static void refuse_all(struct client *client, const struct smtp_reply *reply)
{
	struct outcome outcome;
	outcome_of(client, reply, is_about_link(reply), &outcome);
	attempt_finish(client->attempt, &outcome);
}

void client_mail_reply(struct client *client, const struct smtp_reply *reply)
{
	if (!is_answer(client, reply))
		return;
	if (reply->code / 100 == 2)
		client->needs_rset = true;
	else
		refuse_all(client, reply);
	if (client->needs_rset || client->pipelined)
		client_enter(client, AT_RCPT);
	else
		client_transact(client);
}

/* RFC 5321 section 4.5.3.1.10: after some were taken, the rest belongs into the next transaction,
 * unless the words are about the recipient's address or mailbox, a policy, or the message's size.
 */
static bool is_too_many(const struct smtp_reply *reply)
{
	const uint8_t *enhanced = reply->enhanced;
	if (enhanced[0] >= 4 && enhanced[1] == 5 && enhanced[2] == 3)
		return true;
	if (reply->code != 452 && reply->code != 552)
		return false;
	return !enhanced[0] || enhanced[1] == 0 || enhanced[1] == 5 ||
	       (enhanced[1] == 3 && enhanced[2] != 4);
}

/* It leaves the transaction without an outcome. */
static void note_too_many(struct client *client, const struct smtp_reply *reply)
{
	if (client->left_over++ == 0)
		client->too_many_after = client->window_taken;
	client->said_too_many |= reply->enhanced[1] == 5 && reply->enhanced[2] == 3;
}

static void note_answered(struct client *client, const struct smtp_reply *reply)
{
	client->window[client->window_kept++] = client->window[client->window_at];
	if (reply->code / 100 != 2)
		return;
	client->window_taken++;
	client->too_many_after = 0;
}

/* Without the words for it, one recipient at the end may as well have a full mailbox. */
static void learn_most_rcpts(struct client *client)
{
	if (client->too_many_after && (client->said_too_many || client->left_over > 1))
		hops_learn_rcpts(&client->queue->shared->hops, &client->peer,
				 (unsigned)client->too_many_after);
}

static void last_rcpt_answered(struct client *client)
{
	bool any;

	learn_most_rcpts(client);
	client->window_count = client->window_kept;
	any = taken(client) > 0;
	if (!client->chunked && (client->pipelined || any))
		client_enter(client, AT_DATA);
	else if (!any)
		client_transact(client);
	else
		client_enter(client,
			     hop_of(client).chunks == HOP_CHUNKS_TAKEN ? AT_BODY : AT_CHUNK);
}

void client_rcpt_reply(struct client *client, const struct smtp_reply *reply)
{
	struct outcome *outcome = windowed(client, client->window_at);

	if (!is_answer(client, reply))
		return;
	if (client->window_taken && !outcome->status && is_too_many(reply)) {
		note_too_many(client, reply);
	} else {
		/* one that is settled was refused with MAIL; its own reply says no more */
		if (reply->code / 100 != 2 && !outcome->status)
			outcome_of(client, reply, is_about_session(reply->code), outcome);
		note_answered(client, reply);
	}
	client->window_at++;
	if (client->window_at < client->window_count && (client->pipelined || !client->left_over))
		client_enter(client, AT_RCPT);
	else
		last_rcpt_answered(client);
}

void client_data_reply(struct client *client, const struct smtp_reply *reply)
{
	if (reply->code == 354) {
		client->no_recipients = taken(client) == 0;
		client_enter(client, AT_BODY);
	} else if (reply->code / 100 == 4 || reply->code / 100 == 5) {
		finish_window(client, reply, is_about_link(reply));
		client_transact(client);
	} else {
		client_broken(client, "the next hop's reply does not answer the command");
	}
}

/* BDAT is not known there, whatever EHLO said: DATA from now on, and for this message at once. What
 * else the octets gave is of no interest. */
static bool is_no_chunk_taker(struct client *client, const struct smtp_reply *reply)
{
	if (!client->chunked || reply->code < 500 || reply->code > 504)
		return false;
	learn_chunks(client, HOP_CHUNKS_REFUSED);
	client->attempt->by_data = true;
	client_change_link(client);
	return true;
}

/* What a refused chunk leaves behind is not defined (RFC 3030 section 2), least of all where none
 * was taken before. */
void client_chunk_reply(struct client *client, const struct smtp_reply *reply)
{
	if (!is_answer(client, reply) || is_no_chunk_taker(client, reply))
		return;
	if (reply->code / 100 == 2) {
		learn_chunks(client, HOP_CHUNKS_TAKEN);
		client_enter(client, AT_BODY);
		return;
	}
	finish_window(client, reply, is_about_link(reply));
	client_change_link(client);
}

/* The next hop has read enough. What it refuses is the message, unless it speaks of the session;
 * and what is left of the message cannot be taken back, so the link ends. */
void client_body_reply(struct client *client, const struct smtp_reply *reply)
{
	finish_window(client, reply, is_about_session(reply->code));
	client_change_link(client);
}

void client_dot_reply(struct client *client, const struct smtp_reply *reply)
{
	if (!is_answer(client, reply) || is_no_chunk_taker(client, reply))
		return;
	client->needs_rset = client->chunked && reply->code / 100 != 2;
	client->messages++;
	finish_window(client, reply, client->chunked && is_about_link(reply));
	client_transact(client);
}

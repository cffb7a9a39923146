/* client_mail.c - the transaction: MAIL, RCPT, DATA and the dot, or BDAT where that is offered.
 *
 * With PIPELINING all of it up to DATA goes in one write, and `ahead` is set: the places are then
 * passed for their replies alone. Without, each place sends its command as it is entered.
 *
 * A chunk never goes ahead of a reply. Not every next hop that offers BDAT reads a chunk that it
 * refuses, and of such a one the message would be commands: so the content follows when a recipient
 * was taken, and all of it only where a first chunk, our own Received field, was. */
#include "client/client.h"

static void learn_chunks(struct client *client, enum hop_chunks chunks)
{
	hops_learn_chunks(&client->queue->shared->hops, &client->peer, chunks);
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
		if (!client_windowed(client, i)->status)
			*client_windowed(client, i) = outcome;
}

static bool is_answer(struct client *client, const struct smtp_reply *reply)
{
	if (reply->code / 100 != 3 && reply->code / 100 != 1)
		return true;
	client_broken(client, "the next hop's reply does not answer the command");
	return false;
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

static void last_rcpt_answered(struct client *client)
{
	bool any = client_window_close(client) > 0;

	if (!client->chunked && (client->pipelined || any))
		client_enter(client, AT_DATA);
	else if (!any)
		client_transact(client);
	else
		client_enter(client,
			     client_hop(client).chunks == HOP_CHUNKS_TAKEN ? AT_BODY : AT_CHUNK);
}

void client_rcpt_reply(struct client *client, const struct smtp_reply *reply)
{
	struct outcome *outcome = client_windowed(client, client->window_at);

	if (!is_answer(client, reply))
		return;
	if (!client_window_leaves(client, reply)) {
		/* one that is settled was refused with MAIL; its own reply says no more */
		if (reply->code / 100 != 2 && !outcome->status)
			outcome_of(client, reply, is_about_session(reply->code), outcome);
		client_window_answered(client, reply);
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
		client->no_recipients = client_window_taken(client) == 0;
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

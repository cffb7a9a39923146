/* client_end.c - how a link ends before its time, and what that means for the message it carried.
 *
 * A recipient is never worse off for a fault of the link: it is deferred. The one exception is the
 * time between the final dot and its reply, when nobody knows: UNKNOWN, so that the message is not
 * sent another way and doubled. */
#include "client/client.h"

#include <errno.h>

/* Before anything was said about the message, another address of the relay is as good. */
static bool tried_elsewhere(struct client *client, const struct outcome *outcome)
{
	client->blamed |= !outcome->local;
	if (client->established || outcome->stage > STAGE_TLS)
		return false;
	if (outcome->stage == STAGE_TLS)
		client_link_failed(client, outcome);
	if (outcome->stage == STAGE_TLS && client_connect_clear(client, outcome->reply.text))
		return true;
	if (client->mx && outcome->stage >= STAGE_CONNECT && outcome->local != LOCAL_SHORT)
		mx_group_mark(client->queue, &client->peer);
	if (client_race_goes_on(client))
		return true;
	client_disconnect(client);
	return client_connect_next(client);
}

/* An idle connection that its other end has given up meanwhile is no failure; the others of its age
 * are of no more use. */
static bool was_stale(const struct client *client)
{
	return client->reused && !client->answered && !client->attempt->retried;
}

static void wait_again(struct client *client)
{
	struct attempt *attempt = client->attempt;
	struct relay_queue *queue = client->queue;
	client_detach(client);
	client_close(client);
	relay_queue_requeue(queue, attempt);
}

/* Those that were in the transaction when its dot was out; the others are as `outcome` says. */
static void finish_unknown(struct client *client, const struct outcome *outcome)
{
	struct attempt *attempt = client->attempt;
	struct outcome unknown;
	size_t i;

	outcome_reply(&unknown, attempt->arena, GW_UNKNOWN, STAGE_DOT, true, &outcome->reply,
		      outcome->host);
	for (i = 0; i < client->window_count; i++)
		if (!attempt->outcomes[client->window[i]].status)
			attempt->outcomes[client->window[i]] = unknown;
}

static void finish_attempt(struct client *client)
{
	struct attempt *attempt = client->attempt;
	client_detach(client);
	attempt_end(client->queue->transport, attempt);
}

static bool has_open_rcpt(const struct attempt *attempt)
{
	size_t i;
	for (i = 0; i < attempt->count; i++)
		if (!attempt->outcomes[i].status)
			return true;
	return false;
}

void client_retire(struct client *client)
{
	struct attempt *attempt = client->attempt;
	client_detach(client);
	relay_queue_requeue(client->queue, attempt);
	client_quit(client);
}

void client_change_link(struct client *client)
{
	if (has_open_rcpt(client->attempt)) {
		wait_again(client);
		return;
	}
	finish_attempt(client);
	client_close(client);
}

static void end_link(struct client *client, const struct outcome *outcome, bool unknown)
{
	struct attempt *attempt = client->attempt;
	struct relay_queue *queue = client->queue;

	if (tried_elsewhere(client, outcome))
		return;
	if (!unknown && was_stale(client)) {
		attempt->retried = true;
		wait_again(client);
		relay_queue_close_idle(queue);
		return;
	}
	if (!client->established && !client->tap) {
		relay_queue_fail(queue, outcome, client->generation);
		if (relay_queue_can_wait(queue, outcome)) {
			wait_again(client);
			return;
		}
	}
	if (unknown)
		finish_unknown(client, outcome);
	attempt_finish(attempt, outcome);
	finish_attempt(client);
	client_close(client);
}

static bool dot_is_out(const struct client *client)
{
	if (client->no_recipients)
		return false;
	return client->at == AT_DOT ||
	       (client->handed_over && client->stream && stream_unwritten(client->stream) == 0);
}

/* Ends the link with our words for it. Where one address failed by itself and others for want of a
 * way there, it is the relay that failed. */
static void end_in_words(struct client *client, const char *enhanced, struct gw_str why,
			 enum local local)
{
	struct outcome outcome;
	bool unknown;

	if (!client->attempt) {
		client_close(client);
		return;
	}
	unknown = dot_is_out(client);
	client_say(client, "%.*s", GW_STR_ARGS(why));
	outcome_set(&outcome, client->attempt->arena, GW_DEFERRED, client_places[client->at].stage,
		    true, 0, enhanced, why, client->host);
	outcome.local = client->blamed ? LOCAL_NONE : local;
	end_link(client, &outcome, unknown);
}

void client_lost(struct client *client, struct gw_str why)
{
	end_in_words(client, NULL, why, LOCAL_NONE);
}

void client_failed(struct client *client, int error)
{
	end_in_words(client, NULL, gw_str(error == ENOMEM ? "out of memory" : strerror(error)),
		     local_of(error));
}

void client_unresolved(struct client *client, const char *why, bool silent)
{
	end_in_words(client, NULL, gw_str(why), silent ? LOCAL_NETWORK : LOCAL_NONE);
}

void client_broken(struct client *client, const char *why)
{
	end_in_words(client, "4.5.0", gw_str(why), LOCAL_NONE);
}

void client_still_refused(struct client *client)
{
	end_link(client, &client->refusal, false);
}

void client_refused(struct client *client, const struct smtp_reply *reply)
{
	struct outcome outcome;

	if (!client->attempt) {
		client_close(client);
		return;
	}
	outcome_reply(&outcome, client->attempt->arena, GW_DEFERRED,
		      client_places[client->at].stage, true, reply, client->host);
	end_link(client, &outcome, false);
}

void client_turned_down(struct client *client, enum gw_status status, bool link,
			const char *enhanced, const char *why)
{
	struct outcome outcome;
	outcome_set(&outcome, client->attempt->arena, status, client_places[client->at].stage, link,
		    0, enhanced, gw_str(why), client->host);
	attempt_finish(client->attempt, &outcome);
	finish_attempt(client);
	client_quit(client);
}

void client_abandoned(struct client *client)
{
	struct outcome outcome;
	if (!dot_is_out(client))
		return;
	outcome_set(&outcome, client->attempt->arena, GW_UNKNOWN, STAGE_DOT, true, 0, NULL,
		    gw_str("the gateway stopped before the reply"), client->host);
	finish_unknown(client, &outcome);
}

void client_unreadable(struct client *client)
{
	struct outcome outcome;
	outcome_set(&outcome, client->attempt->arena, GW_DEFERRED, STAGE_BODY, false, 0, "4.3.0",
		    gw_str("the message cannot be read from the spool"), gw_str(""));
	attempt_finish(client->attempt, &outcome);
	finish_attempt(client);
	client_close(client);
}

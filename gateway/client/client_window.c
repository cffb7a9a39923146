/* client_window.c - the recipients of one transaction: as many as the next hop takes at once, and
 * which of them it left for the next. */
#include "client/client.h"

#include <stdlib.h>

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

static uint64_t smaller(uint64_t one, uint64_t other)
{
	return !one || (other && other < one) ? other : one; /* 0: no limit */
}

/* How many go into one transaction; 0: no limit. */
static uint64_t rcpts_at_once(const struct client *client)
{
	uint64_t configured = (uint64_t)client->attempt->relay->max_rcpts;
	return smaller(smaller(configured, client->limits.rcpts), client_hop(client).max_rcpts);
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

int client_window_fill(struct client *client)
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

size_t client_window_taken(const struct client *client)
{
	size_t i, count = 0;
	for (i = 0; i < client->window_count; i++)
		count += client_windowed(client, i)->status == 0;
	return count;
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

/* Without the words for it, one recipient at the end may as well have a full mailbox. */
static void learn_most_rcpts(struct client *client)
{
	if (client->too_many_after && (client->said_too_many || client->left_over > 1))
		hops_learn_rcpts(&client->queue->shared->hops, &client->peer,
				 (unsigned)client->too_many_after);
}

bool client_window_leaves(struct client *client, const struct smtp_reply *reply)
{
	const struct outcome *outcome = client_windowed(client, client->window_at);
	if (!client->window_taken || outcome->status || !is_too_many(reply))
		return false;
	note_too_many(client, reply);
	return true;
}

void client_window_answered(struct client *client, const struct smtp_reply *reply)
{
	client->window[client->window_kept++] = client->window[client->window_at];
	if (reply->code / 100 != 2)
		return;
	client->window_taken++;
	client->too_many_after = 0;
}

size_t client_window_close(struct client *client)
{
	learn_most_rcpts(client);
	client->window_count = client->window_kept;
	return client_window_taken(client);
}

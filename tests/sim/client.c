/* client.c - one client, and what it may hear. */
#include "client.h"

#include "base/id.h"

#include <stdio.h>

#define REPLIES_MOST 80

static void expect(struct client *client, const char *reply)
{
	assert_in_range(client->due_count, 0, 63);
	client->due[client->due_count++] = reply;
}

void client_begin(struct client *client, const char *address, const struct step *steps)
{
	*client = (struct client){ .steps = steps };
	client->peer = peer_connect(HOST_LISTENER, address);
	expect(client, "220|4|5");
}

size_t client_replies(const struct client *client)
{
	struct reply replies[REPLIES_MOST];

	return replies_of(client->peer, replies, REPLIES_MOST);
}

static int last_code(const struct client *client)
{
	struct reply replies[REPLIES_MOST];
	size_t count = replies_of(client->peer, replies, REPLIES_MOST);

	return count ? replies[count - 1].code : 0;
}

static bool is_over(const struct step *step)
{
	return !step->say && !step->secret;
}

bool client_may_say(const struct client *client)
{
	const struct step *next = &client->steps[client->said];

	if (is_over(next) || client->is_gone || peer_is_left(client->peer))
		return false;
	return !(next->waits || next->after) || client_replies(client) == client->due_count;
}

void client_say(struct client *client)
{
	const struct step *step = &client->steps[client->said++];

	if (step->after && last_code(client) != step->after)
		return;
	if (step->secret) {
		peer_shake(client->peer, true);
		return;
	}
	peer_say(client->peer, step->say);
	for (size_t i = 0; step->replies[i]; i++)
		expect(client, step->replies[i]);
}

static bool begins_with(const char *text, const char *start, size_t len)
{
	return strncmp(text, start, len) == 0;
}

/* `kinds`: beginnings, parted by '|'. */
static bool is_of(const struct reply *reply, const char *kinds)
{
	char text[REPLY_TEXT + 8];

	snprintf(text, sizeof(text), "%03d %s", reply->code, reply->text);
	for (size_t len; *kinds; kinds += len + (kinds[len] == '|')) {
		len = strcspn(kinds, "|");
		if (begins_with(text, kinds, len))
			return true;
	}
	return false;
}

static bool is_last_word(const struct client *client, const struct reply *reply, bool is_last)
{
	return reply->code == 421 && is_last && peer_is_left(client->peer);
}

static void check_queued(const struct reply *reply)
{
	const char *at = strstr(reply->text, "queued as ");

	if (reply->code != 250 || !at)
		return;
	assert_true(message_is_safe(id_parse(gw_str(at + strlen("queued as ")))));
}

void client_check(struct client *client)
{
	struct reply replies[REPLIES_MOST];
	size_t count = replies_of(client->peer, replies, REPLIES_MOST);

	for (size_t i = 0; i < count; i++) {
		bool last = is_last_word(client, &replies[i], i + 1 == count);

		if (!last && i >= client->due_count)
			fail_msg("a reply too many: %d %s", replies[i].code, replies[i].text);
		if (!last && !is_of(&replies[i], client->due[i]))
			fail_msg("%d %s in the place of %s", replies[i].code, replies[i].text,
				 client->due[i]);
	}
	for (; client->looked_at < count; client->looked_at++)
		check_queued(&replies[client->looked_at]);
}

/* A client that did not lose the link, and reads, has all its replies or was told goodbye. */
static void check_complete(const struct client *client)
{
	if (client->is_reset || client->has_missed || last_code(client) == 421)
		return;
	assert_int_equal(client_replies(client), client->due_count);
}

void client_end(struct client *client)
{
	client_check(client);
	check_complete(client);
	peer_forget(client->peer);
}

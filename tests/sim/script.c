#include "script.h"

#include "base/id.h"

#include <errno.h>
#include <stdio.h>

#define REPLIES_MOST 80

/* --- one client --- */

static void expect(struct client *client, const char *reply)
{
	assert_in_range(client->due_count, 0, 63);
	client->due[client->due_count++] = reply;
}

void client_begin(struct client *client, const struct step *steps)
{
	*client = (struct client){ .steps = steps };
	client->peer = peer_connect(HOST_LISTENER, "192.0.2.1");
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

/* --- the trail --- */

static char trail[4096];
static size_t trail_len;

static void trail_begin(void)
{
	trail_len = 0;
}

static void trail_add(const char *what)
{
	int len = snprintf(trail + trail_len, sizeof(trail) - trail_len, "%s; ", what);

	if (len > 0 && trail_len + (size_t)len < sizeof(trail))
		trail_len += (size_t)len;
}

int script_teardown(void **state)
{
	if (trail_len)
		print_error("the way to it: %s\n", trail);
	return 0;
}

/* After a failure the world is as it was then: nothing else can begin in it. */
int script_setup(void **state)
{
	return trail_len ? -1 : 0;
}

/* --- what happens --- */

#define LONG_MS (INT64_C(61) * 60000)

static void disturb(struct client *client, enum disturbance what)
{
	switch (what) {
	case NOTHING:
		break;
	case CLIENT_RESETS:
		peer_reset(client->peer);
		client->is_gone = client->is_reset = true;
		break;
	case CLIENT_CLOSES:
		peer_close(client->peer);
		client->is_gone = true;
		break;
	case CLIENT_DEAF:
		peer_deaf(client->peer, true);
		host_settle();
		host_pass(60000);
		client->has_missed = peer_is_left(client->peer);
		peer_deaf(client->peer, false);
		break;
	case ANSWER_LATE:
		host_pass(31000);
		break;
	case CLIENT_SILENT:
		host_pass(LONG_MS);
		break;
	case SYNC_FAILS:
		disk_fail(host.disk, DISK_SYNC, EIO, 1);
		break;
	case DISK_FULL:
		disk_fail(host.disk, DISK_WRITE, ENOSPC, 1);
		break;
	case SHUTDOWN:
		host_drain();
		break;
	case RESTART:
		client->has_missed = true;
		host_restart();
		break;
	case RELOAD:
		host_reload();
		break;
	}
}

enum action { SAY, ANSWER, DISK, DISTURB, ACTIONS };
static const char *const action_names[] = { "the client speaks", "the module answers",
					    "the disk works", "the disturbance" };

static size_t enabled(const struct client *client, bool disturbed, enum action *actions)
{
	size_t count = 0;

	if (client_may_say(client))
		actions[count++] = SAY;
	if (host_holds())
		actions[count++] = ANSWER;
	if (disk_is_due(runtime.spool))
		actions[count++] = DISK;
	if (!disturbed && !peer_is_left(client->peer))
		actions[count++] = DISTURB;
	return count;
}

static void act(struct client *client, enum action action, enum disturbance disturbance)
{
	trail_add(action_names[action]);
	if (action == SAY)
		client_say(client);
	else if (action == ANSWER)
		host_answer();
	else if (action == DISK)
		host_disk_work();
	else
		disturb(client, disturbance);
	host_settle();
	client_check(client);
}

/* Who has said all and waits for nothing leaves, whatever is said to it. */
static void leave(struct client *client)
{
	host_pass(LONG_MS);
	if (!peer_is_left(client->peer)) {
		peer_close(client->peer);
		client->is_gone = true;
	}
	host_settle();
}

static void walk_one(const struct script *script, struct paths *paths)
{
	struct client client;
	enum action actions[ACTIONS];
	bool disturbed = script->disturbance == NOTHING;
	size_t count;

	trail_begin();
	host_begin();
	if (script->prepare)
		script->prepare();
	host_start();
	client_begin(&client, script->steps);
	host_settle();
	client_check(&client);
	while ((count = enabled(&client, disturbed, actions))) {
		enum action action = actions[paths_choose(paths, (unsigned)count)];

		disturbed |= action == DISTURB;
		act(&client, action, script->disturbance);
	}
	leave(&client);
	host_rest();
	if (script->judge)
		script->judge(&client);
	client_end(&client);
	host_end();
}

unsigned long script_walk(const struct script *script)
{
	struct paths paths = { 0 };

	while (paths_next(&paths))
		walk_one(script, &paths);
	trail_begin();
	return paths.count - 1;
}

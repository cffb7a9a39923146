#include "script.h"

#include <errno.h>
#include <stdio.h>

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

static unsigned long walks; /* of this test */

int script_teardown(void **state)
{
	print_message("%lu walks\n", walks);
	if (trail_len)
		print_error("the way to it: %s\n", trail);
	return 0;
}

/* After a failure the world is as it was then: nothing else can begin in it. */
int script_setup(void **state)
{
	walks = 0;
	return trail_len ? -1 : 0;
}

/* --- one walk --- */

enum action { SAY, SECOND_SAYS, ANSWER, POOL, DISK, DISTURB, ACTIONS };
static const char *const action_names[] = { "the client speaks",  "the second speaks",
					    "the module answers", "the pool works",
					    "the disk works",     "the disturbance" };

struct walk {
	const struct script *script;
	struct client clients[CLIENTS_MOST];
	size_t count;
	bool disturbed;
};

#define LONG_MS (INT64_C(61) * 60000)

static void disturb(struct walk *walk)
{
	struct client *client = &walk->clients[0];

	walk->disturbed = true;
	switch (walk->script->disturbance) {
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
		for (size_t i = 0; i < walk->count; i++)
			walk->clients[i].has_missed = true;
		host_restart();
		break;
	case RELOAD:
		host_reload();
		break;
	}
}

static void begin(struct walk *walk)
{
	static const char *const addresses[] = { "192.0.2.1", "192.0.2.2" };

	host_begin();
	if (walk->script->prepare)
		walk->script->prepare();
	host_start();
	for (; walk->count < CLIENTS_MOST && walk->script->steps[walk->count]; walk->count++) {
		struct client *client = &walk->clients[walk->count];

		client_begin(client, addresses[walk->count], walk->script->steps[walk->count]);
		peer_deaf(client->peer, walk->script->deaf);
		client->has_missed = walk->script->deaf;
	}
	host_settle();
}

static bool all_left(const struct walk *walk)
{
	size_t left = 0;

	for (size_t i = 0; i < walk->count; i++)
		left += peer_is_left(walk->clients[i].peer);
	return left == walk->count;
}

static size_t enabled(const struct walk *walk, enum action *actions)
{
	size_t count = 0;

	for (size_t i = 0; i < walk->count; i++)
		if (client_may_say(&walk->clients[i]))
			actions[count++] = SAY + i;
	if (host_holds())
		actions[count++] = ANSWER;
	if (!host_holds() && offload_waiting(runtime.pool))
		actions[count++] = POOL;
	if (disk_is_due(runtime.spool))
		actions[count++] = DISK;
	if (!walk->disturbed && !all_left(walk))
		actions[count++] = DISTURB;
	return count;
}

static void check(struct walk *walk)
{
	for (size_t i = 0; i < walk->count; i++)
		client_check(&walk->clients[i]);
}

static void act(struct walk *walk, enum action action)
{
	trail_add(action_names[action]);
	if (action == SAY || action == SECOND_SAYS)
		client_say(&walk->clients[action - SAY]);
	else if (action == ANSWER)
		host_answer();
	else if (action == POOL)
		offload_work();
	else if (action == DISK)
		host_disk_work();
	else
		disturb(walk);
	host_settle();
	check(walk);
}

/* Who has said all and waits for nothing leaves, whatever is said to it. */
static void leave(struct walk *walk)
{
	host_pass(LONG_MS);
	for (size_t i = 0; i < walk->count; i++)
		if (!peer_is_left(walk->clients[i].peer)) {
			peer_close(walk->clients[i].peer);
			walk->clients[i].is_gone = true;
		}
	host_rest();
	check(walk);
}

static void walk_one(const struct script *script, struct paths *paths)
{
	struct walk walk = { .script = script, .disturbed = script->disturbance == NOTHING };
	enum action actions[ACTIONS];
	size_t count;

	trail_begin();
	begin(&walk);
	check(&walk);
	while ((count = enabled(&walk, actions)))
		act(&walk, actions[paths_choose(paths, (unsigned)count)]);
	leave(&walk);
	if (script->judge)
		script->judge(walk.clients);
	for (size_t i = 0; i < walk.count; i++)
		client_end(&walk.clients[i]);
	host_end();
}

void script_walk(const struct script *script)
{
	struct paths paths = { 0 };

	while (paths_next(&paths))
		walk_one(script, &paths);
	trail_begin();
	walks += paths.count - 1;
}

/* queue_move.c - queue move: messages take one relay and no other from now on. */
#include "admin/relays.h"

#include "admin/relay_mail.h"
#include "base/id.h"

#include <stdlib.h>

#define USAGE "queue move ID ... --to RELAY; `gatewayctl queue list` shows the ids"

struct moving {
	struct request *request;
	const char *relay;
	uint64_t ids[REQUEST_WORDS];
	size_t count;
	_Atomic size_t moved;
};

static void move_here(struct worker *worker, unsigned number, void *arg)
{
	struct moving *moving = arg;
	for (size_t i = 0; i < moving->count; i++)
		moving->moved += mail_move(worker, moving->ids[i], gw_str(moving->relay));
}

static void moved(void *arg)
{
	struct moving *moving = arg;
	size_t count = moving->moved;
	if (count < moving->count)
		request_say(moving->request, EX_UNAVAILABLE, "%zu of %zu messages are not queued (any more); moved to %s: %zu",
		            moving->count - count, moving->count, moving->relay, count);
	else
		request_say(moving->request, EX_OK, "messages moved to %s: %zu", moving->relay, count);
	free(moving);
}

static bool read_words(struct moving *moving, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(words[i], "--to") == 0 && i + 1 < count && !moving->relay)
			moving->relay = words[++i];
		else if ((moving->ids[moving->count] = id_parse(gw_str(words[i]))) != 0)
			moving->count++;
		else
			return false;
	}
	return moving->relay && moving->count;
}

static void begin(struct moving *moving)
{
	struct request *request = moving->request;
	struct snapshot *snapshot = snapshot_current();
	bool there = snapshot_relay(snapshot, gw_str(moving->relay)) != NULL;
	if (!there)
		relay_unknown(request, snapshot, moving->relay);
	snapshot_release(snapshot);
	if (there && on_each_worker(move_here, moved, moving) == 0)
		return;
	if (there)
		request_say(request, EX_OSERR, "no memory");
	free(moving);
}

void verb_queue_move(struct request *request, const char *const *words, size_t count)
{
	struct moving *moving = calloc(1, sizeof(*moving));
	if (!moving) {
		request_say(request, EX_OSERR, "no memory");
		return;
	}
	moving->request = request;
	if (read_words(moving, words, count)) {
		begin(moving);
		return;
	}
	request_say(request, EX_USAGE, USAGE);
	free(moving);
}

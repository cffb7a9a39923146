/* alive.c - the word to the supervisor, and through it to the service manager, that the loops turn.
 */
#include "daemon/daemon.h"

#include "supervisor/channel.h"
#include "supervisor/supervisor.h"

#include <stdlib.h>

struct call {
	struct post post;
	struct alive *alive;
};

struct alive {
	struct timer timer;
	_Atomic unsigned turned; /* workers that answered */
	struct call calls[];     /* one for each worker */
};

static void answer(struct post *post)
{
	atomic_fetch_add(&((struct call *)post)->alive->turned, 1);
}

/* A call is only given again when its worker took it: one that hangs is what the service manager
 * has to hear of, by silence. */
static void call_all(struct timer *timer)
{
	struct alive *alive = (struct alive *)timer;
	if (atomic_load(&alive->turned) == runtime.worker_count) {
		channel_say(CHANNEL_ALIVE);
		atomic_store(&alive->turned, 0);
		for (unsigned i = 0; i < runtime.worker_count; i++) {
			alive->calls[i] = (struct call){ { .run = answer }, alive };
			worker_post(runtime.workers[i], &alive->calls[i].post);
		}
	}
	timer_set(runtime.main, timer, supervisor_watchdog(), call_all);
}

struct alive *alive_begin(void)
{
	struct alive *alive = NULL;
	if (supervisor_watchdog())
		alive = calloc(1, sizeof(*alive) + runtime.worker_count * sizeof(struct call));
	if (!alive)
		return NULL;
	atomic_store(&alive->turned, runtime.worker_count);
	call_all(&alive->timer);
	return alive;
}

void alive_end(struct alive *alive)
{
	if (alive)
		timer_clear(&alive->timer);
	free(alive);
}

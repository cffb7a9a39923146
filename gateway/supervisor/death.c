#include "supervisor/death.h"

#include "base/log.h"

#include <sys/wait.h>

/* SIGKILL is somebody's decision, or the kernel's for want of memory: no module can be told to have
 * done it. */
void death_find(struct death *death, pid_t pid, int status, const struct places *places)
{
	*death = (struct death){ .pid = pid, .status = status };
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		death->places_count = places_blame(places, death->places, DEATH_PLACES);
}

void death_blame(struct death *death, const struct place *place, unsigned seconds)
{
	death->hung = seconds;
	death->places_count = place->inside ? 1 : 0;
	death->places[0] = *place;
}

void death_count(struct death *death, struct crashes *crashes)
{
	for (size_t i = 0; i < death->places_count; i++)
		if (death->places[i].id)
			death->counts[i] = crashes_add(crashes, &death->places[i]);
}

static struct log_line *begin(const struct death *death, enum event_id event)
{
	struct log_line *line = log_open(event);
	log_int(line, KEY_PROCESS, death->pid);
	if (WIFSIGNALED(death->status))
		log_fmt(line, KEY_SIGNAL, "SIG%s", sigabbrev_np(WTERMSIG(death->status)) ?: "?");
	else
		log_int(line, KEY_EXIT, WEXITSTATUS(death->status));
	if (death->hung)
		log_int(line, KEY_HUNG_S, death->hung);
	return line;
}

void death_log(const struct death *death, enum event_id event)
{
	if (death->pid && death->places_count == 0)
		log_close(begin(death, event));
	for (size_t i = 0; i < death->places_count; i++) {
		const struct place *place = &death->places[i];
		struct log_line *line = begin(death, event);
		log_text(line, KEY_BY, place->instance);
		log_text(line, KEY_HOOK, place_hook(place));
		if (place->id)
			log_id(line, place->id);
		if (death->counts[i])
			log_int(line, KEY_TIMES, death->counts[i]);
		log_close(line);
	}
}

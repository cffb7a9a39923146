#include "module/state_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int set_aside(const char *path, const char *why, const char *lost, struct problems *problems)
{
	char aside[4200];

	snprintf(aside, sizeof(aside), "%s.damaged", path);
	if (rename(path, aside) < 0) {
		problem_add(problems, true, path, 0,
			    "cannot be used (%s) and cannot be renamed: %s", why, strerror(errno));
		return -1;
	}
	problem_add(problems, false, path, 0, "cannot be used (%s): kept as %s, %s", why, aside,
		    lost);
	return 0;
}

/* --- the database --- */

/* Away with it and with the journal that belongs to it: an old journal would spoil the new file. */
static int set_database_aside(const char *path, const char *why, struct problems *problems)
{
	char journal[4200];

	if (set_aside(path, why, "counters and records begin again", problems) < 0)
		return -1;
	snprintf(journal, sizeof(journal), "%s-wal", path);
	unlink(journal);
	return 0;
}

static bool open_file(struct state *state, const char *path, struct problems *problems)
{
	char why[300] = "";
	enum state_opened opened = state_file_open(path, state, &state->file, why, sizeof(why));

	if (opened == STATE_DAMAGED) {
		state_clear(state);
		if (set_database_aside(path, why, problems) < 0)
			return false;
		opened = state_file_open(path, state, &state->file, why, sizeof(why));
	}
	if (opened != STATE_OPENED)
		problem_add(problems, true, path, 0, "the state store cannot be opened: %s", why);
	return opened == STATE_OPENED;
}

/* --- the slots --- */

/* 0: not known. */
static uint64_t boot_of_machine(void)
{
	char text[40] = "";
	uint64_t boot = 0;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	for (const char *at = text; *at; at++)
		boot = boot * 31 + (unsigned char)*at;
	return boot;
}

struct laying {
	struct state *state;
	bool newer;
};

static int lay_over(void *arg, struct gw_str key, struct slot_place place,
		    const struct state_period *periods)
{
	struct laying *laying = arg;

	return state_counter_lay_over(laying->state, key, place, periods, laying->newer);
}

static int read_slots(struct state *state, const char *path, struct problems *problems)
{
	uint64_t boot = boot_of_machine();
	struct laying laying = { state, boot && boot == slots_boot(&state->slots) };

	pthread_mutex_lock(&state->lock);
	long spoiled = slots_each(&state->slots, lay_over, &laying);
	slots_boot_set(&state->slots, boot);
	pthread_mutex_unlock(&state->lock);
	if (spoiled > 0)
		problem_add(
			problems, false, path, 0,
			"%ld counters in it are damaged: their values of up to a second earlier are used",
			spoiled);
	if (state->slots.is_cut)
		problem_add(problems, false, path, 0,
			    "it was cut off: counters may lack the last second before a crash");
	if (spoiled < 0)
		problem_add(problems, true, path, 0, "no memory");
	return spoiled < 0 ? -1 : 0;
}

/* Without them the store works, and after a crash a counter may lack what was counted in the last
 * second. A file that cannot be used is set aside: it would be believed when it can be used again,
 * and be older than the database by then. */
static bool open_slots(struct state *state, const char *database, struct problems *problems)
{
	const char *slash = strrchr(database, '/');
	char path[4200], why[300];

	snprintf(path, sizeof(path), "%.*scounters", slash ? (int)(slash - database) + 1 : 0,
		 database);
	if (slots_open(&state->slots, path, why, sizeof(why)) < 0) {
		if (set_aside(path, why, "counters may lack the last second before a crash",
			      problems) < 0)
			return false;
		if (slots_open(&state->slots, path, why, sizeof(why)) < 0) {
			problem_add(problems, false, path, 0,
				    "cannot be used, counters are safe within a second only: %s",
				    why);
			return true;
		}
	}
	return read_slots(state, path, problems) == 0;
}

/* --- both --- */

static void state_free(struct state *state, bool written)
{
	state_clear(state);
	state_file_close(state->file);
	slots_close(&state->slots, written);
	free(state);
}

static bool start_writer(struct state *state, const char *path, struct problems *problems)
{
	if (state_writer_start(state) == 0)
		return true;
	problem_add(problems, true, path, 0, "no thread for the state store: %s", strerror(errno));
	return false;
}

struct state *state_open(const char *path, struct problems *problems)
{
	struct state *state = calloc(1, sizeof(*state));

	if (!state) {
		problem_add(problems, true, path, 0, "no memory");
		return NULL;
	}
	str_map_init(&state->counters);
	str_map_init(&state->records);
	state->last_dirty = &state->dirty;
	state_keeps_init(state);
	slots_init(&state->slots);
	if (!open_file(state, path, problems) || !start_writer(state, path, problems)) {
		state_free(state, false);
		return NULL;
	}
	if (open_slots(state, path, problems))
		return state;
	state_writer_stop(state);
	state_free(state, false);
	return NULL;
}

void state_close(struct state *state)
{
	if (!state)
		return;
	state_writer_stop(state);
	state_free(state, !state->failed && !state->dirty);
}

#include "module/state_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Away with it and with the journal that belongs to it: an old journal would spoil the new file. */
static int set_aside(const char *path, struct problems *problems)
{
	char aside[4200], journal[4200];

	snprintf(aside, sizeof(aside), "%s.damaged", path);
	snprintf(journal, sizeof(journal), "%s-wal", path);
	if (rename(path, aside) < 0) {
		problem_add(problems, true, path, 0, "is damaged and cannot be renamed: %s", strerror(errno));
		return -1;
	}
	unlink(journal);
	problem_add(problems, false, path, 0, "was damaged: kept as %s, counters and records begin again", aside);
	return 0;
}

static bool open_file(struct state *state, const char *path, struct problems *problems)
{
	char why[300] = "";
	enum state_opened opened = state_file_open(path, state, &state->file, why, sizeof(why));

	if (opened == STATE_DAMAGED) {
		state_clear(state);
		if (set_aside(path, problems) < 0)
			return false;
		opened = state_file_open(path, state, &state->file, why, sizeof(why));
	}
	if (opened != STATE_OPENED)
		problem_add(problems, true, path, 0, "the state store cannot be opened: %s", why);
	return opened == STATE_OPENED;
}

static void state_free(struct state *state)
{
	state_clear(state);
	state_file_close(state->file);
	free(state);
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
	if (open_file(state, path, problems)) {
		if (state_writer_start(state) == 0)
			return state;
		problem_add(problems, true, path, 0, "no thread for the state store: %s", strerror(errno));
	}
	state_free(state);
	return NULL;
}

void state_close(struct state *state)
{
	if (!state)
		return;
	state_writer_stop(state);
	state_free(state);
}

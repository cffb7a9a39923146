#include "supervisor/crashes.h"

#include "base/id.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define FILE_NAME "crashes"
#define NEW_NAME "crashes.new"

static struct crash *find(struct crashes *crashes, uint64_t id)
{
	for (size_t i = 0; i < crashes->count; i++)
		if (crashes->items[i].id == id)
			return &crashes->items[i];
	return NULL;
}

static struct crash *append(struct crashes *crashes, uint64_t id)
{
	if (crashes->count == CRASHES_MOST)
		memmove(&crashes->items[0], &crashes->items[1],
			--crashes->count * sizeof(crashes->items[0]));
	struct crash *crash = &crashes->items[crashes->count++];
	*crash = (struct crash){ .id = id };
	return crash;
}

/* --- the file: a line each, "ID COUNT HOOK INSTANCE" --- */

static void load_line(struct crashes *crashes, const char *line)
{
	struct crash read = { 0 };
	char text[ID_TEXT + 1];
	if (sscanf(line, "%14s %u %15s %47[^\n]", text, &read.count, read.hook, read.instance) !=
		    4 ||
	    read.count == 0)
		return;
	read.id = id_parse(gw_str(text));
	if (read.id && !find(crashes, read.id))
		*append(crashes, read.id) = read;
}

/* The folder belongs to the serving process's user, who may put anything there. */
static FILE *open_in(int folder, const char *name, int flags)
{
	int fd = folder < 0
			 ? -1
			 : openat(folder, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, flags & O_WRONLY ? "w" : "r");
	if (!file && fd >= 0)
		close(fd);
	return file;
}

void crashes_load(struct crashes *crashes, int folder)
{
	char line[256];
	*crashes = (struct crashes){ .folder = folder };
	FILE *file = open_in(folder, FILE_NAME, O_RDONLY);
	for (size_t i = 0; file && i < 2 * CRASHES_MOST && fgets(line, sizeof(line), file); i++)
		load_line(crashes, line);
	if (file)
		fclose(file);
}

static int write_lines(const struct crashes *crashes, FILE *file)
{
	char text[ID_TEXT];
	for (size_t i = 0; i < crashes->count; i++) {
		const struct crash *crash = &crashes->items[i];
		fprintf(file, "%s %u %s %s\n", id_format(crash->id, text), crash->count,
			crash->hook, crash->instance);
	}
	int failed = ferror(file);
	return fclose(file) || failed ? -1 : 0;
}

static void save(const struct crashes *crashes)
{
	if (crashes->folder < 0)
		return;
	unlinkat(crashes->folder, NEW_NAME, 0);
	FILE *file = open_in(crashes->folder, NEW_NAME, O_WRONLY | O_CREAT | O_EXCL);
	if (!file || write_lines(crashes, file) != 0 ||
	    renameat(crashes->folder, NEW_NAME, crashes->folder, FILE_NAME) != 0)
		log_say(EVENT_CRASHES, "STATE/" FILE_NAME " cannot be written: %s",
			strerror(errno));
}

/* --- counting --- */

unsigned crashes_add(struct crashes *crashes, const struct place *place)
{
	struct crash *crash = find(crashes, place->id);
	if (!crash)
		crash = append(crashes, place->id);
	crash->count++;
	snprintf(crash->instance, sizeof(crash->instance), "%s", place->instance);
	snprintf(crash->hook, sizeof(crash->hook), "%s", place_hook(place));
	save(crashes);
	return crash->count;
}

void crashes_settle(struct crashes *crashes)
{
	bool changed = false;
	for (size_t i = 0; i < crashes->count; i++) {
		if (crashes->items[i].count < CRASHES_TO_HOLD)
			continue;
		crashes->items[i].count = CRASHES_TO_HOLD - 1;
		changed = true;
	}
	if (changed)
		save(crashes);
}

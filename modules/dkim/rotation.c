#include "rotation.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "rotation"

/* --- lines: "DOMAIN SELECTOR made|named FROM UNTIL" --- */

static bool read_line(const char *line, struct turn *turn)
{
	char how[8];

	_Static_assert(GW_DOMAIN_MAX >= 253, "the width below");
	if (sscanf(line, "%253s %63s %7s %" SCNd64 " %" SCNd64, turn->domain, turn->selector, how,
		   &turn->from, &turn->until) != 5)
		return false;
	turn->is_made = strcmp(how, "made") == 0;
	return (turn->is_made || strcmp(how, "named") == 0) && key_name_ok(gw_str(turn->domain)) &&
	       key_name_ok(gw_str(turn->selector)) && turn->from >= 0 && turn->until >= 0;
}

static const char *read_all(struct rotation *rotation, FILE *file)
{
	char line[512];
	struct turn turn, *kept;

	while (fgets(line, sizeof line, file)) {
		if (*line == '#')
			continue;
		if (!read_line(line, &turn))
			return "a line is not DOMAIN SELECTOR made|named FROM UNTIL";
		kept = rotation_put(rotation, turn.domain, turn.selector);
		if (!kept)
			return "it has too many lines";
		*kept = turn;
	}
	return NULL;
}

bool rotation_read(struct rotation *rotation, const char *folder, const char **why)
{
	char path[4096];
	FILE *file;

	snprintf(rotation->folder, sizeof rotation->folder, "%s", folder);
	snprintf(path, sizeof path, "%s/" FILE_NAME, folder);
	file = fopen(path, "re");
	if (!file) {
		*why = strerror(errno);
		return errno == ENOENT || errno == ENOTDIR;
	}
	*why = read_all(rotation, file);
	fclose(file);
	return *why == NULL;
}

void rotation_finish(struct rotation *rotation)
{
	free(rotation->turns);
	rotation->turns = NULL;
	rotation->count = 0;
}

/* --- on disk --- */

static bool write_lines(const struct rotation *rotation, FILE *file)
{
	size_t i;

	fputs("# What gatewayctl dkim rotate did: DOMAIN SELECTOR made|named FROM UNTIL (ms)\n",
	      file);
	for (i = 0; i < rotation->count; i++)
		fprintf(file, "%s %s %s %" PRId64 " %" PRId64 "\n", rotation->turns[i].domain,
			rotation->turns[i].selector, rotation->turns[i].is_made ? "made" : "named",
			rotation->turns[i].from, rotation->turns[i].until);
	return fflush(file) == 0 && fsync(fileno(file)) == 0;
}

static int sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = fd < 0 ? -1 : fsync(fd);

	if (fd >= 0)
		close(fd);
	return result;
}

int rotation_write(const struct rotation *rotation)
{
	char path[4096], beside[4096];
	FILE *file;
	bool written;

	snprintf(path, sizeof path, "%s/" FILE_NAME, rotation->folder);
	snprintf(beside, sizeof beside, "%s/" FILE_NAME ".new", rotation->folder);
	file = fopen(beside, "we");
	if (!file)
		return -1;
	written = write_lines(rotation, file);
	if (fclose(file) != 0 || !written || rename(beside, path) != 0) {
		unlink(beside);
		return -1;
	}
	return sync_folder(rotation->folder);
}

/* --- turns --- */

struct turn *rotation_find(const struct rotation *rotation, const char *domain,
			   const char *selector)
{
	size_t i;

	for (i = 0; i < rotation->count; i++)
		if (strcmp(rotation->turns[i].domain, domain) == 0 &&
		    strcasecmp(rotation->turns[i].selector, selector) == 0)
			return &rotation->turns[i];
	return NULL;
}

struct turn *rotation_put(struct rotation *rotation, const char *domain, const char *selector)
{
	struct turn *turn = rotation_find(rotation, domain, selector), *more;

	if (turn || rotation->count >= ROTATION_MOST)
		return turn;
	more = realloc(rotation->turns, (rotation->count + 1) * sizeof *more);
	if (!more)
		return NULL;
	rotation->turns = more;
	turn = &more[rotation->count++];
	*turn = (struct turn){ .from = 0 };
	snprintf(turn->domain, sizeof turn->domain, "%s", domain);
	snprintf(turn->selector, sizeof turn->selector, "%s", selector);
	return turn;
}

void rotation_drop(struct rotation *rotation, struct turn *turn)
{
	*turn = rotation->turns[--rotation->count];
}

void rotation_path(const struct rotation *rotation, const struct turn *turn, char out[4096])
{
	snprintf(out, 4096, "%s/%s-%s.pem", rotation->folder, turn->domain, turn->selector);
}

/* log_journal_files.c - the files of the journal's folder: what they are called, and which go when
 * there are too many. */
#include "base/log_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART_AT 10 /* where the name goes on behind the day */

static bool has_shape(const char *name, const char *shape)
{
	if (strlen(name) != strlen(shape))
		return false;
	for (size_t i = 0; shape[i]; i++)
		if (shape[i] == 'd' ? name[i] < '0' || name[i] > '9' : name[i] != shape[i])
			return false;
	return true;
}

bool log_journal_is_day_file(const char *name)
{
	return has_shape(name, "dddd-dd-dd.log") || has_shape(name, "dddd-dd-dd.part-dddddd.log");
}

void log_journal_name(char name[LOG_DAY_FILE], const char *day, unsigned part)
{
	if (part == 0)
		snprintf(name, LOG_DAY_FILE, "%.10s.log", day);
	else
		snprintf(name, LOG_DAY_FILE, "%.10s.part-%06u.log", day, part % 1000000);
}

static int is_day_entry(const struct dirent *entry)
{
	return log_journal_is_day_file(entry->d_name);
}

/* By octets and in no locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int log_journal_list(const char *folder, struct dirent ***files)
{
	return scandir(folder, files, is_day_entry, by_name);
}

unsigned log_journal_last_part(const char *folder, const char *day)
{
	struct dirent **files;
	int count = log_journal_list(folder, &files);
	unsigned last = 0;

	for (int i = 0; i < count; i++) {
		if (memcmp(files[i]->d_name, day, PART_AT) == 0 &&
		    files[i]->d_name[PART_AT + 1] == 'p')
			last = (unsigned)strtoul(files[i]->d_name + PART_AT + strlen(".part-"),
						 NULL, 10);
		free(files[i]);
	}
	if (count >= 0)
		free(files);
	return last;
}

static uint64_t size_of(int folder_fd, const char *name)
{
	struct stat st;

	return fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)st.st_size : 0;
}

/* The oldest go until what is left is within `most`; the one that is open stays. */
uint64_t log_journal_trim(const struct log_journal *journal, uint64_t most)
{
	struct dirent **files;
	int count = log_journal_list(journal->folder, &files);
	uint64_t total = 0;

	for (int i = 0; i < count; i++)
		total += size_of(journal->folder_fd, files[i]->d_name);
	for (int i = 0; i < count; i++) {
		uint64_t size = size_of(journal->folder_fd, files[i]->d_name);

		if (total > most && strcmp(files[i]->d_name, journal->name) != 0 &&
		    unlinkat(journal->folder_fd, files[i]->d_name, 0) == 0)
			total -= size < total ? size : total;
		free(files[i]);
	}
	if (count >= 0)
		free(files);
	return total;
}

/* By the machine's clock and never by a line's, and names sort as days do. */
void log_journal_expire(const struct log_journal *journal, const char *oldest)
{
	struct dirent **files;
	int count = log_journal_list(journal->folder, &files);

	for (int i = 0; i < count; i++) {
		if (memcmp(files[i]->d_name, oldest, PART_AT) < 0)
			unlinkat(journal->folder_fd, files[i]->d_name, 0);
		free(files[i]);
	}
	if (count >= 0)
		free(files);
}

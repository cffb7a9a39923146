#include "base/log_private.h"

#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define DAY_MS 86400000

bool log_journal_is_day_file(const char *name)
{
	static const char shape[] = "dddd-dd-dd.log";

	if (strlen(name) != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; shape[i]; i++)
		if (shape[i] == 'd' ? name[i] < '0' || name[i] > '9' : name[i] != shape[i])
			return false;
	return true;
}

/* By the machine's clock and never by a line's, and names sort as days do. */
static void remove_old(struct log_journal *journal)
{
	char oldest[CLOCK_RFC3339];
	int fd = openat(journal->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	clock_rfc3339(clock_wall() - (int64_t)journal->keep_days * DAY_MS, oldest);
	for (struct dirent *entry; (entry = readdir(dir));)
		if (log_journal_is_day_file(entry->d_name) && memcmp(entry->d_name, oldest, 10) < 0)
			unlinkat(journal->folder_fd, entry->d_name, 0);
	closedir(dir);
}

int log_journal_init(struct log_journal *journal, const char *folder, unsigned keep_days)
{
	int error;

	memset(journal, 0, sizeof(*journal));
	journal->keep_days = keep_days;
	journal->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (journal->folder_fd < 0)
		return -1;
	if (faccessat(journal->folder_fd, ".", W_OK | X_OK, AT_EACCESS) != 0)
		goto fail;
	journal->folder = strdup(folder);
	if (!journal->folder || log_sink_init(&journal->sink) != 0)
		goto fail;
	if (keep_days)
		remove_old(journal);
	log_sink_use(&journal->sink, -1);
	return 0;
fail:
	error = errno;
	close(journal->folder_fd);
	free(journal->folder);
	errno = error;
	return -1;
}

static void close_day(struct log_journal *journal)
{
	log_sink_flush(&journal->sink);
	if (journal->sink.fd >= 0)
		close(journal->sink.fd);
	log_sink_use(&journal->sink, -1);
	journal->day[0] = '\0';
}

void log_journal_finish(struct log_journal *journal)
{
	close_day(journal);
	log_sink_finish(&journal->sink);
	close(journal->folder_fd);
	free(journal->folder);
}

/* A file that a full disk or a power cut left with half a line is continued on a line of its own. */
static char last_byte(int fd)
{
	char last = '\n';
	off_t size = lseek(fd, 0, SEEK_END);

	if (size > 0 && pread(fd, &last, 1, size - 1) != 1)
		last = '\n';
	return last;
}

static void open_day(struct log_journal *journal, const char *day)
{
	char name[LOG_DAY_FILE];
	bool later = journal->day[0] && memcmp(day, journal->day, 10) > 0;
	int fd;

	close_day(journal);
	snprintf(name, sizeof(name), "%.10s.log", day);
	fd = openat(journal->folder_fd, name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	log_sink_use(&journal->sink, fd);
	journal->open_error = fd < 0 ? errno : 0;
	if (fd < 0)
		return;
	journal->sink.last = last_byte(fd);
	memcpy(journal->day, day, 10);
	if (later && journal->keep_days)
		remove_old(journal);
}

void log_journal_add(struct log_journal *journal, const char *line, size_t len)
{
	if (memcmp(journal->day, line, 10) != 0)
		open_day(journal, line);
	log_sink_add(&journal->sink, line, len);
}

void log_journal_flush(struct log_journal *journal)
{
	log_sink_flush(&journal->sink);
	if (journal->sink.error && journal->open_error)
		journal->sink.error = journal->open_error;
}

void log_journal_reopen(struct log_journal *journal)
{
	close_day(journal);
}

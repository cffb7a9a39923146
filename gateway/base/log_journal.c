#include "base/log_private.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_MS 86400000

static void remove_old(struct log_journal *journal)
{
	char oldest[CLOCK_RFC3339];

	clock_rfc3339(clock_wall() - (int64_t)journal->keep_days * DAY_MS, oldest);
	log_journal_expire(journal, oldest);
}

/* A file is as large as leaves several of them within the bound, so that the oldest part can go. */
static uint64_t part_size(void)
{
	return log_journal_bound() / 8;
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
	journal->total = log_journal_trim(journal,
					  log_journal_bound() ? log_journal_bound() : UINT64_MAX);
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
	journal->day[0] = journal->name[0] = '\0';
}

void log_journal_finish(struct log_journal *journal)
{
	close_day(journal);
	log_sink_finish(&journal->sink);
	close(journal->folder_fd);
	free(journal->folder);
}

/* A file that a full disk or a power cut left with half a line is continued on a line of its own.
 */
static char last_byte(int fd)
{
	char last = '\n';
	off_t size = lseek(fd, 0, SEEK_END);

	if (size > 0 && pread(fd, &last, 1, size - 1) != 1)
		last = '\n';
	return last;
}

/* Opens the last part of that day, or a new one behind it. */
static int open_part(struct log_journal *journal, const char *day)
{
	unsigned part = log_journal_last_part(journal->folder, day);
	struct stat st;
	int fd;

	for (;; part++) {
		log_journal_name(journal->name, day, part);
		fd = openat(journal->folder_fd, journal->name,
			    O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
		if (fd < 0 || fstat(fd, &st) < 0)
			return fd;
		journal->octets = (uint64_t)st.st_size;
		if (!part_size() || journal->octets < part_size())
			return fd;
		close(fd);
	}
}

static void open_day(struct log_journal *journal, const char *day)
{
	bool later = journal->day[0] && memcmp(day, journal->day, 10) > 0;
	int fd;

	close_day(journal);
	fd = open_part(journal, day);
	log_sink_use(&journal->sink, fd);
	journal->open_error = fd < 0 ? errno : 0;
	if (fd < 0)
		return;
	journal->sink.last = last_byte(fd);
	memcpy(journal->day, day, 10);
	if (later && journal->keep_days)
		remove_old(journal);
}

static void keep_bound(struct log_journal *journal)
{
	uint64_t bound = log_journal_bound();

	if (!bound || journal->total <= bound)
		return;
	log_sink_flush(&journal->sink);
	journal->total = log_journal_trim(journal, bound - bound / 8);
}

void log_journal_add(struct log_journal *journal, const char *line, size_t len)
{
	if (memcmp(journal->day, line, 10) != 0 || (part_size() && journal->octets >= part_size()))
		open_day(journal, line);
	log_sink_add(&journal->sink, line, len);
	journal->octets += len;
	journal->total += len;
	keep_bound(journal);
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

/* log_memory.c - the queue of the log in memory that outlives the process: what was closed before a
 * kill -9 is written by the next process that opens the same journal. The memory is a file of a
 * tmpfs, named after the journal's folder and locked by who uses it, so that no line costs a call
 * and no writer of a line waits for a disk. Where there is none, ordinary memory does. */
#include "base/log_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_MAGIC 0x32676f6c77676731u

static int open_shared(const char *folder, char name[LOG_MEMORY_NAME])
{
	struct stat st;
	int fd;

	if (stat(folder, &st) < 0)
		return -1;
	log_memory_name(name, &st);
	fd = shm_open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	/* The folder for such files is everybody's: what somebody else put there is not used. */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    !(st.st_mode & 077) && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	    posix_fallocate(fd, 0, sizeof(struct log_memory)) == 0)
		return fd;
	close(fd);
	return -1;
}

static struct log_memory *map(int fd)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	void *memory = mmap(NULL, sizeof(struct log_memory), PROT_READ | PROT_WRITE, flags, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

int log_memory_open(struct log_memory_file *file, const char *folder)
{
	if (folder)
		log_memory_sweep();
	file->fd = folder ? open_shared(folder, file->name) : -1;
	file->memory = map(file->fd);
	if (!file->memory && file->fd >= 0)
		close(file->fd);
	if (file->memory && file->fd >= 0 && !realpath(folder, file->memory->folder))
		file->memory->folder[0] = '\0';
	return file->memory ? 0 : -1;
}

void log_memory_close(struct log_memory_file *file, bool written)
{
	munmap(file->memory, sizeof(*file->memory));
	if (file->fd < 0)
		return;
	if (written)
		shm_unlink(file->name);
	close(file->fd);
}

/* Whole lines of a half, as far as its records can be believed. */
static size_t whole_records(const char *half, size_t len)
{
	struct log_record record;
	size_t at = 0;

	len = len > LOG_HALF_SIZE ? LOG_HALF_SIZE : len;
	while (len - at > sizeof(record)) {
		memcpy(&record, half + at, sizeof(record));
		if (record.len == 0 || record.len > LOG_LINE_MAX ||
		    record.len > len - at - sizeof(record) ||
		    half[at + sizeof(record) + record.len - 1] != '\n')
			break;
		at += sizeof(record) + record.len;
	}
	return at;
}

#define TAIL (512u << 10)

/* The end of the journal's last file; NULL: there is none, or no memory. */
static char *journal_tail(const struct log_journal *journal, size_t *len)
{
	struct dirent **files;
	int count = log_journal_list(journal->folder, &files), fd = -1;
	char *tail = malloc(TAIL);
	ssize_t got = -1;

	if (count > 0)
		fd = openat(journal->folder_fd, files[count - 1]->d_name,
			    O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && tail) {
		off_t size = lseek(fd, 0, SEEK_END);
		got = pread(fd, tail, TAIL, size > (off_t)TAIL ? size - (off_t)TAIL : 0);
	}
	if (fd >= 0)
		close(fd);
	for (int i = 0; i < count; i++)
		free(files[i]);
	if (count >= 0)
		free(files);
	*len = got > 0 ? (size_t)got : 0;
	return tail;
}

/* Of the half that was being written some lines are in the journal already; the target had them or
 * not, nobody can know. */
static void recover_half(struct log_output *output, const char *half, size_t len, bool was_begun)
{
	struct log_record record;
	size_t tail_len;
	char *tail = journal_tail(&output->journal, &tail_len);

	for (const char *at = half; at < half + len; at += record.len) {
		memcpy(&record, at, sizeof(record));
		at += sizeof(record);
		if ((record.where & LOG_TO_JOURNAL) &&
		    !(tail && memmem(tail, tail_len, at, record.len)))
			log_journal_add(&output->journal, at, record.len);
		if ((record.where & LOG_TO_TARGET) && !was_begun)
			log_sink_add(&output->target, at, record.len);
	}
	log_journal_flush(&output->journal);
	free(tail);
}

void log_memory_recover(struct log_memory_file *file, struct log_output *output)
{
	struct log_memory *memory = file->memory;
	struct log_halves halves = log_halves_load(memory);

	if (memory->magic == MEMORY_MAGIC && output->has_journal) {
		recover_half(output, memory->half[!halves.front],
			     whole_records(memory->half[!halves.front], halves.taken), true);
		recover_half(output, memory->half[halves.front],
			     whole_records(memory->half[halves.front], halves.used), false);
	}
	log_halves_store(memory, (struct log_halves){ 0 });
	memory->magic = MEMORY_MAGIC;
}

#include "module/code.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

struct code_stamp code_stamp(const struct stat *info)
{
	return (struct code_stamp){ info->st_dev, info->st_ino, info->st_size, info->st_mtim,
				    info->st_ctim };
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool code_stamp_equal(const struct code_stamp *a, const struct code_stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       same_time(a->modified, b->modified) && same_time(a->changed, b->changed);
}

static off_t last_octet(off_t a, off_t b)
{
	return a > b ? a : b;
}

static off_t segments_end(int file, const ElfW(Ehdr) * header)
{
	off_t end = (off_t)(header->e_shoff + (size_t)header->e_shnum * header->e_shentsize);
	for (unsigned i = 0; i < header->e_phnum; i++) {
		ElfW(Phdr) segment;
		off_t at = (off_t)(header->e_phoff + (size_t)i * sizeof(segment));
		if (pread(file, &segment, sizeof(segment), at) != sizeof(segment))
			return last_octet(end, at + (off_t)sizeof(segment));
		end = last_octet(end, (off_t)(segment.p_offset + segment.p_filesz));
	}
	return end;
}

off_t code_length(const char *path)
{
	ElfW(Ehdr) header;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	bool elf = file >= 0 && pread(file, &header, sizeof(header), 0) == sizeof(header) &&
		   memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
		   header.e_phentsize == sizeof(ElfW(Phdr));
	off_t end = elf ? segments_end(file, &header) : 0;
	if (file >= 0)
		close(file);
	return end;
}

/* "FOLDER/PID.N.dkim.so": N, because a content that came later must not bear the name of one that
 * runs. */
static char *copy_name(const char *path, const char *folder)
{
	static unsigned copies;
	const char *slash = strrchr(path, '/');
	char *name = NULL;
	return asprintf(&name, "%s/%d.%u.%s", folder, (int)getpid(), ++copies,
			slash ? slash + 1 : path) < 0
		       ? NULL
		       : name;
}

static int copy_octets(int from, int to)
{
	ssize_t moved;
	do
		moved = sendfile(to, from, NULL, 1 << 20);
	while (moved > 0 || (moved < 0 && errno == EINTR));
	return moved < 0 ? -1 : 0;
}

static int copy_to(const char *path, const char *copy)
{
	unlink(copy); /* of a process that had this number before */
	int from = open(path, O_RDONLY | O_CLOEXEC);
	int to = from < 0 ? -1
			  : open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0500);
	int result = to < 0 ? -1 : copy_octets(from, to), why = errno;
	if (to >= 0 && close(to) != 0 && result == 0) {
		result = -1;
		why = errno;
	}
	if (from >= 0)
		close(from);
	if (result != 0 && to >= 0)
		unlink(copy);
	errno = why;
	return result;
}

char *code_copy(const char *path, const char *folder)
{
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return NULL;
	char *copy = copy_name(path, folder);
	if (copy && copy_to(path, copy) == 0)
		return copy;
	int why = errno;
	free(copy);
	errno = why;
	return NULL;
}

void code_sweep(const char *folder)
{
	DIR *dir = opendir(folder);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		char *end;
		long pid = strtol(entry->d_name, &end, 10);
		if (pid > 0 && *end == '.' &&
		    (pid == getpid() || (kill((pid_t)pid, 0) != 0 && errno == ESRCH)))
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

#include "box.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define PIECE (64 * 1024)

/* --- folders --- */

static int make_folder(const char *path)
{
	return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : errno;
}

static int sync_folder(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;

	if (fd < 0)
		return errno;
	error = fsync(fd) == 0 ? 0 : errno;
	close(fd);
	return error;
}

/* The folder, and the one above it: so "STATE/mail/user@example.com" needs only the state folder.
 */
static int make_folders(const char *path)
{
	char above[4096];
	const char *slash = strrchr(path, '/');
	int len = slash && slash != path ? (int)(slash - path) : 1;
	int error;

	if ((size_t)len >= sizeof above)
		return ENAMETOOLONG;
	snprintf(above, sizeof above, "%.*s", len, path);
	error = make_folder(above);
	if (!error)
		error = make_folder(path);
	return error ? error : sync_folder(AT_FDCWD, above);
}

static int make_parts(int box)
{
	static const char *const parts[] = { "tmp", "new", "cur" };
	size_t i;

	for (i = 0; i < 3; i++)
		if (mkdirat(box, parts[i], 0700) != 0 && errno != EEXIST)
			return errno;
	return sync_folder(box, ".");
}

/* Opens the Maildir, and makes what is missing of it. */
static int open_box(const char *path, int *box)
{
	int error = 0;

	*box = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*box < 0 && errno == ENOENT) {
		error = make_folders(path);
		*box = error ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (*box < 0)
		return error ? error : errno;
	if (faccessat(*box, "new", F_OK, 0) == 0 && faccessat(*box, "tmp", F_OK, 0) == 0)
		return 0;
	error = make_parts(*box);
	if (error)
		close(*box);
	return error;
}

/* --- the file --- */

/* Time, process, count and host: unique among all that write into this Maildir. '/' and ':' in a
 * host name would be read as something else. */
static void make_name(char *name, size_t room, int64_t size)
{
	static atomic_uint count;
	struct timeval now;
	char host[65] = "localhost", *at;

	gettimeofday(&now, NULL);
	gethostname(host, sizeof host - 1);
	for (at = host; (at = strpbrk(at, "/:")) != NULL;)
		*at = '_';
	snprintf(name, room, "%lld.M%06ldP%ldQ%u.%s,S=%lld", (long long)now.tv_sec,
		 (long)now.tv_usec, (long)getpid(), atomic_fetch_add(&count, 1), host,
		 (long long)size);
}

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t written = write(fd, bytes, len);

		if (written < 0 && errno != EINTR)
			return errno;
		if (written > 0) {
			bytes += written;
			len -= (size_t)written;
		}
	}
	return 0;
}

/* A letter that ends before its size was not read whole: it must not be taken for delivered. */
static int write_letter(int fd, const struct letter *letter)
{
	char piece[PIECE];
	int64_t done = 0;
	long len;
	int error;

	while (done < letter->size) {
		len = gw->delivery_read(letter->delivery, (uint64_t)done, piece, sizeof piece);
		if (len <= 0)
			return EIO;
		error = write_all(fd, piece, (size_t)len);
		if (error)
			return error;
		done += len;
	}
	return 0;
}

static int write_file(int box, const char *name, struct gw_str front, const struct letter *letter)
{
	int fd = openat(box, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), error;

	if (fd < 0)
		return errno;
	error = write_all(fd, front.ptr, front.len);
	if (!error)
		error = write_letter(fd, letter);
	if (!error && fsync(fd) != 0)
		error = errno;
	if (close(fd) != 0 && !error)
		error = errno;
	return error;
}

static int store(int box, struct gw_str front, const struct letter *letter, const char *name)
{
	char from[BOX_NAME_MAX + 4], to[BOX_NAME_MAX + 4];
	int error;

	snprintf(from, sizeof from, "tmp/%s", name);
	snprintf(to, sizeof to, "new/%s", name);
	error = write_file(box, from, front, letter);
	if (!error && renameat(box, from, box, to) != 0)
		error = errno;
	if (error) {
		unlinkat(box, from, 0);
		return error;
	}
	error = sync_folder(box, "new");
	if (error)
		unlinkat(box, to, 0);
	return error;
}

int box_store(const char *folder, struct gw_str front, const struct letter *letter,
	      char name[BOX_NAME_MAX])
{
	int box, error = open_box(folder, &box);

	if (error)
		return error;
	make_name(name, BOX_NAME_MAX, (int64_t)front.len + letter->size);
	error = store(box, front, letter, name);
	close(box);
	return error;
}

#include "conf/kept.h"

#include "base/crc32c.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST ".files" /* a line each: "CHECKSUM OCTETS NAME" */
#define LIST_LINE (PATH_MAX + 32)

static bool is_kept(const struct conf_file *file)
{
	return file->name[0] != '/';
}

/* "../x", "a/../../x": no copy can hold it. */
static bool leaves_folder(const char *name)
{
	for (; name; name = strchr(name, '/') ? strchr(name, '/') + 1 : NULL)
		if (strncmp(name, "..", 2) == 0 && (name[2] == '/' || !name[2]))
			return true;
	return false;
}

/* --- writing --- */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
	return remove(path);
}

static int remove_folder(const char *path)
{
	return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT ? 0 : -1;
}

/* The folders above a file of an included name. */
static int make_folders(char *path, size_t after)
{
	for (char *slash = strchr(path + after, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		int result = mkdir(path, 0700);
		*slash = '/';
		if (result != 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}

static FILE *create_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (!file && fd >= 0)
		close(fd);
	return file;
}

static int write_file(const char *folder, const struct conf_file *file, FILE *list)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", folder, file->name) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	FILE *out = make_folders(path, strlen(folder) + 1) == 0 ? create_file(path) : NULL;
	if (!out)
		return -1;
	bool failed = fwrite(file->text.ptr, 1, file->text.len, out) != file->text.len;
	failed = fclose(out) != 0 || failed;
	return failed || fprintf(list, "%08x %zu %s\n", crc32c(0, file->text.ptr, file->text.len),
				 file->text.len, file->name) < 0
		       ? -1
		       : 0;
}

static int write_files(const struct conf *conf, const char *folder)
{
	char path[PATH_MAX + sizeof(LIST)];
	int result = 0;

	snprintf(path, sizeof(path), "%s/" LIST, folder);
	FILE *list = create_file(path);
	if (!list)
		return -1;
	for (const struct conf_file *file = conf_files(conf); file && result == 0;
	     file = file->next)
		if (is_kept(file))
			result = write_file(folder, file, list);
	return fclose(list) == 0 ? result : -1;
}

static int can_keep(const struct conf *conf)
{
	for (const struct conf_file *file = conf_files(conf); file; file = file->next)
		if (is_kept(file) && leaves_folder(file->name)) {
			errno = EXDEV;
			return -1;
		}
	return 0;
}

/* Where the file system cannot exchange two names there is no copy for a moment, which is what the
 * old one's reader takes it for. */
static int swap(const char *fresh, const char *folder)
{
	if (renameat2(AT_FDCWD, fresh, AT_FDCWD, folder, RENAME_EXCHANGE) == 0)
		return remove_folder(fresh);
	return remove_folder(folder) == 0 ? rename(fresh, folder) : -1;
}

int conf_keep(const struct conf *conf, const char *folder)
{
	char fresh[PATH_MAX];

	if (snprintf(fresh, sizeof(fresh), "%s.new", folder) >= (int)sizeof(fresh)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (can_keep(conf) == 0 && remove_folder(fresh) == 0 && mkdir(fresh, 0700) == 0 &&
	    write_files(conf, fresh) == 0 && swap(fresh, folder) == 0)
		return 0;
	int error = errno;
	remove_folder(fresh);
	errno = error;
	return -1;
}

/* --- comparing --- */

struct difference {
	char *names;
	size_t size, len;
	int count;
};

static void add_name(struct difference *difference, const char *name)
{
	difference->count++;
	if (difference->len < difference->size)
		difference->len += (size_t)snprintf(difference->names + difference->len,
						    difference->size - difference->len, "%s%s",
						    difference->len ? ", " : "", name);
}

static const struct conf_file *find_file(const struct conf *conf, const char *name)
{
	const struct conf_file *file = conf_files(conf);

	while (file && strcmp(file->name, name) != 0)
		file = file->next;
	return file;
}

/* A line of the list beside the file of that name. */
static void compare_line(const struct conf *conf, char *line, struct difference *difference)
{
	unsigned checksum;
	size_t len;
	int at = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%8x %zu %n", &checksum, &len, &at) != 2 || !at || !line[at]) {
		add_name(difference, LIST);
		return;
	}
	const struct conf_file *file = find_file(conf, line + at);
	if (!file || file->text.len != len || crc32c(0, file->text.ptr, len) != checksum)
		add_name(difference, line + at);
}

/* Those that the list does not have. */
static void add_unlisted(const struct conf *conf, FILE *list, char *line,
			 struct difference *difference)
{
	for (const struct conf_file *file = conf_files(conf); file; file = file->next) {
		bool found = !is_kept(file);
		rewind(list);
		while (!found && fgets(line, LIST_LINE, list)) {
			int at = 0;
			line[strcspn(line, "\n")] = '\0';
			sscanf(line, "%*x %*u %n", &at);
			found = at && strcmp(line + at, file->name) == 0;
		}
		if (!found)
			add_name(difference, file->name);
	}
}

int conf_kept_differs(const struct conf *conf, const char *folder, char *names, size_t size)
{
	struct difference difference = { .names = names, .size = size };
	char path[PATH_MAX + sizeof(LIST)], line[LIST_LINE];

	names[0] = '\0';
	snprintf(path, sizeof(path), "%s/" LIST, folder);
	FILE *list = fopen(path, "re");
	if (!list)
		return -1;
	while (fgets(line, sizeof(line), list))
		compare_line(conf, line, &difference);
	add_unlisted(conf, list, line, &difference);
	fclose(list);
	return difference.count;
}

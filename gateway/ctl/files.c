#include "ctl/files.h"

#include "base/file.h"
#include "ctl/clean.h"
#include "ctl/octets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool files_in(const json_t *answer)
{
	return json_is_object(json_object_get(answer, "files"));
}

static bool say(const char *what, const char *name, const char *why)
{
	char *words = strdup(name);
	if (words)
		clean(words);
	fprintf(stderr, "gatewayctl: %s: %s%s\n", words ? words : "", what, why);
	free(words);
	return false;
}

/* One of a path: it leads nowhere else, hides nothing and steers no terminal. */
static bool is_plain(const char *name, size_t len)
{
	if (len == 0 || len > FILES_NAME_MOST || name[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f || name[i] == '/')
			return false;
	return true;
}

static int open_folder(int at, const char *name)
{
	if (mkdirat(at, name, 0700) != 0 && errno != EEXIST)
		return -1;
	return openat(at, name,
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC | (at == AT_FDCWD ? 0 : O_NOFOLLOW));
}

/* "new/1764.eml": at most one folder in the folder. -1 with errno. */
static int open_below(int folder, const char *name, int flags)
{
	const char *slash = strchr(name, '/');
	const char *last = slash ? slash + 1 : name;
	char inner[FILES_NAME_MOST + 1];
	errno = EINVAL;
	if (!is_plain(last, strlen(last)) || (slash && !is_plain(name, (size_t)(slash - name))))
		return -1;
	int below = folder;
	if (slash) {
		snprintf(inner, sizeof(inner), "%.*s", (int)(slash - name), name);
		below = open_folder(folder, inner);
	}
	int file = below < 0 ? -1 : openat(below, last, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (slash && below >= 0)
		close(below);
	return file;
}

static int begin_file(struct files *files, int folder, const char *name)
{
	struct stat status;
	int file = open_below(folder, name, O_WRONLY | O_CREAT | O_EXCL);
	*files = (struct files){ .size = 0 };
	if (file < 0)
		return -1;
	if (fstat(file, &status) != 0) {
		close(file);
		return -1;
	}
	snprintf(files->name, sizeof(files->name), "%s", name);
	files->device = status.st_dev;
	files->inode = status.st_ino;
	return file;
}

/* The very file that was begun, and not another that has its name by now. */
static int go_on_with_file(const struct files *files, int folder, const char *name, long long at)
{
	struct stat status;
	errno = EINVAL;
	if (at < 0 || at != files->size || strcmp(name, files->name) != 0)
		return -1;
	int file = open_below(folder, name, O_WRONLY | O_APPEND);
	if (file >= 0 && fstat(file, &status) == 0 && status.st_dev == files->device &&
	    status.st_ino == files->inode && status.st_size == at)
		return file;
	if (file >= 0) {
		close(file);
		errno = EINVAL;
	}
	return -1;
}

static bool make_folder(int folder, const char *name)
{
	char inner[FILES_NAME_MOST + 1];
	errno = EINVAL;
	snprintf(inner, sizeof(inner), "%.*s", (int)strcspn(name, "/"), name);
	int below = is_plain(inner, strlen(inner)) ? open_folder(folder, inner) : -1;
	if (below < 0)
		return say("no folder: ", name, strerror(errno));
	close(below);
	return true;
}

static bool write_part(struct files *files, int folder, const json_t *part)
{
	const char *name = json_string_value(json_object_get(part, "name"));
	const json_t *octets = json_object_get(part, "octets");
	long long at = json_integer_value(json_object_get(part, "at"));
	if (!name || !json_is_string(octets))
		return say("the answer has no such file", "?", "");
	if (*name && name[strlen(name) - 1] == '/')
		return make_folder(folder, name);
	int file = at == 0 ? begin_file(files, folder, name)
			   : go_on_with_file(files, folder, name, at);
	if (file < 0)
		return say("it cannot be written: ", name, strerror(errno));
	size_t len;
	char *text = octets_decode(octets, &len);
	bool done = text && file_write(file, gw_str_n(text, len)) == 0;
	files->size += done ? (long long)len : 0;
	int error = errno;
	free(text);
	if (close(file) != 0 || !done)
		return say("it cannot be written: ", name, strerror(error));
	return true;
}

static bool names_folder(const char *word)
{
	return strcmp(word, "--to") == 0 || strcmp(word, "--attachments") == 0;
}

static bool was_typed(const char *folder, char **words)
{
	for (size_t i = 1; folder && words[0] && words[i]; i++)
		if (names_folder(words[i - 1]) && strcmp(words[i], folder) == 0)
			return true;
	return false;
}

bool files_write(struct files *files, const json_t *answer, char **words)
{
	const json_t *said = json_object_get(answer, "files");
	const char *path = json_string_value(json_object_get(said, "folder"));
	if (!was_typed(path, words))
		return say("nobody asked for files there", path ? path : "?", "");
	int folder = open_folder(AT_FDCWD, path);
	if (folder < 0)
		return say("no folder: ", path, strerror(errno));
	bool good = true;
	size_t i;
	const json_t *part;
	json_array_foreach(json_object_get(said, "parts"), i, part)
		good = good && write_part(files, folder, part);
	close(folder);
	return good;
}

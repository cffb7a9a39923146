/* users.c - the file of users, read whole: its lines as user.c reads them, and who may read it. */
#include "users.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_MAX (64L << 20)
#define TOLD_MAX 10 /* warnings of one kind; the others are counted */

/* --- the file --- */

static struct user *add_user(struct users *users, int line)
{
	struct user *user;

	if (users->count == users->room) {
		size_t room = users->room ? users->room * 2 : 16;
		struct user *list = realloc(users->list, room * sizeof *list);

		if (!list)
			return NULL;
		users->list = list;
		users->room = room;
	}
	user = &users->list[users->count++];
	memset(user, 0, sizeof *user);
	user->line = line;
	return user;
}

static char *trim(char *text)
{
	char *end = text + strlen(text);

	while (end > text && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return text + strspn(text, " \t");
}

static void read_lines(struct users *users, struct users_report *report)
{
	/* behind a mark of UTF-8 */
	char *rest = users->text + (strncmp(users->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0), *text;
	int line = 0;

	while ((text = strsep(&rest, "\n"))) {
		struct user *user;

		line++;
		text = trim(text);
		if (!text[0] || text[0] == '#')
			continue;
		user = add_user(users, line);
		if (!user) {
			users_tell(report, true, 0, "out of memory", "");
			return;
		}
		user_read(user, text, report);
	}
}

static int by_name(const void *left, const void *right)
{
	const struct user *a = left, *b = right;
	size_t len = a->name.len < b->name.len ? a->name.len : b->name.len;
	int order = strncasecmp(a->name.ptr, b->name.ptr, len);

	if (order)
		return order;
	return a->name.len < b->name.len ? -1 : a->name.len > b->name.len;
}

static void sort(struct users *users, struct users_report *report)
{
	size_t i;

	if (users->count == 0)
		return;
	users->decoy = users->list[0].hash;
	for (i = users->count; i-- > 0;)
		if (users->list[i].hash.kind == HASH_SCRAM) {
			users->scram_decoy = users->list[i].hash;
			users->scram_count++;
		}
	qsort(users->list, users->count, sizeof *users->list, by_name);
	for (i = 1; i < users->count; i++)
		if (by_name(&users->list[i - 1], &users->list[i]) == 0)
			users_tell(report, true, users->list[i].line,
				   "this user stands twice in the file: ", users->list[i].name.ptr);
	for (i = 0; i < users->count; i++)
		if (users->list[i].hash.kind != HASH_SCRAM &&
		    (!users->plain || users->list[i].line < users->plain->line))
			users->plain = &users->list[i];
}

/* What is unwise about a user: NULL, or a sentence. */
static const char *weak_flaw(const struct user *user)
{
	return hash_weakness(&user->hash);
}

static void warn(const struct users *users, const char *(*flaw)(const struct user *user),
		 struct users_report *report)
{
	size_t i, found = 0;
	char more[60];

	for (i = 0; i < users->count; i++) {
		const char *why = flaw(&users->list[i]);

		if (why && found++ < TOLD_MAX)
			users_tell(report, false, users->list[i].line, why, "");
	}
	if (found <= TOLD_MAX)
		return;
	snprintf(more, sizeof more, "and %zu more users like that", found - TOLD_MAX);
	users_tell(report, false, 0, more, "");
}

static char *read_all(int fd, size_t size)
{
	char *text = malloc(size + 1);
	size_t done = 0;
	ssize_t got = 1;

	while (text && done < size && (got = read(fd, text + done, size - done)) > 0)
		done += (size_t)got;
	if (!text || got < 0) {
		free(text);
		return NULL;
	}
	text[done] = '\0';
	return text;
}

static char *open_and_read(const char *path, struct stat *stamp, struct users_report *report)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = NULL;

	memset(stamp, 0, sizeof *stamp);
	if (fd < 0 && errno == ENOENT && report->may_be_absent) {
		users_tell(report, false, 0,
			   "there is no such file: nobody can log in until there is", "");
		text = calloc(1, 1);
	} else if (fd < 0 || fstat(fd, stamp) != 0) {
		users_tell(report, true, 0, strerror(errno), "");
		if (stat(path, stamp) != 0)
			memset(stamp, 0, sizeof *stamp);
	} else if (!S_ISREG(stamp->st_mode) || stamp->st_size > FILE_MAX) {
		users_tell(report, true, 0, "not a file of users", "");
	} else if (stamp->st_mode & (S_IROTH | S_IWOTH)) {
		users_tell(
			report, true, 0,
			"everybody on this machine may read the hashes or write them: chmod 0640 it",
			"");
	} else {
		text = read_all(fd, (size_t)stamp->st_size);
		if (!text)
			users_tell(report, true, 0, "it cannot be read: ", strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	return text;
}

struct users *users_read(const char *path, struct stat *stamp, struct users_report *report)
{
	char *text = open_and_read(path, stamp, report);
	struct users *users = text ? calloc(1, sizeof *users) : NULL;

	if (!users) {
		free(text);
		return NULL;
	}
	atomic_init(&users->refs, 1);
	users->text = text;
	users->size = (size_t)stamp->st_size;
	if (strlen(text) < users->size)
		users_tell(report, true, 0, "there is a NUL in it, or it was cut while it was read",
			   "");
	read_lines(users, report);
	sort(users, report);
	if (report->faults) {
		users_release(users);
		return NULL;
	}
	warn(users, weak_flaw, report);
	return users;
}

bool users_changed(const char *path, const struct stat *stamp)
{
	struct stat now;

	if (stat(path, &now) != 0)
		return false; /* between the two steps of a replacement there is none */
	return now.st_ino != stamp->st_ino || now.st_dev != stamp->st_dev ||
	       now.st_size != stamp->st_size || now.st_mtim.tv_sec != stamp->st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != stamp->st_mtim.tv_nsec;
}

struct users *users_hold(struct users *users)
{
	atomic_fetch_add(&users->refs, 1);
	return users;
}

void users_release(struct users *users)
{
	if (!users || atomic_fetch_sub(&users->refs, 1) != 1)
		return;
	OPENSSL_cleanse(users->text, users->size);
	free(users->text);
	free(users->list);
	free(users);
}

const struct user *users_find(const struct users *users, struct gw_str name)
{
	struct user wanted = { .name = name };

	if (users->count == 0)
		return NULL;
	return bsearch(&wanted, users->list, users->count, sizeof *users->list, by_name);
}

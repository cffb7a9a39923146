#include "conf/option_private.h"

#include "conf/conf_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PROGRAM_MS 10000

static const struct gw_str none = GW_STR("");

/* Keeps the first line and wipes the copy. */
static struct gw_str keep(const struct option_job *job, char *text)
{
	struct gw_str kept;

	text[strcspn(text, "\r\n")] = '\0';
	kept = arena_str(job->context->arena, gw_str(text));
	explicit_bzero(text, strlen(text));
	if (kept.ptr)
		return kept;
	option_error(job, "out of memory");
	return none;
}

static ssize_t read_start(int fd, char *text, size_t size)
{
	size_t held = 0;
	ssize_t got = 0;

	while (held < size && (got = read(fd, text + held, size - held)) > 0)
		held += (size_t)got;
	return got < 0 ? -1 : (ssize_t)held;
}

#define WHY_MAX (PATH_MAX * 2 + 100)

/* Its beginning in `text`; false: what is wrong with it is in `why`, as a sentence. */
static bool read_file(const char *path, struct stat *st, char text[SECRET_MAX + 1],
		      char why[WHY_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t len = -1;

	*why = '\0';
	if (fd < 0 || fstat(fd, st) != 0)
		snprintf(why, WHY_MAX, "secret file %s cannot be read: %s", path,
			 strerrordesc_np(errno));
	else if (!S_ISREG(st->st_mode))
		snprintf(why, WHY_MAX, "secret file %s is not a file", path);
	else if (st->st_mode & 07)
		snprintf(why, WHY_MAX, "secret file %s is open to others: chmod o-rwx %s", path,
			 path);
	else if ((len = read_start(fd, text, SECRET_MAX)) < 0)
		snprintf(why, WHY_MAX, "secret file %s cannot be read: %s", path,
			 strerrordesc_np(errno));
	else if (text[len] = '\0', strcspn(text, "\r\n") == 0)
		snprintf(why, WHY_MAX, "the first line of secret file %s is empty", path);
	if (fd >= 0)
		close(fd);
	return !*why;
}

static void stamp(struct secret_file *file, const struct stat *st)
{
	file->changed = st->st_ctim;
	file->size = st->st_size;
	file->inode = st->st_ino;
}

static bool is_as_it_was(const struct secret_file *file, const struct stat *st)
{
	return file->changed.tv_sec == st->st_ctim.tv_sec &&
	       file->changed.tv_nsec == st->st_ctim.tv_nsec && file->size == st->st_size &&
	       file->inode == st->st_ino;
}

/* Without memory for it the secret is as good, and not looked at again. */
static void remember(const struct option_job *job, struct gw_str secret, const char *path,
		     const struct stat *st)
{
	struct secret_file **files = job->context->secret_files, *file;

	if (!files || !secret.ptr || !(file = arena_alloc(job->context->arena, sizeof(*file))))
		return;
	file->secret = secret.ptr;
	file->path = path;
	stamp(file, st);
	file->next = *files;
	*files = file;
}

static struct gw_str from_file(const struct option_job *job, const char *name)
{
	const char *path = option_path(job->context, name).ptr;
	char text[SECRET_MAX + 1], why[WHY_MAX];
	struct gw_str secret = none;
	struct stat st;

	if (!path) {
		option_error(job, "out of memory");
	} else if (read_file(path, &st, text, why)) {
		secret = keep(job, text);
		remember(job, secret, path, &st);
	} else {
		option_error(job, "\"%s\": %s", job->option->key, why);
	}
	return secret;
}

/* --- again --- */

static long file_again(struct secret_file *file, char *out, size_t size)
{
	char text[SECRET_MAX + 1], why[WHY_MAX];
	struct stat st = { 0 };
	bool good = read_file(file->path, &st, text, why);
	size_t len = good ? strcspn(text, "\r\n") : 0;

	stamp(file, &st);
	if (!good || len >= size) {
		snprintf(out, size, "%s", good ? "the secret is too long" : why);
		explicit_bzero(text, len);
		return -1;
	}
	memcpy(out, text, len);
	out[len] = '\0';
	explicit_bzero(text, len);
	return (long)len;
}

long secret_again(struct secret_file *files, struct gw_str secret, char *out, size_t size)
{
	struct secret_file *file = files;
	struct stat st = { 0 };

	while (file && file->secret != secret.ptr)
		file = file->next;
	if (!file)
		return 0;
	if (stat(file->path, &st) != 0)
		st = (struct stat){ 0 };
	return is_as_it_was(file, &st) ? 0 : file_again(file, out, size);
}

/* As systemd's LoadCredential= and SetCredential= hand them over. */
static struct gw_str from_credential(const struct option_job *job, const char *name)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_MAX];

	if (!*name || strchr(name, '/'))
		option_error(job, "\"%s\": \"%s\" can be no name of a credential", job->option->key,
			     name);
	else if (!folder || *folder != '/')
		option_error(
			job,
			"\"%s\": there are no credentials: $CREDENTIALS_DIRECTORY is set by systemd, where the unit says LoadCredential=%s:/path",
			job->option->key, name);
	else if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) < sizeof(path))
		return from_file(job, path);
	return none;
}

static struct gw_str from_environment(const struct option_job *job, const char *name)
{
	const char *value = getenv(name);
	struct gw_str secret;

	if (!value || !*value) {
		option_error(job, "\"%s\": environment variable %s is %s", job->option->key, name,
			     value ? "empty" : "not set");
		return none;
	}
	secret = arena_str(job->context->arena, gw_str(value));
	if (!secret.ptr)
		option_error(job, "out of memory");
	return secret;
}

/* Whoever can write a file that root obeys is root. */
static bool only_root_writes(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_uid == 0 && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* NULL: the program may be run; else the file that keeps root from it. */
static const char *unsafe_for_root(const struct option_job *job, const char *command,
				   char program[PATH_MAX])
{
	snprintf(program, PATH_MAX, "%.*s", (int)strcspn(command, " "), command);
	if (geteuid() != 0 || *program != '/' || access(program, F_OK) != 0)
		return NULL;
	return !only_root_writes(job->file) ? job->file
	       : !only_root_writes(program) ? program
					    : NULL;
}

static struct gw_str from_program(const struct option_job *job, const char *command)
{
	char line[SECRET_MAX + 1], why[256], program[PATH_MAX];
	const char *unsafe = unsafe_for_root(job, command, program);

	if (unsafe) {
		option_error(
			job,
			"\"%s\": root runs no program for a file that others can write: chown root %s, chmod go-w %s",
			job->option->key, unsafe, unsafe);
		return none;
	}
	if (option_run(command, PROGRAM_MS, line, sizeof(line), why, sizeof(why)) != 0) {
		option_error(job, "\"%s\": %.*s %s", job->option->key, (int)strcspn(command, " "),
			     command, why);
		explicit_bzero(line, sizeof(line));
		return none;
	}
	return keep(job, line);
}

static struct gw_str from_text(const struct option_job *job, const char *text)
{
	struct gw_str secret;

	if (*text && job->setting && conf_is_public(job->setting)) {
		option_error(
			job,
			"\"%s\" holds a secret, but others can read this file: chmod o-rwx %s, or write \"file:/path\"",
			job->option->key, job->file);
		return none;
	}
	secret = arena_str(job->context->arena, gw_str(text));
	if (!secret.ptr)
		option_error(job, "out of memory");
	return secret;
}

struct gw_str option_secret(const struct option_job *job, const char *text)
{
	static const struct {
		const char *prefix;
		struct gw_str (*find)(const struct option_job *job, const char *rest);
	} sources[] = { { "file:", from_file },
			{ "credential:", from_credential },
			{ "env:", from_environment },
			{ "exec:", from_program } };

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		if (strncmp(text, sources[i].prefix, strlen(sources[i].prefix)) == 0)
			return sources[i].find(job, text + strlen(sources[i].prefix));
	return from_text(job, text);
}

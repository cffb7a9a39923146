/* option_private.h - the parts of the option parser: rows to members, values, secrets, names that
 * are near. */
#ifndef CONF_OPTION_PRIVATE_H
#define CONF_OPTION_PRIVATE_H

#include "conf/option.h"

#include <libconfig.h>

/* One value on its way into a struct. */
struct option_job {
	const struct option_context *context;
	const struct gw_option *option;
	const config_setting_t *setting; /* NULL: the fallback */
	void *member;
	const char *file;
	int line;
};

void option_error(const struct option_job *job, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void option_warning(const struct option_job *job, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void option_wrong_type(const struct option_job *job);

/* The value as text: from the file when it is one there, else the fallback. NULL: another type
 * stands in the file. */
const char *option_text(const struct option_job *job);

void option_assign_int(const struct option_job *job);
void option_assign_size(const struct option_job *job);
void option_assign_duration(const struct option_job *job);

/* Puts a setting, or the fallback, into the member; problems are told. */
void option_assign(const struct option_job *job);

/* An absolute path as PATH options mean it; ptr is NULL when memory is out. */
struct gw_str option_path(const struct option_context *context, const char *text);

/* Finds the secret that `text` names; empty and a problem when it cannot be had. */
struct gw_str option_secret(const struct option_job *job, const char *text);

/* Runs a program without a shell, at most for wait_ms, for the first line it prints: 0, or -1 and
 * the rest of a sentence in `why`. */
int option_run(const char *command, int wait_ms, char *line, size_t size, char *why,
	       size_t why_size);

#define OPTION_KEY_MAX 64

/* The nearest of the words considered. */
struct option_best {
	const char *key;
	size_t distance;
	char found[OPTION_KEY_MAX]; /* empty: none is near */
};

void option_consider(struct option_best *best, const char *word, size_t len);
void option_unknown(struct problems *problems, const char *file, int line, const char *key,
		    const char *nearest);

#endif

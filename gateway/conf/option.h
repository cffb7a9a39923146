/* option.h - from a group of a fragment to a struct, by a table of struct gw_option rows
 * (gateway/option.h). */
#ifndef CONF_OPTION_H
#define CONF_OPTION_H

#include "base/arena.h"
#include "base/problem.h"

#include <gateway/option.h>

#include <sys/types.h>
#include <time.h>

struct conf_group; /* a group in a fragment, see conf.h */

/* A secret that came from a file, which is looked at again by one thread at a time. In the arena of
 * the secret. */
struct secret_file {
	struct secret_file *next;
	const char *secret; /* as it was handed out */
	const char *path;
	struct timespec changed;
	off_t size;
	ino_t inode;
};

/* Where option tables find what is not in the file. */
struct option_context {
	const char *config_dir; /* PATH options are relative to the folder above this one */
	const char *state_dir;  /* "STATE/x" is below it */
	struct arena *arena;    /* owns every string and list of the result */
	struct problems *problems;
	/* the files of secrets are added here; NULL: nobody looks at them again */
	struct secret_file **secret_files;
	/* where a group stands that is not there: the fragment that should have it; or NULL */
	const char *file;
	int line;
};

/* One table with the struct it fills. */
struct option_set {
	const char *owner;               /* "dkim": for "key X belongs to ..." */
	const struct gw_option *options; /* may be NULL */
	void *into;                      /* zeroed by the caller */
};

/* Fills each set's struct from `group` (NULL: all defaults). A key may stand in several sets (then
 * each gets it). Problems: unknown key with the nearest valid one, wrong type, out of range, not
 * one of the words, missing and required, unreadable secret. Gives the number of errors added; the
 * structs are usable only when it is 0. Keys named in `known` (NULL-terminated, may be NULL) are
 * somebody else's and skipped. */
size_t option_parse(const struct option_context *context, const struct conf_group *group,
		    const struct option_set *sets, size_t count, const char *const *known);

/* The valid key that is nearest to `key` among the sets' (top level of dotted keys too), or NULL
 * when none is near. The text lasts until this thread's next call. */
const char *option_nearest(const struct option_set *sets, size_t count, const char *key);

/* The one of `count` words that is nearest to `word`, or NULL when none is near. */
const char *option_nearest_word(const char *const *words, size_t count, const char *word);

/* True when the group has that key (dots go down into groups). */
bool option_given(const struct conf_group *group, const char *key);

/* Value parsers, used for "250ms" texts elsewhere too; 0, or -1 when the text is none. */
int option_parse_size(struct gw_str text, int64_t *bytes);
int option_parse_duration(struct gw_str text, int64_t *ms);

#define SECRET_MAX 8192 /* octets of a secret */

/* Of the secret that was handed out as `secret`: its length in `out`, a NUL behind it, when its
 * file has changed since it was looked at last. 0: it has not, or it came from no file. -1, once:
 * the file cannot be taken as it is now, and `out` is why. It waits for the disk. */
long secret_again(struct secret_file *files, struct gw_str secret, char *out, size_t size);

/* "string", "size", ...: for printed tables. */
const char *option_type_name(enum gw_option_type type);

#endif

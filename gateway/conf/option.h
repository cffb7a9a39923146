/* option.h - from a group of a fragment to a struct, by a table of struct gw_option rows
 * (gateway/option.h). */
#ifndef CONF_OPTION_H
#define CONF_OPTION_H

#include "base/arena.h"
#include "base/problem.h"

#include <gateway/option.h>

struct conf_group; /* a group in a fragment, see conf.h */

/* Where option tables find what is not in the file. */
struct option_context {
	const char *config_dir; /* PATH options are relative to the folder above this one */
	const char *state_dir;  /* "STATE/x" is below it */
	struct arena *arena;    /* owns every string and list of the result */
	struct problems *problems;
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

/* "string", "size", ...: for printed tables. */
const char *option_type_name(enum gw_option_type type);

#endif

/* conf_private.h - what conf.c tells the option parser about where a group came from. */
#ifndef CONF_CONF_PRIVATE_H
#define CONF_CONF_PRIVATE_H

#include "conf/conf.h"

#include "base/arena.h"

#include <libconfig.h>
#include <sys/stat.h>

/* Where a number stands that is told of as too large; the tree has another one there. */
struct conf_cut {
	struct conf_cut *next;
	const char *path;
	int line;
};

/* Hangs at the root of each file's tree. */
struct conf_source {
	struct arena *arena;
	struct conf_cut *cuts;
	const char *path;
	mode_t mode;
	const char **included;              /* as config->filenames, but with the folder in front */
	const char *text, **included_texts; /* as they were read; NULL: could not be */
};

/* A struct conf_group is the library's setting under a name that keeps the library out of other
 * rooms. */
static inline config_setting_t *conf_setting(const struct conf_group *group)
{
	return (config_setting_t *)group;
}

static inline const struct conf_group *conf_group_of(const config_setting_t *setting)
{
	return (const struct conf_group *)setting;
}

/* A parsed file that lives as long as the arena, or NULL and problems. */
config_t *conf_parse(struct arena *arena, const char *dir, const char *path,
		     struct problems *problems);

/* The setting of a key, dots going down, a row of a list by its number from 0 ("replies[3].codes");
 * NULL when it is not there. */
config_setting_t *conf_lookup(const struct conf_group *group, const char *key);

/* Whether the file the setting stands in is open to users who are neither its owner nor of its
 * group. */
bool conf_is_public(const config_setting_t *setting);

/* Tells of plain integers that do not fit 32 bits: the library would cut them without a word. */
void conf_scan_numbers(struct conf_source *source, const char *text, const char *path,
		       struct problems *problems);

/* Whether there is such a one on the setting's line. */
bool conf_is_cut(const config_setting_t *setting);

#endif

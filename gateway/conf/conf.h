/* conf.h - conf.d as fragments: every *.conf file in name order, each told apart by its one
 * top-level group.
 *
 * A fragment is `gateway: {...};` or `relay: {...};` or `module = "NAME"; NAME: {...}; on_error =
 * ...; deadline = ...;` or `providers = ( {...}, ... );`. Syntax errors, a fragment of no or of two
 * kinds, a file that cannot be read and a plain number of more than 32 bits are problems with file
 * and line; reading goes on with the next file so that all are told in one go. */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/problem.h"

struct conf_group; /* a libconfig group; include conf/option.h to read one */

enum conf_kind { CONF_GATEWAY, CONF_RELAY, CONF_MODULE, CONF_PROVIDERS };

struct conf_fragment {
	enum conf_kind kind;
	const char *path;   /* as shown to people: "conf.d/80-dkim.conf" */
	const char *name;   /* the file's name without ".conf": "80-dkim" */
	const char *module; /* MODULE: the module's name, else NULL */
	/* the one group; for a module without group NULL (all defaults); PROVIDERS: the whole file
	 */
	const struct conf_group *group;
	/* the whole file: `on_error`, `deadline`, ... of a module fragment */
	const struct conf_group *top;
	int line; /* of the group, or of `module = ` */
};

/* A file as it was read: a fragment, or what one includes. */
struct conf_file {
	const struct conf_file *next;
	/* in the folder; with a slash first where it is included by its whole path */
	const char *name;
	struct gw_str text;
};

struct conf; /* all fragments, owner of everything above */

/* Reads `dir`; NULL only when memory is out or the folder cannot be read (told in `problems`). */
struct conf *conf_load(const char *dir, struct problems *problems);
void conf_destroy(struct conf *conf);

size_t conf_count(const struct conf *conf);

/* How many files could not be read at all, by their syntax or otherwise: what they hold is missing,
 * and is no fault of the others. */
size_t conf_unread(const struct conf *conf);
const struct conf_fragment *conf_at(const struct conf *conf, size_t nth);

/* All files in the order in which they were read; NULL: there are none. */
const struct conf_file *conf_files(const struct conf *conf);

/* The line of a key in a group (dots go down, "replies[3].codes" into a row of a list), or of the
 * deepest group or row on the way to it that is there; 0 for NULL. */
int conf_line(const struct conf_group *group, const char *key);
const char *conf_file(const struct conf_group *group);

/* The nth text of a list, or (0th) a text that stands alone; NULL: there is none. */
const char *conf_text(const struct conf_group *group, const char *key, size_t nth);

/* True when dir has NAME.conf.off files whose module is `module`; gives the file as shown to
 * people, or NULL. The text belongs to `conf`. */
const char *conf_find_off(struct conf *conf, const char *module);

#endif

/* kept.h - a copy of a configuration that worked, for the day on which conf.d does not.
 *
 * The copy holds the octets that were parsed, in a folder that is swapped in whole, with a list of
 * what belongs to it: a copy that was damaged, or to which something was added, is not taken for
 * one. Files that are included by their whole path are read where they are. */
#ifndef CONF_KEPT_H
#define CONF_KEPT_H

#include "conf/conf.h"

/* Puts a copy of all files of `conf` into `folder`, instead of the one that is there; folders 0700,
 * files 0600. 0, or -1 with errno: the old one is still there. EXDEV: a file is included from
 * outside of conf.d without its whole path, and cannot be kept. */
int conf_keep(const struct conf *conf, const char *folder);

/* How many files of `conf` are not as in the copy, those that only one of both has too; their names
 * go into `names`, separated by ", " and cut at `size`. -1: there is no copy, or its list cannot be
 * read. */
int conf_kept_differs(const struct conf *conf, const char *folder, char *names, size_t size);

#endif

/* module_verb.h - a verb of a module, as its table's `verbs` says it: which words, for whom. */
#ifndef ADMIN_MODULE_VERB_H
#define ADMIN_MODULE_VERB_H

#include "admin/request.h"

struct module_verb {
	struct gw_str words; /* "keygen DOMAIN" */
	struct gw_str help;  /* empty: none of its own */
	bool changes;        /* for admins only, and audited */
	size_t count;        /* words in it: what an audit shows of those that were said */
	struct gw_str name;  /* the small ones it begins with: "suppression list"; may be empty */
	size_t small;        /* how many these are */
	struct gw_str arguments; /* the others */
};

/* Takes the next line off *lines; false at the end. */
bool module_verb_next(const char **lines, struct module_verb *verb);

/* The one whose small words begin what was said after the module's name, the longest of them.
 * False: the table names none that is it. */
bool module_verb_find(const char *lines, const char *const *words, size_t count,
		      struct module_verb *found);

/* A noun and a verb, "client list": said without the module's name too. */
bool module_verb_is_own(const struct module_verb *verb);

#endif

/* holds.h - mail that nobody may remove, since a court or an auditor may want it: a name, and what
 * is held, in the words of a search. FOLDER/holds has them, a JSON object a line. */
#ifndef ARCHIVE_HOLDS_H
#define ARCHIVE_HOLDS_H

#include "index.h"

#include <gateway/module.h>

struct hold {
	char *name;
	int64_t time;
	GPtrArray *words; /* "--client", "crm-eu", ... */
};

struct holds {
	GPtrArray *list; /* struct hold; NULL: they cannot be read, and everything is held */
	unsigned nth;    /* how often they had been changed */
};

void holds_read(struct holds *holds, const char *folder);
void holds_finish(struct holds *holds);
/* On disk when it gives 0; else errno. Of one that is there: it is replaced. */
int holds_put(const char *folder, const char *name, struct gw_list words, int64_t time);
/* 0; ENOENT: there is none of that name; errno. */
int holds_drop(const char *folder, const char *name);
/* Begins what no hold may come into: whoever sets or drops one waits until holds_loosen(). False:
 * they are others by now, to be read again; nobody waits. */
bool holds_fasten(const struct holds *holds);
void holds_loosen(void);
/* The name of the first that holds this mail; NULL: none does. */
const char *holds_cover(const struct holds *holds, struct index *index, const char *id);

#endif

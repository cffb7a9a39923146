/* author.h - who wrote a mail: the first mailbox of its From field. */
#ifndef DISCLAIMER_AUTHOR_H
#define DISCLAIMER_AUTHOR_H

#include <gateway/str.h>

struct author {
	char *name;    /* decoded; empty: none is given */
	char *address; /* empty: there is none */
};

/* `from` is the field's value as it stands. */
void author_read(struct author *author, struct gw_str from);
void author_finish(struct author *author);

/* The part behind the last @; empty: there is none. */
struct gw_str domain_of(struct gw_str address);

#endif

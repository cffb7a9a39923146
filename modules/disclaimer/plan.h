/* plan.h - what is to be changed about a mail, worked out before anything is changed. */
#ifndef DISCLAIMER_PLAN_H
#define DISCLAIMER_PLAN_H

#include <gateway/str.h>

#include <glib.h>

/* Of the body as it was when the plan was made. */
struct splice {
	uint64_t offset, drop;
	GString *text;
};

/* Of the message's own header: the field of that number has another value (NULL: is dropped), or
 * with PLAN_ADD is put at its end. */
#define PLAN_ADD UINT64_MAX
struct field_edit {
	uint64_t nth;
	const char *name;
	char *value;
};

struct plan {
	GArray *splices; /* struct splice; plan_order() puts the last of the body first */
	GArray *fields;  /* struct field_edit; the last first, what is added at the end */
};

void plan_init(struct plan *plan);
void plan_finish(struct plan *plan);

/* The text is the plan's from now on. */
void plan_splice(struct plan *plan, uint64_t offset, uint64_t drop, GString *text);
void plan_field(struct plan *plan, uint64_t nth, const char *name, char *value);

/* Done one after the other in this order, none moves what another one is about. */
void plan_order(struct plan *plan);

#endif

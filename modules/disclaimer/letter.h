/* letter.h - a whole mail in memory, changed as a plan says. */
#ifndef DISCLAIMER_LETTER_H
#define DISCLAIMER_LETTER_H

#include "compose.h"

struct letter {
	GPtrArray *fields; /* of GString *: a field with its folds and its line end */
	bool blank;        /* a blank line ends the header */
	GString *body;
};

/* Line ends become CRLF where the octets have none. */
void letter_init(struct letter *letter, struct gw_str octets);
void letter_finish(struct letter *letter);

/* The value of a field, as it stands; ptr NULL: there is none. */
struct gw_str letter_field(const struct letter *letter, const char *name);

/* What compose() is to look at; the letter is read from until that returns. */
struct mail letter_mail(struct letter *letter);

/* Does what was planned of it, in the plan's order. */
void letter_apply(struct letter *letter, const struct plan *plan);

/* Appends all of it. */
void letter_write(const struct letter *letter, GString *out);

#endif

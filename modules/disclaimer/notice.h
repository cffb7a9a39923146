/* notice.h - a notice as an admin wrote it: a text and an HTML form with places that each mail
 * fills in.
 *
 *     {{from.name}}           the author's name, else the address
 *     {{from.address}} {{from.domain}}
 *     {{header.Subject}}      a field of the mail, decoded
 *     {{person.phone}}        a column of the file of people, in the author's row
 *     {{person.phone|none}}   what stands there when there is nothing
 *
 * A line of the text whose places are all empty is left out. In HTML what is filled in is
 * escaped. */
#ifndef DISCLAIMER_NOTICE_H
#define DISCLAIMER_NOTICE_H

#include "author.h"
#include "leaf.h"
#include "people.h"

enum source { SOURCE_NAME, SOURCE_ADDRESS, SOURCE_DOMAIN, SOURCE_HEADER, SOURCE_PERSON };

struct notice {
	struct gw_str name;
	bool top;
	GPtrArray *text, *html; /* of struct piece *; html NULL: made of the text */
	GPtrArray *marks;       /* of GString *; empty: it is put in always */
};

/* Where its forms stand: in the configuration, or (the paths) in files. */
struct notice_source {
	struct gw_str text, html, text_file, html_file;
};

/* `people` may be NULL. False: `why` says what is wrong. */
bool notice_read(struct notice *notice, const struct notice_source *source,
		 const struct people *people, char *why, size_t size);
void notice_finish(struct notice *notice);

/* What it is known by in a mail, so that it is put in once: those words, or (empty) the longest
 * line of each form. False: too little to be known by. */
bool notice_know(struct notice *notice, struct gw_str words);

/* What fills the places in. `field`: the value of a field, decoded, to be freed; NULL: none. */
struct values {
	const struct author *author;
	char *(*field)(void *arg, const char *name);
	void *arg;
	const struct people *people;
};

void notice_word(const struct notice *notice, const struct values *values, struct wording *wording);
void wording_finish(struct wording *wording);

#endif

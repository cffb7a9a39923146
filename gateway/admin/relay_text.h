/* relay_text.h - a relay's fragment from words such as host=smtp.example.net auth.user=crm: each
 * value written as its option's type asks. */
#ifndef ADMIN_RELAY_TEXT_H
#define ADMIN_RELAY_TEXT_H

#include "base/buf.h"
#include "conf/option.h"

#define ARGUMENTS_MAX 32

struct relay_argument {
	const char *word; /* as it was given */
	size_t key_len;
	/* NULL: nobody has that key, which the loader tells better */
	const struct gw_option *row;
	int line; /* of its key in the text */
};

struct relay_text {
	struct buf text;
	struct relay_argument arguments[ARGUMENTS_MAX];
	size_t count;
	int lines;   /* so far */
	bool secret; /* a password stands in it */
};

/* `words` are KEY=VALUE. Errors have no file, and as line the number of the word, from 1; true:
 * there are none. relay_text_finish in any case. */
bool relay_text_make(struct relay_text *text, const char *name, const struct option_set *sets,
		     size_t set_count, const char *const *words, size_t count,
		     struct problems *problems);
void relay_text_finish(struct relay_text *text);

/* The argument whose key stands in that line, or NULL. */
const struct relay_argument *relay_text_at(const struct relay_text *text, int line);

/* "port=70000\n     ^ must be ..." for people; a secret's value is not shown. */
void relay_text_point(struct buf *out, const struct relay_argument *argument, const char *what);

#endif

/* text.h - a string that grows; a failed append stays failed, so that one look at the end is
 * enough. */
#ifndef DKIM_TEXT_H
#define DKIM_TEXT_H

#include <gateway/str.h>

struct text {
	char *ptr;
	size_t len, room;
	bool failed;
};

void text_add(struct text *text, const void *bytes, size_t len);
void text_print(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_finish(struct text *text);

#endif

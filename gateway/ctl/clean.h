/* clean.h - words of others on a terminal. */
#ifndef CTL_CLEAN_H
#define CTL_CLEAN_H

#include <stddef.h>

/* Replaces in place what steers a terminal or turns what is read around: controls (C0, DEL, C1),
 * marks of direction, separators that break lines, and octets that are no UTF-8. Each becomes one
 * '?'. */
void clean(char *text);

/* Columns of the terminal that it takes. */
size_t width_of(const char *text);

#endif

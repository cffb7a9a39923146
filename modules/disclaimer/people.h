/* people.h - what a company knows about its people: a CSV file (RFC 4180, UTF-8) whose first line
 * names its columns; one of them, "address", says whose the row is. Commas or semicolons part the
 * cells, as the first line does. */
#ifndef DISCLAIMER_PEOPLE_H
#define DISCLAIMER_PEOPLE_H

#include <gateway/str.h>

struct people;

/* NULL: `why` says what is wrong, with path and line. */
struct people *people_read(const char *path, char *why, size_t size);
void people_destroy(struct people *people); /* NULL is fine */

/* The number of a column; -1: there is none of that name. Capitals mean nothing. */
int people_column(const struct people *people, struct gw_str name);
size_t people_count(const struct people *people);

/* A cell of the row of that address; empty: there is no such row, or nothing in it. Lives as long
 * as the people. [any thread] */
struct gw_str people_cell(const struct people *people, struct gw_str address, int column);

#endif

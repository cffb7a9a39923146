/* names.h - a set of addresses and domains, found in one step however many there are:
 * "ann@example.com" is that address, "example.com" (also "@example.com") all of that domain,
 * "*.example.com" all of what is below it, "*" all. Capitals mean nothing. */
#ifndef DISCLAIMER_NAMES_H
#define DISCLAIMER_NAMES_H

#include <gateway/module.h>

struct names;

struct names *names_create(void);
void names_destroy(struct names *names); /* NULL is fine */

/* False: it can be no address and no domain. */
bool names_add(const struct gw_call *call, struct names *names, struct gw_str word);

/* Adds what stands in a file, a word a line; what follows "#" is for people. False: `why` says what
 * is wrong, with path and line. */
bool names_add_file(const struct gw_call *call, struct names *names, const char *path, char *why,
		    size_t size);

bool names_empty(const struct names *names);

/* An address; without "@" it is in none but "*". */
bool names_have(const struct gw_call *call, const struct names *names, struct gw_str address);

#endif

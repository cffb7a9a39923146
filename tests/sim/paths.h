/* paths.h - all orders in which things may happen, one after the other: a test is run again and
 * again, and where more than one thing may come next it asks which.
 *
 *	struct paths paths = { 0 };
 *	while (paths_next(&paths))
 *		... paths_choose(&paths, 3) ...	   0, 1 or 2
 *
 * The test has to do the same where it is given the same. */
#ifndef TESTS_SIM_PATHS_H
#define TESTS_SIM_PATHS_H

#include <stdbool.h>
#include <stddef.h>

#define PATHS_DEEP 256

struct paths {
	unsigned char choice[PATHS_DEEP], among[PATHS_DEEP];
	size_t known;        /* choices that are given */
	size_t depth;        /* choices made on this path */
	unsigned long count; /* of paths, this one too */
};

/* The next path; false: all were walked. */
bool paths_next(struct paths *paths);
/* Which of so many (at least 1) comes now. */
unsigned paths_choose(struct paths *paths, unsigned among);

#endif

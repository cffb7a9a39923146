#include "paths.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* The last choice that has another one left takes it; what was chosen behind it is forgotten. */
bool paths_next(struct paths *paths)
{
	if (paths->count++ == 0)
		return true;
	size_t at = paths->depth;
	while (at > 0 && paths->choice[at - 1] + 1 >= paths->among[at - 1])
		at--;
	if (at == 0)
		return false;
	paths->choice[at - 1]++;
	paths->known = at;
	paths->depth = 0;
	return true;
}

unsigned paths_choose(struct paths *paths, unsigned among)
{
	size_t at = paths->depth++;

	assert_in_range(at, 0, PATHS_DEEP - 1);
	assert_in_range(among, 1, 255);
	if (at >= paths->known) {
		paths->choice[at] = 0;
		paths->among[at] = (unsigned char)among;
		paths->known = at + 1;
	}
	assert_int_equal(paths->among[at], among);
	return paths->choice[at];
}

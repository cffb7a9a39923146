/* waited.h - the answer of a call that the store may hold. */
#ifndef BOUNCE_TESTS_WAITED_H
#define BOUNCE_TESTS_WAITED_H

#include <gateway/testkit.h>

#define WAITED_MS 30000

static inline enum gw_verdict waited(struct testkit *kit, enum gw_verdict verdict)
{
	return verdict == GW_PENDING ? testkit_resume(kit, WAITED_MS) : verdict;
}

#endif

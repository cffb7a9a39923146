/* choices.h - what was said before the verb. */
#ifndef CTL_CHOICES_H
#define CTL_CHOICES_H

#include <stdbool.h>

struct choices {
	const char *path;
	const char *config; /* where no gateway runs; NULL: not said */
	long timeout;
	bool json;
};

#endif

/* trouble.h - what is wrong now, one line each: in `status`, and told once when it comes and when
 * it is over, to the log and to event hooks. */
#ifndef ADMIN_TROUBLE_H
#define ADMIN_TROUBLE_H

#include "admin/recent.h"
#include "loop/worker.h"

#define TROUBLES_MOST 32 /* told of; status shows all */

/* What was found at the last look, and what counters were. Zeroed at first; of the main thread. */
struct troubles {
	struct timer timer;
	struct recent recent;
	struct known_trouble {
		char name[128];
		bool there;
	} known[TROUBLES_MOST];
	size_t count;
};

/* Each of them; `name` says which it is, and stays the same while it lasts. */
void trouble_each(struct troubles *troubles,
		  void (*each)(void *arg, const char *name, const char *text), void *arg);

/* Looks once a second from now on, and tells. */
void trouble_watch(struct troubles *troubles, struct worker *main);
void trouble_watch_end(struct troubles *troubles);

#endif

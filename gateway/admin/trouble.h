/* trouble.h - what is wrong now, one line each: in `status`, and told once when it comes and when
 * it is over, to the log and to event hooks. */
#ifndef ADMIN_TROUBLE_H
#define ADMIN_TROUBLE_H

#include "admin/request.h"

/* Each of them; `name` says which it is, and stays the same while it lasts. Main thread. */
void trouble_each(void (*each)(void *arg, const char *name, const char *text), void *arg);

/* Looks once a second from now on. Main thread. */
void trouble_watch(struct worker *main);
void trouble_watch_end(void);

#endif

/* asking.h - SPF machines that ask the gateway's resolver, on the worker where they began. */
#ifndef ACCESS_ASKING_H
#define ACCESS_ASKING_H

#include "../common/spf.h"

struct asking;

/* The machine is its own from here on. `ended` is told its result, once, later; not when the worker
 * stops first. NULL: it could not begin, and the machine is gone. */
struct asking *asking_begin(struct gw_call *call, struct spf *spf,
			    void (*ended)(struct gw_call *call, struct spf *spf, void *arg),
			    void *arg);
/* `ended` is not told. */
void asking_forget(struct asking *asking);

/* The hooks of these names. */
void asking_worker_start(struct gw_call *call);
void asking_worker_stop(struct gw_call *call);
void asking_dns(struct gw_call *call, const struct gw_dns_answer *answer, void *arg);

#endif

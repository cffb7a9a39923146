/* audit.h - what was changed through the control socket: by whom (the kernel's word), with which
 * command, and what came of it. The lines are of level audit: no log.level leaves them out, and
 * `grep ' audit '` finds them all. Words that may hold a secret are not in them.
 *
 * A change is two lines, `control` before it begins and `control-done` with its answer: a change
 * whose second line is missing was cut off by the end of the process. A message that it concerns
 * has a line of its own, which `message explain` shows. */
#ifndef ADMIN_AUDIT_H
#define ADMIN_AUDIT_H

#include "admin/request.h"
#include "base/event.h"

/* Of the request's first `shown` words, up to 512 octets of them; " ..." stands for what is left
 * out. The answer ends it. */
void audit_begin(struct request *request, size_t shown);
/* request_answer() calls it; nothing for what was not begun. `json` may be NULL: no memory. */
void audit_end(struct request *request, const json_t *json);
/* The caller may not. */
void audit_refused(struct request *request, size_t shown);
/* One message of a change. [the message's worker] */
void audit_order(enum event_id event, uint64_t id, int64_t uid);

#endif

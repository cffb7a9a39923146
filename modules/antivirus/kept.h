/* kept.h - the verbs about what is kept on hold. The queue is the quarantine, so each verb is a
 * name for one of the queue's, bounded to what this module holds: who may ask, and what the audit
 * log says, is the queue's affair. */
#ifndef ANTIVIRUS_KEPT_H
#define ANTIVIRUS_KEPT_H

#include <gateway/module.h>

/* What the reason of each such hold begins with. */
#define KEPT_REASON "antivirus: "

#define KEPT_VERBS                                                                                 \
	"list\tmail that is kept on hold, and what was found in it\n"                              \
	"show ID\tall that is known of one\n"                                                      \
	"!release ID\tit goes out as it is, and is not scanned again\n"                            \
	"!drop ID\tit is thrown away; nobody is told"

void kept_control(struct gw_call *call, const struct gw_command *command);

#endif

/* author.h - the address that a message says it is from, as a return path. */
#ifndef BOUNCE_AUTHOR_H
#define BOUNCE_AUTHOR_H

#include <gateway/module.h>

#define AUTHOR_MAX 320

/* The one mailbox of From; where From names several or a group, the one of Sender. The domain is in
 * A-labels. NULL: `out` has it; else why there is none that could be used. */
const char *author_read(struct gw_call *call, struct gw_message *message, char out[AUTHOR_MAX]);

#endif

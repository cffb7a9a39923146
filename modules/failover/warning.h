/* warning.h - the mail that says that a relay is suspended. */
#ifndef FAILOVER_WARNING_H
#define FAILOVER_WARNING_H

#include "book.h"

/* Sends it, where it is wanted and was not sent yet: once for each suspension, also where the
 * gateway dies in between. */
void warn(struct gw_call *call, const struct gw_relay *relay, struct book *book);

/* A message of ours is on its way. True: it is such a warning, and stays until then, for what is
 * known of it has to be on disk before it goes. */
bool warning_waits(struct gw_call *call, struct gw_message *message, int64_t *until);

#endif

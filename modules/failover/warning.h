/* warning.h - the mail that says that a relay is suspended. */
#ifndef FAILOVER_WARNING_H
#define FAILOVER_WARNING_H

#include "book.h"

/* Sends it, where it is wanted and was not sent yet: once for each suspension. */
void warn(struct gw_call *call, const struct gw_relay *relay, struct book *book);

#endif

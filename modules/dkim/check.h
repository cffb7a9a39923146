/* check.h - `gatewayctl dkim check`: each key, what its stage is, what DNS serves of it and what
 * each name server of its domain does. */
#ifndef DKIM_CHECK_H
#define DKIM_CHECK_H

#include "instance.h"

/* The verb. */
void check(struct gw_call *call, const struct gw_list *words, struct dkim *dkim);

/* Answers with the keys of that domain; NULL: all. */
void check_table(struct gw_call *call, const struct dkim *dkim, const char *domain);

#endif

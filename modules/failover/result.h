/* result.h - the hook that is told of each attempt. */
#ifndef FAILOVER_RESULT_H
#define FAILOVER_RESULT_H

#include <gateway/module.h>

void on_result(struct gw_call *call, struct gw_delivery *delivery, const struct gw_result *result);

#endif

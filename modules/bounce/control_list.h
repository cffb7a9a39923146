/* control_list.h - `gatewayctl bounce list|get|stats|read`. */
#ifndef BOUNCE_CONTROL_LIST_H
#define BOUNCE_CONTROL_LIST_H

#include <gateway/module.h>

void control_list(struct gw_call *call, struct gw_list words);
/* What came is for admins alone: it is somebody's mail. */
void control_get(struct gw_call *call, struct gw_list words, bool admin);
void control_stats(struct gw_call *call, struct gw_list words);
void control_read(struct gw_call *call, struct gw_list words);

#endif

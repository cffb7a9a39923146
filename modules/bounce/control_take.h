/* control_take.h - `gatewayctl bounce take < mail`: a bounce that came to a mailbox of the company.
 */
#ifndef BOUNCE_CONTROL_TAKE_H
#define BOUNCE_CONTROL_TAKE_H

#include <gateway/module.h>

void control_take(struct gw_call *call, struct gw_str mail);

#endif

/* rotate.h - `gatewayctl dkim rotate DOMAIN`: makes keys that wait, and lets them take over when
 * the domain's own name servers serve them. Main thread. */
#ifndef DKIM_ROTATE_H
#define DKIM_ROTATE_H

#include "instance.h"

/* In start, before the keys are in their order: adds those that were made, for which the signer has
 * room, and says of the others when their time is. False: one cannot be read, and it was told. */
bool rotate_load(struct gw_call *call, const struct rotation *rotation, struct signer *signer);

/* The verb. */
void rotate(struct gw_call *call, const struct gw_list *words, struct dkim *dkim);

#endif

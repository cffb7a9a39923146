/* bulk.h - how near an organisation is to what Gmail calls a bulk sender: it counts a day's
 * recipients there, and once is for ever. */
#ifndef DOMAINS_BULK_H
#define DOMAINS_BULK_H

#include <gateway/module.h>

/* Recipients of today at Gmail, of the organisation. */
int64_t bulk_today(struct gw_call *call, struct gw_str organisation);

/* The hook `result`. */
void bulk_result(struct gw_call *call, struct gw_delivery *delivery,
		 const struct gw_result *result);

#endif

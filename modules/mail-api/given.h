/* given.h - what the recipients of a delivery are given: what an API said, or why it was not asked.
 */
#ifndef MAIL_API_GIVEN_H
#define MAIL_API_GIVEN_H

#include "said.h"

/* All of them the same. */
void given_all(struct gw_call *call, struct gw_delivery *delivery, const struct said *said,
	       const char *host);

/* All of them, or those that it names; the login that was refused is told. GW_ACCEPT. */
enum gw_verdict given_answer(struct gw_call *call, struct gw_delivery *delivery,
			     const struct said *said, const char *host);

/* What ends before anything is asked; with GW_BOUNCED another relay may carry it. */
enum gw_verdict given_end(struct gw_call *call, struct gw_delivery *delivery, enum gw_status status,
			  const char *stage, const char *enhanced, const char *text);

#endif

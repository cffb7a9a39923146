/* azure_end.h - how a mail for Azure ends, for now or for good. */
#ifndef MAIL_API_AZURE_END_H
#define MAIL_API_AZURE_END_H

#include "send_private.h"

/* As `said` has it. */
enum gw_verdict azure_end_said(struct gw_call *call, struct send *send);

/* What ends before it is asked for, or told. */
enum gw_verdict azure_end(struct gw_call *call, struct send *send, enum gw_status status,
			  const char *stage, const char *enhanced, const char *text);

/* It has it, or may have it, and does not say what became of it: it is asked again later, and
 * nobody else. */
enum gw_verdict azure_end_unknown(struct gw_call *call, struct send *send, const char *why);

/* As `said` has it; it does not have the mail, or is done with it. */
enum gw_verdict azure_end_not_taken(struct gw_call *call, struct send *send);

/* It cannot be told the mail. */
enum gw_verdict azure_end_refused(struct gw_call *call, struct send *send);

/* `said`: it has sent it. */
void azure_say_sent(struct send *send);

#endif

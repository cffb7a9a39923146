/* operation.h - a mail that Azure has: its number, which is ours, and what has become of it. */
#ifndef MAIL_API_OPERATION_H
#define MAIL_API_OPERATION_H

#include "said.h"

#define OPERATION_ID 37

/* False: no memory. A number (UUID) of this message and these recipients, the same for the same
 * ones. The service has it from us, so a mail whose answer was lost is asked for, and not sent
 * again. `generation`: how many operations of theirs are over. */
bool operation_id(struct gw_delivery *delivery, unsigned generation, char out[OPERATION_ID]);

enum operation { OPERATION_RUNS, OPERATION_SENT, OPERATION_FAILED, OPERATION_UNKNOWN };

/* What an answer with 2xx says of it; with FAILED `said` has the words. */
enum operation operation_read(const struct gw_http_answer *answer, struct said *said);

#endif

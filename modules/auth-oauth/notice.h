/* notice.h - what others are told of an account: the relay is closed while there is no token to be
 * had, and opened when there is; a line in the log, an event, and for a login that people have to
 * mend one mail. */
#ifndef OAUTH_NOTICE_H
#define OAUTH_NOTICE_H

#include "account.h"

/* Tells what has changed since it was told last; on a worker, not under the account's lock. */
void notice(struct gw_call *call, struct gw_relay *relay, struct account *account);

/* What an admin is to do, a line; under its lock. */
void notice_advice(const struct account *account, const struct oauth_relay *conf, char *out,
		   size_t size);

#endif

/* refusal.h - the same refusal for one message after the other: then it is not the messages, it is
 * our account.
 *
 * Only bookkeeping: who asks has the lock of the book. */
#ifndef FAILOVER_REFUSAL_H
#define FAILOVER_REFUSAL_H

#include "reply.h"

#define REFUSALS_SEVERAL 3 /* different messages, with no success in between */

struct refusals {
	uint64_t words;                     /* of the reply, as a hash; 0: none */
	int64_t since;                      /* when the first of them was refused */
	int64_t messages[REFUSALS_SEVERAL]; /* their ids */
	size_t count;
};

/* A refusal for good that no row of the table knows: only such may be anything. */
bool refusal_is_open(const struct reply *reply, const struct verdict *verdict);

/* Enters a refusal of that message; `success` is the time of the relay's last one. True: several
 * messages were refused alike. */
bool refusals_add(struct refusals *refusals, const struct reply *reply, int64_t message,
		  int64_t success, int64_t now);

#endif

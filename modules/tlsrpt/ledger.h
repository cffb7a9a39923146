/* ledger.h - the counts of all domains of the day, in memory and as records of the state store.
 *
 * An instance writes records of its own and reads nobody's, so two that are there at once (a
 * reload) do not take each other's counts away; a report is of all of them. Records are on disk
 * within a few seconds, and at a stop. */
#ifndef TLSRPT_LEDGER_H
#define TLSRPT_LEDGER_H

#include "tally.h"

#define DAY_MS ((int64_t)86400000)
#define LEDGER_DOMAIN_MOST 220 /* octets: what is longer has no place in the name of a record */

struct ledger;

struct ledger *ledger_create(void);
void ledger_destroy(struct ledger *ledger);

/* One connection, now. At most `domains` a day. */
void ledger_add(struct gw_call *call, struct ledger *ledger, const struct gw_link *link,
		int64_t domains);

/* Writes `most` of what is not written yet. */
void ledger_flush(struct gw_call *call, struct ledger *ledger, size_t most);

/* Calls each record, those of one day and domain one behind the other; 0, or -1: the store does not
 * answer. `counts` is for ledger_take(), which adds them. */
typedef void ledger_each_fn(void *arg, int64_t day, struct gw_str domain, struct gw_str counts);
int ledger_each(struct gw_call *call, ledger_each_fn *each, void *arg);
void ledger_take(struct tally *tally, struct gw_str counts);

/* All that was counted, into a tally that is zeroed. */
void ledger_read(struct gw_call *call, int64_t day, struct gw_str domain, struct tally *tally);

/* Forgets it, and to whom it was sent. */
void ledger_drop(struct gw_call *call, struct ledger *ledger, int64_t day, struct gw_str domain);

/* Whether that day's report went there, and that it did. */
bool ledger_is_sent(struct gw_call *call, int64_t day, struct gw_str domain, const char *uri);
void ledger_sent(struct gw_call *call, int64_t day, struct gw_str domain, const char *uri);

size_t ledger_domains(struct ledger *ledger); /* of today */

#endif

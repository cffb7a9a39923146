/* dns_records.h - records of one name and type: <gateway/dns.h> says what a question and its answer
 * are. Where mail for a domain goes is dns.h.
 *
 * A query lives from dns_records_ask to its end. The end comes once, from the loop and never from
 * inside a call, or not at all after dns_records_cancel. So many are on their way at once that they
 * leave descriptors to the look-ups of dns.h; others wait for their turn, within their deadline.
 * What is kept of answers is libunbound's cache. Per worker, on its thread. */
#ifndef LOOP_DNS_RECORDS_H
#define LOOP_DNS_RECORDS_H

#include "loop/dns.h"

#include <gateway/dns.h>

struct dns_query;

/* NULL: the question can be asked; else what is wrong with it, for a log. [any thread] */
const char *dns_records_wrong(const struct gw_dns_question *question);

/* Asks what dns_records_wrong() has nothing against; the name is copied. `ended` is told the
 * answer, which lives until it returns, when the query is no more. NULL: no memory. */
struct dns_query *dns_records_ask(struct dns *dns, const struct gw_dns_question *question,
				  void (*ended)(const struct gw_dns_answer *answer, void *arg),
				  void *arg);

/* `ended` will not be called, and the query is not the caller's any more. */
void dns_records_cancel(struct dns_query *query);

#endif

/* sender.h - reports on their way: domain by domain, whoever wants its report is found out and
 * told.
 *
 *     IDLE -> ASKED (its TXT record) -> POSTING (to web servers) -> IDLE, the next domain
 *
 * What could not be told (the DNS or a web server is down) stays, and is tried again every hour for
 * two days. On one worker. */
#ifndef TLSRPT_SENDER_H
#define TLSRPT_SENDER_H

#include "ledger.h"

struct sender;

struct sender *sender_create(void);
void sender_destroy(struct sender *sender);

/* The hooks `tick`, `dns` and `http`. */
void sender_go_on(struct gw_call *call, struct sender *sender, struct ledger *ledger);
void sender_looked_up(struct gw_call *call, struct sender *sender, struct ledger *ledger,
		      const struct gw_dns_answer *answer);
void sender_posted(struct gw_call *call, struct sender *sender, struct ledger *ledger,
		   const struct gw_http_answer *answer, void *arg);

/* The report of today so far of that domain is sent next; false: another one waits. Main thread. */
bool sender_want(struct sender *sender, struct gw_str domain);

/* What the last report came to, for people. */
void sender_status(struct gw_call *call, struct sender *sender);

#endif

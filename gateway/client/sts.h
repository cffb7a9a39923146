/* sts.h - the MTA-STS policy of a recipient's domain (RFC 8461): found by its TXT record, fetched
 * over HTTPS with a certificate that is right, kept for all workers and over restarts.
 *
 * A policy that is known is answered at once, and looked after meanwhile; who asks for a domain of
 * which nothing is known waits for its record and its policy, some seconds at most. A policy whose
 * successor cannot be had stays until its max_age is over. */
#ifndef CLIENT_STS_H
#define CLIENT_STS_H

#include "client/sts_known.h"
#include "loop/dns.h"
#include "module/settings.h"

struct transport;
struct sts_asking;

/* In memory the caller owns until `done` ran or sts_cancel was called; `done` comes from the loop,
 * never from inside sts_ask. */
struct sts_question {
	void (*done)(struct sts_question *question);
	TAILQ_ENTRY(sts_question) link;
	struct sts_asking *asking; /* NULL: it is not asked */
};

/* True: sts_known() has the answer already. False: `done` follows. What the policy's server needs
 * is the relay's. On the transport's worker. */
bool sts_ask(struct transport *transport, const struct gw_relay *relay, struct gw_str domain,
	     struct sts_question *question);
void sts_cancel(struct sts_question *question); /* fine when nothing is asked */

/* Gives up what is being asked; nobody waits for it. */
void sts_stop(struct transport *transport);

#endif

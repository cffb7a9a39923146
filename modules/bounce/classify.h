/* classify.h - what a mail that came back means: for each recipient kind, reason and the remote's
 * words. No I/O; time is linear in the MAIL_MAX octets that are looked at, but for what scrub.h
 * cuts out of SCRUB_MAX, and nothing that a mail has in it is an error: what cannot be read is of
 * reason `unknown`. */
#ifndef BOUNCE_CLASSIFY_H
#define BOUNCE_CLASSIFY_H

#include "findings.h"

/* A mail. No findings: it is no bounce, no complaint and no automatic reply. To be freed with
 * findings_free(). */
struct findings *classify_mail(const struct gw_groups *rules, struct gw_str bytes);

/* A reply in a session; `own` are words of the mail's own, that are not read in it (each may be
 * empty). */
void classify_reply(const struct gw_groups *rules, int code, const char *status, struct gw_str text,
		    const struct gw_str *own, size_t count, struct finding *finding);

/* Nothing was sent: the recipient is on our own list. */
void finding_suppressed(struct finding *finding);

#endif

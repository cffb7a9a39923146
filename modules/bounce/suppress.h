/* suppress.h - no mail for whom it came back from for good: what is learned, and where it ends. */
#ifndef BOUNCE_SUPPRESS_H
#define BOUNCE_SUPPRESS_H

#include "bounce.h"
#include "store.h"

/* What becomes of mail to such an address. In the order of the words. */
enum suppressed { SUPPRESSED_BOUNCE, SUPPRESSED_REFUSE };
#define SUPPRESSED_WORDS "bounce|refuse"

/* Entries of `suppress` that are none: problems. False: there were some. */
bool suppress_check(struct gw_call *call, const struct bounce_conf *conf);

/* Bounces of this client's mail of this type are learned from. [any] */
bool suppress_learns(const struct bounce_conf *conf, struct gw_str client, struct gw_str type);

/* It does for this one: the address is at fault, for good. Fills in the record. [any] */
void suppress_record(const struct bounce_conf *conf, struct record *record);

/* The hooks: at RCPT where it is configured so, else before a relay is used. */
enum gw_verdict suppress_rcpt(struct gw_call *call, struct gw_message *message,
			      struct gw_rcpt *rcpt);
enum gw_verdict suppress_admit(struct gw_call *call, struct gw_delivery *delivery,
			       struct gw_relay *relay);

/* This gateway's own words, of a recipient that it sent nothing to. */
bool suppress_said(const struct gw_result *result);

#endif

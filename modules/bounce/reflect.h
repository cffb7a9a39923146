/* reflect.h - the report that a client gets about a bounce that came back to us: of the right form,
 * to the return path that it gave, with a null sender, so that its own parser marks the address. */
#ifndef BOUNCE_REFLECT_H
#define BOUNCE_REFLECT_H

#include "rows.h"

struct reflection {
	struct gw_str hostname; /* of this gateway */
	int64_t now;
	const struct sent *sent;
	const struct finding *const *findings;
	size_t count;
};

/* The recipient as the message had it, capitals or not; *original is its ORCPT (RFC 3461), empty:
 * none was given. */
bool sent_rcpt(const struct sent *sent, const char *address, struct gw_str *original);

/* Hands it to the queue. False: it was not taken, which was logged. */
bool reflect_submit(struct gw_call *call, const struct sent *sent, struct gw_str report);

/* The report that this is, by its Message-ID: what keeper_paid() wants to know. False: it is none.
 */
bool reflect_is(struct gw_str message_id, struct gw_str hostname, struct report_name *name);

/* The report's octets, CRLF line ends, US-ASCII. */
GString *reflect_write(const struct reflection *reflection);

#endif

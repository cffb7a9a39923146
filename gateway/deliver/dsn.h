/* dsn.h - delivery status notifications as bytes (RFC 3464, 3461, 6522; 6533 with SMTPUTF8). Pure
 * but for reading the content. */
#ifndef DELIVER_DSN_H
#define DELIVER_DSN_H

#include "client/outcome.h"
#include "mail/message.h"

enum dsn_action { DSN_FAILED, DSN_DELAYED, DSN_DELIVERED, DSN_RELAYED, DSN_EXPANDED };

struct dsn_rcpt {
	const struct gw_rcpt *rcpt;
	struct outcome outcome;
};

struct dsn {
	enum dsn_action action;
	struct gw_str hostname;     /* reporting MTA */
	struct gw_message *message; /* about which */
	const struct dsn_rcpt *rcpts;
	size_t count;
	int64_t now;              /* wall ms */
	uint64_t id;              /* of the report itself */
	int64_t will_retry_until; /* DELAYED: wall ms */
	/* it may hold UTF-8 (RFC 6533): only where its recipient's own address does, for such a
	 * report cannot go everywhere */
	bool utf8;
	/* octets of the original returned at most (RET=FULL); the header alone beyond that */
	size_t max_return;
};

/* Appends the whole report: header and body, CRLF, lines up to 998 octets, To: the sender; 7-bit
 * unless the message asked for SMTPUTF8. The words of the remote are data: no control character, no
 * new field, no longer line comes out of them. A message whose content cannot be read is reported
 * without it. 0; -1: no memory. Never call it for a message with the null sender. */
int dsn_write(const struct dsn *dsn, struct buf *out);

/* Which recipients of an attempt ask for that action (RFC 3461 section 4.1: NOTIFY; not given:
 * failure, and delay). */
bool dsn_wanted(const struct gw_rcpt *rcpt, enum dsn_action action);

#endif

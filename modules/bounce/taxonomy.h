/* taxonomy.h - what a bounce may mean: its kind, and the reason, of which the kind follows. */
#ifndef BOUNCE_TAXONOMY_H
#define BOUNCE_TAXONOMY_H

#include <stdbool.h>

/* hard: the address cannot get mail, today or tomorrow. soft: another time it may. block: somebody
 * does not want this mail, this sender or this host; it says nothing about the address. info: no
 * bounce. unknown: it cannot be said of anybody. */
enum kind { KIND_UNKNOWN, KIND_HARD, KIND_SOFT, KIND_BLOCK, KIND_INFO };

/* In the order of REASONS. */
enum reason {
	REASON_UNKNOWN,
	REASON_NO_SUCH_USER,
	REASON_NO_SUCH_DOMAIN,
	REASON_MOVED,
	REASON_INACTIVE,
	REASON_BAD_ADDRESS,
	REASON_MAILBOX_FULL,
	REASON_TOO_LARGE,
	REASON_CONTENT,
	REASON_SPAM,
	REASON_VIRUS,
	REASON_REPUTATION,
	REASON_AUTH_POLICY,
	REASON_POLICY,
	REASON_RATE,
	REASON_GREYLIST,
	REASON_RELAY_DENIED,
	REASON_TLS,
	REASON_NETWORK,
	REASON_DNS,
	REASON_EXPIRED,
	REASON_SYSTEM,
	REASON_TOO_MANY_RCPT,
	REASON_PROTOCOL,
	REASON_SUPPRESSED,
	REASON_AUTO_REPLY,
	REASON_COMPLAINT,
	REASON_DELIVERED,
	REASON_COUNT,
};

/* As an option of the rules wants them. */
#define REASONS                                                                                    \
	"unknown|no_such_user|no_such_domain|moved|inactive|bad_address|mailbox_full|too_large|"   \
	"content|spam|virus|reputation|auth_policy|policy|rate|greylist|relay_denied|tls|network|" \
	"dns|expired|system|too_many_rcpt|protocol|suppressed|auto_reply|complaint|delivered"

const char *reason_name(enum reason reason);
enum kind reason_kind(enum reason reason);
const char *kind_name(enum kind kind);

/* Ours to mend: of this sender or this host, not of the recipient. */
bool reason_is_infrastructure(enum reason reason);

/* What others call it, for who moves over from them. Never NULL. */
struct compat {
	const char *ses_type, *ses_subtype, *postmark, *sendgrid;
};
const struct compat *reason_compat(enum reason reason);
enum reason reason_named(const char *name);

#endif

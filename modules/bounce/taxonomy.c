#include "taxonomy.h"

#include <stddef.h>

/* Only what is a fact about the address is hard. An inactive mailbox may be somebody's holidays:
 * soft, and whoever keeps a list of addresses counts how often. */
static const struct {
	const char *name;
	enum kind kind;
} reasons[REASON_COUNT] = {
	[REASON_UNKNOWN] = { "unknown", KIND_SOFT },
	[REASON_NO_SUCH_USER] = { "no_such_user", KIND_HARD },
	[REASON_NO_SUCH_DOMAIN] = { "no_such_domain", KIND_HARD },
	[REASON_MOVED] = { "moved", KIND_HARD },
	[REASON_INACTIVE] = { "inactive", KIND_SOFT },
	[REASON_BAD_ADDRESS] = { "bad_address", KIND_HARD },
	[REASON_MAILBOX_FULL] = { "mailbox_full", KIND_SOFT },
	[REASON_TOO_LARGE] = { "too_large", KIND_SOFT },
	[REASON_CONTENT] = { "content", KIND_BLOCK },
	[REASON_SPAM] = { "spam", KIND_BLOCK },
	[REASON_VIRUS] = { "virus", KIND_BLOCK },
	[REASON_REPUTATION] = { "reputation", KIND_BLOCK },
	[REASON_AUTH_POLICY] = { "auth_policy", KIND_BLOCK },
	[REASON_POLICY] = { "policy", KIND_BLOCK },
	[REASON_RATE] = { "rate", KIND_SOFT },
	[REASON_GREYLIST] = { "greylist", KIND_SOFT },
	[REASON_RELAY_DENIED] = { "relay_denied", KIND_BLOCK },
	[REASON_TLS] = { "tls", KIND_SOFT },
	[REASON_NETWORK] = { "network", KIND_SOFT },
	[REASON_DNS] = { "dns", KIND_SOFT },
	[REASON_EXPIRED] = { "expired", KIND_SOFT },
	[REASON_SYSTEM] = { "system", KIND_SOFT },
	[REASON_TOO_MANY_RCPT] = { "too_many_rcpt", KIND_SOFT },
	[REASON_PROTOCOL] = { "protocol", KIND_SOFT },
	[REASON_SUPPRESSED] = { "suppressed", KIND_INFO },
	[REASON_AUTO_REPLY] = { "auto_reply", KIND_INFO },
	[REASON_COMPLAINT] = { "complaint", KIND_INFO },
	[REASON_DELIVERED] = { "delivered", KIND_INFO },
};

const char *reason_name(enum reason reason)
{
	return reasons[reason < REASON_COUNT ? reason : REASON_UNKNOWN].name;
}

enum kind reason_kind(enum reason reason)
{
	return reasons[reason < REASON_COUNT ? reason : REASON_UNKNOWN].kind;
}

const char *kind_name(enum kind kind)
{
	static const char *const names[] = { "unknown", "hard", "soft", "block", "info" };

	return names[kind <= KIND_INFO ? kind : KIND_UNKNOWN];
}

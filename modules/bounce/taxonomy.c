#include "taxonomy.h"

#include <stddef.h>
#include <string.h>

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

bool reason_is_infrastructure(enum reason reason)
{
	return reason == REASON_REPUTATION || reason == REASON_AUTH_POLICY ||
	       reason == REASON_RELAY_DENIED || reason == REASON_RATE;
}

enum reason reason_named(const char *name)
{
	int i;

	for (i = 0; i < REASON_COUNT; i++)
		if (strcmp(reasons[i].name, name) == 0)
			return (enum reason)i;
	return REASON_UNKNOWN;
}

#define PERMANENT "Permanent"
#define TRANSIENT "Transient"
static const struct compat compats[REASON_COUNT] = {
	[REASON_UNKNOWN] = { "Undetermined", "Undetermined", "Unknown", "Unclassified" },
	[REASON_NO_SUCH_USER] = { PERMANENT, "NoEmail", "HardBounce", "Invalid Address" },
	[REASON_NO_SUCH_DOMAIN] = { PERMANENT, "General", "DnsError", "Invalid Address" },
	[REASON_MOVED] = { PERMANENT, "General", "AddressChange", "Invalid Address" },
	[REASON_INACTIVE] = { PERMANENT, "General", "HardBounce", "Mailbox Unavailable" },
	[REASON_BAD_ADDRESS] = { PERMANENT, "General", "BadEmailAddress", "Invalid Address" },
	[REASON_MAILBOX_FULL] = { TRANSIENT, "MailboxFull", "SoftBounce", "Mailbox Unavailable" },
	[REASON_TOO_LARGE] = { TRANSIENT, "MessageTooLarge", "SoftBounce", "Technical" },
	[REASON_CONTENT] = { TRANSIENT, "ContentRejected", "Blocked", "Content" },
	[REASON_SPAM] = { TRANSIENT, "ContentRejected", "SpamNotification", "Content" },
	[REASON_VIRUS] = { TRANSIENT, "ContentRejected", "VirusNotification", "Content" },
	[REASON_REPUTATION] = { TRANSIENT, "General", "Blocked", "Reputation" },
	[REASON_AUTH_POLICY] = { TRANSIENT, "General", "DMARCPolicy", "Reputation" },
	[REASON_POLICY] = { TRANSIENT, "General", "Blocked", "Reputation" },
	[REASON_RATE] = { TRANSIENT, "General", "Transient", "Frequency or Volume Too High" },
	[REASON_GREYLIST] = { "DeliveryDelay", "General", "Transient", "Technical" },
	[REASON_RELAY_DENIED] = { TRANSIENT, "General", "Blocked", "Technical" },
	[REASON_TLS] = { TRANSIENT, "General", "Transient", "Technical" },
	[REASON_NETWORK] = { TRANSIENT, "General", "Transient", "Technical" },
	[REASON_DNS] = { TRANSIENT, "General", "DnsError", "Technical" },
	[REASON_EXPIRED] = { TRANSIENT, "General", "Transient", "Technical" },
	[REASON_SYSTEM] = { TRANSIENT, "General", "Transient", "Technical" },
	[REASON_TOO_MANY_RCPT] = { TRANSIENT, "General", "Transient", "Technical" },
	[REASON_PROTOCOL] = { TRANSIENT, "General", "Transient", "Technical" },
	[REASON_SUPPRESSED] = { PERMANENT, "OnAccountSuppressionList", "ManuallyDeactivated",
				"Unclassified" },
	[REASON_AUTO_REPLY] = { TRANSIENT, "General", "AutoResponder", "Unclassified" },
	[REASON_COMPLAINT] = { "Complaint", "abuse", "SpamComplaint", "spamreport" },
	[REASON_DELIVERED] = { "Delivery", "General", "Delivery", "Unclassified" },
};

const struct compat *reason_compat(enum reason reason)
{
	return &compats[reason < REASON_COUNT ? reason : REASON_UNKNOWN];
}

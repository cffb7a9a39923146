/* tls_required.c - the field TLS-Required (RFC 8689): a sender for whom it matters more that a mail
 * arrives than that nobody else reads it, such as a report about TLS that fails. */
#include "client/client.h"

#define FIELD "TLS-Required"

static bool says_no(const struct header_field *field)
{
	return gw_str_ieq(gw_str_trim(field->value), gw_str("No"));
}

/* DANE or MTA-STS would demand something of the link. */
static bool is_demanded(const struct attempt *attempt, const struct dns_answer *mx)
{
	size_t i;

	for (i = 0; attempt->relay->dane && i < mx->count; i++)
		if (mx->hosts[i].tlsa_state != DNS_TLSA_NONE)
			return true;
	return attempt->sts != NULL;
}

bool tls_not_required(const struct attempt *attempt, const struct dns_answer *mx)
{
	struct header_field field;
	size_t nth;

	if (!is_demanded(attempt, mx) || attempt->edits->message->requiretls)
		return false;
	for (nth = 0; edits_header(attempt->edits, nth, &field); nth++)
		if (gw_str_ieq(field.name, gw_str(FIELD)))
			return says_no(&field);
	return false;
}

#include "refusal.h"

#include <gateway/hash.h>

#include <ctype.h>

bool refusal_is_open(const struct reply *reply, const struct verdict *verdict)
{
	return reply->code >= 500 && !verdict->row && verdict->fault == GW_FAULT_MESSAGE &&
	       gw_str_eq(verdict->class, gw_str("message"));
}

/* Letters alone: numbers are those of the session, the host and the message. */
static uint64_t words_of(const struct reply *reply)
{
	uint64_t hash = gw_hash_add(GW_HASH_BEGIN, (unsigned char)(reply->code - 500));
	const char *status = reply->status;
	size_t i;

	for (; *status; status++)
		hash = gw_hash_add(hash, (unsigned char)*status);
	for (i = 0; i < reply->text.len; i++)
		if (isalpha((unsigned char)reply->text.ptr[i]))
			hash = gw_hash_add(
				hash, (unsigned char)tolower((unsigned char)reply->text.ptr[i]));
	return hash ? hash : 1;
}

static bool is_known(const struct refusals *refusals, int64_t message)
{
	size_t i;

	for (i = 0; i < refusals->count; i++)
		if (refusals->messages[i] == message)
			return true;
	return false;
}

bool refusals_add(struct refusals *refusals, const struct reply *reply, int64_t message,
		  int64_t success, int64_t now)
{
	uint64_t words = words_of(reply);

	if (refusals->words != words || success >= refusals->since)
		*refusals = (struct refusals){ .words = words, .since = now };
	if (refusals->count < REFUSALS_SEVERAL && !is_known(refusals, message))
		refusals->messages[refusals->count++] = message;
	return refusals->count == REFUSALS_SEVERAL;
}

/* seen.c - what a test asks about what the module did to the world. */
#include "kit.h"

#include <stdlib.h>

const char *testkit_route(struct gw_rcpt *rcpt)
{
	return rcpt->route;
}

const char *testkit_fallback(struct gw_delivery *delivery)
{
	return delivery->fallback;
}

enum gw_fault testkit_fault(struct testkit *kit)
{
	return kit->fault;
}

bool testkit_takes_refused(struct gw_message *message)
{
	return message->takes_refused;
}

int64_t testkit_awaits_next_hop(struct gw_message *message)
{
	return message->awaits_ms;
}

struct gw_str testkit_sent(struct gw_delivery *delivery)
{
	return delivery_sent(delivery);
}

struct gw_str testkit_sent_body(struct gw_delivery *delivery)
{
	return delivery_body_now(delivery);
}

const struct gw_outcome *testkit_outcome(struct gw_delivery *delivery, struct gw_rcpt *rcpt)
{
	size_t i;

	for (i = 0; i < delivery->rcpt_count; i++)
		if (delivery->rcpts[i] == rcpt)
			return delivery->outcomes[i];
	return NULL;
}

const struct gw_login *testkit_login(struct gw_delivery *delivery)
{
	return delivery->login;
}

const struct gw_proof_keys *testkit_proof_keys(struct testkit *kit)
{
	return kit->proof_keys;
}

int testkit_rank(struct testkit *kit)
{
	return kit->last_rank;
}

size_t testkit_submissions(struct testkit *kit)
{
	return kit->submission_count;
}

const struct gw_submission *testkit_submission(struct testkit *kit, size_t nth)
{
	return nth < kit->submission_count ? kit->submissions[nth] : NULL;
}

int64_t testkit_metric(struct testkit *kit, const char *metric)
{
	const struct pair *pair;
	int64_t value;

	kit_lock();
	pair = pair_find(kit->metrics, metric);
	value = pair ? strtoll(pair->value.ptr, NULL, 10) : 0;
	kit_unlock();
	return value;
}

const char *testkit_note(struct gw_message *message, const char *key)
{
	const struct pair *pair = pair_find(message->notes, key);

	return pair ? pair->value.ptr : NULL;
}

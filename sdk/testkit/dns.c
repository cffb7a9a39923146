/* dns.c - what a module asks the DNS: nobody is asked, the test answers. */
#include "kit.h"

#define QUESTIONS_MOST 4096

static bool has_type(uint32_t type)
{
	static const uint32_t types[] = { GW_DNS_A,   GW_DNS_AAAA, GW_DNS_MX,
					  GW_DNS_TXT, GW_DNS_PTR,  GW_DNS_TLSA,
					  GW_DNS_NS,  GW_DNS_SOA,  GW_DNS_CNAME };
	size_t i;

	for (i = 0; i < sizeof types / sizeof *types && types[i] != type; i++)
		;
	return i < sizeof types / sizeof *types;
}

static void add(struct testkit *kit, const struct gw_dns_question *asked, void *arg)
{
	struct kit_question *question = kit_alloc(kit, sizeof *question), **at = &kit->questions;

	while (*at)
		at = &(*at)->next;
	*question = (struct kit_question){ NULL, ++kit->last_question, *asked, arg };
	question->asked.name = kit_str(kit, asked->name);
	*at = question;
}

gw_dns service_dns_ask(struct gw_call *call, const struct gw_dns_question *given, void *arg)
{
	struct testkit *kit = call->kit;
	struct gw_dns_question asked = { 0 };

	if (kit_refused(call, "dns_ask", EVERY & ~(ELSEWHERE | ON(worker_stop))) ||
	    kit_null(kit, "dns_ask", given) || kit_unsized(call, "gw_dns_question", given->size) ||
	    kit_fails(kit, "dns_ask"))
		return 0;
	memcpy(&asked, given, given->size < sizeof asked ? given->size : sizeof asked);
	if (!kit->module.dns || !has_type(asked.type) || testkit_questions(kit) >= QUESTIONS_MOST) {
		kit_tell(kit, TESTKIT_LOG, "warning dns_ask() refused");
		return 0;
	}
	add(kit, &asked, arg);
	return kit->last_question;
}

int service_dns_cancel(struct gw_call *call, gw_dns number)
{
	struct kit_question **at;

	if (kit_elsewhere(call->kit, "dns_cancel"))
		return -1;
	for (at = &call->kit->questions; *at && (*at)->number != number; at = &(*at)->next)
		;
	if (!*at)
		return -1;
	*at = (*at)->next;
	return 0;
}

size_t testkit_questions(struct testkit *kit)
{
	const struct kit_question *question;
	size_t count = 0;

	for (question = kit->questions; question; question = question->next)
		count++;
	return count;
}

const struct gw_dns_question *testkit_question(struct testkit *kit)
{
	return kit->questions ? &kit->questions->asked : NULL;
}

bool testkit_run_dns(struct testkit *kit, enum gw_dns_status status, uint32_t ttl, const char *text)
{
	struct kit_question *question = kit->questions;
	struct gw_dns_answer answer = { .size = sizeof answer, .status = status };

	if (!question)
		return false;
	kit->questions = question->next;
	answer.ttl = status == GW_DNS_FAILED ? 0 : ttl;
	answer.error = gw_str(status == GW_DNS_FAILED ? text : "");
	if (status == GW_DNS_FOUND)
		answer.records = kit_lines(kit, text);
	testkit_run_dns_answer(kit, &answer, question->arg);
	return true;
}

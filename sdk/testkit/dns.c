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

void testkit_dns(struct testkit *kit,
		 void (*dns)(void *arg, const struct gw_dns_question *question,
			     struct gw_dns_answer *answer),
		 void *arg)
{
	kit->dns = dns;
	kit->dns_arg = arg;
}

static bool can_wait(const struct gw_dns_question *questions, size_t count)
{
	size_t i;

	for (i = 0; i < count && has_type(questions[i].type); i++)
		;
	return i == count && count <= QUESTIONS_MOST;
}

int service_dns_wait(struct gw_call *call, const struct gw_dns_question *questions, size_t count,
		     void (*answered)(void *arg, size_t nth, const struct gw_dns_answer *),
		     void *arg)
{
	struct testkit *kit = call->kit;
	size_t i;

	if (kit_refused(call, "dns_wait", ON(start) | ON(check)) || kit_fails(kit, "dns_wait"))
		return -1;
	if (!can_wait(questions, count)) {
		kit_tell(kit, TESTKIT_LOG, "warning dns_wait() refused");
		return -1;
	}
	for (i = 0; i < count; i++) {
		struct gw_dns_answer answer = { .size = sizeof answer,
						.status = GW_DNS_FAILED,
						.error = gw_str("no answer") };

		if (kit->dns)
			kit->dns(kit->dns_arg, &questions[i], &answer);
		answered(arg, i, &answer);
	}
	return 0;
}

/* --- what has to be in the DNS --- */

static void add_publication(struct testkit *kit, struct publications *to,
			    const struct gw_publication *from)
{
	struct gw_publication *publication;

	to->list = kit_grow(kit, to->list, to->count, sizeof *to->list);
	publication = &to->list[to->count++];
	*publication = *from;
	publication->name = kit_str(kit, from->name);
	publication->value = kit_str(kit, from->value);
	publication->senders = kit_str(kit, from->senders);
}

void testkit_publication(struct testkit *kit, const struct gw_publication *publication)
{
	add_publication(kit, &kit->needed, publication);
}

const struct gw_publication *testkit_published(struct testkit *kit, size_t nth)
{
	return nth < kit->published.count ? &kit->published.list[nth] : NULL;
}

void service_publication(struct gw_call *call, const struct gw_publication *publication)
{
	struct testkit *kit = call->kit;
	struct gw_publication given = { 0 };

	if (kit_refused(call, "publication", ON(published)) ||
	    kit_null(kit, "publication", publication) ||
	    kit_unsized(call, "gw_publication", publication->size))
		return;
	memcpy(&given, publication,
	       publication->size < sizeof given ? publication->size : sizeof given);
	if (!kit_publication_refused(kit, &given))
		add_publication(kit, &kit->published, &given);
}

void service_publication_each(struct gw_call *call,
			      void (*each)(void *arg, const struct gw_publication *), void *arg)
{
	const struct publications *needed = &call->kit->needed;
	size_t i;

	if (kit_refused(call, "publication_each", ON(start) | ON(check) | ON(control) | ON(status)))
		return;
	for (i = 0; i < needed->count; i++)
		each(arg, &needed->list[i]);
}

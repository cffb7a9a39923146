/* on_worker_dns.c - what an instance asks the DNS, from its worker.
 *
 * A question ends with its instance there, without a word: unlike an answer of the web, this one
 * can be had again. */
#include "module/on_worker_private.h"

#include "loop/dns_records.h"

#include <stdlib.h>

#define QUESTIONS_MOST 4096

struct module_question {
	struct module_question *next, **at;
	struct dns_query *query;
	struct instance *instance;
	struct instance_part *part;
	struct worker *worker;
	gw_dns number;
	void *arg;
};

static void unlink_question(struct module_question *question)
{
	*question->at = question->next;
	if (question->next)
		question->next->at = question->at;
	question->part->question_count--;
}

/* Freed before the hook runs: it may ask again, or cancel. */
static void answered(const struct gw_dns_answer *answer, void *arg)
{
	struct module_question question = *(struct module_question *)arg;
	struct snapshot *snapshot = question.instance->snapshot;

	unlink_question(arg);
	free(arg);
	if (!on_worker_hold(snapshot))
		return;
	on_worker_tell(question.worker, question.instance, GW_HOOK_dns, answer, question.arg);
	snapshot_release(snapshot);
}

static void give_up(struct module_question *question)
{
	dns_records_cancel(question->query);
	unlink_question(question);
	free(question);
}

void on_worker_dns_stop(struct instance_part *part)
{
	while (part->questions)
		give_up(part->questions);
}

static gw_dns refuse(const struct gw_call *call, const char *why)
{
	return on_worker_refuse(call, "dns_ask", why);
}

static gw_dns begin(struct gw_call *call, struct on_worker *here, struct instance_part *part,
		    const struct gw_dns_question *asked, void *arg)
{
	struct module_question *question = calloc(1, sizeof(*question));

	if (!question)
		return 0;
	*question = (struct module_question){ .next = part->questions,
					      .at = &part->questions,
					      .instance = call->instance,
					      .part = part,
					      .worker = call->worker,
					      .number = ++here->last_question,
					      .arg = arg };
	question->query = dns_records_ask(dns_of(call->worker), asked, answered, question);
	if (!question->query) {
		free(question);
		return 0;
	}
	if (question->next)
		question->next->at = &question->next;
	part->questions = question;
	part->question_count++;
	return question->number;
}

gw_dns on_worker_dns_ask(struct gw_call *call, const struct gw_dns_question *given, void *arg)
{
	struct gw_dns_question asked = { 0 };
	struct on_worker *here;
	struct instance_part *part = on_worker_part(call, &here);

	memcpy(&asked, given, given->size < sizeof(asked) ? given->size : sizeof(asked));
	if (!part || atomic_load(&here->stay) != STAY_IN || !call->instance->module->table.dns ||
	    !dns_of(call->worker))
		return refuse(
			call,
			"questions are for the hooks that run on a worker, of a module that has the hook dns, before worker_stop");
	if (part->question_count >= QUESTIONS_MOST)
		return refuse(call, "an instance has at most 4096 questions on a worker");
	const char *wrong = dns_records_wrong(&asked);
	return wrong ? refuse(call, wrong) : begin(call, here, part, &asked, arg);
}

int on_worker_dns_cancel(struct gw_call *call, gw_dns number)
{
	struct on_worker *here;
	struct instance_part *part = on_worker_part(call, &here);

	for (struct module_question *question = part ? part->questions : NULL; question;
	     question = question->next) {
		if (question->number != number)
			continue;
		give_up(question);
		return 0;
	}
	return -1;
}

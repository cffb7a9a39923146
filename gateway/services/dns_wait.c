/* dns_wait.c - questions to the DNS whose answers the main thread waits for, before anything of a
 * configuration begins: a loop and a resolver of their own, which end with it. */
#include "services/services.h"

#include "loop/dns_records.h"

#include <stdlib.h>

#define QUESTIONS_MOST 4096

struct waiting {
	struct worker *worker;
	struct dns *dns;
	size_t open; /* questions without an answer */
	void (*answered)(void *arg, size_t nth, const struct gw_dns_answer *answer);
	void *arg;
};

struct waited {
	struct waiting *waiting;
	size_t nth;
};

static void ended(const struct gw_dns_answer *answer, void *arg)
{
	const struct waited *waited = arg;
	struct waiting *waiting = waited->waiting;
	waiting->answered(waiting->arg, waited->nth, answer);
	if (--waiting->open == 0)
		worker_stop(waiting->worker);
}

/* One that cannot even be asked is one without an answer. */
static void ask(struct waiting *waiting, struct waited *waited, const struct gw_dns_question *given)
{
	struct gw_dns_answer none = { .size = sizeof(none),
				      .status = GW_DNS_FAILED,
				      .error = gw_str("out of memory") };
	if (dns_records_ask(waiting->dns, given, ended, waited))
		waiting->open++;
	else
		waiting->answered(waiting->arg, waited->nth, &none);
}

static void ask_all(struct waiting *waiting, struct waited *waited,
		    const struct gw_dns_question *questions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		waited[i] = (struct waited){ waiting, i };
		ask(waiting, &waited[i], &questions[i]);
	}
	if (waiting->open)
		worker_run(waiting->worker);
}

static struct dns *make_dns(struct worker *worker, const struct settings *settings)
{
	const struct dns_options options = { .forward = settings->dns.forward,
					     .trust_anchor = settings->dns.trust_anchor,
					     .local = settings->dns.local };
	struct problems problems;
	problems_init(&problems);
	struct dns *dns = worker ? dns_create(worker, &options, &problems) : NULL;
	problems_finish(&problems);
	return dns;
}

static const char *wrong(const struct gw_call *call, const struct gw_dns_question *questions,
			 size_t count)
{
	if (call->hook != GW_HOOKS && call->hook != GW_HOOK_check)
		return "answers are waited for in start and check";
	if (count > QUESTIONS_MOST)
		return "at most 4096 questions are asked at once";
	for (size_t i = 0; i < count; i++) {
		const char *why = dns_records_wrong(&questions[i]);
		if (why)
			return why;
	}
	return NULL;
}

int services_dns_wait(struct gw_call *call, const struct gw_dns_question *questions, size_t count,
		      void (*answered)(void *arg, size_t nth, const struct gw_dns_answer *),
		      void *arg)
{
	struct waiting waiting = { .answered = answered, .arg = arg };
	const char *why = wrong(call, questions, count);
	if (why) {
		bounds_refuse(call, "dns_wait", why);
		return -1;
	}
	struct waited *waited = calloc(count + 1, sizeof(*waited));
	waiting.worker = worker_create(0);
	waiting.dns = make_dns(waiting.worker, &call->snapshot->settings);
	bool can = waited && waiting.dns;
	if (can)
		ask_all(&waiting, waited, questions, count);
	dns_destroy(waiting.dns);
	worker_destroy(waiting.worker);
	free(waited);
	return can ? 0 : -1;
}

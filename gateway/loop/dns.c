/* dns.c - who asks for which domain, and the answers that are kept. */
#include "loop/dns_private.h"

#include "base/list.h"
#include "loop/worker_private.h"

#include <stdlib.h>
#include <unbound.h>

/* Of one worker; beyond it the oldest answer is forgotten for each that comes. */
#define DOMAINS_MOST 8192

/* --- answers on their way to who asked --- */

static void make_ready(struct dns *dns, struct dns_mx_question *question,
		       const struct dns_answer *answer)
{
	question->answer = dns_hold(answer);
	question->in = &dns->ready;
	TAILQ_INSERT_TAIL(&dns->ready, question, link);
	if (dns->posted)
		return;
	dns->posted = true;
	worker_post(dns->worker, &dns->tell);
}

void dns_cancel(struct dns_mx_question *question)
{
	if (!question->in)
		return;
	TAILQ_REMOVE(question->in, question, link);
	question->in = NULL;
	dns_release(question->answer);
	question->answer = NULL;
}

static void tell_one(struct dns_mx_question *question)
{
	const struct dns_answer *answer = dns_hold(question->answer);

	dns_cancel(question);
	question->done(question, answer);
	dns_release(answer);
}

/* Those that come meanwhile have the next turn. */
static void tell(struct post *post)
{
	struct dns *dns = list_of(post, struct dns, tell);
	struct dns_mx_question *question;
	size_t count = 0;

	dns->posted = false;
	if (dns->finished) {
		free(dns);
		return;
	}
	TAILQ_FOREACH(question, &dns->ready, link)
	count++;
	while (count-- > 0 && (question = TAILQ_FIRST(&dns->ready)) != NULL)
		tell_one(question);
	if (TAILQ_EMPTY(&dns->ready) || dns->posted)
		return;
	dns->posted = true;
	worker_post(dns->worker, &dns->tell);
}

/* --- domains --- */

static void leave_list(struct domain *domain)
{
	if (domain->in)
		TAILQ_REMOVE(domain->in, domain, link);
	domain->in = NULL;
}

void domain_forget(struct domain *domain)
{
	str_map_take(&domain->dns->map, domain->key);
	leave_list(domain);
	if (domain->look_up)
		look_up_forget(domain->look_up);
	dns_release(domain->answer);
	free(domain);
}

void domain_answered(struct domain *domain, const struct found *found)
{
	struct dns *dns = domain->dns;
	struct dns_mx_question *question;
	const struct dns_answer *answer = found ? found_answer(found) : NULL;

	domain->look_up = NULL;
	domain->answer = answer ? answer : dns_hold(dns->no_memory);
	domain->until = worker_now(dns->worker) + (answer ? found_keep_ms(found) : 0);
	domain->silent = found && found->slow && domain->answer->outcome == DNS_FAILED;
	domain->in = &dns->kept;
	TAILQ_INSERT_TAIL(&dns->kept, domain, link);
	while ((question = TAILQ_FIRST(&domain->questions)) != NULL) {
		TAILQ_REMOVE(&domain->questions, question, link);
		make_ready(dns, question, domain->answer);
	}
}

static struct domain *domain_create(struct dns *dns, const char *name)
{
	size_t len = strlen(name);
	struct domain *domain = calloc(1, sizeof(*domain) + len + 1);

	if (!domain)
		return NULL;
	memcpy(domain->name, name, len + 1);
	domain->key = gw_str_n(domain->name, len);
	domain->dns = dns;
	TAILQ_INIT(&domain->questions);
	if (str_map_put(&dns->map, domain) == 0)
		return domain;
	free(domain);
	return NULL;
}

static bool is_over(const struct domain *domain)
{
	return domain->answer != NULL && domain->until <= worker_now(domain->dns->worker);
}

/* Whether it was silent is known beyond its answer. */
static void renew(struct domain *domain)
{
	leave_list(domain);
	dns_release(domain->answer);
	domain->answer = NULL;
	dns_window_wait(domain);
}

static struct domain *add(struct dns *dns, const char *name)
{
	struct domain *domain;

	if (dns->map.count >= DOMAINS_MOST && !TAILQ_EMPTY(&dns->kept))
		domain_forget(TAILQ_FIRST(&dns->kept));
	domain = domain_create(dns, name);
	if (domain)
		dns_window_wait(domain);
	return domain;
}

static void join(struct domain *domain, struct dns_mx_question *question)
{
	if (domain->answer) {
		make_ready(domain->dns, question, domain->answer);
		return;
	}
	question->in = &domain->questions;
	TAILQ_INSERT_TAIL(&domain->questions, question, link);
}

static int ask(struct dns *dns, const char *name, struct dns_mx_question *question)
{
	struct domain *domain = str_map_get(&dns->map, gw_str(name));

	if (!domain)
		domain = add(dns, name);
	else if (is_over(domain))
		renew(domain);
	if (!domain)
		return -1;
	join(domain, question);
	dns_window_turn(dns);
	return 0;
}

/* --- what needs no look-up --- */

static int answer_now(struct dns *dns, struct dns_mx_question *question, struct found *found)
{
	const struct dns_answer *answer;

	found_end(found);
	answer = found_answer(found);
	if (!answer)
		return -1;
	make_ready(dns, question, answer);
	dns_release(answer);
	return 0;
}

static int answer_literal(struct dns *dns, struct gw_str domain, struct dns_mx_question *question)
{
	union dns_address address;
	struct found found;

	found_init(&found, dns->local);
	found.outcome = DNS_NO_DOMAIN;
	found.text = "the address literal is none";
	if (dns_literal(domain, &address)) {
		found.outcome = DNS_LITERAL;
		found_literal(&found, &address);
	}
	return answer_now(dns, question, &found);
}

static int answer_nonsense(struct dns *dns, struct dns_mx_question *question)
{
	struct found found;

	found_init(&found, dns->local);
	found.outcome = DNS_NO_DOMAIN;
	found.text = "that is no domain name";
	return answer_now(dns, question, &found);
}

int dns_mx(struct dns *dns, struct gw_str domain, struct dns_mx_question *question)
{
	char name[DNS_NAME_MAX + 1];

	question->in = NULL;
	question->answer = NULL;
	if (domain.len != 0 && domain.ptr[0] == '[')
		return answer_literal(dns, domain, question);
	return dns_name(domain, name) ? ask(dns, name, question) : answer_nonsense(dns, question);
}

const struct dns_answer *dns_peek(struct dns *dns, struct gw_str domain)
{
	char name[DNS_NAME_MAX + 1];
	struct domain *known = dns_name(domain, name) ? str_map_get(&dns->map, gw_str(name)) : NULL;

	return known != NULL && !is_over(known) ? known->answer : NULL;
}

/* --- its life --- */

static const struct dns_answer *make_no_memory(void)
{
	struct found found;

	found_init(&found, false);
	found.text = "out of memory";
	return found_answer(&found);
}

bool dns_is_local(const struct dns *dns)
{
	return dns->local;
}

struct dns *dns_create(struct worker *worker, const struct dns_options *options,
		       struct problems *problems)
{
	struct dns *dns = calloc(1, sizeof(*dns));

	if (!dns)
		return NULL;
	dns->worker = worker;
	dns->local = options->local;
	dns->timeout_ms = options->timeout_ms;
	dns->tell.run = tell;
	str_map_init(&dns->map);
	TAILQ_INIT(&dns->kept);
	TAILQ_INIT(&dns->ready);
	LIST_INIT(&dns->look_ups);
	dns_window_init(&dns->window, dns_context_ports());
	dns_records_init(dns);
	dns->no_memory = make_no_memory();
	if (dns_follow_begin(&dns->servers, worker, options, false, problems) && dns->no_memory)
		return worker->dns = dns;
	dns_destroy(dns);
	return NULL;
}

struct dns *dns_of(struct worker *worker)
{
	return worker->dns;
}

static void take_all_back(struct dns_questions *questions)
{
	while (!TAILQ_EMPTY(questions))
		dns_cancel(TAILQ_FIRST(questions));
}

static void forget_all(struct dns *dns)
{
	struct domain *domain;
	size_t at = 0;

	while ((domain = str_map_next(&dns->map, &at)) != NULL) {
		take_all_back(&domain->questions);
		domain_forget(domain);
	}
	str_map_finish(&dns->map);
}

void dns_destroy(struct dns *dns)
{
	if (!dns)
		return;
	if (dns->worker->dns == dns)
		dns->worker->dns = NULL;
	dns->window.turning = dns->asking = true; /* nothing begins any more */
	forget_all(dns);
	dns_follow_end(&dns->servers); /* nobody waits for what is on its way any more */
	look_up_end_all(dns);
	dns_records_end(dns);
	take_all_back(&dns->ready);
	dns_release(dns->no_memory);
	dns->finished = true;
	if (!dns->posted) /* else the post frees it, at the latest when the worker is destroyed */
		free(dns);
}

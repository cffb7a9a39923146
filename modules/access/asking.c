#include "asking.h"

#include <stdlib.h>

#define DEADLINE_MS 5000

/* While a question of it is open it may be forgotten, and lives until the answer. */
struct asking {
	struct asking *next, **at; /* of this worker */
	struct spf *spf;
	void (*ended)(struct gw_call *call, struct spf *spf, void *arg); /* NULL: forgotten */
	void *arg;
};

static void destroy(struct asking *asking)
{
	*asking->at = asking->next;
	if (asking->next)
		asking->next->at = asking->at;
	spf_destroy(asking->spf);
	free(asking);
}

static bool ask(struct gw_call *call, struct asking *asking)
{
	struct gw_dns_question question;

	if (!spf_question(asking->spf, &question))
		return false;
	question.deadline_ms = DEADLINE_MS;
	return gw->dns_ask(call, &question, asking) != 0;
}

/* A question that could not be asked is one without an answer. */
static void give_up_questions(struct asking *asking)
{
	const struct gw_dns_answer none = { .size = sizeof none,
					    .status = GW_DNS_FAILED,
					    .error = gw_str("it could not be asked") };
	struct gw_dns_question question;

	while (spf_question(asking->spf, &question))
		spf_answer(asking->spf, &none);
}

void asking_dns(struct gw_call *call, const struct gw_dns_answer *answer, void *arg)
{
	struct asking *asking = arg;

	spf_answer(asking->spf, answer);
	if (asking->ended && ask(call, asking))
		return;
	give_up_questions(asking);
	if (asking->ended)
		asking->ended(call, asking->spf, asking->arg);
	destroy(asking);
}

struct asking *asking_begin(struct gw_call *call, struct spf *spf,
			    void (*ended)(struct gw_call *call, struct spf *spf, void *arg),
			    void *arg)
{
	struct asking **first = gw->worker_data(call), *asking = malloc(sizeof *asking);

	if (!first || !asking) {
		spf_destroy(spf);
		free(asking);
		return NULL;
	}
	*asking = (struct asking){ *first, first, spf, ended, arg };
	if (*first)
		(*first)->at = &asking->next;
	*first = asking;
	if (ask(call, asking))
		return asking;
	destroy(asking);
	return NULL;
}

void asking_forget(struct asking *asking)
{
	asking->ended = NULL;
}

void asking_worker_start(struct gw_call *call)
{
	gw->worker_data_set(call, calloc(1, sizeof(struct asking *)));
}

void asking_worker_stop(struct gw_call *call)
{
	struct asking **first = gw->worker_data(call);

	while (first && *first)
		destroy(*first);
	free(first);
}

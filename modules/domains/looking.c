#include "looking.h"

#include "drift.h"
#include "prove.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND ((int64_t)1000)
#define DEADLINE_MS 10000
#define STEPS_MOST 64 /* rounds of questions in one look: more is no chain but a loop */
#define KEEP_LEAST (60 * SECOND)
#define KEEP_MOST LOOK_LATEST_MS
#define AGAIN (300 * SECOND) /* something was not told */

/* A look under way on this worker. */
struct looking {
	struct answers *answers;
	struct plan *plan; /* NULL: it is the query that is worked at */
	struct spf_query query;
	uint64_t number;
	size_t open; /* questions under way */
	unsigned steps;
};

/* What the instance has on a worker: the open questions are counted, so what is told after an end
 * is none of the next. */
struct here {
	struct looking *looking;
	uintptr_t turn;
};

#define NTH_BITS 16
static void *mark_of(const struct here *here, size_t nth)
{
	return (void *)(here->turn << NTH_BITS | nth);
}

void looking_worker_start(struct gw_call *call)
{
	gw->worker_data_set(call, calloc(1, sizeof(struct here)));
}

static void destroy(struct looking *looking)
{
	answers_destroy(looking->answers);
	free(looking);
}

/* --- the end --- */

static int64_t next_due(const struct looking *looking, const struct report *report, int64_t now)
{
	int64_t keep = (int64_t)answers_ttl(looking->answers) * SECOND;
	size_t i;

	for (i = 0; i < report->verdict_count && keep > AGAIN; i++)
		if (!report->verdicts[i].is_known)
			keep = AGAIN;
	return now + (keep < KEEP_LEAST ? KEEP_LEAST : keep > KEEP_MOST ? KEEP_MOST : keep);
}

static void end_plan(struct gw_call *call, struct looking *looking, struct report *report)
{
	struct instance *instance = gw->instance_data(call);
	int64_t now = gw->now(call), due = next_due(looking, report, now);

	drift_tell(call, report);
	instance_take(instance, report, looking->plan, looking->number);
	instance_end(instance, looking->plan, due);
}

static void end_query(struct gw_call *call, struct looking *looking)
{
	struct instance *instance = gw->instance_data(call);

	pthread_mutex_lock(&instance->lock);
	looking->query.done = true;
	if (instance->query.number == looking->query.number)
		instance->query = looking->query;
	pthread_mutex_unlock(&instance->lock);
	instance_end(instance, NULL, INT64_MAX);
}

/* --- a step: work with what is known, ask for what is not --- */

static void work_query(struct looking *looking)
{
	struct spf_query *query = &looking->query;
	struct spf *spf = spf_check(gw_str(query->address), gw_str(query->helo),
				    gw_str(query->sender));

	if (!spf)
		return;
	known_run_spf(looking->answers, spf);
	query->result = spf_result(spf);
	snprintf(query->why, sizeof query->why, "%s", spf_why(spf));
	snprintf(query->explanation, sizeof query->explanation, "%s", spf_explanation(spf));
	spf_destroy(spf);
}

static void work(struct gw_call *call, struct looking *looking, struct report *report)
{
	const struct look look = { call, looking->plan, looking->answers, report };

	report_clear(report);
	if (looking->plan)
		prove(&look);
	else
		work_query(looking);
}

static void ask(struct gw_call *call, struct here *here, struct looking *looking)
{
	const struct gw_dns_answer none = { .size = sizeof none,
					    .status = GW_DNS_FAILED,
					    .error = gw_str("it could not be asked") };
	struct gw_dns_question questions[64];
	size_t first, count, i;

	while ((count = answers_take_questions(looking->answers, questions, 64, &first)) > 0)
		for (i = 0; i < count; i++) {
			questions[i].deadline_ms = DEADLINE_MS;
			/* somebody may have published just now, or the time of what was kept is
			 * over */
			questions[i].fresh = 1;
			if (gw->dns_ask(call, &questions[i], mark_of(here, first + i)))
				looking->open++;
			else
				answers_put(looking->answers, first + i, &none);
		}
}

/* Goes on until it waits for the DNS, or has ended. */
static void go_on(struct gw_call *call, struct here *here)
{
	struct looking *looking = here->looking;
	struct report report = { 0 };

	for (;;) {
		work(call, looking, &report);
		if (answers_open(looking->answers) == 0)
			break;
		if (++looking->steps > STEPS_MOST)
			answers_give_up(looking->answers);
		else
			ask(call, here, looking);
		if (looking->open) {
			report_clear(&report);
			return;
		}
	}
	if (looking->plan)
		end_plan(call, looking, &report);
	else
		end_query(call, looking);
	report_clear(&report);
	here->looking = NULL;
	here->turn++;
	destroy(looking);
}

void looking_dns(struct gw_call *call, const struct gw_dns_answer *answer, void *arg)
{
	struct here *here = gw->worker_data(call);
	uintptr_t mark = (uintptr_t)arg;
	struct looking *looking = here ? here->looking : NULL;

	if (!looking || mark >> NTH_BITS != (here->turn & (UINTPTR_MAX >> NTH_BITS)))
		return;
	answers_put(looking->answers, mark & ((1u << NTH_BITS) - 1), answer);
	if (--looking->open == 0)
		go_on(call, here);
}

/* --- the beginning --- */

/* An admin's question goes first: he waits for it. */
static bool take_query(struct instance *instance, struct looking *looking)
{
	bool has = false;

	pthread_mutex_lock(&instance->lock);
	if (!instance->is_busy && instance->query.number && !instance->query.done) {
		looking->query = instance->query;
		instance->is_busy = has = true;
	}
	pthread_mutex_unlock(&instance->lock);
	return has;
}

/* What is begun is due again. */
static void give_back(struct instance *instance, const struct looking *looking)
{
	instance_end(instance, looking->plan, looking->plan ? 0 : INT64_MAX);
}

static struct looking *create(const struct looking *begun)
{
	struct looking *looking = calloc(1, sizeof *looking);
	struct answers *answers = answers_create();

	if (!looking || !answers) {
		free(looking);
		answers_destroy(answers);
		return NULL;
	}
	*looking = *begun;
	looking->answers = answers;
	return looking;
}

void looking_tick(struct gw_call *call)
{
	struct instance *instance = gw->instance_data(call);
	struct here *here = gw->worker_data(call);
	struct looking begun = { .answers = NULL };

	if (!here || here->looking)
		return;
	if (!take_query(instance, &begun))
		begun.plan = instance_begin(instance, gw->now(call), &begun.number);
	if (!begun.plan && !begun.query.number)
		return;
	here->looking = create(&begun);
	if (here->looking)
		go_on(call, here);
	else
		give_back(instance, &begun);
}

void looking_worker_stop(struct gw_call *call)
{
	struct instance *instance = gw->instance_data(call);
	struct here *here = gw->worker_data(call);

	if (here && here->looking) {
		give_back(instance, here->looking);
		destroy(here->looking);
	}
	free(here);
}

/* --- waiting for it --- */

struct waited {
	struct answers *answers;
	size_t first;
};

static void came(void *arg, size_t nth, const struct gw_dns_answer *answer)
{
	const struct waited *waited = arg;

	answers_put(waited->answers, waited->first + nth, answer);
}

static bool ask_and_wait(struct gw_call *call, struct answers *answers, int64_t ms)
{
	struct gw_dns_question *questions = calloc(ANSWERS_MOST, sizeof *questions);
	struct waited waited = { answers, 0 };
	size_t count, i;
	bool done;

	if (!questions)
		return false;
	count = answers_take_questions(answers, questions, ANSWERS_MOST, &waited.first);
	for (i = 0; i < count; i++)
		questions[i].deadline_ms = (uint32_t)ms;
	done = gw->dns_wait(call, questions, count, came, &waited) == 0;
	free(questions);
	return done;
}

void looking_wait(struct gw_call *call, const struct plan *plan, int64_t ms, struct report *report)
{
	struct answers *answers = answers_create();
	const struct look look = { call, plan, answers, report };
	int64_t until = gw->now(call) + ms, left;
	unsigned step;

	for (step = 0; answers; step++) {
		report_clear(report);
		prove(&look);
		if (answers_open(answers) == 0)
			break;
		left = until - gw->now(call);
		if (left <= 0 || step >= STEPS_MOST || !ask_and_wait(call, answers, left))
			answers_give_up(answers);
	}
	answers_destroy(answers);
}

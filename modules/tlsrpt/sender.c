#include "sender.h"

#include "record.h"
#include "report.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define AGAIN_MS 3600000 /* between two looks at what is left */
#define KEPT_DAYS 2      /* so old a report interests nobody */
#define FLUSH_MOST 50    /* records that a tick writes */

/* A report of a day that waits. */
struct job {
	struct job *next;
	int64_t day;
	char domain[LEDGER_DOMAIN_MOST + 1];
};

struct sender {
	pthread_mutex_t lock; /* of `wanted` and `last`, for the main thread */
	char wanted[LEDGER_DOMAIN_MOST + 1];
	char last[400];
	struct job *jobs, *job; /* `job`: it is being asked for or posted */
	struct record record;
	struct report report;
	size_t posting;
	bool failed; /* somebody could not be told */
	int64_t next_look;
};

struct sender *sender_create(void)
{
	struct sender *sender = calloc(1, sizeof *sender);

	if (sender)
		pthread_mutex_init(&sender->lock, NULL);
	return sender;
}

static void jobs_free(struct job *job)
{
	struct job *next;

	for (; job; job = next) {
		next = job->next;
		free(job);
	}
}

void sender_destroy(struct sender *sender)
{
	jobs_free(sender->jobs);
	jobs_free(sender->job);
	report_finish(&sender->report);
	pthread_mutex_destroy(&sender->lock);
	free(sender);
}

static void job_end(struct sender *sender)
{
	report_finish(&sender->report);
	free(sender->job);
	sender->job = NULL;
}

static void remark(struct sender *sender, const char *what)
{
	pthread_mutex_lock(&sender->lock);
	snprintf(sender->last, sizeof sender->last, "%s: %s", sender->job->domain, what);
	pthread_mutex_unlock(&sender->lock);
}

/* --- which are due --- */

static void job_add(struct sender *sender, int64_t day, struct gw_str domain)
{
	struct job *job = sender->jobs;

	if (job && job->day == day && gw_str_eq(gw_str(job->domain), domain))
		return; /* those of one domain and day follow each other */
	if (domain.len > LEDGER_DOMAIN_MOST || !(job = calloc(1, sizeof *job)))
		return;
	job->day = day;
	memcpy(job->domain, domain.ptr, domain.len);
	job->next = sender->jobs;
	sender->jobs = job;
}

static void job_of_record(void *sender, int64_t day, struct gw_str domain, struct gw_str counts)
{
	job_add(sender, day, domain);
}

static void drop_job(struct gw_call *call, struct ledger *ledger, const struct job *job)
{
	ledger_drop(call, ledger, job->day, gw_str(job->domain));
}

/* Today's is not over yet, and what is too old is forgotten. */
static void sort_jobs(struct gw_call *call, struct sender *sender, struct ledger *ledger,
		      int64_t today)
{
	struct job **at = &sender->jobs, *job;

	while ((job = *at)) {
		if (job->day < today && job->day >= today - KEPT_DAYS) {
			at = &job->next;
			continue;
		}
		if (job->day < today - KEPT_DAYS)
			drop_job(call, ledger, job);
		*at = job->next;
		free(job);
	}
}

static void look(struct gw_call *call, struct sender *sender, struct ledger *ledger)
{
	const struct tlsrpt_conf *conf = gw->conf(call);
	int64_t now = gw->now(call), today = now / DAY_MS, begin = today * DAY_MS + conf->start;

	if (now < begin || now < sender->next_look)
		return;
	sender->next_look = now + AGAIN_MS;
	ledger_each(call, job_of_record, sender);
	sort_jobs(call, sender, ledger, today);
}

static void take_wanted(struct gw_call *call, struct sender *sender, struct ledger *ledger)
{
	char domain[sizeof sender->wanted];

	pthread_mutex_lock(&sender->lock);
	memcpy(domain, sender->wanted, sizeof domain);
	*sender->wanted = '\0';
	pthread_mutex_unlock(&sender->lock);
	if (!*domain)
		return;
	ledger_flush(call, ledger, SIZE_MAX);
	job_add(sender, gw->now(call) / DAY_MS, gw_str(domain));
}

bool sender_want(struct sender *sender, struct gw_str domain)
{
	bool taken;

	pthread_mutex_lock(&sender->lock);
	taken = !*sender->wanted && domain.len <= LEDGER_DOMAIN_MOST;
	if (taken)
		memcpy(sender->wanted, domain.ptr, domain.len + 1);
	pthread_mutex_unlock(&sender->lock);
	return taken;
}

static void job_begin(struct gw_call *call, struct sender *sender)
{
	struct job *job = sender->jobs;
	char name[sizeof "_smtp._tls." + LEDGER_DOMAIN_MOST];
	struct gw_dns_question question = { .size = sizeof question, .type = GW_DNS_TXT };

	if (!job)
		return;
	snprintf(name, sizeof name, "_smtp._tls.%s", job->domain);
	question.name = gw_str(name);
	if (!gw->dns_ask(call, &question, sender))
		return; /* the next tick may */
	sender->jobs = job->next;
	job->next = NULL;
	sender->job = job;
}

void sender_go_on(struct gw_call *call, struct sender *sender, struct ledger *ledger)
{
	ledger_flush(call, ledger, FLUSH_MOST);
	take_wanted(call, sender, ledger);
	if (!sender->job && !sender->jobs)
		look(call, sender, ledger);
	if (!sender->job)
		job_begin(call, sender);
}

/* --- telling --- */

static void finish(struct gw_call *call, struct sender *sender, struct ledger *ledger)
{
	if (!sender->failed)
		drop_job(call, ledger, sender->job);
	remark(sender, sender->failed ? "not everybody could be told, once more in an hour"
				      : "it was told");
	job_end(sender);
}

static void count_sent(struct gw_call *call, struct sender *sender, const char *uri)
{
	gw->count(call, "reports", 1);
	gw->log(call, GW_LOG_INFO, "the report about %s goes to %s", sender->job->domain, uri);
	ledger_sent(call, sender->job->day, gw_str(sender->job->domain), uri);
}

static void fail(struct gw_call *call, struct sender *sender, const char *uri, const char *why)
{
	gw->log(call, GW_LOG_INFO, "the report about %s cannot go to %s: %s", sender->job->domain,
		uri, why);
	sender->failed = true;
}

static bool is_sent(struct gw_call *call, const struct sender *sender, const char *uri)
{
	return ledger_is_sent(call, sender->job->day, gw_str(sender->job->domain), uri);
}

static void send_mail(struct gw_call *call, struct sender *sender)
{
	const char *first = sender->record.mail[0];

	if (!sender->record.mails || is_sent(call, sender, first))
		return;
	if (report_mail(call, &sender->report, &sender->record))
		count_sent(call, sender, first);
	else
		fail(call, sender, first, "the mail is not taken");
}

static void post(struct gw_call *call, struct sender *sender, const char *uri)
{
	static const struct gw_str headers[] = { GW_STR("Content-Type: application/tlsrpt+gzip") };
	const struct tlsrpt_conf *conf = gw->conf(call);
	struct gw_http_request request = { .size = sizeof request,
					   .url = gw_str(uri),
					   .headers = { headers, 1 },
					   .body = gw_str_n(sender->report.packed,
							    sender->report.size),
					   .ca_file = conf->ca_file,
					   .deadline_ms = (uint32_t)conf->timeout,
					   .public_only = !conf->allow_private };

	if (is_sent(call, sender, uri))
		return;
	if (gw->http_request(call, &request, (void *)uri))
		sender->posting++;
	else
		fail(call, sender, uri, "the address is none");
}

/* False: there is nothing to tell, or no memory to do it with, which is tried again. */
static bool make_report(struct gw_call *call, struct sender *sender, struct ledger *ledger)
{
	const struct job *job = sender->job;
	struct tally tally = { .count = 0 };
	int64_t end = (job->day + 1) * DAY_MS - 1000, now = gw->now(call);
	bool made;

	ledger_read(call, job->day, gw_str(job->domain), &tally);
	sender->report = (struct report){ .begin = job->day * DAY_MS,
					  .end = now < end ? now : end,
					  .domain = gw_str(job->domain) };
	made = tally.count && report_make(&sender->report, gw->conf(call), &tally);
	sender->failed = tally.count && !made;
	tally_finish(&tally);
	return made;
}

static void tell(struct gw_call *call, struct sender *sender, struct ledger *ledger)
{
	size_t i;

	sender->posting = 0;
	if (make_report(call, sender, ledger)) {
		send_mail(call, sender);
		for (i = 0; i < sender->record.webs; i++)
			post(call, sender, sender->record.web[i]);
	}
	if (!sender->posting)
		finish(call, sender, ledger);
}

void sender_looked_up(struct gw_call *call, struct sender *sender, struct ledger *ledger,
		      const struct gw_dns_answer *answer)
{
	if (answer->status == GW_DNS_FAILED) {
		remark(sender, "who wants the report cannot be looked up, once more in an hour");
		job_end(sender);
	} else if (answer->status != GW_DNS_FOUND ||
		   !record_read(answer->records, &sender->record)) {
		remark(sender, "nobody wants its report");
		drop_job(call, ledger, sender->job);
		job_end(sender);
	} else {
		tell(call, sender, ledger);
	}
}

/* What is wrong with a report is so the next time too. */
static bool is_final(const struct gw_http_answer *answer)
{
	return answer->status / 100 == 4 && answer->status != 408 && answer->status != 429;
}

void sender_posted(struct gw_call *call, struct sender *sender, struct ledger *ledger,
		   const struct gw_http_answer *answer, void *arg)
{
	const char *uri = arg;
	char why[200];

	snprintf(why, sizeof why, "%d %s", answer->status, answer->error.ptr);
	if (answer->status / 100 == 2)
		count_sent(call, sender, uri);
	else if (is_final(answer))
		gw->log(call, GW_LOG_INFO, "the report about %s is not taken by %s: %s",
			sender->job->domain, uri, why);
	else
		fail(call, sender, uri, why);
	if (--sender->posting == 0)
		finish(call, sender, ledger);
}

void sender_status(struct gw_call *call, struct sender *sender)
{
	pthread_mutex_lock(&sender->lock);
	if (*sender->last)
		gw->status_line(call, "last report", "%s", sender->last);
	pthread_mutex_unlock(&sender->lock);
}

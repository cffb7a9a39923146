/* disclaimer.c - puts a company's notice into mail that leaves: which one the rules say, for each
 * recipient; recipients that differ in it get deliveries of their own. Before dkim signs. */
#include "job.h"
#include "preview.h"
#include "rules.h"
#include "told.h"

#define SMALL                                                                                      \
	(16 * 1024)    /* worked out on the worker: that takes 0.2 ms, 1 ms where a mail wants it */
#define LATER_MS 60000 /* when memory is there again */

static int on_start(struct gw_call *call)
{
	struct disclaimer *disclaimer;

	g_mime_init();
	disclaimer = disclaimer_create(call);
	if (!disclaimer)
		return -1;
	gw->instance_data_set(call, disclaimer);
	return 0;
}

static void on_stop(struct gw_call *call)
{
	disclaimer_destroy(gw->instance_data(call));
}

/* A delivery that got a notice: the signatures that it had then, none of which is good any more. */
struct left_with {
	bool notice;
	size_t signatures;
};

/* --- which notice --- */

static void read_author(struct gw_message *message, struct author *author)
{
	struct gw_header from = { .size = sizeof from };
	bool found = gw->header_named(message, gw_str("From"), 0, &from) == 0;

	author_read(author, found ? from.value : gw_str(""));
	if (!*author->address) {
		struct gw_str sender = gw->message_fact(message, GW_MESSAGE_SENDER);

		g_free(author->address);
		author->address = g_strndup(sender.ptr, sender.len);
	}
}

static struct subject subject_of(struct gw_message *message, const struct gw_delivery *delivery,
				 const struct author *author)
{
	return (struct subject){ .author = gw_str(author->address),
				 .type = gw->message_fact(message, GW_MESSAGE_TYPE),
				 .client = gw->message_fact(message, GW_MESSAGE_CLIENT),
				 .relay = gw->delivery_fact(delivery, GW_DELIVERY_RELAY) };
}

static size_t rule_of(struct gw_call *call, struct gw_delivery *delivery,
		      const struct subject *subject, size_t nth)
{
	struct gw_str recipient = gw->rcpt_fact(gw->delivery_rcpt(delivery, nth), GW_RCPT_ADDRESS);

	return rules_find(call, gw->instance_data(call), subject, recipient);
}

/* --- admit: one notice for all of a delivery --- */

/* The first recipient and those that get the same stay. */
static int split(struct gw_call *call, struct gw_delivery *delivery, const struct subject *subject,
		 const struct notice *notice)
{
	const struct disclaimer *disclaimer = gw->instance_data(call);
	size_t nth, count = (size_t)gw->delivery_number(delivery, GW_DELIVERY_RCPTS);
	bool *keep = g_new(bool, count), differ = false;
	int done;

	keep[0] = true;
	for (nth = 1; nth < count; nth++) {
		size_t rule = rule_of(call, delivery, subject, nth);

		keep[nth] = rules_notice(disclaimer, rule) == notice;
		differ |= !keep[nth];
	}
	done = differ ? gw->split_by(call, delivery, keep) : 0;
	g_free(keep);
	return done;
}

static void tell_rule(struct gw_call *call, size_t rule, const struct notice *notice)
{
	if (notice)
		gw->reason(call, "notice %s, by rule %zu", notice->name.ptr, rule);
	else if (rule)
		gw->reason(call, "no notice, by rule %zu", rule);
	else
		gw->reason(call, "no notice: no rule fits");
}

static enum gw_verdict on_admit(struct gw_call *call, struct gw_delivery *delivery,
				struct gw_relay *relay)
{
	struct gw_message *message = gw->delivery_message(delivery);
	const struct notice *notice;
	struct subject subject;
	struct author author;
	size_t rule;
	int done;

	(void)relay;
	if (gw->message_number(message, GW_MESSAGE_OWN) == 1)
		return GW_CONTINUE;
	read_author(message, &author);
	subject = subject_of(message, delivery, &author);
	rule = rule_of(call, delivery, &subject, 0);
	notice = rules_notice(gw->instance_data(call), rule);
	done = split(call, delivery, &subject, notice);
	author_finish(&author);
	if (gw->message_number(message, GW_MESSAGE_DRY) == 1)
		tell_rule(call, rule, notice);
	if (done == 0)
		return GW_CONTINUE;
	gw->wait_until(call, gw->now(call) + LATER_MS);
	return GW_WAIT;
}

/* --- prepare --- */

/* What stands in the way lies in the mail: it will not be gone another time. */
static enum gw_verdict unfit(struct gw_call *call, enum left left)
{
	const struct conf *conf = gw->conf(call);

	if (conf->unfit == UNFIT_WAIT)
		return GW_WAIT;
	if (conf->unfit == UNFIT_PASS)
		return GW_CONTINUE;
	gw->reply(call, 550, "5.6.0", "disclaimer: a notice is wanted, but %s", left_words(left));
	return GW_REJECT;
}

static enum gw_verdict leave(struct gw_call *call, const struct job *job, enum left left)
{
	gw->count(call, left_word(left), 1);
	gw->reason(call, "notice %s (rule %zu) not added: %s", job->notice->name.ptr, job->rule,
		   left_words(left));
	if (left == LEFT_NO_TEXT || left == LEFT_ODD || left == LEFT_LARGE)
		return unfit(call, left);
	return GW_CONTINUE;
}

static enum gw_verdict failed(struct gw_call *call, const struct job *job, const char *why)
{
	gw->count(call, "failed", 1);
	gw->log(call, GW_LOG_ERROR, "notice %s cannot be added: %s", job->notice->name.ptr, why);
	gw->reason(call, "notice %s (rule %zu) cannot be added: %s", job->notice->name.ptr,
		   job->rule, why);
	return GW_FAILED;
}

static const char *fate_of_signatures(const struct conf *conf, const struct job *job)
{
	if (!job->signatures->len)
		return "";
	return conf->signatures == SIGNATURES_STRIP
		       ? "; DKIM signatures that it came with are taken off"
		       : "; DKIM signatures that it came with are broken";
}

static enum gw_verdict end(struct gw_call *call, struct job *job)
{
	const struct conf *conf = gw->conf(call);
	const struct composed *composed = job->composed;
	struct left_with *left_with;

	if (composed->fault)
		return failed(call, job, mime_fault_words(composed->fault));
	if (composed->left)
		return leave(call, job, composed->left);
	if (!job_apply(call, job, conf->signatures == SIGNATURES_STRIP))
		return failed(call, job, "the mail cannot be edited");
	left_with = gw->delivery_data(call);
	if (left_with)
		*left_with = (struct left_with){ true, job_count_signatures(job->delivery) };
	gw->count(call, "added", 1);
	gw->reason(call, "notice %s (rule %zu) added at the %s of %s%s", job->notice->name.ptr,
		   job->rule, job->notice->top ? "top" : "bottom", composed->parts->str,
		   fate_of_signatures(conf, job));
	return GW_CONTINUE;
}

static enum gw_verdict worked_out(struct gw_call *call, void *arg)
{
	enum gw_verdict verdict = end(call, arg);

	job_free(arg);
	return verdict;
}

static enum gw_verdict run(struct gw_call *call, struct job *job)
{
	static const struct gw_async async = { .resumed = worked_out, .dropped = job_free };
	const struct conf *conf = gw->conf(call);
	enum gw_verdict verdict;

	if (conf->signatures == SIGNATURES_LEAVE && job->signatures->len) {
		verdict = leave(call, job, LEFT_DKIM);
	} else if (job->mail.size <= SMALL) {
		job_work(job);
		return worked_out(call, job);
	} else {
		verdict = gw->offload(call, &async, job_work, job);
	}
	if (verdict != GW_PENDING)
		job_free(job);
	return verdict;
}

static enum gw_verdict on_prepare(struct gw_call *call, struct gw_delivery *delivery)
{
	struct gw_message *message = gw->delivery_message(delivery);
	enum gw_verdict verdict = GW_CONTINUE;
	const struct notice *notice;
	struct subject subject;
	struct author author;
	size_t rule;

	if (gw->message_number(message, GW_MESSAGE_OWN) == 1)
		return GW_CONTINUE;
	read_author(message, &author);
	subject = subject_of(message, delivery, &author);
	rule = rule_of(call, delivery, &subject, 0);
	notice = rules_notice(gw->instance_data(call), rule);
	if (notice)
		verdict = run(call, job_create(call, delivery, notice, rule, &author));
	else
		tell_rule(call, rule, notice);
	author_finish(&author);
	return verdict;
}

/* Told for each mail, since at the start not all can be known. */
static enum gw_verdict on_sealed(struct gw_call *call, struct gw_delivery *delivery)
{
	const struct left_with *left_with = gw->delivery_data(call);

	if (!left_with || !left_with->notice ||
	    job_count_signatures(delivery) > left_with->signatures)
		return GW_CONTINUE;
	gw->count(call, "unsigned", 1);
	gw->reason(call, "nobody signed the mail after its notice was added");
	return GW_CONTINUE;
}

static void on_edits(struct gw_call *call)
{
	told_edits(call, gw->instance_data(call));
}

static void on_status(struct gw_call *call)
{
	const struct disclaimer *disclaimer = gw->instance_data(call);

	gw->status_line(call, "notices", "%zu", disclaimer->notice_count);
	if (disclaimer->people)
		gw->status_line(call, "people", "%zu", people_count(disclaimer->people));
}

GW_MODULE(.name = "disclaimer", .version = "1.0", .summary = "puts notices into mail that leaves",
	  .options = disclaimer_options, .conf_size = sizeof(struct conf),
	  .relay_options = disclaimer_relay_options, .relay_conf_size = sizeof(struct relay_conf),
	  .delivery_size = sizeof(struct left_with), .verbs = PREVIEW_VERBS, .start = on_start,
	  .stop = on_stop, .admit = on_admit, .prepare = on_prepare, .sealed = on_sealed,
	  .status = on_status, .edits = on_edits, .control = preview)

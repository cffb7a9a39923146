#include "job.h"

#include "field.h"

static long read_body(void *arg, uint64_t offset, void *out, size_t len)
{
	const struct job *job = arg;

	return gw->delivery_read(job->delivery, job->body_at + offset, out, len);
}

/* --- gathering --- */

static bool is_signature(struct gw_str name)
{
	return gw_str_ieq(gw_str_trim(name), gw_str("DKIM-Signature"));
}

size_t job_count_signatures(struct gw_delivery *delivery)
{
	struct gw_header header = { .size = sizeof header };
	size_t nth, count = 0;

	for (nth = 0; gw->delivery_header(delivery, nth, &header) == 0; nth++)
		count += is_signature(header.name);
	return count;
}

static void take_header(struct job *job)
{
	struct gw_header header = { .size = sizeof header };
	size_t nth;

	mime_part_init(&job->mail.message, -1);
	for (nth = 0; gw->delivery_header(job->delivery, nth, &header) == 0; nth++) {
		mime_take_field(&job->mail.message, header.name, header.value, nth, 0);
		if (is_signature(header.name))
			g_array_append_val(job->signatures, nth);
	}
}

static char *decoded_field(void *arg, const char *name)
{
	struct gw_header header = { .size = sizeof header };
	struct gw_delivery *delivery = arg;
	size_t nth;

	for (nth = 0; gw->delivery_header(delivery, nth, &header) == 0; nth++)
		if (gw_str_ieq(header.name, gw_str(name)))
			return field_text(header.value);
	return NULL;
}

static void take_words(struct gw_call *call, struct job *job, const struct author *author)
{
	const struct disclaimer *disclaimer = gw->instance_data(call);
	struct values values = { author, decoded_field, job->delivery, disclaimer->people };

	notice_word(job->notice, &values, &job->wording);
}

struct job *job_create(struct gw_call *call, struct gw_delivery *delivery,
		       const struct notice *notice, size_t rule, const struct author *author)
{
	struct gw_message *message = gw->delivery_message(delivery);
	struct job *job = g_new0(struct job, 1);
	int64_t size = gw->delivery_number(delivery, GW_DELIVERY_SIZE);
	int64_t body = gw->delivery_number(delivery, GW_DELIVERY_BODY_SIZE);

	job->delivery = delivery;
	job->notice = notice;
	job->rule = rule;
	job->body_at = (uint64_t)(size - body);
	job->signatures = g_array_new(FALSE, FALSE, sizeof(size_t));
	job->mail.size = (uint64_t)body;
	job->mail.read = read_body;
	job->mail.arg = job;
	job->mail.odd = gw->message_number(message, GW_MESSAGE_HEADER_ODD) > 0;
	job->mail.eight_bit = gw->message_number(message, GW_MESSAGE_EIGHT_BIT) == 1;
	take_header(job);
	take_words(call, job, author);
	return job;
}

void job_free(void *arg)
{
	struct job *job = arg;

	if (!job->composed)
		mime_part_finish(&job->mail.message);
	composed_free(job->composed);
	wording_finish(&job->wording);
	g_array_free(job->signatures, TRUE);
	g_free(job);
}

void job_work(void *arg)
{
	struct job *job = arg;

	job->composed = compose(&job->mail, &job->wording, job->notice->marks);
}

/* --- putting it in --- */

static bool apply_splices(struct gw_call *call, const struct job *job)
{
	const GArray *splices = job->composed->plan.splices;
	bool good = true;
	guint i;

	for (i = 0; i < splices->len && good; i++) {
		const struct splice *splice = &g_array_index(splices, struct splice, i);

		good = gw->body_splice(call, job->delivery, splice->offset, splice->drop,
				       gw_str_n(splice->text->str, splice->text->len)) == 0;
	}
	return good;
}

static bool apply_field(struct gw_call *call, const struct job *job, const struct field_edit *edit)
{
	if (edit->nth == PLAN_ADD)
		return gw->header_add(call, job->delivery, SIZE_MAX, gw_str(edit->name),
				      gw_str(edit->value)) == 0;
	if (edit->value)
		return gw->header_replace(call, job->delivery, (size_t)edit->nth,
					  gw_str(edit->value)) == 0;
	return gw->header_drop(call, job->delivery, (size_t)edit->nth) == 0;
}

bool job_apply(struct gw_call *call, struct job *job, bool strip_signatures)
{
	struct plan *plan = &job->composed->plan;
	bool good = apply_splices(call, job);
	guint i;

	for (i = 0; strip_signatures && i < job->signatures->len; i++)
		plan_field(plan, g_array_index(job->signatures, size_t, i), "DKIM-Signature", NULL);
	plan_order(plan);
	for (i = 0; i < plan->fields->len && good; i++)
		good = apply_field(call, job, &g_array_index(plan->fields, struct field_edit, i));
	return good;
}

#include "bulk.h"

#include "instance.h"

#include <stdio.h>

static bool is_gmail(struct gw_str domain)
{
	return gw_str_ieq(domain, gw_str("gmail.com")) ||
	       gw_str_ieq(domain, gw_str("googlemail.com"));
}

static void warn(struct gw_call *call, struct gw_str domain, int64_t count, int64_t bulk)
{
	char text[500];
	struct gw_event event = { .size = sizeof event,
				  .name = gw_str("domains-bulk"),
				  .json = gw_str(""),
				  .client = gw_str(""),
				  .relay = gw_str("") };

	snprintf(
		text, sizeof text,
		"%.*s has sent to %lld recipients at Gmail today; from %lld on it is a bulk sender there "
		"for ever: SPF and DKIM and DMARC have to pass, and mass mail needs one-click "
		"unsubscription (gatewayctl domain check %.*s)",
		GW_STR_ARGS(domain), (long long)count, (long long)bulk, GW_STR_ARGS(domain));
	event.text = gw_str(text);
	gw->log(call, GW_LOG_WARNING, "%s", text);
	gw->emit(call, &event);
}

/* As the last look found it; not known yet: the domain itself. */
static void write_organisation(struct instance *instance, char domain[GW_DOMAIN_MAX + 1])
{
	struct result *result = instance_result(instance);
	size_t i;

	for (i = 0; result && i < result->report.verdict_count; i++) {
		const struct verdict *verdict = &result->report.verdicts[i];

		if (verdict->is_known && gw_str_ieq(verdict->sender, gw_str(domain))) {
			snprintf(domain, GW_DOMAIN_MAX + 1, "%.*s",
				 GW_STR_ARGS(verdict->organisation));
			break;
		}
	}
	if (result)
		result_release(instance, result);
}

#define COUNTER_MAX (GW_DOMAIN_MAX + 8)

/* False: there is no such day. */
static bool counter_of(struct gw_call *call, struct gw_str organisation, char name[COUNTER_MAX],
		       struct gw_day *day)
{
	*day = (struct gw_day){ .size = sizeof *day };
	snprintf(name, COUNTER_MAX, "gmail:%.*s", GW_STR_ARGS(organisation));
	return gw->day(call, gw_str("UTC"), gw->now(call), day) == 0;
}

int64_t bulk_today(struct gw_call *call, struct gw_str organisation)
{
	char name[COUNTER_MAX];
	struct gw_day day;

	return counter_of(call, organisation, name, &day)
		       ? gw->counter_get(call, gw_str(name), day.number)
		       : 0;
}

static bool is_at_gmail(const struct gw_result *result)
{
	return result->outcome->status == GW_DELIVERED &&
	       is_gmail(gw->rcpt_fact(result->rcpt, GW_RCPT_DOMAIN));
}

/* At 80 %, and when it is reached: once a day each. */
void bulk_result(struct gw_call *call, struct gw_delivery *delivery, const struct gw_result *result)
{
	const struct domains_conf *conf = gw->conf(call);
	char name[COUNTER_MAX], domain[GW_DOMAIN_MAX + 1];
	struct gw_day day;
	int64_t count;

	if (!is_at_gmail(result) ||
	    gw->domain_ascii(call, gw->delivery_fact(delivery, GW_DELIVERY_FROM_DOMAIN), domain) <=
		    0)
		return;
	write_organisation(gw->instance_data(call), domain);
	if (!counter_of(call, gw_str(domain), name, &day))
		return;
	count = gw->counter_add(call, gw_str(name), day.number, 1, -1);
	if (count == conf->bulk * 8 / 10 || count == conf->bulk)
		warn(call, gw_str(domain), count, conf->bulk);
}

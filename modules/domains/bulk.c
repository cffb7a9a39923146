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
		"unsubscription (gatewayctl domains check %.*s)",
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

/* At 80 %, and when it is reached: once a day each. */
void bulk_result(struct gw_call *call, struct gw_delivery *delivery, const struct gw_result *result)
{
	const struct domains_conf *conf = gw->conf(call);
	struct gw_str domain = gw->delivery_fact(delivery, GW_DELIVERY_FROM_DOMAIN);
	struct gw_day day = { .size = sizeof day };
	char name[GW_DOMAIN_MAX + 8], ascii[GW_DOMAIN_MAX + 1];
	int64_t count;

	if (result->outcome->status != GW_DELIVERED ||
	    !is_gmail(gw->rcpt_fact(result->rcpt, GW_RCPT_DOMAIN)) ||
	    gw->domain_ascii(call, domain, ascii) <= 0 ||
	    gw->day(call, gw_str("UTC"), gw->now(call), &day) != 0)
		return;
	write_organisation(gw->instance_data(call), ascii);
	snprintf(name, sizeof name, "gmail:%s", ascii);
	count = gw->counter_add(call, gw_str(name), day.number, 1, -1);
	if (count == conf->bulk * 8 / 10 || count == conf->bulk)
		warn(call, gw_str(ascii), count, conf->bulk);
}

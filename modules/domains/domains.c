/* domains.c - the prover: what receivers will conclude of the mail of each sender domain, worked
 * out of the DNS before the mail leaves. README.md tells it with examples. */
#include "bulk.h"
#include "looking.h"
#include "registry.h"
#include "verbs.h"

#include <gateway/domain.h>

#define CONF(member) offsetof(struct domains_conf, member)
static const struct gw_option options[] = {
	{ .key = "senders",
	  .type = GW_OPTION_LIST,
	  .flags = GW_OPTION_DOMAINS,
	  .offset = CONF(senders),
	  .help = "Sender domains beside those that relays and clients name." },
	{ .key = "addresses",
	  .type = GW_OPTION_LIST,
	  .offset = CONF(addresses),
	  .help = "The addresses that receivers see of mail that goes to them directly (relays with host = \"mx\")." },
	{ .key = "mass",
	  .type = GW_OPTION_LIST,
	  .offset = CONF(mass),
	  .fallback = "mass",
	  .help = "Types of mail that receivers call mass mail, and want more of." },
	{ .key = "keys",
	  .type = GW_OPTION_PATH,
	  .offset = CONF(keys),
	  .fallback = "STATE/dkim",
	  .help = "The folder in which `domain add` has dkim make a key for a domain that none signs for." },
	{ .key = "strict",
	  .type = GW_OPTION_BOOL,
	  .offset = CONF(strict),
	  .fallback = "false",
	  .help = "Refuses to start, and to reload, while mail would be refused for what is in the DNS." },
	{ .key = "deadline",
	  .type = GW_OPTION_DURATION,
	  .offset = CONF(deadline),
	  .fallback = "5s",
	  .min = 100,
	  .max = 20000, /* the main thread waits, and who watches it has 30 s */
	  .help = "How long a strict start waits for the DNS; what it has not heard by then is no error." },
	{ .key = "bulk",
	  .type = GW_OPTION_INT,
	  .offset = CONF(bulk),
	  .fallback = "5000",
	  .min = 1,
	  .max = 1000000000,
	  .help = "From so many recipients a day at Gmail an organisation is a bulk sender there, for ever; warned of at 80 %." },
	GW_OPTIONS_END
};

#define RELAY(member) offsetof(struct domains_relay, member)
static const struct gw_option relay_options[] = {
	{ .key = "sends_from",
	  .type = GW_OPTION_LIST,
	  .offset = RELAY(sends_from),
	  .help = "The addresses that receivers see of mail through this relay; \"spf:DOMAIN\": those that the SPF of its provider lists." },
	{ .key = "strict",
	  .type = GW_OPTION_BOOL,
	  .offset = RELAY(strict),
	  .fallback = "false",
	  .help = "Takes only mail From domains that are verified (gatewayctl domain verify); other mail is refused with 554 5.7.1." },
	{ .key = "domains",
	  .type = GW_OPTION_LIST,
	  .offset = RELAY(domains),
	  .help = "Routing's." },
	{ .key = "types", .type = GW_OPTION_LIST, .offset = RELAY(types), .help = "Routing's." },
	{ .key = "return_path",
	  .type = GW_OPTION_STRING,
	  .offset = RELAY(return_path),
	  .fallback = "keep",
	  .help = "Of bounce." },
	{ .key = "return_path_domains",
	  .type = GW_OPTION_LIST,
	  .offset = RELAY(return_path_domains),
	  .help = "Of bounce." },
	{ .key = "dkim",
	  .type = GW_OPTION_BOOL,
	  .offset = RELAY(dkim),
	  .fallback = "true",
	  .help = "Of dkim." },
	GW_OPTIONS_END
};

/* --- start --- */

static bool check_addresses(struct gw_call *call, const struct gw_relay *relay, const char *key,
			    struct gw_list list)
{
	char name[GW_DOMAIN_MAX + 1];
	struct network peer;
	struct gw_str domain;
	bool good = true;
	size_t i;

	for (i = 0; i < list.count; i++)
		if (source_is_list(list.items[i], &domain)
			    ? gw->domain_ascii(call, domain, name) <= 0
			    : !network_of_peer(&peer, list.items[i])) {
			gw->problem_at(call, relay, key, true,
				       "%s: \"%.*s\" is no IP address, nor \"spf:DOMAIN\"", key,
				       GW_STR_ARGS(list.items[i]));
			good = false;
		}
	return good;
}

static bool check_conf(struct gw_call *call)
{
	const struct domains_conf *conf = gw->conf(call);
	bool good = check_addresses(call, NULL, "addresses", conf->addresses);
	const struct gw_relay *relay;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++) {
		const struct domains_relay *own = gw->relay_conf(call, relay);

		if (own)
			good &= check_addresses(call, relay, "sends_from", own->sends_from);
	}
	return good;
}

static void tell(struct gw_call *call, const struct finding *finding, bool is_strict)
{
	const struct gw_relay *relay = finding->relay.len ? gw->relay_named(call, finding->relay)
							  : NULL;

	if (finding->level == LEVEL_NOTE)
		return;
	gw->problem_at(call, relay, relay ? "name" : NULL,
		       is_strict && finding->level == LEVEL_ERROR, "%s%s%s", finding->text,
		       finding->fix[0] ? "; fix: " : "", finding->fix);
}

static void tell_all(struct gw_call *call, const struct report *report, bool is_strict)
{
	size_t i;

	for (i = 0; i < report->finding_count; i++)
		tell(call, &report->findings[i], is_strict);
}

/* False: it must not begin. */
static bool is_proved(struct gw_call *call, const struct plan *plan)
{
	const struct domains_conf *conf = gw->conf(call);
	struct report report = { 0 };
	bool good;

	if (!conf->strict)
		return true;
	looking_wait(call, plan, conf->deadline, &report);
	tell_all(call, &report, true);
	good = report.errors == 0;
	report_clear(&report);
	return good;
}

/* What stands behind this fragment is not there yet when a strict start asks. */
static void check_order(struct gw_call *call, const struct plan *plan)
{
	if (plan->key_count == 0)
		gw->problem(
			call, false,
			"no fragment before this one has a DKIM key: keys of those behind it are not "
			"looked at, it belongs after access, bounce and dkim");
}

static int on_start(struct gw_call *call)
{
	struct plan *plan = check_conf(call) ? plan_create(call) : NULL;
	struct instance *instance;

	if (!plan || !is_proved(call, plan)) {
		if (plan)
			check_order(call, plan);
		plan_destroy(plan);
		return -1;
	}
	instance = instance_create(plan, gw->now(call));
	if (!instance) {
		plan_destroy(plan);
		return -1;
	}
	gw->instance_data_set(call, instance);
	return 0;
}

static void on_stop(struct gw_call *call)
{
	instance_destroy(gw->instance_data(call));
}

/* --- what relays ask for --- */

static enum gw_verdict on_admit(struct gw_call *call, struct gw_delivery *delivery,
				struct gw_relay *relay)
{
	const struct domains_relay *conf = gw->relay_conf(call, relay);
	struct gw_str domain = gw->delivery_fact(delivery, GW_DELIVERY_FROM_DOMAIN);
	char name[GW_DOMAIN_MAX + 1];

	if (!conf || !conf->strict ||
	    gw->message_number(gw->delivery_message(delivery), GW_MESSAGE_OWN) == 1)
		return GW_CONTINUE;
	if (gw->domain_ascii(call, domain, name) > 0 &&
	    registry_standing(call, gw_str(name)) == STANDING_VERIFIED)
		return GW_CONTINUE;
	gw->count(call, "refused", 1);
	gw->reply(
		call, 554, "5.7.1",
		"%.*s is not verified, and %.*s takes verified domains alone: gatewayctl domain verify %.*s",
		GW_STR_ARGS(domain), GW_STR_ARGS(gw->relay_fact(relay, GW_RELAY_NAME)),
		GW_STR_ARGS(domain));
	return GW_REJECT;
}

/* --- telling --- */

static void on_status(struct gw_call *call)
{
	struct instance *instance = gw->instance_data(call);
	struct result *result = instance_result(instance);

	if (!result)
		return;
	gw->status_line(call, "dns", "%zu errors, %zu warnings%s", result->report.errors,
			result->report.warnings,
			result->report.errors ? ": gatewayctl domain check" : "");
	result_release(instance, result);
}

/* What the last look gave: the main thread does not wait here. */
static void on_check(struct gw_call *call)
{
	struct instance *instance = gw->instance_data(call);
	struct result *result = instance_result(instance);

	if (!result)
		return;
	tell_all(call, &result->report, true);
	result_release(instance, result);
}

GW_MODULE(.name = "domains", .version = "1.0",
	  .summary = "what receivers will conclude of each sender domain's mail",
	  .options = options, .conf_size = sizeof(struct domains_conf),
	  .relay_options = relay_options, .relay_conf_size = sizeof(struct domains_relay),
	  .verbs = VERBS, .start = on_start, .stop = on_stop, .admit = on_admit,
	  .result = bulk_result, .tick = looking_tick, .status = on_status,
	  .control = verbs_control, .check = on_check, .worker_start = looking_worker_start,
	  .worker_stop = looking_worker_stop, .dns = looking_dns,
	  .once = "would ask and tell all twice")

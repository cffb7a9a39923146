/* bounce.c - what comes back is understood: bounces, complaints and automatic replies, and the
 * replies of next hops; and MAIL FROM of what leaves is where it should come back to. */
#include "bounce.h"
#include "control.h"
#include "failed.h"
#include "incoming.h"
#include "instance.h"
#include "keeper.h"
#include "mail.h"
#include "reached.h"
#include "reflect.h"
#include "return_path.h"
#include "rows.h"
#include "suppress.h"
#include "suppression.h"

#include <gateway/domain.h>

#define CONF(member) offsetof(struct bounce_conf, member)
static const struct gw_option options[] = {
	{ .key = "domain",
	  .type = GW_OPTION_STRING,
	  .offset = CONF(domain),
	  .help = "The bounce domain: return paths of relays with return_path = \"own\" are in it." },
	{ .key = "key_file",
	  .type = GW_OPTION_PATH,
	  .offset = CONF(key_file),
	  .fallback = "STATE/bounce.key",
	  .help = "What proves them; made where it is not there. A key a line: the first makes, all prove." },
	{ .key = "valid",
	  .type = GW_OPTION_DURATION,
	  .offset = CONF(valid),
	  .fallback = "14d",
	  .min = 86400000,
	  .max = 31536000000,
	  .help = "How long a return path of ours takes bounces." },
	{ .key = "store",
	  .type = GW_OPTION_PATH,
	  .offset = CONF(store_file),
	  .fallback = "STATE/bounce.db",
	  .help = "What left with a return path of ours, and the bounces that came back." },
	{ .key = "keep",
	  .type = GW_OPTION_DURATION,
	  .offset = CONF(keep),
	  .fallback = "30d",
	  .min = 86400000,
	  .max = 315360000000,
	  .help = "How long bounces are remembered." },
	{ .key = "reflect",
	  .type = GW_OPTION_BOOL,
	  .offset = CONF(reflect),
	  .fallback = "true",
	  .help = "Whether the client's own return path gets a report of a bounce that came to one of ours." },
	{ .key = "suppress",
	  .type = GW_OPTION_LIST,
	  .offset = CONF(suppress),
	  .fallback = "mass",
	  .help = "Mail whose hard bounces suppress their recipient, for this client and type: \"mass\", \"crm-eu/workflow\", \"crm-eu/*\", \"*\"." },
	{ .key = "suppress_for",
	  .type = GW_OPTION_DURATION,
	  .offset = CONF(suppress_for),
	  .fallback = "0s",
	  .max = 315360000000,
	  .help = "How long; 0s: until `gatewayctl suppression rm`." },
	{ .key = "suppressed",
	  .type = GW_OPTION_WORD,
	  .offset = CONF(suppressed),
	  .fallback = "bounce",
	  .words = SUPPRESSED_WORDS,
	  .help = "What becomes of mail to such an address: taken and reported as bounced, or refused at RCPT, where the type is known by then." },
	{ .key = "domains",
	  .type = GW_OPTION_LIST,
	  .offset = CONF(domains),
	  .flags = GW_OPTION_DOMAINS,
	  .help = "Domains of yours besides those of relays: a return path that is an address has to be in one." },
	{ .key = "return_path_sets",
	  .type = GW_OPTION_GROUPS,
	  .offset = CONF(sets),
	  .group = domain_set_options,
	  .group_size = sizeof(struct domain_set),
	  .help = "Domains that relays name together in return_path_domains: \"@zoho:eu\"." },
	{ .key = "rules",
	  .type = GW_OPTION_GROUPS,
	  .offset = CONF(rules),
	  .group = rule_options,
	  .group_size = sizeof(struct rule),
	  .help = "What words and codes mean; the first row that fits decides." },
	GW_OPTIONS_END
};

static int on_start(struct gw_call *call)
{
	const struct bounce_conf *conf = gw->conf(call);
	struct instance *instance = instance_create(call);
	bool good = rules_check(call, &conf->rules);

	good &= return_path_check(call);
	good &= suppress_check(call, conf);
	if (!instance || !good) {
		instance_destroy(instance);
		return -1;
	}
	mail_init();
	gw->instance_data_set(call, instance);
	return 0;
}

static void on_stop(struct gw_call *call)
{
	instance_destroy(gw->instance_data(call));
}

static void on_worker_start(struct gw_call *call)
{
	instance_begin(call, gw->instance_data(call));
}

#define OWED_AT_ONCE 20

static void on_tick(struct gw_call *call)
{
	const struct bounce_conf *conf = gw->conf(call);
	struct store *store = instance_store(gw->instance_data(call));
	struct keeper_work work = { gw->now(call), conf->keep, conf->reflect, gw->hostname(call) };
	struct owed *owed;
	int i;

	if (!store)
		return;
	keeper_tick(store_keeper(store), &work);
	for (i = 0; i < OWED_AT_ONCE && (owed = keeper_take(store_keeper(store))) != NULL; i++) {
		if (reflect_submit(call, &owed->sent,
				   gw_str_n(owed->report->str, owed->report->len)))
			gw->log(call, GW_LOG_INFO, "a report that was still owed goes to %s",
				owed->sent.sender);
		owed_free(owed);
	}
}

/* A report of ours is on disk, or no module wants it to be: it is not owed any more. */
static void on_event(struct gw_call *call, const struct gw_event *event)
{
	struct store *store = instance_store(gw->instance_data(call));
	struct gw_header header = { .size = sizeof header };
	struct report_name name;

	if (!store || !event->message || !gw_str_eq(event->name, gw_str("accepted")) ||
	    gw->message_number(event->message, GW_MESSAGE_OWN) != 1)
		return;
	if (gw->header_named((struct gw_message *)event->message, gw_str("Message-ID"), 0,
			     &header) == 0 &&
	    reflect_is(header.value, gw->hostname(call), &name))
		keeper_paid(store_keeper(store), &name);
}

/* Whoever it is: the world's mail to the bounce domain has to be taken by somebody. */
static void on_check(struct gw_call *call)
{
	const struct bounce_conf *conf = gw->conf(call);

	if (return_path_has_own(call) && !reached_on_port_25())
		gw->problem_at(
			call, NULL, "domain", false,
			"nothing on this machine listens on port 25 of an address that the world reaches: bounces to %.*s do not get here; listeners = ({ address = \"0.0.0.0\"; port = 25; tls = \"starttls\"; }), or have its MX pass them on",
			GW_STR_ARGS(conf->domain));
}

static void on_status(struct gw_call *call)
{
	struct store *store = instance_store(gw->instance_data(call));
	const struct bounce_conf *conf = gw->conf(call);
	int64_t unread = store ? rows_unread(store) : 0;
	char why[FAULT_MAX];

	if (instance_fault(gw->instance_data(call), why))
		gw->status_line(call, "WRONG",
				"%s: %s: bounces are not remembered, and nobody is suppressed",
				conf->store_file.ptr, why);
	if (unread > 0)
		gw->status_line(
			call, "unread",
			"%lld bounces that are ours to mend (blocked, SPF, DMARC, rate): gatewayctl bounce list unread",
			(long long)unread);
	if (store && suppression_count(store))
		gw->status_line(call, "suppressed", "%zu addresses: gatewayctl suppression list",
				suppression_count(store));
}

/* Who comes back to us first: nobody else's address is one of ours. */
static enum gw_verdict on_rcpt(struct gw_call *call, struct gw_message *message,
			       struct gw_rcpt *rcpt)
{
	enum gw_verdict verdict = incoming_rcpt(call, message, rcpt);

	return verdict == GW_CONTINUE ? suppress_rcpt(call, message, rcpt) : verdict;
}

static enum gw_verdict on_admit(struct gw_call *call, struct gw_delivery *delivery,
				struct gw_relay *relay)
{
	/* this one first: then there is one to be looked up, and not all that are left each time */
	enum gw_verdict verdict = return_path_admit(call, delivery, relay);

	return verdict == GW_CONTINUE ? suppress_admit(call, delivery, relay) : verdict;
}

/* Bounces to return paths of ours come to the mail host of their domain, which is this gateway. */
static void on_published(struct gw_call *call)
{
	const char *domain = instance_domain(gw->instance_data(call));
	const struct gw_publication publication = { .size = sizeof publication,
						    .type = GW_DNS_MX,
						    .name = gw_str(domain),
						    .value = gw_str(""),
						    .senders = gw_str("") };

	if (*domain)
		gw->publication(call, &publication);
}

GW_MODULE(.name = "bounce", .version = "1.0",
	  .summary = "bounces: what they mean, and where they go", .options = options,
	  .conf_size = sizeof(struct bounce_conf), .relay_options = return_path_options,
	  .relay_conf_size = sizeof(struct bounce_relay), .verbs = CONTROL_VERBS,
	  .message_size = sizeof(struct incoming), .start = on_start, .rcpt = on_rcpt,
	  .admit = on_admit, .once = "would judge every reply and rewrite every return path twice",
	  .message = incoming_message, .stop = on_stop, .prepare = return_path_prepare,
	  .bounce = failed_bounce, .control = control, .status = on_status, .check = on_check,
	  .tick = on_tick, .event = on_event, .worker_start = on_worker_start,
	  .published = on_published)

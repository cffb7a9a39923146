/* tlsrpt.c - what became of TLS at the mail hosts of others is counted, and told once a day to
 * those domains that ask for it (RFC 8460). README.md tells how it is set up. */
#include "conf.h"
#include "ledger.h"
#include "sender.h"
#include "verbs.h"

#include <gateway/domain.h>

#include <stdlib.h>

struct instance {
	struct ledger *ledger;
	struct sender *sender;
};

/* The sessions of reports are not in the next one (section 3). */
static bool is_report(struct gw_call *call, struct gw_delivery *delivery)
{
	const struct tlsrpt_conf *conf = gw->conf(call);
	struct gw_message *message = gw->delivery_message(delivery);

	return message && gw_str_ieq(gw->message_fact(message, GW_MESSAGE_SENDER), conf->from) &&
	       gw->message_number(message, GW_MESSAGE_OWN) == 1;
}

static void on_link(struct gw_call *call, struct gw_delivery *delivery, const struct gw_link *link)
{
	const struct tlsrpt_conf *conf = gw->conf(call);
	const struct instance *instance = gw->instance_data(call);

	if (!is_report(call, delivery))
		ledger_add(call, instance->ledger, link, conf->domains);
}

static void on_tick(struct gw_call *call)
{
	const struct instance *instance = gw->instance_data(call);

	sender_go_on(call, instance->sender, instance->ledger);
}

static void on_dns(struct gw_call *call, const struct gw_dns_answer *answer, void *arg)
{
	const struct instance *instance = gw->instance_data(call);

	sender_looked_up(call, instance->sender, instance->ledger, answer);
}

static void on_http(struct gw_call *call, const struct gw_http_answer *answer, void *arg)
{
	const struct instance *instance = gw->instance_data(call);

	sender_posted(call, instance->sender, instance->ledger, answer, arg);
}

static void on_status(struct gw_call *call)
{
	const struct instance *instance = gw->instance_data(call);

	gw->status_line(call, "domains today", "%zu", ledger_domains(instance->ledger));
	sender_status(call, instance->sender);
}

static void on_control(struct gw_call *call, const struct gw_command *command)
{
	const struct instance *instance = gw->instance_data(call);

	tlsrpt_control(call, command, instance->ledger, instance->sender);
}

/* --- start and stop --- */

static void instance_free(struct instance *instance)
{
	if (instance->ledger)
		ledger_destroy(instance->ledger);
	if (instance->sender)
		sender_destroy(instance->sender);
	free(instance);
}

static bool check(struct gw_call *call)
{
	const struct tlsrpt_conf *conf = gw->conf(call);
	size_t at = gw_str_find(conf->from, '@');

	if (at > 0 && at + 1 < conf->from.len)
		return true;
	gw->problem_at(call, NULL, "from", true, "from is an address: tls-reports@example.com");
	return false;
}

static int on_start(struct gw_call *call)
{
	struct instance *instance = check(call) ? calloc(1, sizeof *instance) : NULL;

	if (!instance)
		return -1;
	instance->ledger = ledger_create();
	instance->sender = sender_create();
	if (!instance->ledger || !instance->sender) {
		instance_free(instance);
		return -1;
	}
	gw->instance_data_set(call, instance);
	return 0;
}

struct looking {
	struct gw_call *call;
	struct gw_str domain;
	bool found;
};

static void look_at_key(void *arg, const struct gw_publication *publication)
{
	struct looking *looking = arg;

	looking->found |= publication->type == GW_DNS_TXT &&
			  gw_domain_in_words(looking->call, publication->senders, looking->domain);
}

/* A report is mail that its reader takes only signed (RFC 8460 section 5.3). */
static void on_check(struct gw_call *call)
{
	const struct tlsrpt_conf *conf = gw->conf(call);
	struct gw_str domain = gw_str_from(conf->from, gw_str_find(conf->from, '@') + 1);
	struct looking looking = { call, domain, false };

	gw->publication_each(call, look_at_key, &looking);
	if (!looking.found)
		gw->problem_at(call, NULL, "from", false,
			       "no DKIM key signs for %.*s: reports by mail count only signed",
			       GW_STR_ARGS(domain));
}

static void on_stop(struct gw_call *call)
{
	struct instance *instance = gw->instance_data(call);

	ledger_flush(call, instance->ledger, SIZE_MAX);
	instance_free(instance);
}

GW_MODULE(.name = "tlsrpt", .version = "1.0",
	  .summary = "reports about TLS to the domains that ask for them",
	  .options = tlsrpt_options, .conf_size = sizeof(struct tlsrpt_conf), .start = on_start,
	  .stop = on_stop, .link = on_link, .tick = on_tick, .dns = on_dns, .http = on_http,
	  .status = on_status, .check = on_check, .control = on_control,
	  .once = "would send every report twice",
	  .verbs = "show [DOMAIN]\twhat was counted and is not told yet\n"
		   "!send DOMAIN\tsends that domain its report of today so far, if it wants one")

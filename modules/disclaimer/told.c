#include "told.h"

#include "author.h"

static void tell(struct gw_call *call, struct gw_str domain, const struct gw_relay *relay)
{
	struct gw_edit edit = { .size = sizeof edit, .relay = relay };

	if (!gw_str_eq(domain, gw_str("*")))
		edit.domain = domain;
	if (edit.domain.len || relay)
		gw->edit_known(call, &edit);
}

/* Of those that the rule names; else of those that go through the relay, as far as it says. */
static void tell_domains(struct gw_call *call, const struct rule_conf *rule,
			 const struct gw_relay *relay)
{
	const struct relay_conf *conf = relay ? gw->relay_conf(call, relay) : NULL;
	const struct gw_list *list = rule->from.count ? &rule->from : conf ? &conf->domains : NULL;
	size_t i;

	for (i = 0; list && i < list->count; i++) {
		struct gw_str domain = domain_of(list->items[i]);

		tell(call, domain.len ? domain : list->items[i], relay);
	}
	if (relay && (!list || !list->count))
		tell(call, gw_str(""), relay);
}

static void tell_rule(struct gw_call *call, const struct rule_conf *rule)
{
	struct gw_relay *relay;
	size_t i;

	for (i = 0; i < rule->relay.count; i++) {
		relay = gw->relay_named(call, rule->relay.items[i]);
		if (relay)
			tell_domains(call, rule, relay);
	}
	if (rule->relay.count)
		return;
	tell_domains(call, rule, NULL);
	for (i = 0; !rule->from.count && (relay = gw->relay_at(call, i)) != NULL; i++)
		tell_domains(call, rule, relay);
}

void told_edits(struct gw_call *call, const struct disclaimer *disclaimer)
{
	const struct conf *conf = gw->conf(call);
	size_t i;

	for (i = 0; conf->unsigned_mail == UNSIGNED_ERROR && i < disclaimer->rule_count; i++)
		if (disclaimer->rules[i].notice)
			tell_rule(call, disclaimer->rules[i].conf);
}

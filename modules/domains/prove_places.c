/* prove_places.c - what has to be in the DNS beside each message's own: records of the sender
 * domains, keys, the domains where bounces go, the names of addresses. */
#include "prove.h"

#include <gateway/domain.h>

#include <stdio.h>

/* --- sender domains --- */

/* "mailto:a@b!10m" of a rua; empty: none left. Takes it off the list. */
static struct gw_str take_uri_domain(struct gw_str *list)
{
	struct gw_str uri = gw_str_n(list->ptr, gw_str_find(*list, ','));
	size_t at = uri.len;

	*list = gw_str_from(*list, uri.len + (uri.len < list->len));
	uri = gw_str_trim(gw_str_n(uri.ptr, gw_str_find(uri, '!')));
	for (at = uri.len; at && uri.ptr[at - 1] != '@'; at--)
		;
	return at ? gw_str_from(uri, at) : gw_str("");
}

/* Reports that go to another organisation have to be wanted there (RFC 9990). */
static void check_rua(const struct look *look, struct gw_str sender, const struct dmarc_walk *walk,
		      struct gw_str domain)
{
	const struct finding place = { .sender = sender };
	struct dmarc_walk other;
	char name[2 * GW_DOMAIN_MAX + 24];
	const struct gw_dns_answer *answer;
	struct dmarc_record wanted;
	size_t i;

	if (domain.len == 0 || domain.len > GW_DOMAIN_MAX ||
	    known_walk(look->answers, domain, &other) != KNOWN ||
	    gw_str_ieq(walk->organisation, other.organisation))
		return;
	snprintf(name, sizeof name, "%.*s._report._dmarc.%.*s", GW_STR_ARGS(sender),
		 GW_STR_ARGS(domain));
	answer = answers_get(look->answers, GW_DNS_TXT, gw_str(name));
	if (!answer || answer->status == GW_DNS_FAILED)
		return;
	for (i = 0; i < answer->records.count; i++)
		if (dmarc_read(answer->records.items[i], &wanted))
			return;
	report_finding(look->report, LEVEL_WARNING, &place,
		       "publish that record, or report elsewhere",
		       "%.*s: DMARC reports go to %.*s, which has no TXT record %s that wants them",
		       GW_STR_ARGS(sender), GW_STR_ARGS(domain), name);
}

static void check_record(const struct look *look, struct gw_str sender,
			 const struct dmarc_walk *walk)
{
	const struct dmarc_record *record = walk->has_own ? &walk->own : &walk->org;
	const struct finding place = { .sender = sender };
	struct gw_str rua = record->rua;

	if (record->flaw)
		report_finding(look->report, LEVEL_WARNING, &place, NULL, "%.*s: DMARC: %s",
			       GW_STR_ARGS(sender), record->flaw);
	if (record->is_obsolete)
		report_finding(look->report, LEVEL_WARNING, &place, "take pct, rf and ri out",
			       "%.*s: DMARC: pct, rf and ri mean nothing since RFC 9989",
			       GW_STR_ARGS(sender));
	if (record->testing)
		report_finding(look->report, LEVEL_NOTE, &place, NULL,
			       "%.*s: DMARC: t=y, so its policy is not applied",
			       GW_STR_ARGS(sender));
	while (rua.len)
		check_rua(look, sender, walk, take_uri_domain(&rua));
}

static void check_dmarc(const struct look *look, struct gw_str sender)
{
	const struct finding place = { .sender = sender };
	struct dmarc_walk walk;

	if (known_walk(look->answers, sender, &walk) != KNOWN)
		return;
	if (walk.has_own || walk.has_organisation)
		check_record(look, sender, &walk);
	else
		report_finding(
			look->report, LEVEL_WARNING, &place,
			"publish _dmarc.DOMAIN TXT \"v=DMARC1; p=none; rua=mailto:...\"",
			"%.*s has no DMARC record: Gmail, Yahoo and Microsoft want one of who "
			"sends much",
			GW_STR_ARGS(sender));
}

static void check_answers_reach(const struct look *look, struct gw_str sender)
{
	const struct finding place = { .sender = sender };
	enum mail_host host;

	if (!prove_is_known(look, known_mail_host(look->answers, sender, &host)))
		return;
	if (host == MAIL_HOST_NONE)
		report_finding(
			look->report, LEVEL_ERROR, &place, "give it an MX or an A record",
			"%.*s has neither MX nor address: Yahoo and others refuse mail From it",
			GW_STR_ARGS(sender));
	else if (host == MAIL_HOST_NULL)
		report_finding(look->report, LEVEL_WARNING, &place, NULL,
			       "%.*s takes no mail (null MX): answers to its mail do not arrive",
			       GW_STR_ARGS(sender));
}

/* Of a key in use: mail is signed with it, and nobody can verify that. */
static void check_key(const struct look *look, const struct plan_key *key)
{
	const struct finding place = { .sender = key_domain(key) };
	enum dkim_result result;
	char why[WHY_MAX] = "";

	if (!prove_is_known(look, known_key(look->answers, key, &result, why)) || !why[0])
		return;
	report_finding(look->report, result == DKIM_PASS ? LEVEL_WARNING : LEVEL_ERROR, &place,
		       "publish what `gatewayctl dkim dns` prints, or take the key out",
		       "%.*s: dkim=%s: the key %s", GW_STR_ARGS(key->name), dkim_results[result],
		       why);
}

void prove_senders(const struct look *look)
{
	const struct plan *plan = look->plan;
	size_t i;

	for (i = 0; i < plan->sender_count; i++) {
		check_dmarc(look, plan->senders[i]);
		check_answers_reach(look, plan->senders[i]);
	}
	for (i = 0; i < plan->key_count; i++)
		check_key(look, &plan->keys[i]);
}

/* --- where bounces go --- */

static void check_zone(const struct look *look, struct gw_str domain, const struct finding *place)
{
	bool has_zone;

	if (prove_is_known(look, known_zone(look->answers, domain, &has_zone)) && !has_zone)
		report_finding(
			look->report, LEVEL_ERROR, place, NULL,
			"%.*s is in no zone (no SOA): Yahoo refuses mail with that return path",
			GW_STR_ARGS(domain));
}

/* Of a return path of our own the bounces have to come here. */
static void check_return_domain(const struct look *look, const struct way *way)
{
	const struct finding place = { .relay = way->relay };
	struct gw_str domain = way->return_domain;
	bool is_own = way->mode == MODE_OWN;
	enum mail_host host;

	if (prove_is_known(look, known_mail_host(look->answers, domain, &host)) &&
	    host != MAIL_HOST_FOUND)
		report_finding(look->report,
			       host == MAIL_HOST_IMPLICIT && !is_own ? LEVEL_NOTE : LEVEL_ERROR,
			       &place, "publish an MX record that names this gateway",
			       "%.*s, the domain of the return path, %s: bounces are lost",
			       GW_STR_ARGS(domain),
			       host == MAIL_HOST_NULL ? "takes no mail (null MX)" : "has no MX");
	check_zone(look, domain, &place);
}

static bool is_first(const struct plan *plan, size_t nth)
{
	size_t i;

	for (i = 0; i < nth; i++)
		if (plan->ways[i].mode >= MODE_CUSTOM &&
		    gw_str_ieq(plan->ways[i].return_domain, plan->ways[nth].return_domain))
			return false;
	return true;
}

/* --- addresses --- */

static void check_address(const struct look *look, struct gw_str address)
{
	const struct finding place = { .address = address };
	struct gw_str name;
	bool leads_back;

	if (source_is_list(address, &name) ||
	    !prove_is_known(look, known_reverse(look->answers, address, &leads_back, &name)) ||
	    leads_back)
		return;
	if (name.len == 0)
		report_finding(look->report, LEVEL_ERROR, &place,
			       "let the network's owner set a PTR record",
			       "%.*s has no name (PTR): Gmail refuses mail from it (550 5.7.25)",
			       GW_STR_ARGS(address));
	else
		report_finding(look->report, LEVEL_ERROR, &place,
			       "give that name this address, or the address another name",
			       "%.*s is called %.*s, which has other addresses: Gmail refuses mail "
			       "from it (550 5.7.25)",
			       GW_STR_ARGS(address), GW_STR_ARGS(name));
}

void prove_places(const struct look *look)
{
	const struct plan *plan = look->plan;
	size_t i;

	for (i = 0; i < plan->way_count; i++)
		if (plan->ways[i].mode >= MODE_CUSTOM && plan->ways[i].return_domain.len &&
		    is_first(plan, i))
			check_return_domain(look, &plan->ways[i]);
	for (i = 0; i < plan->addresses.count; i++)
		check_address(look, plan->addresses.items[i]);
}

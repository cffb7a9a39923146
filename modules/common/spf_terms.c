#include "spf_private.h"

#include <stdio.h>
#include <stdlib.h>

/* --- networks of a list --- */

static bool add_network(struct spf *spf, const struct network *network)
{
	size_t room = spf->room ? spf->room * 2 : 32;
	struct network *grown;

	if (spf->count == spf->room) {
		grown = room <= NETWORKS_MOST ? realloc(spf->networks, room * sizeof *grown) : NULL;
		if (!grown) {
			spf_end(spf, SPF_PERMERROR, "it lists too many networks");
			return false;
		}
		spf->networks = grown;
		spf->room = room;
	}
	spf->networks[spf->count++] = *network;
	return true;
}

static struct network network_around(const struct spf_term *term, struct gw_str address, bool *ok)
{
	struct network network;

	*ok = network_of_peer(&network, address);
	if (!*ok)
		return network;
	network.bits = network_is_four(&network) ? 96 + term->four : term->six;
	network_mask(&network);
	return network;
}

/* True: the peer is in one of the addresses' networks. A list takes them all, and goes on. */
static bool has_peer(struct spf *spf, struct gw_list addresses)
{
	const struct spf_term *term = spf_term(spf);
	size_t i;
	bool ok;

	for (i = 0; i < addresses.count && !spf->over; i++) {
		struct network network = network_around(term, addresses.items[i], &ok);

		if (!ok)
			continue;
		if (spf->lists)
			add_network(spf, &network);
		else if (network_is_four(&network) == !spf->six &&
			 network_has(&network, &spf->peer))
			return true;
	}
	return false;
}

/* --- what a term begins with --- */

static uint32_t family(const struct spf *spf)
{
	return spf->six ? GW_DNS_AAAA : GW_DNS_A;
}

static void begin_include(struct spf *spf)
{
	if (spf_count_lookup(spf))
		spf_include(spf, spf->target);
}

static void begin_network(struct spf *spf)
{
	const struct spf_term *term = spf_term(spf);

	if (spf->lists) {
		if (add_network(spf, &term->network))
			spf_next(spf);
	} else if ((term->mechanism == SPF_IP6) == spf->six &&
		   network_has(&term->network, &spf->peer)) {
		spf_matched(spf);
	} else {
		spf_next(spf);
	}
}

static void judge_names(struct spf *spf)
{
	size_t i;

	for (i = 0; i < spf->proved; i++)
		if (spf_is_within(spf->names.items[i], spf->target)) {
			spf_matched(spf);
			return;
		}
	spf_next(spf);
}

/* The address is looked up once, whoever wants its names. */
static void begin_ptr(struct spf *spf)
{
	char unused[GW_DOMAIN_MAX + 1];

	if (spf->names_known)
		judge_names(spf);
	else
		spf_expand(spf, gw_str("%{p}"), unused);
}

static bool is_for_all(const struct spf_term *term)
{
	return term->mechanism == SPF_ALL ||
	       (term->mechanism == SPF_IP4 && term->network.bits == 96) ||
	       (term->mechanism == SPF_IP6 && term->network.bits == 0);
}

/* False: it is dealt with. What does not pass is in no list. */
static bool may_list(struct spf *spf)
{
	const struct spf_term *term = spf_term(spf);

	if (term->qualifier != '+') {
		spf_next(spf);
		return false;
	}
	if (term->mechanism != SPF_EXISTS && term->mechanism != SPF_PTR && !is_for_all(term))
		return true;
	spf_permerror(spf, is_for_all(term) ? "everybody passes"
					    : "it has exists or ptr, which stand for no networks");
	return false;
}

void spf_term_begin(struct spf *spf)
{
	const struct spf_term *term = spf_term(spf);

	if ((spf->lists && !may_list(spf)) || !spf_expand(spf, term->spec, spf->target))
		return;
	switch (term->mechanism) {
	case SPF_ALL:
		spf_matched(spf);
		break;
	case SPF_INCLUDE:
		begin_include(spf);
		break;
	case SPF_IP4:
	case SPF_IP6:
		begin_network(spf);
		break;
	case SPF_A:
		if (spf_count_lookup(spf))
			spf_ask(spf, STAGE_A, family(spf), spf->target);
		break;
	case SPF_MX:
		if (spf_count_lookup(spf))
			spf_ask(spf, STAGE_MX, GW_DNS_MX, spf->target);
		break;
	case SPF_EXISTS:
		if (spf_count_lookup(spf))
			spf_ask(spf, STAGE_EXISTS, GW_DNS_A, spf->target);
		break;
	default:
		if (spf_count_lookup(spf))
			begin_ptr(spf);
	}
}

/* --- what answers mean --- */

static void take_names(struct names *names, struct gw_list list)
{
	size_t i;

	names->count = names->at = 0;
	for (i = 0; i < list.count && names->count < NAMES_MOST; i++)
		if (list.items[i].len && list.items[i].len <= GW_DOMAIN_MAX)
			snprintf(names->items[names->count++], GW_DOMAIN_MAX + 1, "%.*s",
				 GW_STR_ARGS(list.items[i]));
}

static void ask_host(struct spf *spf)
{
	if (spf->hosts.at == spf->hosts.count)
		spf_next(spf);
	else
		spf_ask(spf, STAGE_MX_HOST, family(spf), spf->hosts.items[spf->hosts.at]);
}

static void mx_came(struct spf *spf, const struct gw_dns_answer *answer)
{
	if (answer->records.count > NAMES_MOST) {
		spf_end(spf, SPF_PERMERROR, "an MX has more than 10 hosts");
		return;
	}
	take_names(&spf->hosts, answer->records);
	ask_host(spf);
}

static void addresses_came(struct spf *spf, const struct gw_dns_answer *answer)
{
	if (has_peer(spf, answer->records)) {
		spf_matched(spf);
	} else if (spf->over) {
		return;
	} else if (spf->lists && (spf->stage == STAGE_A || spf->stage == STAGE_MX_HOST)) {
		spf_ask(spf, spf->stage == STAGE_A ? STAGE_A_SIX : STAGE_MX_HOST_SIX, GW_DNS_AAAA,
			spf->name);
	} else if (spf->stage == STAGE_MX_HOST || spf->stage == STAGE_MX_HOST_SIX) {
		spf->hosts.at++;
		ask_host(spf);
	} else {
		spf_next(spf);
	}
}

/* What wanted the names is begun again, and finds them. */
static void ask_name(struct spf *spf)
{
	if (spf->names.at < spf->names.count) {
		spf_ask(spf, STAGE_PTR_HOST, family(spf), spf->names.items[spf->names.at]);
		return;
	}
	spf->names_known = true;
	if (!spf->explains && spf_top(spf)->at < spf_top(spf)->record.count &&
	    spf_term(spf)->mechanism == SPF_PTR && !spf_macro_has(spf_term(spf)->spec, 'p'))
		judge_names(spf);
}

static void name_came(struct spf *spf, const struct gw_dns_answer *answer)
{
	struct names *names = &spf->names;
	struct network network;
	size_t i;

	for (i = 0; i < answer->records.count; i++)
		if (network_of_peer(&network, answer->records.items[i]) &&
		    network_has(&network, &spf->peer)) {
			memmove(names->items[spf->proved++], names->items[names->at],
				sizeof names->items[0]);
			break;
		}
	names->at++;
	ask_name(spf);
}

/* True: it is one of those that may have nothing only so often. */
static bool is_void(const struct spf *spf, const struct gw_dns_answer *answer)
{
	return answer->status != GW_DNS_FOUND && !spf->explains &&
	       (spf->stage == STAGE_A || spf->stage == STAGE_MX || spf->stage == STAGE_EXISTS ||
		spf->stage == STAGE_PTR);
}

/* An address without names, or names that cannot be had now, prove nothing and break nothing. */
static bool is_broken(const struct spf *spf, const struct gw_dns_answer *answer)
{
	return answer->status == GW_DNS_FAILED && spf->stage != STAGE_PTR &&
	       spf->stage != STAGE_PTR_HOST;
}

void spf_term_answer(struct spf *spf, const struct gw_dns_answer *answer)
{
	if (is_broken(spf, answer)) {
		spf_temperror(spf, answer);
		return;
	}
	if (is_void(spf, answer) && ++spf->voids > VOIDS_MOST) {
		spf_end(spf, SPF_PERMERROR, "more than 2 of its names lead nowhere");
		return;
	}
	switch (spf->stage) {
	case STAGE_MX:
		mx_came(spf, answer);
		break;
	case STAGE_EXISTS:
		if (answer->status == GW_DNS_FOUND)
			spf_matched(spf);
		else
			spf_next(spf);
		break;
	case STAGE_PTR:
		take_names(&spf->names, answer->records);
		ask_name(spf);
		break;
	case STAGE_PTR_HOST:
		name_came(spf, answer);
		break;
	default:
		addresses_came(spf, answer);
	}
}

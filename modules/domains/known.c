#include "known.h"
#include "../common/dkim_record.h"

#include <stdio.h>
#include <stdlib.h>

#define RSA_GOOD 2048

static enum known known_of(const struct gw_dns_answer *answer)
{
	return !answer ? MISSING : answer->status == GW_DNS_FAILED ? FAILED : KNOWN;
}

/* The worse of two: what is missing may still come. */
static enum known both(enum known a, enum known b)
{
	return a == MISSING || b == MISSING ? MISSING : a == FAILED || b == FAILED ? FAILED : KNOWN;
}

/* --- SPF --- */

bool known_run_spf(struct answers *answers, struct spf *spf)
{
	const struct gw_dns_answer *answer;
	struct gw_dns_question question;

	while (spf_question(spf, &question)) {
		answer = answers_get(answers, question.type, question.name);
		if (!answer)
			return false;
		spf_answer(spf, answer);
	}
	return true;
}

enum known known_spf(struct answers *answers, struct gw_str domain, struct gw_str address,
		     enum spf_result *result, char why[WHY_MAX])
{
	char sender[GW_DOMAIN_MAX + 16];
	struct spf *spf;

	snprintf(sender, sizeof sender, "postmaster@%.*s", GW_STR_ARGS(domain));
	spf = spf_check(address, domain, gw_str(sender));
	if (!spf)
		return FAILED;
	if (!known_run_spf(answers, spf)) {
		spf_destroy(spf);
		return MISSING;
	}
	*result = spf_result(spf);
	snprintf(why, WHY_MAX, "%s", spf_why(spf));
	spf_destroy(spf);
	return *result == SPF_TEMPERROR ? FAILED : KNOWN;
}

#define SAMPLES 8

/* Addresses out of the networks that the domain lists, one of each of the first. */
static enum known known_samples(struct answers *answers, struct gw_str domain,
				char samples[SAMPLES][NETWORK_TEXT], size_t *count,
				char why[WHY_MAX])
{
	struct spf *spf = spf_list(domain);
	struct network *networks;
	size_t listed, i;

	*count = 0;
	if (spf && !known_run_spf(answers, spf)) {
		spf_destroy(spf);
		return MISSING;
	}
	networks = spf && spf_result(spf) == SPF_PASS ? spf_take_networks(spf, &listed) : NULL;
	snprintf(why, WHY_MAX, "the addresses that %.*s lists are not known: %s",
		 GW_STR_ARGS(domain), spf ? spf_why(spf) : "out of memory");
	for (i = 0; networks && i < listed && *count < SAMPLES; i++) {
		network_print(&networks[i], samples[*count]);
		*strchrnul(samples[(*count)++], '/') = '\0';
	}
	free(networks);
	spf_destroy(spf);
	return *count ? KNOWN : FAILED;
}

enum known known_spf_source(struct answers *answers, struct gw_str domain, struct gw_str source,
			    enum spf_result *result, char why[WHY_MAX])
{
	char samples[SAMPLES][NETWORK_TEXT];
	enum known known;
	size_t count, i;

	if (!source_is_list(source, &source))
		return known_spf(answers, domain, source, result, why);
	known = known_samples(answers, source, samples, &count, why);
	*result = SPF_PASS;
	for (i = 0; known == KNOWN && i < count && *result == SPF_PASS; i++)
		known = known_spf(answers, domain, gw_str(samples[i]), result, why);
	return known;
}

/* --- DKIM --- */

struct gw_str key_domain(const struct plan_key *key)
{
	static const char mark[] = "._domainkey.";
	const char *at = strstr(key->name.ptr, mark);

	return at ? gw_str(at + sizeof mark - 1) : gw_str("");
}

/* Of an RSA key from the size of its SubjectPublicKeyInfo, 38 octets around the modulus. */
static bool is_weak(struct gw_str record)
{
	struct gw_str kind = dkim_record_tag(record, "k"), key = dkim_record_tag(record, "p");
	size_t octets = key.len / 4 * 3;

	return (kind.len == 0 || gw_str_ieq(kind, gw_str("rsa"))) && octets > 38 &&
	       (octets - 38) * 8 < RSA_GOOD - 64;
}

/* What is no reason not to verify, but one to mend it. */
static const char *doubt_of(struct gw_str served)
{
	if (is_weak(served))
		return "is an RSA key under 2048 bits, which receivers call weak";
	if (dkim_record_lists(dkim_record_tag(served, "t"), "y"))
		return "says that it is a test (t=y), so receivers need not count it";
	return "";
}

enum known known_key(struct answers *answers, const struct plan_key *key, enum dkim_result *result,
		     char why[WHY_MAX])
{
	const struct gw_dns_answer *answer = answers_get(answers, GW_DNS_TXT, key->name);

	enum dkim_record record;

	*result = DKIM_FAIL;
	if (known_of(answer) != KNOWN)
		return known_of(answer);
	record = dkim_record_judge(answer, key->record);
	*result = record == DKIM_RECORD_SAME ? DKIM_PASS : DKIM_FAIL;
	snprintf(why, WHY_MAX, "%s",
		 *result == DKIM_PASS ? doubt_of(answer->records.items[0])
				      : dkim_record_words(record));
	return KNOWN;
}

/* --- DMARC --- */

enum dmarc_answer known_dmarc(void *arg, struct gw_str domain, struct dmarc_record *record)
{
	char name[GW_DOMAIN_MAX + 16];
	const struct gw_dns_answer *answer;
	size_t i, count = 0;

	snprintf(name, sizeof name, "_dmarc.%.*s", GW_STR_ARGS(domain));
	answer = answers_get(arg, GW_DNS_TXT, gw_str(name));
	if (known_of(answer) != KNOWN)
		return DMARC_UNKNOWN;
	for (i = 0; i < answer->records.count; i++) {
		struct dmarc_record other;

		if (dmarc_read(answer->records.items[i], &other)) {
			*record = other;
			count++;
		}
	}
	return count == 1 ? DMARC_FOUND : DMARC_ABSENT;
}

enum known known_walk(struct answers *answers, struct gw_str domain, struct dmarc_walk *walk)
{
	const struct dmarc_source source = { known_dmarc, answers };

	dmarc_walk(domain, &source, walk);
	if (walk->is_known)
		return KNOWN;
	return answers_open(answers) ? MISSING : FAILED;
}

enum known known_exists(struct answers *answers, struct gw_str domain, bool *exists)
{
	static const uint32_t types[] = { GW_DNS_A, GW_DNS_AAAA, GW_DNS_MX };
	enum known known = KNOWN;
	size_t i;

	*exists = false;
	for (i = 0; i < sizeof types / sizeof *types; i++) {
		const struct gw_dns_answer *answer = answers_get(answers, types[i], domain);

		known = both(known, known_of(answer));
		*exists = *exists || (answer && answer->status == GW_DNS_FOUND);
	}
	return *exists ? KNOWN : known;
}

/* --- places --- */

enum known known_mail_host(struct answers *answers, struct gw_str domain, enum mail_host *host)
{
	const struct gw_dns_answer *answer = answers_get(answers, GW_DNS_MX, domain);
	enum known known = known_of(answer);
	bool exists = false;

	if (known != KNOWN)
		return known;
	if (answer->status == GW_DNS_FOUND) {
		*host = answer->records.items[0].len ? MAIL_HOST_FOUND : MAIL_HOST_NULL;
		return KNOWN;
	}
	known = known_exists(answers, domain, &exists);
	*host = exists ? MAIL_HOST_IMPLICIT : MAIL_HOST_NONE;
	return known;
}

enum known known_zone(struct answers *answers, struct gw_str domain, bool *has_zone)
{
	size_t dot;

	*has_zone = false;
	for (; domain.len; domain = gw_str_from(domain, dot < domain.len ? dot + 1 : dot)) {
		const struct gw_dns_answer *answer = answers_get(answers, GW_DNS_SOA, domain);

		if (known_of(answer) != KNOWN)
			return known_of(answer);
		*has_zone = answer->status == GW_DNS_FOUND;
		dot = gw_str_find(domain, '.');
		if (*has_zone)
			break;
	}
	return KNOWN;
}

static bool has_address(const struct gw_dns_answer *answer, const struct network *peer)
{
	struct network other;
	size_t i;

	for (i = 0; i < answer->records.count; i++)
		if (network_of_peer(&other, answer->records.items[i]) && network_has(&other, peer))
			return true;
	return false;
}

enum known known_reverse(struct answers *answers, struct gw_str address, bool *leads_back,
			 struct gw_str *name)
{
	char reverse[NETWORK_REVERSE];
	const struct gw_dns_answer *names, *back;
	enum known known = KNOWN;
	struct network peer;
	size_t i;

	*leads_back = false;
	*name = gw_str("");
	if (!network_of_peer(&peer, address))
		return KNOWN;
	network_reverse_name(&peer, reverse);
	names = answers_get(answers, GW_DNS_PTR, gw_str(reverse));
	if (known_of(names) != KNOWN)
		return known_of(names);
	for (i = 0; i < names->records.count && i < 10 && !*leads_back; i++) {
		*name = i ? *name : names->records.items[0];
		back = answers_get(answers, network_is_four(&peer) ? GW_DNS_A : GW_DNS_AAAA,
				   names->records.items[i]);
		known = both(known, known_of(back));
		*leads_back = known_of(back) == KNOWN && has_address(back, &peer);
	}
	return *leads_back ? KNOWN : known;
}

/* known.h - facts about domains, addresses and keys, worked out of answers of the DNS as far as
 * they are there. A fact is KNOWN, or an answer is MISSING (it is being asked for), or the DNS does
 * not tell it now (FAILED). */
#ifndef DOMAINS_KNOWN_H
#define DOMAINS_KNOWN_H

#include "answers.h"
#include "dmarc.h"
#include "plan.h"
#include "report.h"

enum known { KNOWN, MISSING, FAILED };

/* Goes on with it; false: an answer is missing. */
bool known_run_spf(struct answers *answers, struct spf *spf);

/* What the SPF of the domain says of the address. `why`: for people. */
#define WHY_MAX 400
enum known known_spf(struct answers *answers, struct gw_str domain, struct gw_str address,
		     enum spf_result *result, char why[WHY_MAX]);

/* The same of what mail comes from: of a list of addresses (source_is_list) some of each kind are
 * tried, and the worst counts. */
enum known known_spf_source(struct answers *answers, struct gw_str domain, struct gw_str source,
			    enum spf_result *result, char why[WHY_MAX]);

/* DKIM_PASS: the DNS has this key, and it is strong; else why not. */
enum known known_key(struct answers *answers, const struct plan_key *key, enum dkim_result *result,
		     char why[WHY_MAX]);
/* The domain that signs with it: what stands behind "._domainkey." in its name. */
struct gw_str key_domain(const struct plan_key *key);

/* The record of DMARC of that very domain, as the source of a walk. `arg` is the answers. */
enum dmarc_answer known_dmarc(void *arg, struct gw_str domain, struct dmarc_record *record);
/* The walk; MISSING or FAILED: its is_known is false. */
enum known known_walk(struct answers *answers, struct gw_str domain, struct dmarc_walk *walk);
/* It has an A, AAAA or MX. */
enum known known_exists(struct answers *answers, struct gw_str domain, bool *exists);

enum mail_host { MAIL_HOST_FOUND, MAIL_HOST_IMPLICIT, MAIL_HOST_NULL, MAIL_HOST_NONE };
/* Where its mail goes to. */
enum known known_mail_host(struct answers *answers, struct gw_str domain, enum mail_host *host);
/* It, or a domain above it, has an SOA. */
enum known known_zone(struct answers *answers, struct gw_str domain, bool *has_zone);
/* The address has a name that leads back to it; `name`: the first that it has, or empty. */
enum known known_reverse(struct answers *answers, struct gw_str address, bool *leads_back,
			 struct gw_str *name);

#endif

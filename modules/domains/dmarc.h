/* dmarc.h - DMARC (RFC 9989): what a record says, which domain is the organisation's, and what is
 * to happen to mail in its name. Pure: whoever asks the DNS hands the records in. */
#ifndef DOMAINS_DMARC_H
#define DOMAINS_DMARC_H

#include <gateway/module.h>

enum dmarc_policy { DMARC_NO_POLICY, DMARC_POLICY_NONE, DMARC_QUARANTINE, DMARC_REJECT };
extern const char *const dmarc_policies[];

enum dmarc_psd { DMARC_PSD_UNSAID, DMARC_PSD_YES, DMARC_PSD_NO };

/* A record, its tags read: what is not said is as the RFC has it. */
struct dmarc_record {
	enum dmarc_policy policy, subdomains, nonexistent; /* p, sp, np; the latter follow on */
	bool strict_dkim, strict_spf;                      /* adkim, aspf */
	bool testing;                                      /* t=y: the policy is not applied */
	enum dmarc_psd psd;
	struct gw_str rua; /* in the text that was read; empty: none */
	bool is_obsolete;  /* pct, rf or ri stand in it, which nobody reads any more */
	const char *flaw;  /* for people: a tag that is wrong, and ignored; NULL: none */
};

/* False: this is no record of DMARC, and as if it were not there. */
bool dmarc_read(struct gw_str text, struct dmarc_record *record);

enum dmarc_answer { DMARC_ABSENT, DMARC_FOUND, DMARC_UNKNOWN };

/* Who gives the records: the one of _dmarc.DOMAIN, `record` filled in where it is found. Several
 * are none. */
struct dmarc_source {
	enum dmarc_answer (*record)(void *arg, struct gw_str domain, struct dmarc_record *record);
	void *arg;
};

#define DMARC_QUERIES 8 /* of a walk, at most */

/* The domains that a walk asks, the domain itself first. Gives their number. */
size_t dmarc_walk_names(struct gw_str domain, struct gw_str names[DMARC_QUERIES]);

/* Where a walk has led. */
struct dmarc_walk {
	bool is_known;              /* false: an answer is missing; nothing else counts then */
	struct gw_str organisation; /* a part of the domain */
	/* of the domain itself, of the organisation, of the public suffix above; which are there */
	bool has_own, has_organisation, has_suffix;
	struct dmarc_record own, org, suffix;
};
void dmarc_walk(struct gw_str domain, const struct dmarc_source *source, struct dmarc_walk *walk);

/* The policy for mail From the domain of the walk: DMARC_NO_POLICY where nobody published one.
 * `exists`: the domain has an A, AAAA or MX. `record`: the one that counts; NULL: none. */
enum dmarc_policy dmarc_policy(const struct dmarc_walk *walk, bool exists,
			       const struct dmarc_record **record);

/* Relaxed: of one organisation; strict: the same. Both walks are known. */
bool dmarc_aligned(const struct dmarc_walk *author, struct gw_str from,
		   const struct dmarc_walk *other, struct gw_str domain, bool strict);

#endif

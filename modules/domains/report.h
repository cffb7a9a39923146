/* report.h - what a look at the DNS gave: a verdict for each sender domain, relay and address, and
 * what is wrong. */
#ifndef DOMAINS_REPORT_H
#define DOMAINS_REPORT_H

#include "dmarc.h"
#include "plan.h"

#include "../common/spf.h"

enum dkim_result { DKIM_NONE, DKIM_PASS, DKIM_FAIL };
extern const char *const dkim_results[];

/* What a receiver will conclude of mail in the name of the sender. */
struct verdict {
	struct gw_str sender, relay, address, return_domain; /* the plan's, or empty */
	struct gw_str organisation;                          /* a part of the sender */
	enum mode mode;
	bool is_known;
	enum spf_result spf;
	bool spf_aligned, dkim_aligned, dmarc_pass, is_test;
	enum dkim_result dkim;
	enum dmarc_policy policy;
};

enum level { LEVEL_NOTE, LEVEL_WARNING, LEVEL_ERROR };
extern const char *const levels[];

struct finding {
	enum level level;
	struct gw_str sender, relay, address; /* the plan's; empty: it is about none of these */
	char *text, *fix;                     /* fix: "" where there is none to tell */
};

struct report {
	struct verdict *verdicts;
	struct finding *findings;
	size_t verdict_count, finding_count, verdict_room, finding_room;
	size_t errors, warnings;
	bool lost;   /* memory was out: it is not whole */
	bool untold; /* the DNS did not tell what may be an error */
};

void report_verdict(struct report *report, const struct verdict *verdict);

/* A finding of which `about` says the place; `fix` NULL: none to tell. */
void report_finding(struct report *report, enum level level, const struct finding *about,
		    const char *fix, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* "spf=fail dkim=none dmarc=fail (p=reject)" */
#define VERDICT_TEXT 120
void report_verdict_text(const struct verdict *verdict, char out[VERDICT_TEXT]);

/* Errors of the sender, and of what all senders use. */
size_t report_errors_of(const struct report *report, struct gw_str sender);

void report_clear(struct report *report);

#endif

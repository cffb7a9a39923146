/* rules.h - what a reply's words and codes mean: a table of rows, the first that fits decides.
 *
 * The fragment's rows come first; what none of them names is judged by its enhanced code, then by
 * its basic code. The text has to be scrubbed of what the mail itself put there (scrub.h). It is
 * passed over once, and once more for each word that it may have. */
#ifndef BOUNCE_RULES_H
#define BOUNCE_RULES_H

#include "taxonomy.h"
#include "words.h"

#include <gateway/module.h>

/* An empty list fits everything. */
struct rule {
	int64_t reason;
	struct gw_list codes, status, words;
};

extern const struct gw_option rule_options[];

#define RULE_SIZE 80

struct verdict {
	enum reason reason;
	bool by_words;        /* a row with words decided */
	char rule[RULE_SIZE]; /* "text:user unknown", "status:5.1.1", "code:552", "none" */
};

/* What stands in a reply. The text is scrubbed; code 0, status "": there is none. */
struct reply {
	struct gw_str text;
	int code;
	const char *status;
};

struct verdict rules_judge(const struct gw_groups *rules, const struct reply *reply);

/* Codes and status that are no pattern, rows that fit everything: problems. False: there were some.
 */
bool rules_check(struct gw_call *call, const struct gw_groups *rules);

#endif

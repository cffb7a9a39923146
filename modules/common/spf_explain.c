/* spf_explain.c - the words of a domain about a fail: RFC 7208 section 6.2. Whatever is wrong with
 * them, the result stands and there are no words. */
#include "spf_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void spf_fail(struct spf *spf)
{
	if (spf->lists || spf_top(spf)->record.explanation.len == 0) {
		spf_end(spf, SPF_FAIL, NULL);
		return;
	}
	spf->result = SPF_FAIL;
	spf->explains = true;
}

static void ask(struct spf *spf)
{
	char name[GW_DOMAIN_MAX + 1];

	if (spf_expand(spf, spf_top(spf)->record.explanation, name))
		spf_ask(spf, STAGE_EXPLANATION, GW_DNS_TXT, name);
}

void spf_explain(struct spf *spf)
{
	struct gw_str words = gw_str(spf->words ? spf->words : "");
	struct spf_values values;
	char now[24];

	if (!spf->words) {
		ask(spf);
		return;
	}
	if (!spf_values(spf, words, &values))
		return;
	snprintf(now, sizeof now, "%lld", (long long)time(NULL));
	values.time = gw_str(now);
	if (!spf_macro_explain(words, &values, spf->explanation))
		spf->explanation[0] = '\0';
	spf_end(spf, SPF_FAIL, NULL);
}

void spf_explain_answer(struct spf *spf, const struct gw_dns_answer *answer)
{
	struct gw_str text = answer->records.count == 1 ? answer->records.items[0] : gw_str("");

	if (answer->status == GW_DNS_FOUND && spf_is_printed(text) && !spf_macro_flaw(text, false))
		spf->words = strndup(text.ptr, text.len);
	if (!spf->words)
		spf_end(spf, SPF_FAIL, NULL);
}

#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *const dkim_results[] = { "none", "pass", "fail" };
const char *const levels[] = { "note", "warning", "ERROR" };

/* Room for one more; false: no memory. */
static bool grow(void **list, size_t count, size_t *room, size_t size)
{
	size_t wanted = *room ? *room * 2 : 16;
	void *grown;

	if (count < *room)
		return true;
	grown = realloc(*list, wanted * size);
	if (!grown)
		return false;
	*list = grown;
	*room = wanted;
	return true;
}

void report_verdict(struct report *report, const struct verdict *verdict)
{
	if (grow((void **)&report->verdicts, report->verdict_count, &report->verdict_room,
		 sizeof *report->verdicts))
		report->verdicts[report->verdict_count++] = *verdict;
	else
		report->lost = true;
}

void report_finding(struct report *report, enum level level, const struct finding *about,
		    const char *fix, const char *format, ...)
{
	struct finding finding = *about;
	va_list args;
	bool whole;

	finding.level = level;
	va_start(args, format);
	whole = vasprintf(&finding.text, format, args) >= 0;
	va_end(args);
	if (!whole)
		finding.text = NULL;
	finding.fix = strdup(fix ? fix : "");
	if (!finding.text || !finding.fix ||
	    !grow((void **)&report->findings, report->finding_count, &report->finding_room,
		  sizeof *report->findings)) {
		free(finding.text);
		free(finding.fix);
		report->lost = true;
		return;
	}
	report->findings[report->finding_count++] = finding;
	report->errors += level == LEVEL_ERROR;
	report->warnings += level == LEVEL_WARNING;
}

void report_verdict_text(const struct verdict *verdict, char out[VERDICT_TEXT])
{
	if (!verdict->is_known) {
		snprintf(out, VERDICT_TEXT, "not known");
		return;
	}
	snprintf(out, VERDICT_TEXT, "spf=%s%s dkim=%s%s dmarc=%s (%s%s%s)",
		 spf_results[verdict->spf],
		 verdict->spf == SPF_PASS && !verdict->spf_aligned ? " (not aligned)" : "",
		 dkim_results[verdict->dkim],
		 verdict->dkim == DKIM_PASS && !verdict->dkim_aligned ? " (not aligned)" : "",
		 verdict->policy == DMARC_NO_POLICY ? "none"
		 : verdict->dmarc_pass              ? "pass"
						    : "fail",
		 verdict->policy == DMARC_NO_POLICY ? "" : "p=", dmarc_policies[verdict->policy],
		 verdict->is_test ? ", in test" : "");
}

size_t report_errors_of(const struct report *report, struct gw_str sender)
{
	size_t i, count = 0;

	for (i = 0; i < report->finding_count; i++) {
		const struct finding *finding = &report->findings[i];

		count += finding->level == LEVEL_ERROR &&
			 (finding->sender.len == 0 || gw_str_ieq(finding->sender, sender));
	}
	return count;
}

void report_clear(struct report *report)
{
	size_t i;

	for (i = 0; i < report->finding_count; i++) {
		free(report->findings[i].text);
		free(report->findings[i].fix);
	}
	free(report->findings);
	free(report->verdicts);
	*report = (struct report){ 0 };
}

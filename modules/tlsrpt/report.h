/* report.h - a report as it goes out: its JSON, packed, and the mail around that (RFC 8460 sections
 * 4 and 5). */
#ifndef TLSRPT_REPORT_H
#define TLSRPT_REPORT_H

#include "conf.h"
#include "record.h"
#include "tally.h"

struct report {
	int64_t begin, end; /* ms */
	struct gw_str domain;
	char *packed; /* gzip */
	size_t size;
};

/* False: no memory. */
bool report_make(struct report *report, const struct tlsrpt_conf *conf, const struct tally *tally);
void report_finish(struct report *report);

/* Gives it to the gateway to be sent; false: it did not take it. */
bool report_mail(struct gw_call *call, const struct report *report, const struct record *record);

#endif

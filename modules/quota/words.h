/* words.h - limits in sentences. */
#ifndef QUOTA_WORDS_H
#define QUOTA_WORDS_H

#include "ledger.h"

#define WORDS_MAX 512

/* "00:00 Europe/Berlin", and the day before it where it is not today: "2026-11-29 23:50 UTC" */
void words_time(const struct gw_call *call, struct limit *limit, int64_t when,
		char text[WORDS_MAX]);
/* "2000/2000 until 00:00 Europe/Berlin" */
void words_full(const struct gw_call *call, const struct applied *applied, const struct view *view,
		char text[WORDS_MAX]);
/* "relay mass-eu", "limit crm-day", "limit each, client crm" */
void words_scope(const struct applied *applied, char text[WORDS_MAX]);
/* "client crm", "mass mail of client crm", "mass mail", "all mail" */
void words_whose(const struct applied *applied, char text[WORDS_MAX]);

#endif

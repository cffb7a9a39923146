/* text.h - words for people and for programs. */
#ifndef FAILOVER_TEXT_H
#define FAILOVER_TEXT_H

#include <gateway/module.h>

#include <stdio.h>

/* Copies what fits: whole characters, control characters but '\n' as '?'. */
void text_keep(char *out, size_t size, struct gw_str text);

void text_swap(char *text, char from, char to);

/* "2026-11-23 14:02:11 UTC" */
#define TEXT_TIME 32
const char *text_time(int64_t ms, char out[TEXT_TIME]);

/* When a closure ends: "00:00 Europe/Berlin" where it is the begin of a day of that zone, else as
 * text_time(). */
#define TEXT_UNTIL 96
const char *text_until(const struct gw_call *call, struct gw_str zone, int64_t until,
		       char out[TEXT_UNTIL]);

#endif

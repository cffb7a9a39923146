/* clock.h - the two clocks, in milliseconds, and their text. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <gateway/str.h>

int64_t clock_wall(void);         /* since 1970 UTC; may jump */
int64_t clock_monotonic(void);    /* since some start; never jumps */
int64_t clock_monotonic_us(void); /* the same in microseconds */

/* RFC 5322 date-time in UTC: "Mon, 23 Nov 2026 17:40:12 +0000". */
#define CLOCK_RFC5322 32
char *clock_rfc5322(int64_t wall_ms, char text[CLOCK_RFC5322]);

/* RFC 3339 in UTC with milliseconds: "2026-11-23T17:40:12.345Z". */
#define CLOCK_RFC3339 25
char *clock_rfc3339(int64_t wall_ms, char text[CLOCK_RFC3339]);

/* The time of an RFC 3339 text as above, or -1. */
int64_t clock_parse_rfc3339(struct gw_str text);

#endif

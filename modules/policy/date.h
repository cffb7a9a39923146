/* date.h - a Date field's value, RFC 5322 section 3.3 with the obsolete forms of 4.3. */
#ifndef POLICY_DATE_H
#define POLICY_DATE_H

#include <gateway/str.h>

#include <stdbool.h>
#include <stdint.h>

/* Whether it is a date that exists: "Sat, 28 Nov 2026 19:10:28 +0100 (CET)". A weekday has to be
 * one, but need not be the right one. */
bool date_is_right(struct gw_str value);

/* "Sat, 28 Nov 2026 18:10:28 +0000" of ms since 1970 UTC; `out` has DATE_SIZE octets. */
#define DATE_SIZE 40
void date_write(char *out, int64_t ms);

#endif

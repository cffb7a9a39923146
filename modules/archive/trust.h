/* trust.h - whether what time it is may decide over mail. A machine that boots with a clock that is
 * wrong (2099, and no NTP yet) would let everything go whose time is not over.
 *
 * What is believed goes on: FOLDER/clock has the latest time that was believed. A clock that is
 * more than a day beyond that, and what has passed since this process looked, waits for a sign: the
 * kernel's, that somebody keeps it in time; the bucket's date; the admin's word. */
#ifndef ARCHIVE_TRUST_H
#define ARCHIVE_TRUST_H

#include <stdbool.h>
#include <stdint.h>

#define TRUST_MS INT64_C(86400000)

struct trust {
	int64_t believed; /* ms; 0: nothing was yet */
	int64_t up;       /* of then, ms since the machine started; of this process */
	int64_t saved;    /* what the file has */
};

/* Of an archive that has no such file: `known`, the time of its newest mail; 0: it has none. */
void trust_read(struct trust *trust, const char *folder, int64_t known, int64_t up);
/* Whether `now` is believed; if so, it is the latest. `sign`: somebody else says so. */
bool trust_look(struct trust *trust, const char *folder, int64_t now, int64_t up, bool sign);

/* The kernel's word: its clock is kept in time by NTP, or what does the same. */
bool trust_clock_is_kept(void);

#endif

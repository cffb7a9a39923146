/* failover.h - what the fragment says, and what it says about each relay. */
#ifndef FAILOVER_FAILOVER_H
#define FAILOVER_FAILOVER_H

#include <gateway/module.h>

struct book;

/* The module's own group. */
struct config {
	struct gw_groups replies; /* struct reply_row */
	struct gw_list warn_to;
	struct gw_str warn_from;
};

enum mode { MODE_TOTAL, MODE_CONSECUTIVE };
enum unknown { UNKNOWN_RETRY, UNKNOWN_HOLD, UNKNOWN_FALLBACK };

/* What the module adds to every relay. What follows the options is filled by start(). */
struct rules {
	int64_t failures; /* 0: never suspended */
	int64_t mode;     /* enum mode */
	struct gw_str within, suspend;
	int64_t unknown; /* enum unknown */
	int64_t unknown_tries;
	struct gw_str apart;
	int64_t within_ms, suspend_ms; /* 0: the relay's day */
	int64_t apart_ms;
	/* suspended for longer each time, and tried over one connection then */
	bool backoff;
	struct book *book;
};

/* Reads "day" or "0" (give 0) or "90s", "5m", "4h", "2d". -1: it is none of them. */
int period_parse(struct gw_str text, int64_t *ms);

/* The relay's day; the last 24 hours where its zone is not known. */
void relay_day(const struct gw_call *call, const struct gw_relay *relay, int64_t when,
	       struct gw_day *day);

/* host = "mx": many hosts of many domains under one name. */
bool relay_is_mx(const struct gw_relay *relay);

#endif

/* policy.h - what becomes of a message by what was found: the options, and the rules by type and
 * client. */
#ifndef ANTIVIRUS_POLICY_H
#define ANTIVIRUS_POLICY_H

#include "finding.h"

#include <gateway/module.h>

enum act { ACT_PASS, ACT_TEMPFAIL, ACT_REJECT, ACT_HOLD };

struct conf {
	struct gw_list clamd;
	int64_t connections, queue, timeout, check, max_size, cache, cache_time;
	int64_t infected, on_error, oversize, encrypted;
	struct gw_groups rules;
};

extern const struct gw_option antivirus_options[];

/* Whether mail of this type and client is scanned. */
bool policy_scans(const struct conf *conf, const struct gw_message *message);

/* What to do where that was found; clean passes. */
enum act policy_act(const struct conf *conf, const struct gw_message *message, enum scan scan);

/* The option that decides it: "on_error". */
const char *policy_option(enum scan scan);

#endif

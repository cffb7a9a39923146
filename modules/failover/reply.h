/* reply.h - what a next hop's reply means: a table of replies, the first row that fits decides.
 *
 * The fragment's rows come first; behind them are built-in rows, of which one fits every reply. The
 * text has to be scrubbed of what the message put there (scrub.h). */
#ifndef FAILOVER_REPLY_H
#define FAILOVER_REPLY_H

#include <gateway/module.h>

enum action { ACTION_NONE, ACTION_THROTTLE, ACTION_LIMIT, ACTION_SUSPEND };

/* In the order of enum gw_fault, from RELAY on. */
#define REPLY_FAULTS "relay|account|recipient|message"
#define REPLY_ACTIONS "none|throttle|limit|suspend" /* in the order of enum action */

/* An empty list fits everything. */
struct reply_row {
	struct gw_str class;
	struct gw_list stages, codes, status, words;
	int64_t fault;
	bool counts;
	int64_t action;
	struct gw_str hint;
};

extern const struct gw_option reply_options[];

struct reply {
	int code; /* 0: there was none */
	struct gw_str stage, text;
	char status[16];     /* "5.7.8"; "": none */
	enum gw_fault fault; /* the gateway's own view */
};

struct verdict {
	struct gw_str class, hint;
	enum gw_fault fault;
	bool counts;
	enum action action;
	size_t row; /* of the fragment's table, from 1; 0: a built-in one */
};

/* Of a result as it is told, or with the status still in front of the text. */
void reply_of(struct reply *reply, const struct gw_result *result);
void reply_status_from_text(struct reply *reply);

struct verdict reply_judge(const struct reply *reply, const struct gw_groups *rows);

/* Stages that are none, codes and status that are no pattern: problems. False: there were some. */
bool replies_check(struct gw_call *call, const struct gw_groups *rows);

bool reply_is_stage(struct gw_str word);
const char *fault_name(enum gw_fault fault);
const char *action_name(enum action action);

#endif

/* ledger.h - what is known of each client: in the gateway's store, so that it outlives the process.
 */
#ifndef STRIKES_LEDGER_H
#define STRIKES_LEDGER_H

#include "strikes.h"

#define STAGE_MAX 16
#define WORDS_MAX 200

/* The last refusal. */
struct refusal {
	int64_t time; /* ms; 0: there was none */
	int code;     /* 0: the link was lost before an answer */
	char stage[STAGE_MAX];
	char words[WORDS_MAX];
};

struct account {
	int64_t messages, refused; /* today */
	int64_t seen;              /* the last mail, ms; 0: none */
	struct refusal last;
};

/* The day it is, in the configured zone. */
int64_t ledger_day(struct gw_call *call);

/* A refusal as it stands in a record. */
void refusal_write(const struct refusal *refusal, char *text, size_t size);
void refusal_read(const char *text, struct refusal *refusal);

/* Another message came in. */
void ledger_message(struct gw_call *call, struct gw_str client);

/* Another refusal; gives how many there are today, -1: the store failed. */
int64_t ledger_refusal(struct gw_call *call, struct gw_str client, const struct refusal *refusal);

void ledger_read(struct gw_call *call, struct gw_str client, struct account *account);

/* Was it ever seen? Then ledger_each() names it. */
bool ledger_knows(struct gw_call *call, struct gw_str client);

/* Calls `each` for all clients that were ever seen, by name. */
int ledger_each(struct gw_call *call, void (*each)(void *arg, struct gw_str client), void *arg);

#endif

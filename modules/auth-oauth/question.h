/* question.h - what is asked of end points, on a worker, and where the answers go. */
#ifndef OAUTH_QUESTION_H
#define OAUTH_QUESTION_H

#include "account.h"

struct question;

/* What an instance has on a worker: its questions under way. */
struct place {
	struct question *questions;
};

/* An instance: the account of each relay, in the order of the relays; NULL: it logs in otherwise.
 */
struct oauth {
	size_t count;
	struct account **accounts;
	char **secrets; /* of client_secret, read again: relay_conf() has them; or NULL */
};

/* In a tick: a client_secret whose file has changed is used from now on. */
void secret_look(struct gw_call *call, struct gw_relay *relay, struct account *account);

struct account *account_of(struct gw_call *call, const struct gw_relay *relay);

/* Begins a renewal: the account is ASKING, or why it cannot is written there. Under its lock; in
 * hooks that run on a worker. */
void renew(struct gw_call *call, struct gw_relay *relay, struct account *account);

/* Everything an account needs now: a renewal that is due, the next step of a login, a token taken
 * back, a write. In a tick. */
void account_go_on(struct gw_call *call, struct gw_relay *relay, struct account *account);

/* The hook `http`. */
void on_http(struct gw_call *call, const struct gw_http_answer *answer, void *arg);

/* Nobody will answer any more; in worker_stop. */
void questions_give_up(struct place *place);

#endif

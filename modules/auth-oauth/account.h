/* account.h - one relay's token in this process: what all workers, and the instances before and
 * after a reload, share behind one lock.
 *
 *     IDLE -> ASKING (a request is under way) -> WRITING (a new token goes to the disk) -> IDLE
 *
 * One of them asks at a time, whoever wants a token; the others wait. A new token is on the disk
 * before it is used, so that a refresh token that replaced another is never lost. */
#ifndef OAUTH_ACCOUNT_H
#define OAUTH_ACCOUNT_H

#include "answer.h"
#include "conf.h"
#include "flow.h"
#include "store.h"

#include <pthread.h>

enum busy { IDLE, ASKING, WRITING };

enum account_state {
	ACCOUNT_GOOD,
	ACCOUNT_TROUBLE,     /* the end point gives no token for now; `next_try` says when again */
	ACCOUNT_NEEDS_LOGIN, /* until somebody does something */
};

/* A login hook that waits for a token. */
struct waiter {
	struct waiter *next;
	gw_ticket ticket;
	struct gw_delivery *delivery;
	struct gw_relay *relay;
};

struct account {
	struct account *next;
	unsigned refs; /* instances and writers; under the registry's lock */

	pthread_mutex_t lock; /* of all that follows */
	char *name;           /* of the relay */
	struct store store;
	struct token token;  /* in use */
	uint64_t generation; /* of it; grows */
	bool refused;        /* the next hop did not take it */
	enum busy busy;
	pthread_t writer; /* of the last write, joined before the next and at the end */
	bool has_writer;
	const void *asker; /* ASKING: the question */
	enum account_state state;
	char error[ANSWER_TEXT];   /* of a state that is not good */
	int64_t renewed, next_try; /* ms; next_try 0: at any time */
	int64_t back_off;
	int64_t ahead;    /* the server's clock before ours, ms */
	bool by_clock;    /* what was asked has the time in it */
	bool clock_tried; /* once more with `ahead` */
	bool look;        /* tried at once, whatever next_try says: the configuration is new */
	bool unsaved;     /* the disk did not take the token; again at next_write */
	int64_t next_write;
	const char *disk; /* what it said; NULL: all is well */
	unsigned epoch;   /* grows with a logout: what is being written then is of yesterday */
	struct waiter *waiters;
	char *revoke; /* a token to be taken back; NULL: none */
	struct flow flow;
	/* what is told: of the state above (enum account_state), and until when */
	enum account_state told;
	int64_t told_until;
	bool was_logged_in; /* there was a token once: a warning is worth a mail */
};

/* The account of that relay, held; made, and its file read, where nobody has it. NULL: no memory.
 * Main thread. */
struct account *account_hold(const struct oauth_conf *conf, struct gw_str relay);
/* The last one waits for what is being written. Main thread. */
void account_release(struct account *account);

void account_lock(struct account *account);
void account_unlock(struct account *account);

/* --- under its lock --- */

/* There is a token that can be used now. */
bool account_usable(const struct account *account, int64_t now);

/* Somebody should ask for one. */
bool account_due(const struct account *account, const struct oauth_conf *conf, int64_t now);

void account_wait(struct account *account, struct waiter *waiter);
/* What they waited for is known; on any thread. */
void account_wake(struct account *account);

/* The end point's answer for a renewal or a login, IDLE again or WRITING. `answer` keeps its
 * token's memory no longer. */
void account_take(struct account *account, struct answer *answer, int64_t now);

/* It cannot get a token, and asking again does not help. */
void account_needs_login(struct account *account, const char *why, int64_t now);

/* Forgets the token, here and on the disk. NULL, or what the disk said. */
const char *account_log_out(struct account *account, int64_t now);

/* Writes what the disk did not take, or what is sealed otherwise by now. */
void account_save(struct account *account, const struct oauth_conf *conf, int64_t now);

#endif

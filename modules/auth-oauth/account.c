#include "account.h"

#include <stdio.h>
#include <stdlib.h>

#define BACK_OFF_FIRST 60000
#define BACK_OFF_MOST 3600000
#define ASKED_LEAST 60000  /* between two requests for a token that came */
#define LOOK_AGAIN 3600000 /* a login may have been mended at the provider's side */
#define SAVE_AGAIN 60000

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t written = PTHREAD_COND_INITIALIZER;
static struct account *accounts;

void account_lock(struct account *account)
{
	pthread_mutex_lock(&account->lock);
}

void account_unlock(struct account *account)
{
	pthread_mutex_unlock(&account->lock);
}

/* --- who has it --- */

static void say(struct account *account, const char *text)
{
	snprintf(account->error, sizeof account->error, "%s", text);
}

static void set_seal(struct store *store, const struct oauth_conf *conf)
{
	store->sealed = conf->seal.len && seal_key(conf->seal, store->key);
}

/* What cannot be read is not overwritten but by a login. */
static void read_token(struct account *account)
{
	const char *why = store_read(&account->store, &account->token);

	account->was_logged_in = why || account->token.access || account->token.refresh;
	account->generation = account->token.access ? 1 : 0;
	if (!why)
		return;
	account->state = ACCOUNT_NEEDS_LOGIN;
	snprintf(account->error, sizeof account->error, "%s: %s", account->store.path, why);
}

/* Of a write that is over: its thread runs none of this module's code any more, which may be about
 * to be unloaded. */
static void writer_join(struct account *account)
{
	if (account->has_writer)
		pthread_join(account->writer, NULL);
	account->has_writer = false;
}

static void account_destroy(struct account *account)
{
	if (!account)
		return;
	writer_join(account);
	account_wake(account);
	token_finish(&account->token);
	flow_finish(&account->flow);
	wipe_free(account->revoke);
	store_finish(&account->store);
	pthread_mutex_destroy(&account->lock);
	free(account->name);
	free(account);
}

static struct account *account_create(const struct oauth_conf *conf, struct gw_str relay)
{
	struct account *account = calloc(1, sizeof *account);

	if (!account)
		return NULL;
	pthread_mutex_init(&account->lock, NULL);
	flow_init(&account->flow);
	account->name = strndup(relay.ptr, relay.len);
	if (!account->name || !store_init(&account->store, conf->folder, relay)) {
		account_destroy(account);
		return NULL;
	}
	set_seal(&account->store, conf);
	read_token(account);
	return account;
}

static struct account *find(const struct store *like)
{
	struct account *account = accounts;

	while (account && strcmp(account->store.path, like->path) != 0)
		account = account->next;
	return account;
}

struct account *account_hold(const struct oauth_conf *conf, struct gw_str relay)
{
	struct store like = { 0 };
	struct account *account;

	if (!store_init(&like, conf->folder, relay))
		return NULL;
	pthread_mutex_lock(&registry_lock);
	account = find(&like);
	if (!account && (account = account_create(conf, relay)) != NULL) {
		account->next = accounts;
		accounts = account;
	}
	if (account)
		account->refs++;
	pthread_mutex_unlock(&registry_lock);
	store_finish(&like);
	return account;
}

static void unlist(struct account *account)
{
	struct account **at = &accounts;

	while (*at != account)
		at = &(*at)->next;
	*at = account->next;
}

void account_release(struct account *account)
{
	bool last;

	if (!account)
		return;
	pthread_mutex_lock(&registry_lock);
	account_lock(account);
	while (account->refs == 1 && account->busy == WRITING) {
		account_unlock(account);
		pthread_cond_wait(&written, &registry_lock);
		account_lock(account);
	}
	account_unlock(account);
	last = --account->refs == 0;
	if (last)
		unlist(account);
	pthread_mutex_unlock(&registry_lock);
	if (last)
		account_destroy(account);
}

/* --- what it has --- */

bool account_usable(const struct account *account, int64_t now)
{
	return account->token.access && !account->refused && account->token.expires > now &&
	       account->state != ACCOUNT_NEEDS_LOGIN;
}

static int64_t life_of(const struct token *token)
{
	return token->expires > token->got ? token->expires - token->got : 0;
}

bool account_due(const struct account *account, const struct oauth_conf *conf, int64_t now)
{
	int64_t margin = life_of(&account->token) / 2;

	if (account->busy != IDLE)
		return false;
	if (account->look)
		return true;
	if (now < account->next_try && now >= account->renewed) /* else the clock went back */
		return false;
	if (account->state == ACCOUNT_NEEDS_LOGIN)
		return account->next_try != 0;
	if (margin > conf->margin)
		margin = conf->margin;
	return !account->token.access || account->refused ||
	       now >= account->token.expires - margin || now < account->token.got;
}

/* --- who waits --- */

void account_wait(struct account *account, struct waiter *waiter)
{
	waiter->next = account->waiters;
	account->waiters = waiter;
}

void account_wake(struct account *account)
{
	struct waiter *waiter;

	while ((waiter = account->waiters) != NULL) {
		account->waiters = waiter->next;
		if (gw->wake(waiter->ticket) != 0)
			free(waiter); /* too late: nobody else has it */
	}
}

/* --- to the disk: by a thread that lives for one write --- */

struct write {
	struct account *account;
	struct store store; /* as it was then */
	struct token token;
	unsigned epoch;
};

/* A token that the disk did not take is used all the same: what is lost with the process is lost
 * either way. */
static void publish(struct account *account, struct write *write, const char *why)
{
	account->disk = why;
	account->busy = IDLE;
	if (account->epoch != write->epoch)
		return;
	account->unsaved = why != NULL;
	account->generation++;
	account->refused = false;
	token_take(&account->token, &write->token);
}

static void *write_thread(void *arg)
{
	struct write *write = arg;
	struct account *account = write->account;
	const char *why = store_write(&write->store, &write->token);

	pthread_mutex_lock(&registry_lock);
	account_lock(account);
	if (account->epoch != write->epoch)
		store_remove(&write->store);
	publish(account, write, why);
	account_wake(account);
	account_unlock(account);
	pthread_cond_broadcast(&written);
	pthread_mutex_unlock(&registry_lock);
	token_finish(&write->token);
	explicit_bzero(write, sizeof *write);
	free(write);
	return NULL;
}

/* The account outlives the thread: account_release() waits while it is WRITING. The store's path is
 * the account's. */
static void begin_write(struct account *account, struct token *token)
{
	struct write *write = calloc(1, sizeof *write), spare;

	spare = (struct write){ account, account->store, *token, account->epoch };
	*token = (struct token){ 0 };
	writer_join(account);
	account->busy = WRITING;
	if (write) {
		*write = spare;
		account->has_writer = pthread_create(&account->writer, NULL, write_thread, write) ==
				      0;
	}
	if (account->has_writer)
		return;
	free(write);
	publish(account, &spare, "no memory or thread to write it");
	token_finish(&spare.token);
	account_wake(account);
}

/* --- what an end point said --- */

static void keep_refresh(struct token *token, const struct token *before)
{
	if (!token->refresh && before->refresh)
		token->refresh = strdup(before->refresh);
}

static void take_token(struct account *account, struct token *token, int64_t now)
{
	int64_t pause = life_of(token) / 2;

	account->state = ACCOUNT_GOOD;
	account->error[0] = '\0';
	account->back_off = 0;
	account->clock_tried = false;
	account->was_logged_in = true;
	account->renewed = now;
	account->next_try = now + (pause < ASKED_LEAST ? pause : ASKED_LEAST);
	keep_refresh(token, &account->token);
	begin_write(account, token);
}

static void take_trouble(struct account *account, const struct answer *answer, int64_t now)
{
	int64_t wait = account->back_off ? 2 * account->back_off : BACK_OFF_FIRST;

	account->back_off = wait < BACK_OFF_MOST ? wait : BACK_OFF_MOST;
	if (wait < answer->retry_after)
		wait = answer->retry_after;
	account->next_try = now + (wait < BACK_OFF_MOST ? wait : BACK_OFF_MOST);
	if (account->state != ACCOUNT_NEEDS_LOGIN)
		account->state = ACCOUNT_TROUBLE;
	say(account, answer->text);
}

void account_needs_login(struct account *account, const char *why, int64_t now)
{
	account->state = ACCOUNT_NEEDS_LOGIN;
	account->next_try = now + LOOK_AGAIN;
	say(account, why);
	account->busy = IDLE;
	account_wake(account);
}

/* The signature's time was wrong by the server's clock, which its answer tells: once more by that.
 */
static bool wants_other_clock(const struct account *account, const struct answer *answer)
{
	int64_t off = answer->ahead > account->ahead ? answer->ahead - account->ahead
						     : account->ahead - answer->ahead;

	return account->by_clock && !account->clock_tried && off > 30000;
}

void account_take(struct account *account, struct answer *answer, int64_t now)
{
	account->busy = IDLE;
	account->asker = NULL;
	account->look = false;
	if (answer->kind == ANSWER_TOKEN) {
		take_token(account, &answer->token, now);
		return;
	}
	if (answer->kind == ANSWER_NO && wants_other_clock(account, answer)) {
		account->clock_tried = true;
		account->ahead = answer->ahead;
		account->look = true;
		return; /* who waits waits on */
	}
	if (answer->kind == ANSWER_NO)
		account_needs_login(account, answer->text, now);
	else
		take_trouble(account, answer, now);
	account_wake(account);
}

const char *account_log_out(struct account *account, int64_t now)
{
	account->epoch++;
	if (account->busy == ASKING) { /* the answer is nobody's */
		account->busy = IDLE;
		account->asker = NULL;
	}
	account_wake(account);
	wipe_free(account->revoke);
	account->revoke = account->token.refresh ? account->token.refresh : account->token.access;
	if (account->revoke == account->token.refresh)
		account->token.refresh = NULL;
	else
		account->token.access = NULL;
	token_finish(&account->token);
	account->state = ACCOUNT_NEEDS_LOGIN;
	account->next_try = 0;
	account->was_logged_in = false;
	account->unsaved = false;
	say(account, "logged out by an admin");
	return store_remove(&account->store);
}

void account_save(struct account *account, const struct oauth_conf *conf, int64_t now)
{
	struct store like = account->store;
	struct token copy;

	set_seal(&like, conf);
	if (like.sealed != account->store.sealed ||
	    (like.sealed && memcmp(like.key, account->store.key, SEAL_KEY) != 0)) {
		account->store.sealed = like.sealed;
		memcpy(account->store.key, like.key, SEAL_KEY);
		account->unsaved = account->token.access || account->token.refresh;
		account->next_write = 0;
	}
	explicit_bzero(&like, sizeof like);
	if (!account->unsaved || account->busy != IDLE || now < account->next_write ||
	    !token_copy(&copy, &account->token))
		return;
	account->next_write = now + SAVE_AGAIN;
	begin_write(account, &copy);
}

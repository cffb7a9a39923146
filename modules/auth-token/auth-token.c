/* auth-token.c - clients that log in with an OAuth token (OAUTHBEARER, XOAUTH2), which is checked
 * here with its issuer's keys, or by asking the issuer. README.md tells how it is set up. */
#include "../common/due.h"
#include "check.h"
#include "introspection.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define ASKED_APART 60000 /* ms between two looks for a key that is not known */
#define TRIED_AGAIN 10000 /* after an answer that was none */
#define GRACE 5000        /* that a login waits longer than the keys may take */

/* A login that waits for keys. */
struct waiter {
	struct waiter *next;
	gw_ticket ticket;
	struct check *check;
};

/* An instance, for all workers. */
struct issuer {
	struct introspection *introspection; /* NULL: tokens are checked with keys */
	pthread_mutex_t lock;
	struct keys *keys;
	bool asking;
	const void *asker;              /* the worker's data of the one that asked */
	int64_t next_ask, next_refresh; /* ms */
	char error[200];
	struct waiter *waiters;
};

/* --- the keys --- */

static void wake_all(struct issuer *issuer)
{
	struct waiter *waiter;

	while ((waiter = issuer->waiters) != NULL) {
		issuer->waiters = waiter->next;
		if (gw->wake(waiter->ticket) == 0)
			continue;
		check_free(waiter->check); /* too late: nobody else has it */
		free(waiter);
	}
}

/* Under the lock. False: not now. */
static bool ask(struct gw_call *call, struct issuer *issuer)
{
	static const struct gw_str headers[] = { GW_STR("Accept: application/json") };
	const struct token_conf *conf = gw->conf(call);
	struct gw_http_request request = { .size = sizeof request,
					   .url = conf->keys_url,
					   .headers = { headers, 1 },
					   .ca_file = conf->ca_file,
					   .deadline_ms = (uint32_t)conf->timeout,
					   .answer_max = KEYS_TEXT_MOST };

	if (issuer->asking)
		return true;
	if (!is_due(issuer->next_ask, gw->now(call), ASKED_APART) ||
	    !gw->http_request(call, &request, issuer))
		return false;
	gw->count(call, "requests", 1);
	issuer->asker = gw->worker_data(call);
	return issuer->asking = true;
}

static void take_keys(struct gw_call *call, struct issuer *issuer, struct keys *keys,
		      const char *why)
{
	const struct token_conf *conf = gw->conf(call);
	int64_t now = gw->now(call);

	issuer->asking = false;
	issuer->next_ask = now + (keys ? ASKED_APART : TRIED_AGAIN);
	issuer->next_refresh = now + (keys           ? conf->refresh
				      : issuer->keys ? ASKED_APART
						     : TRIED_AGAIN);
	snprintf(issuer->error, sizeof issuer->error, "%s", keys ? "" : why);
	if (!keys)
		return; /* those that are there stay */
	keys_release(issuer->keys);
	issuer->keys = keys;
}

static void keys_answered(struct gw_call *call, struct issuer *issuer,
			  const struct gw_http_answer *answer)
{
	const char *why = answer->status ? "the answer is none" : answer->error.ptr;
	struct keys *keys = answer->status == 200 ? keys_read(answer->body, &why) : NULL;
	size_t count = keys ? keys->count : 0;

	pthread_mutex_lock(&issuer->lock);
	take_keys(call, issuer, keys, why);
	wake_all(issuer);
	pthread_mutex_unlock(&issuer->lock);
	if (count)
		gw->log(call, GW_LOG_DEBUG, "%zu keys", count);
	else
		gw->log(call, GW_LOG_WARNING, "no keys from the issuer (%d): %s", answer->status,
			why);
}

static void on_http(struct gw_call *call, const struct gw_http_answer *answer, void *arg)
{
	struct issuer *issuer = gw->instance_data(call);

	if (issuer->introspection)
		introspection_answered(call, issuer->introspection, answer, arg);
	else
		keys_answered(call, issuer, answer);
}

static void on_tick(struct gw_call *call)
{
	struct issuer *issuer = gw->instance_data(call);
	const struct token_conf *conf = gw->conf(call);
	int64_t most = conf->refresh > ASKED_APART ? conf->refresh : ASKED_APART;

	if (issuer->introspection) {
		introspection_look(call, issuer->introspection);
		return;
	}
	pthread_mutex_lock(&issuer->lock);
	if (is_due(issuer->next_refresh, gw->now(call), most))
		ask(call, issuer);
	pthread_mutex_unlock(&issuer->lock);
}

/* --- a login --- */

static enum gw_verdict check_begin(struct gw_call *call, struct check *check);

static enum gw_verdict answer(struct gw_call *call, struct check *check)
{
	enum gw_verdict verdict = finding_answer(call, check->conf, &check->finding,
						 gw_str(check->user));

	check_free(check);
	return verdict;
}

static enum gw_verdict put_off(struct gw_call *call, struct check *check)
{
	gw->reason(call, "there are no keys to check tokens with");
	check_free(check);
	return GW_TEMPFAIL;
}

static enum gw_verdict keys_came(struct gw_call *call, void *arg)
{
	struct waiter *waiter = arg;
	struct check *check = waiter->check;

	free(waiter);
	return check_begin(call, check);
}

/* Under the lock, so that nobody is woken before he stands in the list. */
static enum gw_verdict wait_for_keys(struct gw_call *call, struct issuer *issuer,
				     struct check *check)
{
	struct gw_async async = { .resumed = keys_came,
				  .deadline_ms = (uint32_t)check->conf->timeout + GRACE };
	struct waiter *waiter = calloc(1, sizeof *waiter);
	enum gw_verdict verdict = GW_FAILED;

	if (waiter)
		verdict = gw->hold(call, &async, waiter, &waiter->ticket);
	if (verdict != GW_PENDING) {
		free(waiter);
		check_free(check);
		return GW_TEMPFAIL;
	}
	waiter->check = check;
	waiter->next = issuer->waiters;
	issuer->waiters = waiter;
	return verdict;
}

/* An issuer changes its keys, and signs with the new one before we have it: looked for once for a
 * login, and once a minute for all. */
static enum gw_verdict look_for_key(struct gw_call *call, struct check *check)
{
	struct issuer *issuer = gw->instance_data(call);
	enum gw_verdict verdict = GW_REJECT;
	bool asked;

	keys_release(check->keys);
	check->keys = NULL;
	pthread_mutex_lock(&issuer->lock);
	asked = !check->looked && ask(call, issuer);
	check->looked = true;
	if (asked)
		verdict = wait_for_keys(call, issuer, check);
	pthread_mutex_unlock(&issuer->lock);
	return asked ? verdict : answer(call, check);
}

static enum gw_verdict checked(struct gw_call *call, void *arg)
{
	struct check *check = arg;

	return check->finding.verdict == CHECK_UNKNOWN ? look_for_key(call, check)
						       : answer(call, check);
}

static enum gw_verdict check_begin(struct gw_call *call, struct check *check)
{
	static const struct gw_async async = { .resumed = checked, .dropped = check_free };
	struct issuer *issuer = gw->instance_data(call);
	enum gw_verdict verdict = GW_PENDING;

	pthread_mutex_lock(&issuer->lock);
	check->keys = keys_hold(issuer->keys);
	if (!check->keys && !check->looked && ask(call, issuer)) {
		check->looked = true;
		verdict = wait_for_keys(call, issuer, check);
		pthread_mutex_unlock(&issuer->lock);
		return verdict;
	}
	pthread_mutex_unlock(&issuer->lock);
	if (!check->keys)
		return put_off(call, check);
	check->now = gw->now(call);
	verdict = gw->offload(call, &async, check_run, check);
	if (verdict == GW_PENDING)
		return verdict;
	check_free(check);
	return GW_TEMPFAIL;
}

static enum gw_verdict on_auth(struct gw_call *call, struct gw_session *session,
			       const struct gw_login *login)
{
	struct issuer *issuer = gw->instance_data(call);
	struct check *check;

	if (!gw_str_ieq(login->mechanism, gw_str("OAUTHBEARER")) &&
	    !gw_str_ieq(login->mechanism, gw_str("XOAUTH2")))
		return GW_CONTINUE;
	if (login->acting_as.len || login->secret.len > TOKEN_MOST)
		return GW_REJECT;
	if (issuer->introspection)
		return introspection_login(call, issuer->introspection, login);
	check = check_create(gw->conf(call), login);
	return check ? check_begin(call, check) : GW_TEMPFAIL;
}

static enum gw_verdict on_ehlo(struct gw_call *call, struct gw_session *session)
{
	gw->mechanism(call, "OAUTHBEARER", true);
	gw->mechanism(call, "XOAUTH2", true);
	return GW_CONTINUE;
}

/* --- start and stop --- */

static int on_start(struct gw_call *call)
{
	const struct token_conf *conf = gw->conf(call);
	struct issuer *issuer = token_conf_check(call) ? calloc(1, sizeof *issuer) : NULL;

	if (!issuer)
		return -1;
	pthread_mutex_init(&issuer->lock, NULL);
	if (conf->introspection_url.len && !(issuer->introspection = introspection_create())) {
		free(issuer);
		return -1;
	}
	gw->instance_data_set(call, issuer);
	return 0;
}

static void on_stop(struct gw_call *call)
{
	struct issuer *issuer = gw->instance_data(call);

	if (issuer->introspection)
		introspection_destroy(issuer->introspection);
	wake_all(issuer);
	keys_release(issuer->keys);
	pthread_mutex_destroy(&issuer->lock);
	free(issuer);
}

static void on_worker_start(struct gw_call *call)
{
	gw->worker_data_set(call, calloc(1, 1));
}

/* Who asked is told nothing any more; another worker may ask. */
static void on_worker_stop(struct gw_call *call)
{
	struct issuer *issuer = gw->instance_data(call);
	void *here = gw->worker_data(call);

	if (issuer->introspection)
		introspection_give_up(call, issuer->introspection);
	pthread_mutex_lock(&issuer->lock);
	if (issuer->asking && issuer->asker == here) {
		issuer->asking = false;
		wake_all(issuer);
	}
	pthread_mutex_unlock(&issuer->lock);
	free(here);
}

static void on_status(struct gw_call *call)
{
	const struct token_conf *conf = gw->conf(call);
	struct issuer *issuer = gw->instance_data(call);

	if (issuer->introspection) {
		introspection_status(call, issuer->introspection);
		return;
	}
	pthread_mutex_lock(&issuer->lock);
	gw->status_line(call, "keys", "%zu of %s%s%s", issuer->keys ? issuer->keys->count : 0,
			conf->issuer.ptr, *issuer->error ? "; the last look: " : "", issuer->error);
	pthread_mutex_unlock(&issuer->lock);
}

GW_MODULE(.name = "auth-token", .version = "1.0", .summary = "logins of clients with OAuth tokens",
	  .options = token_options, .conf_size = sizeof(struct token_conf), .start = on_start,
	  .stop = on_stop, .ehlo = on_ehlo, .auth = on_auth, .tick = on_tick, .status = on_status,
	  .worker_start = on_worker_start, .worker_stop = on_worker_stop, .http = on_http)

/* check.c - PLAIN and LOGIN: a password, and a hash that it is compared with on a thread of the
 * pool. */
#include "auth.h"

#include <gsasl.h>
#include <openssl/crypto.h>
#include <stdlib.h>

/* Of each rank no more than so many are looked at or wait for it; the next is told to come again.
 * Who is told waits less than who stands behind hashes that nobody may want, and a crowd of
 * strangers is in nobody's way but its own. */
static const unsigned hashes_most[GUARD_RANKS] = { 64, 24, 24 };

/* A password being checked on a thread of the pool. */
struct job {
	struct auth *auth;
	struct users *users; /* held */
	/* in there; NULL: there is none of that name, and the decoy is compared with */
	const struct user *user;
	struct gw_session *session;
	struct visitor visitor;
	enum guard_rank rank;
	unsigned char mac[CACHE_MAC];
	bool has_mac, right;
	struct gw_str secret;
	char text[]; /* of the secret */
};

static void job_free(void *arg)
{
	struct job *job = arg;

	pthread_mutex_lock(&job->auth->lock);
	job->auth->hashing[job->rank]--;
	pthread_mutex_unlock(&job->auth->lock);
	users_release(job->users);
	OPENSSL_cleanse(job, sizeof *job + job->secret.len);
	free(job);
}

static struct job *job_new(struct auth *auth, struct users *users, enum guard_rank rank,
			   struct gw_str secret)
{
	struct job *job = calloc(1, sizeof *job + secret.len + 1);

	if (!job)
		return NULL;
	job->auth = auth;
	pthread_mutex_lock(&auth->lock);
	auth->hashing[rank]++;
	pthread_mutex_unlock(&auth->lock);
	job->users = users_hold(users);
	job->rank = rank;
	memcpy(job->text, secret.ptr, secret.len);
	job->secret = gw_str_n(job->text, secret.len);
	return job;
}

/* As SASLprep has it written (RFC 4013), for whoever made the hash with a tool that prepares; NULL:
 * just as it came, or it cannot be prepared. The caller wipes and frees it. */
static char *prepared(struct gw_str text)
{
	char *ready = NULL;

	if (gw_str_has_nul(text) ||
	    gsasl_saslprep(text.ptr, GSASL_ALLOW_UNASSIGNED, &ready, NULL) != GSASL_OK)
		return NULL;
	if (!gw_str_eq(gw_str(ready), text))
		return ready;
	OPENSSL_cleanse(ready, strlen(ready));
	gsasl_free(ready);
	return NULL;
}

static bool prepared_matches(const struct hash *hash, struct gw_str secret)
{
	char *ready = prepared(secret);
	bool match;

	if (!ready)
		return false;
	match = hash_matches(hash, gw_str(ready));
	OPENSSL_cleanse(ready, strlen(ready));
	gsasl_free(ready);
	return match;
}

/* Unknown users take the time of the first one, so that time does not tell who is known. */
static void work(void *arg)
{
	struct job *job = arg;
	const struct hash *hash = job->user ? &job->user->hash : &job->users->decoy;
	bool match = hash_matches(hash, job->secret) || prepared_matches(hash, job->secret);

	job->right = match && job->user;
}

/* Only what the table of now says: with another one, the same login may be wrong. */
static void remember(struct gw_call *call, struct auth *auth, const struct job *job)
{
	const struct auth_conf *conf = gw->conf(call);

	if (!conf->cache || !job->has_mac)
		return;
	pthread_mutex_lock(&auth->lock);
	if (auth->users == job->users)
		cache_put(&auth->cache, job->mac, gw->now(call) + conf->cache);
	pthread_mutex_unlock(&auth->lock);
}

static enum gw_verdict resumed(struct gw_call *call, void *arg)
{
	struct auth *auth = gw->instance_data(call);
	struct job *job = arg;
	const char *wrong = job->user ? "the password is wrong" : "there is no such user";
	enum gw_verdict verdict;

	if (job->right)
		remember(call, auth, job);
	verdict = job->right ? auth_accept(call, &job->visitor, job->user)
			     : auth_refuse(call, job->session, &job->visitor, job->user, wrong);
	job_free(job);
	return verdict;
}

/* One login on its way. */
struct login {
	struct gw_session *session;
	const struct gw_login *given;
	struct visitor visitor;
	unsigned char mac[CACHE_MAC];
	bool has_mac;
	struct users *users; /* held */
	const struct user *user;
};

enum step { STEP_KNOWN, STEP_CHECK, STEP_LATER, STEP_CROWDED };

/* What to do with it, and with the table of which moment. */
static enum step first_look(struct gw_call *call, struct auth *auth, struct login *login,
			    enum guard_rank *rank)
{
	int64_t now = gw->now(call);
	enum step step = STEP_CHECK;

	pthread_mutex_lock(&auth->lock);
	login->users = users_hold(auth->users);
	if (login->has_mac && cache_has(&auth->cache, login->mac, now))
		step = STEP_KNOWN;
	else if ((*rank = guard_ask(&auth->guard, &login->visitor, now)) == GUARD_LATER)
		step = STEP_LATER;
	else if (auth->hashing[*rank] >= hashes_most[*rank])
		step = STEP_CROWDED;
	pthread_mutex_unlock(&auth->lock);
	return step;
}

static enum gw_verdict crowded(struct gw_call *call)
{
	gw->count(call, "crowded", 1);
	gw->reason(call, "too many passwords are being looked at: not looked at");
	gw->reply(call, 454, "4.7.0", "too many logins at once, try again in a moment");
	return GW_TEMPFAIL;
}

static enum gw_verdict check(struct gw_call *call, struct auth *auth, const struct login *login,
			     enum guard_rank rank)
{
	static const struct gw_async async = { .resumed = resumed, .dropped = job_free };
	struct job *job = job_new(auth, login->users, rank, login->given->secret);
	enum gw_verdict verdict;

	if (!job)
		return GW_FAILED;
	job->user = login->user;
	job->session = login->session;
	job->visitor = login->visitor;
	memcpy(job->mac, login->mac, sizeof job->mac);
	job->has_mac = login->has_mac;
	verdict = gw->offload_ranked(call, &async, work, job, (int)rank);
	if (verdict != GW_PENDING)
		job_free(job); /* nobody else has it */
	return verdict;
}

enum gw_verdict auth_check(struct gw_call *call, struct gw_session *session,
			   const struct gw_login *given)
{
	struct auth *auth = gw->instance_data(call);
	struct login login = { .session = session, .given = given };
	enum guard_rank rank = GUARD_LATER;
	enum gw_verdict verdict;
	enum step step;

	auth_visitor(auth, session, given->user, &login.visitor);
	login.has_mac = cache_mac(&auth->cache, given->user, given->secret, login.mac);
	step = first_look(call, auth, &login, &rank);
	login.user = users_find(login.users, given->user);
	if (step == STEP_LATER)
		verdict = auth_later(call);
	else if (step == STEP_CROWDED)
		verdict = crowded(call);
	else if (step == STEP_KNOWN)
		verdict = auth_accept(call, &login.visitor, login.user);
	else if (login.users->count == 0)
		verdict = auth_refuse(call, session, &login.visitor, NULL, "there are no users");
	else
		verdict = check(call, auth, &login, rank);
	users_release(login.users);
	return verdict;
}

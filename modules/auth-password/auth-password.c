/* auth-password.c - who may hand us mail with a name and a password, and the password we give to a
 * next hop. */
#include "cache.h"
#include "failures.h"
#include "users.h"

#include <gateway/module.h>

#include <gsasl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>

struct auth_conf {
	struct gw_str users;
	int64_t cache, failures, window, delay;
};

enum method { METHOD_PASSWORD, METHOD_OAUTH };

struct auth_relay {
	struct gw_str user, password;
	int64_t method;
};

/* An instance: what its workers share, behind one lock that is never held over anything slow. */
struct auth {
	pthread_mutex_t lock;
	struct users *users;
	struct stat stamp; /* of the file as it was last looked at */
	struct cache cache;
	struct failures failures;
	unsigned hashing; /* passwords that are looked at, or wait for it */
};

/* More logins than this at once are told to come again: who is told waits less than who stands
 * behind hashes that nobody may want. */
#define HASHES_MOST 24

/* --- the file of users --- */

static void tell_problem(void *arg, bool fatal, int line, const char *text)
{
	struct gw_call *call = arg;
	const struct auth_conf *conf = gw->conf(call);

	if (line)
		gw->problem_at(call, NULL, "users", fatal, "%s:%d: %s", conf->users.ptr, line,
			       text);
	else
		gw->problem_at(call, NULL, "users", fatal, "%s: %s", conf->users.ptr, text);
}

static void tell_log(void *arg, bool fatal, int line, const char *text)
{
	const struct gw_call *call = arg;
	const struct auth_conf *conf = gw->conf(call);

	gw->log(call, fatal ? GW_LOG_ERROR : GW_LOG_WARNING, "%s:%d: %s", conf->users.ptr, line,
		text);
}

/* What is being checked with the old table holds it; what was right with it is right no more. */
static void swap_users(struct auth *auth, struct users *users)
{
	struct users *old;

	pthread_mutex_lock(&auth->lock);
	old = auth->users;
	auth->users = users;
	cache_clear(&auth->cache);
	pthread_mutex_unlock(&auth->lock);
	users_release(old);
}

/* A changed file with a mistake in it changes nothing: who could log in still can. */
static void on_tick(struct gw_call *call)
{
	struct users_report report = { .tell = tell_log, .arg = call };
	const struct auth_conf *conf = gw->conf(call);
	struct auth *auth = gw->instance_data(call);
	struct users *users;

	if (!conf->users.len || !users_changed(conf->users.ptr, &auth->stamp))
		return;
	users = users_read(conf->users.ptr, &auth->stamp, &report);
	if (!users) {
		gw->log(call, GW_LOG_ERROR,
			"%s is not taken: the users are those from before the change",
			conf->users.ptr);
		return;
	}
	gw->log(call, GW_LOG_INFO, "%s was read again: %zu users", conf->users.ptr, users->count);
	swap_users(auth, users);
}

/* --- start and stop --- */

static void auth_destroy(struct auth *auth)
{
	if (!auth)
		return;
	users_release(auth->users);
	cache_finish(&auth->cache);
	pthread_mutex_destroy(&auth->lock);
	free(auth);
}

static bool check_relays(struct gw_call *call)
{
	struct gw_relay *relay;
	bool good = true;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)); nth++) {
		const struct auth_relay *conf = gw->relay_conf(call, relay);

		if (!conf || conf->method != METHOD_PASSWORD ||
		    !conf->user.len == !conf->password.len)
			continue;
		gw->problem_at(call, relay, conf->user.len ? "auth.user" : "auth.password", true,
			       "relay \"%s\": auth has a %s and no %s",
			       gw->relay_fact(relay, GW_RELAY_NAME).ptr,
			       conf->user.len ? "user" : "password",
			       conf->user.len ? "password" : "user");
		good = false;
	}
	return good;
}

static struct auth *auth_create(const struct auth_conf *conf)
{
	struct auth *auth = calloc(1, sizeof *auth);
	uint64_t seed;

	if (!auth)
		return NULL;
	pthread_mutex_init(&auth->lock, NULL);
	if (!cache_init(&auth->cache) || RAND_bytes((unsigned char *)&seed, sizeof seed) != 1) {
		auth_destroy(auth);
		return NULL;
	}
	failures_init(&auth->failures, conf->failures, conf->window, conf->delay, seed);
	return auth;
}

static int on_start(struct gw_call *call)
{
	struct users_report report = { .tell = tell_problem, .arg = call, .may_be_absent = true };
	const struct auth_conf *conf = gw->conf(call);
	struct auth *auth = auth_create(conf);
	bool good = check_relays(call);

	if (!auth)
		return -1;
	if (conf->users.len) {
		auth->users = users_read(conf->users.ptr, &auth->stamp, &report);
		good &= auth->users != NULL;
	}
	if (!good) {
		auth_destroy(auth);
		return -1;
	}
	gw->instance_data_set(call, auth);
	return 0;
}

static void on_stop(struct gw_call *call)
{
	auth_destroy(gw->instance_data(call));
}

/* --- auth --- */

/* A password being checked on a thread of the pool. */
struct job {
	struct auth *auth;
	struct users *users; /* held */
	/* in there; NULL: there is none of that name, and the decoy is compared with */
	const struct user *user;
	struct gw_session *session;
	unsigned char mac[CACHE_MAC];
	bool has_mac, right;
	struct gw_str secret;
	char text[]; /* of the secret */
};

static void job_free(void *arg)
{
	struct job *job = arg;

	pthread_mutex_lock(&job->auth->lock);
	job->auth->hashing--;
	pthread_mutex_unlock(&job->auth->lock);
	users_release(job->users);
	OPENSSL_cleanse(job, sizeof *job + job->secret.len);
	free(job);
}

static struct job *job_new(struct auth *auth, struct users *users, const struct user *user,
			   struct gw_session *session, struct gw_str secret)
{
	struct job *job = calloc(1, sizeof *job + secret.len + 1);

	if (!job)
		return NULL;
	job->auth = auth;
	pthread_mutex_lock(&auth->lock);
	auth->hashing++;
	pthread_mutex_unlock(&auth->lock);
	job->users = users_hold(users);
	job->user = user;
	job->session = session;
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

static enum gw_verdict accept(struct gw_call *call, const struct user *user)
{
	struct gw_identity identity = { .size = sizeof identity,
					.client = user->client,
					.type = user->type,
					.domains = user->domains };

	gw->identify(call, &identity);
	gw->count(call, "accepted", 1);
	gw->reason(call, "%s logged in", user->name.ptr);
	return GW_ACCEPT;
}

/* Not claimed rather than refused: the next module may know this user, and the gateway's own 535 is
 * the same for everybody. */
static enum gw_verdict refuse(struct gw_call *call, const struct gw_session *session,
			      const struct user *user, const char *why)
{
	struct gw_str peer = gw->session_fact(session, GW_SESSION_PEER);
	struct auth *auth = gw->instance_data(call);
	bool over;

	pthread_mutex_lock(&auth->lock);
	over = failures_add(&auth->failures, peer, gw->now(call));
	pthread_mutex_unlock(&auth->lock);
	gw->count(call, "refused", 1);
	gw->reason(call, "not logged in: %s", why);
	gw->log(call, GW_LOG_INFO, "failed login from %s%s%s: %s", peer.ptr, user ? " as " : "",
		user ? user->name.ptr : "", why);
	if (over)
		gw->log(call, GW_LOG_WARNING,
			"too many failed logins from %s: passwords from there are looked at slowly",
			peer.ptr);
	return GW_CONTINUE;
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
	verdict = job->right ? accept(call, job->user)
			     : refuse(call, job->session, job->user, wrong);
	job_free(job);
	return verdict;
}

enum step { STEP_KNOWN, STEP_CHECK, STEP_LATER, STEP_CROWDED };

/* What to do with a login, and the table to do it with, held. */
static enum step first_look(struct gw_call *call, struct auth *auth, struct gw_str peer,
			    const unsigned char *mac, struct users **users)
{
	int64_t now = gw->now(call);
	enum step step;

	pthread_mutex_lock(&auth->lock);
	*users = users_hold(auth->users);
	if (mac && cache_has(&auth->cache, mac, now))
		step = STEP_KNOWN;
	else
		step = auth->hashing >= HASHES_MOST                     ? STEP_CROWDED
		       : failures_may_check(&auth->failures, peer, now) ? STEP_CHECK
									: STEP_LATER;
	pthread_mutex_unlock(&auth->lock);
	return step;
}

static enum gw_verdict check(struct gw_call *call, struct job *job)
{
	static const struct gw_async async = { .resumed = resumed, .dropped = job_free };
	enum gw_verdict verdict = gw->offload(call, &async, work, job);

	if (verdict != GW_PENDING)
		job_free(job); /* nobody else has it */
	return verdict;
}

static enum gw_verdict later(struct gw_call *call)
{
	gw->count(call, "delayed", 1);
	gw->reason(call, "too many failed logins from this address: not looked at");
	gw->reply(call, 454, "4.7.0", "too many failed logins from your address, try again later");
	return GW_TEMPFAIL;
}

static enum gw_verdict crowded(struct gw_call *call)
{
	gw->count(call, "crowded", 1);
	gw->reason(call, "too many passwords are being looked at: not looked at");
	gw->reply(call, 454, "4.7.0", "too many logins at once, try again in a moment");
	return GW_TEMPFAIL;
}

static enum gw_verdict authenticate(struct gw_call *call, struct auth *auth,
				    struct gw_session *session, const struct gw_login *login)
{
	unsigned char mac[CACHE_MAC];
	bool has_mac = cache_mac(&auth->cache, login->user, login->secret, mac);
	const struct user *user;
	enum gw_verdict verdict;
	struct users *users;
	struct job *job;
	enum step step = first_look(call, auth, gw->session_fact(session, GW_SESSION_PEER),
				    has_mac ? mac : NULL, &users);

	user = users_find(users, login->user);
	if (step == STEP_LATER) {
		verdict = later(call);
	} else if (step == STEP_CROWDED) {
		verdict = crowded(call);
	} else if (step == STEP_KNOWN) {
		verdict = accept(call, user);
	} else if (users->count == 0) {
		verdict = refuse(call, session, NULL, "there are no users");
	} else if (!(job = job_new(auth, users, user, session, login->secret))) {
		verdict = GW_FAILED;
	} else {
		memcpy(job->mac, mac, sizeof mac);
		job->has_mac = has_mac;
		verdict = check(call, job);
	}
	users_release(users);
	return verdict;
}

static enum gw_verdict on_auth(struct gw_call *call, struct gw_session *session,
			       const struct gw_login *login)
{
	const struct auth_conf *conf = gw->conf(call);

	if (!conf->users.len || (!gw_str_ieq(login->mechanism, gw_str("PLAIN")) &&
				 !gw_str_ieq(login->mechanism, gw_str("LOGIN"))))
		return GW_CONTINUE;
	if (login->acting_as.len && !gw_str_ieq(login->acting_as, login->user))
		return refuse(call, session, NULL, "nobody may act as somebody else");
	return authenticate(call, gw->instance_data(call), session, login);
}

/* --- login --- */

static enum gw_verdict on_login(struct gw_call *call, struct gw_delivery *delivery,
				struct gw_relay *relay)
{
	const struct auth_relay *conf = gw->relay_conf(call, relay);
	struct gw_login login = { .size = sizeof login };

	if (!conf || !conf->user.len || conf->method != METHOD_PASSWORD)
		return GW_CONTINUE;
	login.user = conf->user;
	login.secret = conf->password;
	gw->login_set(call, &login);
	return GW_ACCEPT;
}

static void on_status(struct gw_call *call)
{
	struct auth *auth = gw->instance_data(call);

	pthread_mutex_lock(&auth->lock);
	gw->status_line(call, "users", "%zu", auth->users ? auth->users->count : 0);
	pthread_mutex_unlock(&auth->lock);
}

/* --- the module --- */

#define CONF(member) offsetof(struct auth_conf, member)
static const struct gw_option options[] = {
	{ "users", GW_OPTION_PATH, CONF(users),
	  .help = "The file of users and hashes; without it no client can log in with a password." },
	{ "cache", GW_OPTION_DURATION, CONF(cache), .fallback = "60s",
	  .help = "How long a login that was right is not hashed again; 0: not at all.",
	  .max = 3600000 },
	{ "failures", GW_OPTION_INT, CONF(failures), .fallback = "20",
	  .help = "Failed logins of one address in a window before its passwords are looked at slowly; 0: never.",
	  .max = 1000000 },
	{ "window", GW_OPTION_DURATION, CONF(window), .fallback = "10m",
	  .help = "The window in which failures are counted.", .min = 1000, .max = 86400000 },
	{ "delay", GW_OPTION_DURATION, CONF(delay), .fallback = "5s",
	  .help = "How often a password is looked at from an address with too many failures.",
	  .min = 100, .max = 600000 },
	GW_OPTIONS_END
};

#define RELAY(member) offsetof(struct auth_relay, member)
static const struct gw_option relay_options[] = {
	{ "auth.user", GW_OPTION_STRING, RELAY(user),
	  .help = "The name to log in with at the relay." },
	{ "auth.password", GW_OPTION_SECRET, RELAY(password),
	  .help = "Its password: file:PATH, env:NAME, exec:COMMAND or the text itself." },
	{ "auth.method", GW_OPTION_WORD, RELAY(method), .fallback = "password",
	  .help = "With \"oauth\" the module that fetches tokens logs in.",
	  .words = "password|oauth" },
	GW_OPTIONS_END
};

GW_MODULE(.name = "auth-password", .version = "1.0",
	  .summary = "logins with name and password, from a file of hashes", .options = options,
	  .conf_size = sizeof(struct auth_conf), .relay_options = relay_options,
	  .relay_conf_size = sizeof(struct auth_relay), .start = on_start, .stop = on_stop,
	  .auth = on_auth, .login = on_login, .tick = on_tick, .status = on_status)

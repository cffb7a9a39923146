#include "introspection.h"

#include "known.h"
#include "request.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SECRET_MOST 8192
#define GRACE 5000        /* ms that a login waits longer than an answer may take */
#define REFUSED_FOR 10000 /* ms that a "no" is believed */

/* A login that waits for an answer. */
struct waiter {
	struct waiter *next;
	gw_ticket ticket;
	struct known *known; /* held; NULL: there was no answer */
	size_t user_len;
	char user[];
};

/* What is being asked; the `arg` of its request. */
struct question {
	struct question *next;
	unsigned char mac[KNOWN_MAC];
	const void *asker; /* the worker's data of the one that asked */
	struct waiter *waiters;
};

struct introspection {
	pthread_mutex_t lock; /* of all that follows */
	struct known_tokens known;
	struct question *questions;
	char *secret; /* as it was read again; NULL: the one of the configuration */
	char error[200];
};

struct introspection *introspection_create(void)
{
	struct introspection *introspection = calloc(1, sizeof *introspection);

	if (!introspection)
		return NULL;
	pthread_mutex_init(&introspection->lock, NULL);
	if (known_init(&introspection->known))
		return introspection;
	introspection_destroy(introspection);
	return NULL;
}

/* Takes it from the list, and lets go who waits. Under the lock. */
static void question_end(struct introspection *introspection, struct question *question,
			 struct known *known)
{
	struct question **at = &introspection->questions;
	struct waiter *waiter;

	while (*at != question)
		at = &(*at)->next;
	*at = question->next;
	while ((waiter = question->waiters) != NULL) {
		question->waiters = waiter->next;
		waiter->known = known_hold(known);
		if (gw->wake(waiter->ticket) == 0)
			continue;
		known_release(waiter->known); /* too late: nobody else has it */
		free(waiter);
	}
	free(question);
}

static void wipe_free(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void introspection_destroy(struct introspection *introspection)
{
	while (introspection->questions)
		question_end(introspection, introspection->questions, NULL);
	known_finish(&introspection->known);
	wipe_free(introspection->secret);
	pthread_mutex_destroy(&introspection->lock);
	free(introspection);
}

void introspection_give_up(struct gw_call *call, struct introspection *introspection)
{
	const void *here = gw->worker_data(call);
	struct question *question, *next;

	pthread_mutex_lock(&introspection->lock);
	for (question = introspection->questions; question; question = next) {
		next = question->next;
		if (question->asker == here)
			question_end(introspection, question, NULL);
	}
	pthread_mutex_unlock(&introspection->lock);
}

/* --- a login --- */

static enum gw_verdict put_off(struct gw_call *call)
{
	gw->reason(call, "nobody says whether the token is good");
	return GW_TEMPFAIL;
}

static enum gw_verdict answer_known(struct gw_call *call, struct known *known, struct gw_str user)
{
	enum gw_verdict verdict = known ? finding_answer(call, gw->conf(call), &known->finding,
							 user)
					: put_off(call);

	known_release(known);
	return verdict;
}

static enum gw_verdict resumed(struct gw_call *call, void *arg)
{
	struct waiter *waiter = arg;
	enum gw_verdict verdict = answer_known(call, waiter->known,
					       gw_str_n(waiter->user, waiter->user_len));

	free(waiter);
	return verdict;
}

static struct question *question_find(const struct introspection *introspection,
				      const unsigned char mac[KNOWN_MAC])
{
	struct question *question = introspection->questions;

	while (question && memcmp(question->mac, mac, KNOWN_MAC) != 0)
		question = question->next;
	return question;
}

/* What it is asked with: where the configuration has it from. */
static struct gw_str configured(const struct token_conf *conf)
{
	return conf->bearer.len ? conf->bearer : conf->client_secret;
}

static struct question *question_begin(struct gw_call *call, struct introspection *introspection,
				       const unsigned char mac[KNOWN_MAC], struct gw_str token)
{
	struct gw_str secret = introspection->secret ? gw_str(introspection->secret)
						     : configured(gw->conf(call));
	struct question *question = calloc(1, sizeof *question);

	if (!question || !request_send(call, secret, token, question)) {
		free(question);
		return NULL;
	}
	gw->count(call, "requests", 1);
	memcpy(question->mac, mac, KNOWN_MAC);
	question->asker = gw->worker_data(call);
	question->next = introspection->questions;
	return introspection->questions = question;
}

/* Under the lock, so that nobody is woken before he stands in the list. */
static enum gw_verdict wait_for_answer(struct gw_call *call, struct question *question,
				       struct gw_str user)
{
	const struct token_conf *conf = gw->conf(call);
	struct gw_async async = { .resumed = resumed,
				  .deadline_ms = (uint32_t)conf->timeout + GRACE };
	struct waiter *waiter = calloc(1, sizeof *waiter + user.len + 1);

	if (!waiter)
		return GW_TEMPFAIL;
	if (gw->hold(call, &async, waiter, &waiter->ticket) != GW_PENDING) {
		free(waiter);
		return GW_TEMPFAIL;
	}
	waiter->user_len = user.len;
	memcpy(waiter->user, user.len ? user.ptr : "", user.len);
	waiter->next = question->waiters;
	question->waiters = waiter;
	return GW_PENDING;
}

static enum gw_verdict ask(struct gw_call *call, struct introspection *introspection,
			   const unsigned char mac[KNOWN_MAC], const struct gw_login *login)
{
	struct question *question = question_find(introspection, mac);

	if (!question)
		question = question_begin(call, introspection, mac, login->secret);
	return question ? wait_for_answer(call, question, login->user) : put_off(call);
}

enum gw_verdict introspection_login(struct gw_call *call, struct introspection *introspection,
				    const struct gw_login *login)
{
	enum gw_verdict verdict = GW_PENDING;
	unsigned char mac[KNOWN_MAC];
	struct known *known;

	if (!is_token(login->secret))
		return GW_REJECT;
	if (!known_mac(&introspection->known, login->secret, mac))
		return GW_TEMPFAIL;
	pthread_mutex_lock(&introspection->lock);
	known = known_find(&introspection->known, mac, gw->now(call));
	if (!known)
		verdict = ask(call, introspection, mac, login);
	pthread_mutex_unlock(&introspection->lock);
	return known ? answer_known(call, known, login->user) : verdict;
}

/* --- an answer --- */

/* NULL: there is an answer in it. Else why not. */
static const char *answer_wrong(const struct gw_http_answer *answer,
				const struct gw_json_value *json)
{
	if (!answer->status)
		return answer->error.ptr;
	if (answer->status == 400 || answer->status == 401 || answer->status == 403)
		return "it does not let us ask: are client_id and client_secret (or bearer) right?";
	if (answer->status != 200)
		return "it says neither yes nor no";
	return gw->json_kind(gw->json_member(json, "active")) == GW_JSON_BOOL
		       ? NULL
		       : "its answer does not say whether the token is active";
}

static void judge(const struct token_conf *conf, const struct gw_json_value *json, int64_t now,
		  struct finding *finding)
{
	if (gw->json_value_bool(gw->json_member(json, "active"), false)) {
		claims_judge(conf, json, now, finding);
		return;
	}
	/* another instance's issuer may know it; nobody: it is refused */
	finding->verdict = CHECK_OTHER;
	finding->why = "its issuer says that it is not active";
	finding->expires = NO_TIME;
}

static int64_t believed_until(const struct token_conf *conf, const struct finding *finding,
			      int64_t now)
{
	if (finding->verdict != CHECK_GOOD)
		return now + (conf->cache < REFUSED_FOR ? conf->cache : REFUSED_FOR);
	if (finding->expires != NO_TIME && finding->expires < (now + conf->cache) / 1000)
		return finding->expires * 1000;
	return now + conf->cache;
}

/* Held once; NULL: it is no answer, and *why says why. */
static struct known *known_read(struct gw_call *call, const struct gw_http_answer *answer,
				const char **why)
{
	const struct token_conf *conf = gw->conf(call);
	int64_t now = gw->now(call);
	struct gw_json_value *json = gw->json_read(answer->body, NULL, 0);
	struct known *known = NULL;

	*why = answer_wrong(answer, json);
	if (!*why) {
		known = calloc(1, sizeof *known);
		*why = "no memory";
	}
	if (known) {
		known->refs = 1;
		judge(conf, json, now, &known->finding);
		known->until = believed_until(conf, &known->finding, now);
		*why = "";
	}
	gw->json_free(json);
	return known;
}

static void say(struct gw_call *call, int status, const struct known *known, const char *why,
		bool first)
{
	if (known && known->finding.verdict == CHECK_OTHER)
		gw->log(call, GW_LOG_INFO, "a token is not taken: %s", known->finding.why);
	else if (!known)
		gw->log(call, first ? GW_LOG_WARNING : GW_LOG_DEBUG,
			"no answer from the introspection end point (%d): %s", status, why);
}

void introspection_answered(struct gw_call *call, struct introspection *introspection,
			    const struct gw_http_answer *answer, void *arg)
{
	struct question *question = arg;
	const char *why = NULL;
	struct known *known = known_read(call, answer, &why);
	bool first;

	pthread_mutex_lock(&introspection->lock);
	first = strncmp(introspection->error, why, sizeof introspection->error - 1) != 0;
	snprintf(introspection->error, sizeof introspection->error, "%s", why);
	if (known && known->until > gw->now(call))
		known_put(&introspection->known, question->mac, known);
	question_end(introspection, question, known);
	pthread_mutex_unlock(&introspection->lock);
	say(call, answer->status, known, why, first);
	known_release(known);
}

void introspection_status(struct gw_call *call, struct introspection *introspection)
{
	const struct token_conf *conf = gw->conf(call);

	pthread_mutex_lock(&introspection->lock);
	gw->status_line(call, "introspection", "%s%s%s; %zu tokens remembered",
			conf->introspection_url.ptr,
			*introspection->error ? "; the last answer: " : "", introspection->error,
			introspection->known.count);
	pthread_mutex_unlock(&introspection->lock);
}

/* --- its secret --- */

static void replace_secret(struct introspection *introspection, const char *secret)
{
	char *copy = strdup(secret);

	if (!copy)
		return;
	pthread_mutex_lock(&introspection->lock);
	wipe_free(introspection->secret);
	introspection->secret = copy;
	pthread_mutex_unlock(&introspection->lock);
}

void introspection_look(struct gw_call *call, struct introspection *introspection)
{
	const struct token_conf *conf = gw->conf(call);
	const char *name = conf->bearer.len ? "bearer" : "client_secret";
	char secret[SECRET_MOST + 1];
	long len = gw->secret_again(call, configured(conf), secret, sizeof secret);

	if (len < 0)
		gw->log(call, GW_LOG_WARNING, "%s stays as it is: %s", name, secret);
	if (len <= 0)
		return;
	replace_secret(introspection, secret);
	explicit_bzero(secret, (size_t)len);
	gw->log(call, GW_LOG_INFO, "%s was read again", name);
}

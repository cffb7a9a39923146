#include "question.h"
#include "grant.h"
#include "notice.h"

#include <stdio.h>
#include <stdlib.h>

enum about { ABOUT_TOKEN, ABOUT_CODE, ABOUT_LOGIN, ABOUT_REVOKE };

struct question {
	struct question *next;
	struct place *place;
	struct account *account; /* the instance's, which lives until the answer is told */
	enum about about;
	unsigned login; /* the number of the flow that it is for */
};

struct account *account_of(struct gw_call *call, const struct gw_relay *relay)
{
	const struct oauth *oauth = gw->instance_data(call);
	int64_t index = gw->relay_number(relay, GW_RELAY_INDEX);

	return oauth && index >= 0 && (size_t)index < oauth->count ? oauth->accounts[index] : NULL;
}

/* --- asking --- */

static struct question *make(struct gw_call *call, struct account *account, enum about about)
{
	struct place *place = gw->worker_data(call);
	struct question *question = place ? calloc(1, sizeof *question) : NULL;

	if (!question)
		return NULL;
	*question = (struct question){ .next = place->questions,
				       .place = place,
				       .account = account,
				       .about = about,
				       .login = account->flow.number };
	place->questions = question;
	return question;
}

static void forget(struct question *question)
{
	struct question **at = &question->place->questions;

	while (*at != question)
		at = &(*at)->next;
	*at = question->next;
	free(question);
}

/* NULL: it could not be asked. */
static struct question *ask(struct gw_call *call, struct account *account, enum about about,
			    struct gw_str url, struct gw_str form)
{
	static const struct gw_str headers[] = {
		GW_STR("Content-Type: application/x-www-form-urlencoded"),
		GW_STR("Accept: application/json"),
	};
	const struct oauth_conf *conf = gw->conf(call);
	struct gw_http_request request = { .size = sizeof request,
					   .method = gw_str("POST"),
					   .url = url,
					   .headers = { headers, 2 },
					   .body = form,
					   .ca_file = conf->ca_file,
					   .deadline_ms = (uint32_t)conf->timeout,
					   /* a refresh token that replaces another comes once */
					   .awaited = about == ABOUT_TOKEN ||
						      about == ABOUT_LOGIN };
	struct question *question = make(call, account, about);

	if (question && gw->http_request(call, &request, question))
		return question;
	if (question)
		forget(question);
	return NULL;
}

static void fail_renewal(struct gw_call *call, struct account *account, enum answer_kind kind,
			 const char *why)
{
	struct answer answer = { .kind = kind };

	plain_text(gw_str(why), answer.text, sizeof answer.text);
	account_take(account, &answer, gw->now(call));
}

void renew(struct gw_call *call, struct gw_relay *relay, struct account *account)
{
	const struct oauth_relay *conf = oauth_relay(call, relay);
	struct form form = { 0 };
	const char *why = grant_form(&form, conf, relay, &account->token, gw->now(call),
				     account->ahead);

	account->look = false;
	account->by_clock = conf->grant == GRANT_JWT || conf->certificate.len > 0;
	if (why) {
		form_finish(&form);
		fail_renewal(call, account, ANSWER_NO, why);
		return;
	}
	account->busy = ASKING;
	account->asker = ask(call, account, ABOUT_TOKEN, oauth_address(conf, relay, ADDRESS_TOKEN),
			     form_str(&form));
	form_finish(&form);
	gw->count(call, "requests", 1);
	if (!account->asker)
		fail_renewal(call, account, ANSWER_LATER, "the token end point cannot be asked");
}

/* --- a login goes on --- */

static void finish_login(struct account *account)
{
	if (account->state == ACCOUNT_GOOD)
		account->flow.at = FLOW_DONE;
	else
		flow_fail(&account->flow, account->error);
}

static bool wants_step(struct account *account, int64_t now)
{
	struct flow *flow = &account->flow;

	if (flow->at == FLOW_STORING && account->busy == IDLE && !account->look)
		finish_login(account);
	if ((flow->at == FLOW_SHOWN || flow->at == FLOW_OPENED) && now >= flow->until)
		flow_fail(flow, "expired_token: nobody logged in in time");
	flow_look(flow);
	if (account->busy != IDLE)
		return false;
	return flow->at == FLOW_BEGUN || flow->at == FLOW_CODE ||
	       (flow->at == FLOW_SHOWN && now >= flow->next_poll);
}

/* The account is ASKING meanwhile, so that nobody renews beside it. */
static void take_step(struct gw_call *call, struct gw_relay *relay, struct account *account)
{
	const struct oauth_relay *conf = oauth_relay(call, relay);
	bool first = account->flow.at == FLOW_BEGUN;
	struct form form = { 0 };
	const char *why = flow_form(&form, &account->flow, conf, relay,
				    gw->now(call) + account->ahead);

	account->busy = ASKING;
	account->asker = form.failed || why
				 ? NULL
				 : ask(call, account, first ? ABOUT_CODE : ABOUT_LOGIN,
				       oauth_address(conf, relay,
						     first ? ADDRESS_DEVICE : ADDRESS_TOKEN),
				       form_str(&form));
	form_finish(&form);
	if (account->asker)
		return;
	account->busy = IDLE;
	flow_fail(&account->flow, why ? why : "the end point cannot be asked");
}

static void take_back(struct gw_call *call, struct gw_relay *relay, struct account *account)
{
	const struct oauth_relay *conf = oauth_relay(call, relay);
	struct gw_str url = oauth_address(conf, relay, ADDRESS_REVOKE);
	struct form form = { 0 };

	form_add(&form, "token", gw_str(account->revoke));
	if (!grant_client(&form, conf, relay, gw->now(call) + account->ahead) && url.len &&
	    !form.failed)
		ask(call, account, ABOUT_REVOKE, url, form_str(&form));
	form_finish(&form);
	wipe_free(account->revoke);
	account->revoke = NULL;
}

/* --- a secret that is read again --- */

#define SECRET_MOST 8192

/* Under the account's lock, as all that looks at client_secret: of this instance nobody else has
 * the configuration. */
static void replace_secret(struct gw_call *call, struct gw_relay *relay, const char *text)
{
	const struct oauth *oauth = gw->instance_data(call);
	char **own = &oauth->secrets[gw->relay_number(relay, GW_RELAY_INDEX)];
	struct oauth_relay *conf = gw->relay_conf(call, relay);
	char *copy = strdup(text);

	if (!copy)
		return;
	wipe_free(*own);
	*own = copy;
	conf->client_secret = gw_str(copy);
}

/* The host knows the secret by where it read it first: that is kept in `first_secret`. */
void secret_look(struct gw_call *call, struct gw_relay *relay, struct account *account)
{
	const struct oauth_relay *conf = oauth_relay(call, relay);
	char text[SECRET_MOST + 1];
	long len = conf && conf->first_secret.len
			   ? gw->secret_again(call, conf->first_secret, text, sizeof text)
			   : 0;

	if (len < 0)
		gw->log(call, GW_LOG_WARNING, "%s keeps its client_secret: %s", account->name,
			text);
	if (len <= 0)
		return;
	account_lock(account);
	replace_secret(call, relay, text);
	account->look |= account->state != ACCOUNT_GOOD;
	account_unlock(account);
	explicit_bzero(text, (size_t)len);
	gw->log(call, GW_LOG_INFO, "the client_secret of %s was read again", account->name);
}

void account_go_on(struct gw_call *call, struct gw_relay *relay, struct account *account)
{
	const struct oauth_conf *conf = gw->conf(call);
	int64_t now = gw->now(call);

	account_lock(account);
	account_save(account, conf, now);
	if (account->revoke)
		take_back(call, relay, account);
	if (wants_step(account, now))
		take_step(call, relay, account);
	else if (account_due(account, conf, now))
		renew(call, relay, account);
	account_unlock(account);
	notice(call, relay, account);
}

/* --- answers --- */

static void take_login(struct account *account, struct answer *answer, int64_t now)
{
	struct flow *flow = &account->flow;
	bool code = flow->at == FLOW_CODE;

	account->busy = IDLE;
	account->asker = NULL;
	if (code && answer->kind != ANSWER_TOKEN) {
		flow_fail(flow, answer->text);
	} else if (flow_polled(flow, answer, now)) {
		/* what was there is replaced, whatever it was */
		token_finish(&account->token);
		account_take(account, answer, now);
	}
	account_wake(account);
}

/* A login that was begun anew meanwhile has no use for the answer to the one before. */
static void take(struct question *question, struct answer *answer, int64_t now)
{
	struct account *account = question->account;
	bool stale = question->about != ABOUT_TOKEN && question->login != account->flow.number;

	if (account->asker != question)
		return;
	if (question->about == ABOUT_TOKEN) {
		account_take(account, answer, now);
	} else if (stale) {
		account->busy = IDLE;
	} else if (question->about == ABOUT_CODE) {
		account->busy = IDLE;
		flow_shown(&account->flow, answer, now);
	} else {
		take_login(account, answer, now);
	}
}

#define TELLING 12 /* octets of a secret that are too many: the text may be cut in it */

/* What an end point says may have in it what it was asked with. */
static void hide(struct answer *answer, const char *secret)
{
	char beginning[TELLING + 1];

	snprintf(beginning, sizeof beginning, "%s", secret ? secret : "");
	if (*beginning && strstr(answer->text, beginning))
		snprintf(answer->text, sizeof answer->text, "%s",
			 answer->error[0] ? answer->error : "it repeats a secret");
}

static void hide_all(struct gw_call *call, const struct gw_relay *relay,
		     const struct account *account, struct answer *answer)
{
	const struct oauth_relay *conf = relay ? oauth_relay(call, relay) : NULL;

	hide(answer, account->token.refresh);
	hide(answer, account->token.access);
	hide(answer, account->flow.code);
	hide(answer, account->flow.device_code);
	if (conf && conf->client_secret.len)
		hide(answer, conf->client_secret.ptr);
}

static void say(struct gw_call *call, const struct question *question, const struct answer *answer)
{
	static const char *const words[] = { "renewal", "device code", "login", "revocation" };
	const char *name = question->account->name;

	if (answer->kind == ANSWER_TOKEN)
		gw->log(call, GW_LOG_INFO, "%s: a new token", name);
	else if (answer->kind == ANSWER_NO || answer->kind == ANSWER_LATER)
		gw->log(call, GW_LOG_WARNING, "%s: %s: %s", name, words[question->about],
			answer->text);
}

/* Where the clock of the signature was wrong, it is asked again at once. */
void on_http(struct gw_call *call, const struct gw_http_answer *http, void *arg)
{
	struct question *question = arg;
	struct account *account = question->account;
	struct gw_relay *relay = gw->relay_named(call, gw_str(account->name));
	struct answer answer;

	if (question->about == ABOUT_REVOKE) {
		gw->log(call, GW_LOG_INFO, "%s: the token was taken back: %d", account->name,
			http->status);
		forget(question);
		return;
	}
	answer_read(&answer, http, gw->now(call));
	account_lock(account);
	hide_all(call, relay, account, &answer);
	say(call, question, &answer);
	take(question, &answer, gw->now(call));
	if (relay && account->busy == IDLE && account->look)
		renew(call, relay, account);
	account_unlock(account);
	answer_finish(&answer);
	forget(question);
	if (relay)
		notice(call, relay, account);
}

void questions_give_up(struct place *place)
{
	while (place && place->questions) {
		struct question *question = place->questions;
		struct account *account = question->account;

		account_lock(account);
		if (account->asker == question) {
			account->asker = NULL;
			account->busy = IDLE;
			account_wake(account);
		}
		account_unlock(account);
		forget(question);
	}
}

/* auth-oauth.c - logs in at next hops with OAuth tokens: gets them, renews them ahead of their end,
 * and says when a person has to log in anew. README.md tells how it is set up. */
#include "give.h"
#include "jwt.h"
#include "question.h"
#include "verbs.h"

#include <stdlib.h>

/* --- start and stop --- */

static void oauth_destroy(struct oauth *oauth)
{
	size_t i;

	for (i = 0; oauth && i < oauth->count; i++) {
		account_release(oauth->accounts[i]);
		wipe_free(oauth->secrets[i]);
	}
	if (oauth) {
		free(oauth->accounts);
		free(oauth->secrets);
	}
	free(oauth);
}

static bool check_conf(struct gw_call *call)
{
	const struct oauth_conf *conf = gw->conf(call);
	unsigned char key[SEAL_KEY];
	bool good = !conf->seal.len || seal_key(conf->seal, key);

	explicit_bzero(key, sizeof key);
	if (!good)
		gw->problem_at(
			call, NULL, "seal", true,
			"seal is no key of 64 hexadecimal digits: openssl rand -hex 32 makes one");
	return good;
}

/* What is wrong with a key or a file may be mended while the gateway runs; mail waits meanwhile. */
static void warn_of(struct gw_call *call, struct gw_relay *relay, const struct oauth_relay *conf,
		    const struct account *account)
{
	bool signs = conf->grant == GRANT_JWT || conf->certificate.len;
	const char *why = signs ? jwt_key_wrong(conf->key.ptr) : NULL;

	if (why)
		gw->problem_at(call, relay, "auth.key", false, "relay \"%s\": %s: %s",
			       account->name, conf->key.ptr, why);
	else if (conf->certificate.len &&
		 (why = jwt_certificate_wrong(conf->certificate.ptr, conf->key.ptr)))
		gw->problem_at(call, relay, "auth.certificate", false, "relay \"%s\": %s: %s",
			       account->name, conf->certificate.ptr, why);
	if (account->error[0] && strstr(account->error, account->store.path) == account->error)
		gw->problem_at(call, relay, "auth", false, "relay \"%s\": %s", account->name,
			       account->error);
}

static bool take_relay(struct gw_call *call, struct oauth *oauth, struct gw_relay *relay)
{
	const struct oauth_relay *conf = oauth_relay(call, relay);
	struct account **account = &oauth->accounts[oauth->count++];

	if (!conf)
		return true;
	if (!oauth_relay_check(call, relay))
		return false;
	*account = account_hold(gw->conf(call), gw->relay_fact(relay, GW_RELAY_NAME));
	if (!*account)
		return false;
	((struct oauth_relay *)gw->relay_conf(call, relay))->first_secret = conf->client_secret;
	account_lock(*account);
	warn_of(call, relay, conf, *account);
	account_unlock(*account);
	return true;
}

static int on_start(struct gw_call *call)
{
	struct oauth *oauth = calloc(1, sizeof *oauth);
	struct gw_relay *relay;
	bool good = check_conf(call);
	size_t count = 0;

	while (gw->relay_at(call, count))
		count++;
	if (!oauth || !(oauth->accounts = calloc(count + 1, sizeof *oauth->accounts)) ||
	    !(oauth->secrets = calloc(count + 1, sizeof *oauth->secrets))) {
		if (oauth)
			free(oauth->accounts);
		free(oauth);
		return -1;
	}
	while ((relay = gw->relay_at(call, oauth->count)) != NULL)
		good &= take_relay(call, oauth, relay);
	if (!good) {
		oauth_destroy(oauth);
		return -1;
	}
	gw->instance_data_set(call, oauth);
	return 0;
}

static void on_stop(struct gw_call *call)
{
	oauth_destroy(gw->instance_data(call));
}

/* --- on the workers --- */

/* A relay that logs in otherwise now was closed, it may be, for want of a token. */
static void open_others(struct gw_call *call)
{
	struct gw_relay *relay;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++)
		if (!account_of(call, relay))
			gw->relay_open(call, relay);
}

/* With a new configuration what did not work may work: it is tried at once. */
static void on_worker_start(struct gw_call *call)
{
	const struct oauth *oauth = gw->instance_data(call);
	size_t i;

	open_others(call);
	gw->worker_data_set(call, calloc(1, sizeof(struct place)));
	for (i = 0; i < oauth->count; i++) {
		struct account *account = oauth->accounts[i];

		if (!account)
			continue;
		account_lock(account);
		account->look |= account->state != ACCOUNT_GOOD && account->was_logged_in;
		account_unlock(account);
	}
}

static void on_worker_stop(struct gw_call *call)
{
	struct place *place = gw->worker_data(call);

	questions_give_up(place);
	free(place);
}

static void on_tick(struct gw_call *call)
{
	struct gw_relay *relay;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++) {
		struct account *account = account_of(call, relay);

		if (account) {
			secret_look(call, relay, account);
			account_go_on(call, relay, account);
		}
	}
}

GW_MODULE(.name = "auth-oauth", .version = "1.0",
	  .summary = "logins at next hops with OAuth tokens", .options = oauth_options,
	  .conf_size = sizeof(struct oauth_conf), .relay_options = oauth_relay_options,
	  .relay_conf_size = sizeof(struct oauth_relay), .delivery_size = sizeof(struct given),
	  .verbs = VERBS, .start = on_start, .stop = on_stop, .login = on_login, .tick = on_tick,
	  .status = on_status, .relay_status = on_relay_status, .control = on_control,
	  .worker_start = on_worker_start, .worker_stop = on_worker_stop, .http = on_http)

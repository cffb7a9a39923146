#include "notice.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WORDS 900

/* What is to be told, taken under the lock. */
struct news {
	enum account_state state;
	int64_t until; /* of TROUBLE */
	bool mail;
	char why[WORDS], advice[WORDS];
};

void notice_advice(const struct account *account, const struct oauth_relay *conf, char *out,
		   size_t size)
{
	bool client = strncmp(account->error, "invalid_client", 14) == 0 ||
		      strncmp(account->error, "unauthorized_client", 19) == 0;

	if (account->state == ACCOUNT_GOOD)
		snprintf(out, size, "%s", account->disk ? "make room for the token file" : "");
	else if (account->state == ACCOUNT_TROUBLE)
		snprintf(out, size, "nothing: it is asked again by itself");
	else if (client)
		snprintf(
			out, size,
			"look at the application at the provider (secret expired?), then gatewayctl reload");
	else if (conf->grant == GRANT_LOGIN)
		snprintf(out, size, "gatewayctl oauth login %s", account->name);
	else
		snprintf(
			out, size,
			"look at the application's rights at the provider, then gatewayctl oauth login %s",
			account->name);
}

/* An end point in trouble is nobody's business while there is a token. */
static enum account_state state_of(const struct account *account, int64_t now)
{
	return account->state == ACCOUNT_TROUBLE && account_usable(account, now) ? ACCOUNT_GOOD
										 : account->state;
}

static bool has_news(struct gw_call *call, struct gw_relay *relay, struct account *account,
		     struct news *news)
{
	int64_t now = gw->now(call);
	bool same;

	account_lock(account);
	news->state = state_of(account, now);
	news->until = news->state == ACCOUNT_TROUBLE ? account->next_try : 0;
	same = account->told == news->state && account->told_until == news->until;
	news->mail = news->state == ACCOUNT_NEEDS_LOGIN && account->told != news->state &&
		     account->was_logged_in;
	if (news->state == ACCOUNT_GOOD && !same && account->busy != IDLE)
		same = true; /* opened when the token is there */
	if (!same) {
		account->told = news->state;
		account->told_until = news->until;
	}
	snprintf(news->why, sizeof news->why, "%s", account->error);
	notice_advice(account, oauth_relay(call, relay), news->advice, sizeof news->advice);
	account_unlock(account);
	return !same;
}

/* --- the ways of telling --- */

static void emit(struct gw_call *call, const struct gw_relay *relay, const char *name,
		 const char *text)
{
	struct gw_event event = { .size = sizeof event,
				  .name = gw_str(name),
				  .time = gw->now(call),
				  .text = gw_str(text),
				  .relay = gw->relay_fact(relay, GW_RELAY_NAME) };

	gw->emit(call, &event);
}

static void write_head(FILE *out, struct gw_call *call, const char *name)
{
	const struct oauth_conf *conf = gw->conf(call);
	time_t seconds = (time_t)(gw->now(call) / 1000);
	struct gw_str host = gw->hostname(call);
	char date[64] = "";
	struct tm tm;
	size_t i;

	if (gmtime_r(&seconds, &tm))
		strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm);
	fprintf(out, "Date: %s\r\nMessage-ID: <needs-login.%lld.%s@%.*s>\r\n", date,
		(long long)gw->now(call), name, GW_STR_ARGS(host));
	if (conf->warn_from.len)
		fprintf(out, "From: Mail gateway <%.*s>\r\n", GW_STR_ARGS(conf->warn_from));
	else
		fprintf(out, "From: Mail gateway <postmaster@%.*s>\r\n", GW_STR_ARGS(host));
	for (i = 0; i < conf->warn_to.count; i++)
		fprintf(out, "%s<%.*s>%s\r\n",
			i ? " " : "To: ", GW_STR_ARGS(conf->warn_to.items[i]),
			i + 1 < conf->warn_to.count ? "," : "");
	fprintf(out,
		"Subject: Relay %s needs a login\r\nAuto-Submitted: auto-generated\r\n"
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n",
		name);
}

static void write_body(FILE *out, struct gw_call *call, const char *name, const struct news *news)
{
	fprintf(out,
		"The gateway cannot log in at relay %s any more:\r\n\r\n  %s\r\n\r\n"
		"Its mail goes to the other relays of its route, or waits where there is none.\r\n"
		"It flows again by itself once there is a token.\r\n\r\nOn %.*s:\r\n  %s\r\n",
		name, news->why, GW_STR_ARGS(gw->hostname(call)), news->advice);
}

static void send_mail(struct gw_call *call, const char *name, const struct news *news)
{
	const struct oauth_conf *conf = gw->conf(call);
	struct gw_submission submission = { .size = sizeof submission,
					    .sender = conf->warn_from,
					    .rcpts = conf->warn_to };
	char *bytes = NULL;
	size_t len = 0;
	FILE *out = conf->warn_to.count ? open_memstream(&bytes, &len) : NULL;

	if (!out)
		return;
	write_head(out, call, name);
	write_body(out, call, name, news);
	if (fclose(out) == 0) {
		submission.bytes = gw_str_n(bytes, len);
		gw->submit(call, &submission);
	}
	free(bytes);
}

/* One mail until it was well again, over restarts too. */
static void mail_once(struct gw_call *call, const char *name, const struct news *news)
{
	char seen[2];
	char key[300];

	snprintf(key, sizeof key, "warned:%s", name);
	if (news->state == ACCOUNT_GOOD) {
		gw->record_drop(call, gw_str(key));
		return;
	}
	if (!news->mail || gw->record_get(call, gw_str(key), seen, sizeof seen) >= 0)
		return;
	gw->record_put(call, gw_str(key), gw_str("1"));
	send_mail(call, name, news);
}

void notice(struct gw_call *call, struct gw_relay *relay, struct account *account)
{
	struct news news;
	char text[2 * WORDS + 64];

	if (!has_news(call, relay, account, &news))
		return;
	mail_once(call, account->name, &news);
	if (news.state == ACCOUNT_GOOD) {
		gw->relay_open(call, relay);
		emit(call, relay, "relay-login", "there is a token again");
	} else if (news.state == ACCOUNT_TROUBLE) {
		snprintf(text, sizeof text, "no token: %s", news.why);
		gw->relay_close(call, relay, GW_CAUSE_FAILURE, news.until, text);
		emit(call, relay, "relay-no-token", text);
	} else {
		snprintf(text, sizeof text, "needs a login: %s; %s", news.why, news.advice);
		gw->relay_close(call, relay, GW_CAUSE_FAILURE, 0, text);
		gw->log(call, GW_LOG_ERROR, "%s %s", account->name, text);
		emit(call, relay, "relay-needs-login", text);
	}
}

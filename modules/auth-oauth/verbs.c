#include "verbs.h"
#include "notice.h"
#include "question.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define EX_UNAVAILABLE 69
#define SENTENCE 1400
#define PROMPT "address: "

#define WHEN 32
static const char *when(int64_t ms, char out[WHEN])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	*out = '\0';
	if (ms && gmtime_r(&seconds, &tm))
		strftime(out, WHEN, "%Y-%m-%d %H:%M:%S UTC", &tm);
	return out;
}

static const char *state_word(const struct account *account)
{
	static const char *const words[] = { "good", "no token for now", "needs login" };

	return account->state == ACCOUNT_GOOD && !account->token.access ? "asking"
									: words[account->state];
}

/* --- status --- */

static void put_row(struct gw_json *table, struct gw_call *call, const struct gw_relay *relay,
		    struct account *account)
{
	static const char *const grants[] = { "login", "client_credentials", "jwt_bearer" };
	const struct oauth_relay *conf = oauth_relay(call, relay);
	char text[WHEN], advice[SENTENCE];

	gw->table_row(table);
	account_lock(account);
	notice_advice(account, conf, advice, sizeof advice);
	gw->json_string(table, "relay", gw_str(account->name));
	gw->json_string(table, "user", conf->user);
	gw->json_string(table, "grant", gw_str(grants[conf->grant]));
	gw->json_string(table, "state", gw_str(state_word(account)));
	gw->json_string(table, "expires", gw_str(when(account->token.expires, text)));
	gw->json_string(
		table, "renewed",
		gw_str(when(account->renewed ? account->renewed : account->token.got, text)));
	gw->json_string(table, "scope",
			account->token.scope ? gw_str(account->token.scope)
					     : oauth_address(conf, relay, ADDRESS_SCOPE));
	gw->json_string(table, "error",
			gw_str(account->error[0] ? account->error
			       : account->disk   ? account->disk
						 : ""));
	gw->json_string(table, "do", gw_str(advice));
	account_unlock(account);
}

static void verb_status(struct gw_call *call, struct gw_str only)
{
	static const struct gw_column columns[] = {
		{ "relay", "RELAY" }, { "user", "USER" },     { "grant", "GRANT" },
		{ "state", "STATE" }, { "expires", "UNTIL" }, { "error", "ERROR" },
		{ "do", "TO DO" },    { NULL, NULL },
	};
	struct gw_json *table = gw->table_create(columns);
	struct gw_relay *relay;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++) {
		struct account *account = account_of(call, relay);

		if (account && (!only.len || gw_str_eq(only, gw->relay_fact(relay, GW_RELAY_NAME))))
			put_row(table, call, relay, account);
	}
	gw->answer_json(call, table);
}

/* --- login --- */

static void put_text(struct gw_json *json, const char *key, const char *text)
{
	if (text && *text)
		gw->json_string(json, key, gw_str(text));
}

/* Come again after so many ms, with these words and what is typed at the prompt, if there is one.
 */
static struct gw_json *again(const struct account *account, const char *text, const char *prompt,
			     int after)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_begin(json, "again", GW_JSON_ARRAY);
	gw->json_string(json, NULL, gw_str("oauth"));
	gw->json_string(json, NULL, gw_str("login"));
	gw->json_string(json, NULL, gw_str(account->name));
	gw->json_string(json, NULL, gw_str("again"));
	gw->json_format(json, NULL, "%u", account->flow.number);
	gw->json_end(json);
	gw->json_number(json, "after", after);
	put_text(json, "text", text);
	put_text(json, "prompt", prompt);
	return json;
}

static struct gw_json *over(const char *text, int code)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "text", gw_str(text));
	gw->json_number(json, "code", code);
	return json;
}

static struct gw_json *open_page(const struct account *account, const struct oauth_relay *conf)
{
	char *text;
	struct gw_json *json;

	if (asprintf(
		    &text,
		    "Open this page in a browser and log in as %.*s:\n\n%s\n\n"
		    "At the end the browser goes to %s...; where that is not this machine, it shows an error:\n"
		    "copy the whole address from its address bar and paste it here.",
		    GW_STR_ARGS(conf->user), account->flow.page, account->flow.redirect) < 0)
		return NULL;
	json = again(account, text, PROMPT, 1000);
	free(text);
	return json;
}

static struct gw_json *show_code(struct account *account, const struct oauth_relay *conf)
{
	struct flow *flow = &account->flow;
	char text[SENTENCE];

	if (flow->told)
		return again(account, NULL, NULL, 1000);
	flow->told = true;
	snprintf(text, sizeof text,
		 "Open %s in a browser, type the code %s, and log in as %.*s. Waiting ...",
		 flow->verification, flow->user_code, GW_STR_ARGS(conf->user));
	return again(account, text, NULL, 1000);
}

/* The relay itself says whether it was worth it. */
static struct gw_json *prove(struct account *account)
{
	struct gw_json *json = gw->json_create();
	char text[SENTENCE], until[WHEN];

	snprintf(
		text, sizeof text,
		"There is a token, good until %s and renewed by itself%s%s. Is it taken at the relay?",
		when(account->token.expires, until),
		account->disk ? "; it could not be stored: " : "",
		account->disk ? account->disk : "");
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "text", gw_str(text));
	gw->json_begin(json, "again", GW_JSON_ARRAY);
	gw->json_string(json, NULL, gw_str("relay"));
	gw->json_string(json, NULL, gw_str("test"));
	gw->json_string(json, NULL, gw_str(account->name));
	flow_finish(&account->flow);
	return json;
}

static struct gw_json *look(struct account *account, const struct oauth_relay *conf,
			    const char *wrong)
{
	switch (account->flow.at) {
	case FLOW_BEGUN:
	case FLOW_CODE:
	case FLOW_STORING:
		return again(account, wrong, NULL, 500);
	case FLOW_SHOWN:
		return show_code(account, conf);
	case FLOW_OPENED:
		return again(account, wrong, PROMPT, 1000);
	case FLOW_DONE:
		return prove(account);
	case FLOW_FAILED:
		return over(account->flow.said, EX_UNAVAILABLE);
	default:
		return over("no login is under way", EX_UNAVAILABLE);
	}
}

static struct gw_json *go_on(struct account *account, const struct oauth_relay *conf,
			     const struct gw_list *words)
{
	char number[16];
	const char *wrong = NULL;

	snprintf(number, sizeof number, "%u", account->flow.number);
	if (!gw_str_eq(words->items[3], gw_str(number)))
		return over("another login was begun meanwhile", EX_UNAVAILABLE);
	if (words->count > 4)
		wrong = flow_paste(&account->flow, words->items[4]);
	return look(account, conf, wrong);
}

static struct gw_json *begin(struct gw_call *call, struct account *account,
			     const struct oauth_relay *conf, const struct gw_relay *relay,
			     struct gw_str way)
{
	bool device = way.len ? gw_str_eq(way, gw_str("device"))
			      : oauth_address(conf, relay, ADDRESS_DEVICE).len > 0;
	int64_t now = gw->now(call);
	const char *why;

	if (conf->grant != GRANT_LOGIN) {
		account->look = true;
		why = flow_begin_alone(&account->flow);
	} else if (!oauth_address(conf, relay, device ? ADDRESS_DEVICE : ADDRESS_AUTHORIZE).len) {
		why = device ? "there is no device_url for this relay"
			     : "there is no authorize_url for this relay";
	} else {
		why = device ? flow_begin_device(&account->flow, now)
			     : flow_begin_page(&account->flow, conf, relay, now);
	}
	if (why)
		return over(why, EX_UNAVAILABLE);
	return account->flow.at == FLOW_OPENED ? open_page(account, conf)
					       : again(account, NULL, NULL, 500);
}

static void verb_login(struct gw_call *call, struct gw_relay *relay, struct account *account,
		       const struct gw_list *words)
{
	const struct oauth_relay *conf = oauth_relay(call, relay);
	struct gw_str third = words->count > 2 ? words->items[2] : gw_str("");
	struct gw_json *json;

	account_lock(account);
	json = gw_str_eq(third, gw_str("again")) && words->count > 3
		       ? go_on(account, conf, words)
		       : begin(call, account, conf, relay, third);
	account_unlock(account);
	gw->answer_json(call, json);
}

/* --- logout --- */

static void verb_logout(struct gw_call *call, struct gw_relay *relay, struct account *account)
{
	bool revoked = oauth_address(oauth_relay(call, relay), relay, ADDRESS_REVOKE).len > 0;
	char text[SENTENCE];
	const char *why;

	account_lock(account);
	why = account_log_out(account, gw->now(call));
	account_unlock(account);
	snprintf(
		text, sizeof text, "the token of %s is forgotten%s%s%s", account->name,
		revoked ? ", and the provider is told so"
			: "; the provider has no address to take it back: do so in the account there",
		why ? "; its file cannot be removed: " : "", why ? why : "");
	gw->answer_json(call, over(text, 0));
}

/* --- the verb --- */

static void usage(struct gw_call *call, const char *what)
{
	gw->problem(call, true,
		    "gatewayctl oauth status [RELAY], login RELAY [device|page], logout RELAY: %s",
		    what);
}

static void about_relay(struct gw_call *call, const struct gw_command *command, bool login)
{
	struct gw_str name = command->words.items[1];
	struct gw_relay *relay = gw->relay_named(call, name);
	struct account *account = relay ? account_of(call, relay) : NULL;

	if (!account)
		gw->problem(call, true, "there is no relay \"%.*s\" that logs in by token",
			    GW_STR_ARGS(name));
	else if (login)
		verb_login(call, relay, account, &command->words);
	else
		verb_logout(call, relay, account);
}

static bool is_way(const struct gw_list *words)
{
	return words->count == 2 || gw_str_eq(words->items[2], gw_str("device")) ||
	       gw_str_eq(words->items[2], gw_str("page")) ||
	       gw_str_eq(words->items[2], gw_str("again"));
}

void on_control(struct gw_call *call, const struct gw_command *command)
{
	const struct gw_list *words = &command->words;
	struct gw_str verb = words->count ? words->items[0] : gw_str("status");

	if (gw_str_eq(verb, gw_str("status")) && words->count <= 2)
		verb_status(call, words->count > 1 ? words->items[1] : gw_str(""));
	else if (gw_str_eq(verb, gw_str("login")) && words->count >= 2 && words->count <= 5 &&
		 is_way(words))
		about_relay(call, command, true);
	else if (gw_str_eq(verb, gw_str("logout")) && words->count == 2)
		about_relay(call, command, false);
	else
		usage(call, "that is something else");
}

/* --- lines --- */

static void line(struct gw_call *call, const char *key, const struct gw_relay *relay,
		 struct account *account)
{
	char until[WHEN], advice[SENTENCE];

	account_lock(account);
	notice_advice(account, oauth_relay(call, relay), advice, sizeof advice);
	if (account->state == ACCOUNT_GOOD)
		gw->status_line(call, key, "by token, %s%s%s%s",
				account->token.access ? "good until " : "which is being asked for",
				when(account->token.access ? account->token.expires : 0, until),
				account->disk ? "; it cannot be stored: " : "",
				account->disk ? account->disk : "");
	else
		gw->status_line(call, key, "%s: %s; to do: %s", state_word(account), account->error,
				advice);
	account_unlock(account);
}

static bool is_well(struct account *account)
{
	bool well;

	account_lock(account);
	well = account->state == ACCOUNT_GOOD && !account->disk;
	account_unlock(account);
	return well;
}

void on_status(struct gw_call *call)
{
	struct gw_relay *relay;
	size_t nth, good = 0, count = 0;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++) {
		struct account *account = account_of(call, relay);

		if (!account)
			continue;
		count++;
		if (is_well(account))
			good++;
		else
			line(call, account->name, relay, account);
	}
	gw->status_line(call, "tokens", "%zu of %zu relays", good, count);
}

void on_relay_status(struct gw_call *call, struct gw_relay *relay)
{
	struct account *account = account_of(call, relay);

	if (account)
		line(call, "login", relay, account);
}

#include "answer.h"
#include "text.h"

#include <gateway/module.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LIFE_USUAL 3600          /* seconds, where the answer does not say */
#define LIFE_MOST (366L * 86400) /* and what it says is not believed beyond that */
#define INTERVAL_USUAL 5
#define RETRY_MOST 3600

/* --- members --- */

static const char *text_of(const struct gw_json_value *json, const char *name)
{
	struct gw_str text = gw->json_value_string(gw->json_member(json, name));

	return text.len ? text.ptr : NULL;
}

/* Some say numbers as strings. */
static int64_t seconds_of(const struct gw_json_value *json, const char *name, int64_t otherwise,
			  int64_t most)
{
	const char *text = text_of(json, name);
	int64_t seconds = text ? strtoll(text, NULL, 10)
			       : gw->json_value_number(gw->json_member(json, name), 0);

	if (seconds <= 0)
		return otherwise;
	return seconds > most ? most : seconds;
}

/* What goes into a line of AUTH: RFC 6750's b64token, and other visible ASCII that providers use.
 */
static bool is_token(const char *text)
{
	size_t len = text ? strlen(text) : 0, i;

	for (i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] >= 0x7f)
			return false;
	return len > 0 && len <= TOKEN_MOST;
}

static void copy_word(char *out, size_t size, const char *text)
{
	plain_text(gw_str(text), out, size);
}

/* --- the kinds of answer --- */

static void say(struct answer *answer, enum answer_kind kind, const char *text)
{
	answer->kind = kind;
	copy_word(answer->text, sizeof answer->text, text);
}

static void take_token(struct answer *answer, const struct gw_json_value *json, int64_t now)
{
	const char *access = text_of(json, "access_token"),
		   *refresh = text_of(json, "refresh_token");
	const char *type = text_of(json, "token_type"), *scope = text_of(json, "scope");
	struct token *token = &answer->token;

	if (!is_token(access) || (refresh && !is_token(refresh)) ||
	    (type && strcasecmp(type, "Bearer") != 0)) {
		say(answer, ANSWER_LATER, "its answer has no bearer token that can be used");
		return;
	}
	answer->kind = ANSWER_TOKEN;
	token->access = strdup(access);
	token->refresh = refresh ? strdup(refresh) : NULL;
	token->scope = scope && strlen(scope) < 1024 ? strdup(scope) : NULL;
	token->got = now;
	token->expires = now + 1000 * seconds_of(json, "expires_in", LIFE_USUAL, LIFE_MOST);
	if (token->access && (token->refresh || !refresh))
		return;
	token_finish(token);
	say(answer, ANSWER_LATER, "no memory");
}

static void take_device(struct answer *answer, const struct gw_json_value *json)
{
	const char *device = text_of(json, "device_code"), *user = text_of(json, "user_code"),
		   *where = text_of(json, "verification_uri");

	where = where ? where : text_of(json, "verification_url"); /* Google's name for it */
	if (!is_token(device) || strlen(device) >= sizeof answer->device_code || !user || !where) {
		say(answer, ANSWER_LATER, "its answer has no code that can be used");
		return;
	}
	answer->kind = ANSWER_DEVICE;
	strcpy(answer->device_code, device);
	copy_word(answer->user_code, sizeof answer->user_code, user);
	copy_word(answer->verification, sizeof answer->verification, where);
	answer->interval = 1000 * seconds_of(json, "interval", INTERVAL_USUAL, 600);
	answer->expires_in = 1000 * seconds_of(json, "expires_in", 900, 86400);
}

/* A refusal that is over by itself. */
static bool is_passing(int status, const char *error)
{
	return status == 408 || status == 429 || status >= 500 || !error ||
	       strcmp(error, "temporarily_unavailable") == 0 || strcmp(error, "server_error") == 0;
}

static void take_error(struct answer *answer, int status, const struct gw_json_value *json)
{
	const char *error = text_of(json, "error"), *more = text_of(json, "error_description");
	char text[ANSWER_TEXT];

	snprintf(text, sizeof text, "%s%s%s (%d)", error ? error : "no answer in OAuth's words",
		 more ? ": " : "", more ? more : "", status);
	say(answer, is_passing(status, error) ? ANSWER_LATER : ANSWER_NO, text);
	if (!error)
		return;
	copy_word(answer->error, sizeof answer->error, error);
	answer->slower = strcmp(error, "slow_down") == 0;
	if (answer->slower || strcmp(error, "authorization_pending") == 0)
		answer->kind = ANSWER_PENDING;
}

/* --- the whole of it --- */

static void read_fields(struct answer *answer, const struct gw_http_answer *http, int64_t now)
{
	struct gw_str date = gw_http_field(http, gw_str("Date")),
		      retry = gw_http_field(http, gw_str("Retry-After"));
	struct tm tm = { 0 };
	long seconds = strtol(retry.ptr, NULL, 10);

	if (date.len && strptime(date.ptr, "%a, %d %b %Y %H:%M:%S GMT", &tm))
		answer->ahead = (int64_t)timegm(&tm) * 1000 - now;
	if (seconds > 0)
		answer->retry_after = 1000 * (seconds > RETRY_MOST ? RETRY_MOST : seconds);
}

static void read_json(struct answer *answer, int status, const struct gw_json_value *json,
		      int64_t now)
{
	if (status / 100 != 2)
		take_error(answer, status, json);
	else if (text_of(json, "device_code"))
		take_device(answer, json);
	else if (text_of(json, "error")) /* some say so with 200 */
		take_error(answer, 400, json);
	else
		take_token(answer, json, now);
}

void answer_read(struct answer *answer, const struct gw_http_answer *http, int64_t now)
{
	struct gw_json_value *json;

	*answer = (struct answer){ .kind = ANSWER_LATER };
	if (!http->status) {
		say(answer, ANSWER_LATER, http->error.ptr);
		return;
	}
	read_fields(answer, http, now);
	json = gw->json_read(http->body, NULL, 0);
	if (gw->json_kind(json) == GW_JSON_OBJECT || http->status / 100 != 2)
		read_json(answer, http->status, json, now);
	else
		say(answer, ANSWER_LATER, "its answer is no JSON object");
	gw->json_free(json);
}

void answer_finish(struct answer *answer)
{
	token_finish(&answer->token);
	explicit_bzero(answer->device_code, sizeof answer->device_code);
}

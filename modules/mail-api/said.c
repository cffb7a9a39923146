#include "said.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PAUSE_USUAL 30000 /* ms, where 429 does not say */
#define PAUSE_MOST 3600000

/* --- the table: the first row that fits --- */

enum mark { NOTHING, UNFIT = 1, LOGIN = 2, RCPT = 4, PAUSE = 8, DOUBT = 16 };

/* Stage, code and enhanced code are those that a submission host says in such a case; so the rules
 * about replies hold for APIs too. What is said before "dot" is no answer to the content. */
static const struct row {
	int status;       /* 0: any; 5: any of that hundred */
	const char *word; /* in the error's code, reason or text; NULL: any */
	int code;
	const char *enhanced, *stage;
	unsigned marks;
} rows[] = {
	/* the login and the account */
	{ 401, NULL, 535, "5.7.3", "auth", LOGIN },
	{ 403, "SendAsDenied", 550, "5.7.60", "mail", 0 },
	{ 400, "SendAsDenied", 550, "5.7.60", "mail", 0 },
	{ 0, "DomainNotLinked", 550, "5.7.60", "mail", 0 },
	{ 0, "InvalidSenderUserName", 550, "5.7.60", "mail", 0 },
	{ 0, "SubmissionBlocked", 550, "5.1.8", "mail", 0 },
	{ 0, "MessageLimit", 550, "5.4.5", "mail", 0 },
	{ 403, "dailyLimit", 550, "5.4.5", "mail", 0 },
	{ 403, "quotaExceeded", 550, "5.4.5", "mail", 0 },
	{ 403, "ateLimit", 432, "4.3.2", "mail", PAUSE },
	{ 403, "RESOURCE_EXHAUSTED", 432, "4.3.2", "mail", PAUSE },
	{ 403, NULL, 535, "5.7.8", "auth", 0 },
	{ 404, NULL, 535, "5.7.8", "auth", 0 },
	{ 400, "failedPrecondition", 535, "5.7.8", "auth", 0 },
	{ 400, "FAILED_PRECONDITION", 535, "5.7.8", "auth", 0 },
	{ 400, "Mail service not enabled", 535, "5.7.8", "auth", 0 },
	/* too fast */
	{ 429, NULL, 432, "4.3.2", "mail", PAUSE },
	{ 503, NULL, 451, "4.3.0", "mail", PAUSE },
	/* the size */
	{ 413, NULL, 552, "5.3.4", "dot", UNFIT },
	{ 0, "SizeExceeded", 552, "5.3.4", "dot", UNFIT },
	{ 0, "uploadTooLarge", 552, "5.3.4", "dot", UNFIT },
	/* recipients, and the message */
	{ 0, "RecipientsSuppressed", 550, "5.7.1", "rcpt", RCPT },
	{ 400, "ErrorInvalidRecipients", 550, "5.1.3", "rcpt", RCPT },
	{ 400, "Recipient address required", 554, "5.6.0", "dot", 0 },
	{ 400, "Invalid To", 550, "5.1.3", "rcpt", RCPT },
	{ 400, "Invalid Cc", 550, "5.1.3", "rcpt", RCPT },
	{ 400, "Invalid Bcc", 550, "5.1.3", "rcpt", RCPT },
	{ 400, "recipient", 550, "5.1.3", "rcpt", RCPT },
	{ 400, NULL, 554, "5.6.0", "dot", 0 },
	/* in trouble; a gateway on the way that lost the answer may have passed the message on */
	{ 502, NULL, 0, "4.4.2", "dot", DOUBT },
	{ 504, NULL, 0, "4.4.2", "dot", DOUBT },
	{ 507, NULL, 451, "4.3.1", "mail", 0 },
	{ 5, NULL, 451, "4.3.0", "mail", 0 },
	/* nothing that was expected: an address that is wrong, a version that is gone */
	{ 0, NULL, 451, "4.3.5", "mail", 0 },
};

/* --- the words --- */

struct words {
	struct gw_str code, reason, message;
};

static bool has(struct gw_str text, const char *word)
{
	size_t len = strlen(word), i;

	for (i = 0; i + len <= text.len; i++)
		if (strncasecmp(text.ptr + i, word, len) == 0)
			return true;
	return false;
}

static bool fits(const struct row *row, int status, const struct words *words)
{
	if (row->status > 9 ? row->status != status
			    : row->status != 0 && row->status != status / 100)
		return false;
	return !row->word || has(words->code, row->word) || has(words->reason, row->word) ||
	       has(words->message, row->word);
}

static const struct row *row_for(int status, const struct words *words)
{
	const struct row *row = rows;

	while (!fits(row, status, words))
		row++;
	return row;
}

/* Empty where it is no text. */
static struct gw_str text_of(const struct gw_json_value *json, const char *name)
{
	struct gw_str text = gw->json_value_string(gw->json_member(json, name));

	return text.len ? text : gw_str("");
}

/* Graph: {"error":{"code":"ErrorX","message":"..."}}; Google: {"error":{"status":"X",
 * "message":"...","errors":[{"reason":"..."}]}}. */
static void read_words(const struct gw_json_value *json, struct words *words)
{
	const struct gw_json_value *error = gw->json_member(json, "error");

	words->code = text_of(error, "code");
	if (!words->code.len)
		words->code = text_of(error, "status");
	words->message = text_of(error, "message");
	words->reason = text_of(gw->json_item(gw->json_member(error, "errors"), 0), "reason");
}

/* What others wrote, as one line that can be shown. */
static void make_plain(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			*text = ' ';
}

static void write_words(struct said *said, const struct words *words)
{
	snprintf(said->text, sizeof said->text, "HTTP %d%s%.*s%s%.*s%s%.*s", said->http,
		 words->code.len ? " " : "", GW_STR_ARGS(words->code), words->reason.len ? " " : "",
		 GW_STR_ARGS(words->reason), words->message.len ? ": " : "",
		 GW_STR_ARGS(words->message));
	make_plain(said->text);
}

/* --- Retry-After: seconds, or a date --- */

int64_t said_retry_after(const struct gw_http_answer *answer, int64_t now, int64_t otherwise)
{
	struct gw_str value = gw_http_field(answer, gw_str("Retry-After"));
	struct tm tm = { 0 };
	int64_t seconds = strtoll(value.ptr, NULL, 10), ms = seconds > PAUSE_MOST / 1000
								     ? PAUSE_MOST
							     : seconds > 0 ? seconds * 1000
									   : 0;

	if (value.len && strptime(value.ptr, "%a, %d %b %Y %H:%M:%S GMT", &tm))
		ms = (int64_t)timegm(&tm) * 1000 - now;
	if (ms <= 0)
		return otherwise;
	return ms < PAUSE_MOST ? ms : PAUSE_MOST;
}

/* --- the whole of it --- */

static void say(struct said *said, enum gw_status status, int code, const char *enhanced,
		const char *stage)
{
	said->status = status;
	said->code = code;
	said->enhanced = enhanced;
	said->stage = stage;
}

static void take_row(struct said *said, const struct row *row, const struct gw_http_answer *answer,
		     int64_t now)
{
	enum gw_status status = row->marks & DOUBT        ? GW_UNKNOWN
				: row->enhanced[0] == '5' ? GW_BOUNCED
							  : GW_DEFERRED;

	say(said, status, row->code, row->enhanced, row->stage);
	said->unfit = row->marks & UNFIT;
	said->login_refused = row->marks & LOGIN;
	said->of_rcpt = row->marks & RCPT;
	if (!(row->marks & PAUSE))
		return;
	said->pause = said_retry_after(answer, now, row->status == 503 ? 0 : PAUSE_USUAL);
	if (said->pause) /* then it is asked to be slower, and not in trouble */
		say(said, status, 432, "4.3.2", row->stage);
}

/* A mail that was told anew and is not liked so may be liked as it came. */
static void take_refusal(struct said *said, const struct api *api,
			 const struct gw_http_answer *answer, int64_t now)
{
	struct gw_json_value *json = gw->json_read(answer->body, NULL, 0);
	struct words words;

	read_words(json, &words);
	write_words(said, &words);
	take_row(said, row_for(said->http, &words), answer, now);
	said->unfit |= api->later && said->http == 400 && strcmp(said->stage, "dot") == 0;
	gw->json_free(json);
}

void said_failed(struct said *said, const struct gw_json_value *json)
{
	struct words words;
	const struct row *row;

	read_words(json, &words);
	write_words(said, &words);
	row = row_for(0, &words);
	if (row->word)
		take_row(said, row, NULL, 0);
	else
		say(said, GW_BOUNCED, 554, "5.0.0", "dot");
}

static void take_success(struct said *said, const struct gw_http_answer *answer)
{
	struct gw_str id = gw_http_field(answer, gw_str("request-id"));

	say(said, GW_DELIVERED, 250, "2.0.0", "dot");
	if (id.len > 100)
		id.len = 100;
	snprintf(said->text, sizeof said->text, "HTTP %d%s%.*s", said->http,
		 id.len ? ", request-id " : "", GW_STR_ARGS(id));
	make_plain(said->text);
}

/* There is no whole answer. */
static void take_silence(struct said *said, const struct gw_http_answer *answer)
{
	if (answer->sent)
		say(said, GW_UNKNOWN, 0, "4.4.2", "dot");
	else
		say(said, GW_DEFERRED, 0, "4.4.1", "connect");
	snprintf(said->text, sizeof said->text, "%s%.*s",
		 answer->sent ? "no answer to the message: " : "", GW_STR_ARGS(answer->error));
	make_plain(said->text);
}

void said_read(struct said *said, const struct api *api, const struct gw_http_answer *answer,
	       int64_t now)
{
	*said = (struct said){ .http = answer->status ? answer->status : answer->begun };
	if (said->http / 100 == 2)
		take_success(said, answer);
	else if (answer->status || answer->begun >= 300)
		take_refusal(said, api, answer, now);
	else
		take_silence(said, answer);
}

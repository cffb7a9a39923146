/* azure_send.c - a mail that Azure is told, and asked for until it says what became of it.
 *
 * The service has the number of a mail from us (Operation-Id), the same at each try. So what may
 * have arrived at a try before, whose answer nobody heard, is asked for first, and is not sent
 * again where it is there. */
#include "send_private.h"

#include <stdio.h>
#include <stdlib.h>

#define VERSION "api-version=2023-03-31"
#define PAUSE_USUAL 5000 /* ms, where it does not say */
#define PAUSE_MOST 60000

static enum gw_verdict resumed(struct gw_call *call, void *arg);

static bool asks_with_post(enum azure_step step)
{
	return step == AZURE_POST;
}

/* --- how it ends --- */

static enum gw_verdict end_with_said(struct gw_call *call, struct send *send)
{
	gw->reason(call, "%s said %s", send->api->name, send->said.text);
	return send_end(send, given_answer(call, send->delivery, &send->said, send->host));
}

static enum gw_verdict end_with(struct gw_call *call, struct send *send, enum gw_status status,
				const char *stage, const char *enhanced, const char *text)
{
	return send_end(send, given_end(call, send->delivery, status, stage, enhanced, text));
}

/* It has it, and does not say in time what became of it: it is asked again later, and nobody
 * else. */
static enum gw_verdict end_unknown(struct gw_call *call, struct send *send)
{
	char text[200];

	snprintf(text, sizeof text,
		 "%s has it as operation %s, and has not said yet that it was sent",
		 send->api->name, send->azure.id);
	return end_with(call, send, GW_UNKNOWN, "dot", "4.4.2", text);
}

static void say_sent(struct send *send)
{
	int http = send->said.http;

	send->said = (struct said){ .status = GW_DELIVERED,
				    .code = 250,
				    .enhanced = "2.0.0",
				    .stage = "dot",
				    .http = http };
	snprintf(send->said.text, sizeof send->said.text, "HTTP %d, operation %s", http,
		 send->azure.id);
}

/* --- a question --- */

static enum gw_verdict hold(struct gw_call *call, struct send *send)
{
	const struct api_conf *conf = gw->conf(call);
	struct gw_async async = { resumed, send_dropped, (uint32_t)conf->timeout + MARGIN };
	struct gw_delivery *delivery = send->delivery;
	enum gw_verdict verdict = gw->hold(call, &async, send, &send->ticket);

	send->held = verdict == GW_PENDING;
	if (send->held)
		return verdict;
	send->delivery = send->letter.delivery = NULL;
	send_unref(send);
	return given_end(call, delivery, GW_UNKNOWN, "dot", "4.4.2", "no memory");
}

static bool make_url(const struct send *send, char *out, size_t size)
{
	struct gw_str base = send->conf->url;
	int len;

	while (base.len && base.ptr[base.len - 1] == '/')
		base.len--;
	len = asks_with_post(send->azure.step)
		      ? snprintf(out, size, "%.*s/emails:send?" VERSION, GW_STR_ARGS(base))
		      : snprintf(out, size, "%.*s/emails/operations/%s?" VERSION, GW_STR_ARGS(base),
				 send->azure.id);
	return len > 0 && (size_t)len < size;
}

/* The lines of a request's header, and what they are made of. */
struct lines {
	struct gw_str items[6];
	size_t count;
	struct azure_signature signature;
	char bearer[20000], id[64];
};

static void add_line(struct lines *lines, const char *text)
{
	lines->items[lines->count++] = gw_str(text);
}

static bool add_token(struct lines *lines, struct gw_str token)
{
	int len = snprintf(lines->bearer, sizeof lines->bearer, "Authorization: Bearer %.*s",
			   GW_STR_ARGS(token));

	add_line(lines, lines->bearer);
	return len > 0 && (size_t)len < sizeof lines->bearer;
}

static bool add_signature(struct gw_call *call, const struct send *send, struct lines *lines,
			  struct gw_str url, struct gw_str key)
{
	bool post = asks_with_post(send->azure.step);
	char none[AZURE_HASH];

	azure_hash(gw_str(""), none);
	if (!azure_sign(&lines->signature, post ? "POST" : "GET", url,
			post ? send->azure.hash : none, key, gw->now(call)))
		return false;
	add_line(lines, lines->signature.date);
	add_line(lines, lines->signature.hash);
	add_line(lines, lines->signature.authorization);
	return true;
}

static void add_letter(const struct send *send, struct lines *lines)
{
	snprintf(lines->id, sizeof lines->id, "Operation-Id: %s", send->azure.id);
	add_line(lines, lines->id);
	add_line(lines, "Content-Type: application/json");
}

/* With a token, or signed with the access key. */
static bool ask_with(struct gw_call *call, struct send *send, struct gw_str url,
		     struct gw_str secret)
{
	bool post = asks_with_post(send->azure.step), asked;
	struct lines *lines = calloc(1, sizeof *lines);

	if (!lines)
		return false;
	add_line(lines, "Accept: application/json");
	if (post)
		add_letter(send, lines);
	asked = send->conf->method == METHOD_OAUTH ? add_token(lines, secret)
						   : add_signature(call, send, lines, url, secret);
	asked = asked && send_ask(call, send, post ? "POST" : "GET", url,
				  (struct gw_list){ lines->items, lines->count });
	explicit_bzero(lines, sizeof *lines);
	free(lines);
	return asked;
}

static enum gw_verdict ask(struct gw_call *call, struct send *send, enum azure_step step)
{
	struct gw_login login = { .size = sizeof login };
	bool later = step == AZURE_POLL || step == AZURE_RECHECK;
	char url[2048];

	send->azure.step = step;
	if (!gw->login(call, send->delivery, &login))
		return end_with(
			call, send, GW_DEFERRED, "auth", "4.7.0",
			"the relay has no auth group, and the API takes mail only with a key or a token");
	if (!make_url(send, url, sizeof url) || !ask_with(call, send, gw_str(url), login.secret))
		return later ? end_unknown(call, send)
			     : end_with(
				       call, send, GW_DEFERRED, "connect", "4.3.0",
				       "the request could not be begun, or the access key is not base64");
	snprintf(send->host, sizeof send->host, "%.*s", GW_STR_ARGS(api_host(gw_str(url))));
	if (step == AZURE_POST || later || send->azure.survivor)
		send_expect_nothing(call, send);
	return hold(call, send);
}

/* --- what it says --- */

static enum gw_verdict wait(struct gw_call *call, struct send *send)
{
	int64_t pause = send->azure.pause;

	send->azure.step = AZURE_WAIT;
	if (gw->now(call) + pause > send->azure.until)
		return end_unknown(call, send);
	send->timed = gw->timer_set(call, pause, 0, send) != 0;
	return send->timed ? hold(call, send) : end_unknown(call, send);
}

/* It has the mail. */
static enum gw_verdict follow(struct gw_call *call, struct send *send)
{
	switch (send->azure.operation) {
	case OPERATION_SENT:
		say_sent(send);
		return end_with_said(call, send);
	case OPERATION_FAILED:
		return end_with_said(call, send);
	default:
		return wait(call, send);
	}
}

static enum gw_verdict looked_up(struct gw_call *call, struct send *send)
{
	if (send->said.http == 404)
		return ask(call, send, AZURE_POST);
	if (send->said.http / 100 == 2)
		return follow(call, send);
	if (send->azure.survivor && send->said.status == GW_DEFERRED)
		send->said.status = GW_UNKNOWN;
	return end_with_said(call, send);
}

static enum gw_verdict posted(struct gw_call *call, struct send *send)
{
	if (send->said.http / 100 == 2)
		return follow(call, send);
	if (send->said.http != 400 && send->said.http != 409)
		return end_with_said(call, send);
	send->azure.refused = send->said;
	return ask(call, send, AZURE_RECHECK);
}

static enum gw_verdict rechecked(struct gw_call *call, struct send *send)
{
	if (send->said.http / 100 == 2)
		return follow(call, send);
	send->said = send->azure.refused;
	return end_with_said(call, send);
}

/* 404 is what who knows us is told about a mail that there is not. */
static enum gw_verdict probed(struct gw_call *call, struct send *send)
{
	if (send->said.http != 404 && send->said.http / 100 != 2)
		return end_with_said(call, send);
	say_sent(send);
	snprintf(send->said.text, sizeof send->said.text,
		 "it takes the login; whether the sender's address is right only a mail shows");
	return end_with_said(call, send);
}

static enum gw_verdict resumed(struct gw_call *call, void *arg)
{
	struct send *send = arg;

	switch (send->azure.step) {
	case AZURE_LOOKUP:
		return looked_up(call, send);
	case AZURE_POST:
		return posted(call, send);
	case AZURE_RECHECK:
		return rechecked(call, send);
	case AZURE_WAIT:
		return ask(call, send, AZURE_POLL);
	case AZURE_PROBE:
		return probed(call, send);
	default:
		return send->said.http / 100 == 2 ? follow(call, send) : wait(call, send);
	}
}

void azure_take_answer(struct send *send, const struct gw_http_answer *answer, int64_t now)
{
	struct azure_send *azure = &send->azure;

	azure->pause = said_retry_after(answer, now, PAUSE_USUAL);
	if (azure->pause > PAUSE_MOST)
		azure->pause = PAUSE_MOST;
	azure->operation = send->said.http / 100 == 2 ? operation_read(answer, &send->said)
						      : OPERATION_UNKNOWN;
	if (azure->step == AZURE_POLL || azure->step == AZURE_RECHECK)
		send->said.pause = 0; /* questions have a limit of their own */
}

/* --- the mail --- */

static void tell(void *arg)
{
	struct send *send = arg;

	send->azure.made = letter_tell(&send->letter, send->conf, &send->azure.refusal);
	if (send->azure.made == 0)
		azure_hash(gw_str_n(send->letter.head, send->letter.head_len), send->azure.hash);
}

/* A mail that somebody may have tried before is asked for first. */
static enum gw_verdict told(struct gw_call *call, void *arg)
{
	struct send *send = arg;
	const struct refusal *refusal = &send->azure.refusal;
	struct gw_message *message = gw->delivery_message(send->delivery);
	bool again = gw->message_number(message, GW_MESSAGE_ATTEMPTS) > 0;

	if (send->azure.made < 0)
		return send_end(send, GW_FAILED);
	if (send->azure.made == 0)
		return ask(call, send, again || send->azure.survivor ? AZURE_LOOKUP : AZURE_POST);
	gw->reason(call, "%s cannot carry it: %s", send->api->name, refusal->text);
	return end_with(call, send, GW_BOUNCED, "mail", refusal->enhanced, refusal->text);
}

enum gw_verdict azure_begin(struct gw_call *call, struct send *send)
{
	const struct api_conf *conf = gw->conf(call);
	const struct post *post = gw->instance_data(call);
	struct gw_message *message = gw->delivery_message(send->delivery);
	struct gw_async async = { told, send_dropped, (uint32_t)conf->timeout + MARGIN };
	enum gw_verdict verdict;

	send->azure.until = gw->now(call) + conf->timeout;
	send->azure.survivor = post &&
			       gw->message_number(message, GW_MESSAGE_RECEIVED_AT) < post->began;
	if (!operation_id(send->delivery, send->azure.id))
		return send_end(send, GW_FAILED);
	verdict = gw->offload(call, &async, tell, send);
	send->held = verdict == GW_PENDING;
	return send->held ? verdict : send_end(send, verdict);
}

enum gw_verdict azure_begin_probe(struct gw_call *call, struct send *send)
{
	snprintf(send->azure.id, sizeof send->azure.id, "00000000-0000-8000-8000-000000000000");
	return ask(call, send, AZURE_PROBE);
}

#include "send.h"
#include "letter.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define MARGIN 15000 /* ms that a call waits longer than its request may take */

struct send {
	struct send *next, **link; /* of its place */
	struct letter letter;
	const struct api *api;
	struct lane *lane; /* the instance's, which lives until the answer is told */
	struct gw_delivery *delivery;
	struct said said;
	gw_ticket ticket;
	bool asked, held;
	bool probe;
	char host[256];
};

struct lane *lane_of(struct gw_call *call, const struct gw_relay *relay)
{
	const struct post *post = gw->instance_data(call);
	int64_t index = gw->relay_number(relay, GW_RELAY_INDEX);

	return post && index >= 0 && (size_t)index < post->count ? post->lanes[index] : NULL;
}

static void send_unref(struct send *send)
{
	if (send->asked || send->held)
		return;
	if (send->link)
		*send->link = send->next;
	if (send->link && send->next)
		send->next->link = send->link;
	letter_finish(&send->letter);
	free(send);
}

/* --- outcomes --- */

static void parse_enhanced(const char *text, uint8_t out[3])
{
	unsigned parts[3] = { 0 };

	sscanf(text, "%u.%u.%u", &parts[0], &parts[1], &parts[2]);
	for (int i = 0; i < 3; i++)
		out[i] = (uint8_t)parts[i];
}

static void give(struct gw_call *call, struct gw_delivery *delivery, struct gw_rcpt *rcpt,
		 const struct said *said, const char *host)
{
	struct gw_outcome outcome = { .size = sizeof outcome,
				      .status = said->status,
				      .code = said->code,
				      .text = gw_str(said->text),
				      .host = gw_str(host),
				      .stage = gw_str(said->stage),
				      .unfit = said->unfit };

	parse_enhanced(said->enhanced, outcome.enhanced);
	gw->outcome(call, delivery, rcpt, &outcome);
}

static void give_all(struct gw_call *call, struct gw_delivery *delivery, const struct said *said,
		     const char *host)
{
	struct gw_rcpt *rcpt;
	size_t nth;

	for (nth = 0; (rcpt = gw->delivery_rcpt(delivery, nth)) != NULL; nth++)
		give(call, delivery, rcpt, said, host);
}

static bool goes_on(char octet)
{
	return isalnum((unsigned char)octet) || (octet && strchr(".!#$%&*+/=?^_`{|}~-@", octet));
}

/* By itself: "ann@a.example" is not in "joann@a.example". A full stop may end the sentence. */
static bool stands_at(const char *text, size_t at, size_t len)
{
	const char *end = text + at + len;

	return (at == 0 || !goes_on(text[at - 1])) &&
	       (!goes_on(*end) || (*end == '.' && !goes_on(end[1])));
}

static bool is_in(const char *text, struct gw_str word)
{
	size_t i, len = strlen(text);

	for (i = 0; word.len && i + word.len <= len; i++)
		if (strncasecmp(text + i, word.ptr, word.len) == 0 && stands_at(text, i, word.len))
			return true;
	return false;
}

static bool names(const struct said *said, const struct gw_rcpt *rcpt)
{
	return is_in(said->text, gw->rcpt_fact(rcpt, GW_RCPT_ADDRESS));
}

/* One recipient that the API does not like keeps the message from all: where it says which, the
 * others come again without it. */
static void give_named(struct gw_call *call, struct gw_delivery *delivery, const struct said *said,
		       const char *host)
{
	struct said others = {
		.status = GW_DEFERRED,
		.code = 451,
		.enhanced = "4.1.3",
		.stage = "rcpt",
		.text = "another recipient was refused; it goes again without that"
	};
	struct gw_rcpt *rcpt;
	size_t nth, named = 0;

	for (nth = 0; (rcpt = gw->delivery_rcpt(delivery, nth)) != NULL; nth++)
		named += names(said, rcpt);
	for (nth = 0; (rcpt = gw->delivery_rcpt(delivery, nth)) != NULL; nth++)
		give(call, delivery, rcpt, !named || names(said, rcpt) ? said : &others, host);
}

static enum gw_verdict answer(struct gw_call *call, struct gw_delivery *delivery,
			      const struct said *said, const char *host)
{
	if (said->of_rcpt)
		give_named(call, delivery, said, host);
	else
		give_all(call, delivery, said, host);
	if (said->login_refused)
		gw->login_refused(call, delivery, gw_str(said->text));
	return GW_ACCEPT;
}

/* What ends before anything is asked. */
static enum gw_verdict end(struct gw_call *call, struct gw_delivery *delivery,
			   enum gw_status status, const char *stage, const char *enhanced,
			   const char *text)
{
	struct said said = { .status = status,
			     .stage = stage,
			     .enhanced = enhanced,
			     .unfit = status == GW_BOUNCED };

	snprintf(said.text, sizeof said.text, "%s", text);
	return answer(call, delivery, &said, "");
}

/* --- a probe: 400 is what a message to nobody gets from who knows us --- */

static void judge_probe(struct said *said)
{
	char text[SAID_TEXT];

	if (said->http != 400 && said->http / 100 != 2)
		return;
	snprintf(text, sizeof text,
		 "it takes the login, and a message to nobody as it should: %.300s", said->text);
	*said = (struct said){ .status = GW_DELIVERED,
			       .code = 250,
			       .enhanced = "2.0.0",
			       .stage = "dot",
			       .http = said->http };
	memcpy(said->text, text, sizeof text);
}

/* --- the call --- */

static enum gw_verdict resumed(struct gw_call *call, void *arg)
{
	struct send *send = arg;
	enum gw_verdict verdict;

	if (send->probe)
		judge_probe(&send->said);
	gw->reason(call, "%s said %s", send->api->name, send->said.text);
	verdict = answer(call, send->delivery, &send->said, send->host);
	send->held = false;
	send_unref(send);
	return verdict;
}

static void dropped(void *arg)
{
	struct send *send = arg;

	send->letter.delivery = send->delivery = NULL;
	send->held = false;
	send_unref(send);
}

/* --- the request --- */

static long read_body(void *arg, uint64_t offset, void *out, size_t len)
{
	const struct send *send = arg;

	return send->held ? letter_read(&send->letter, offset, out, len) : -1;
}

void on_http(struct gw_call *call, const struct gw_http_answer *http, void *arg)
{
	struct send *send = arg;
	int64_t now = gw->now(call);

	said_read(&send->said, send->api, http, now);
	if (send->said.pause)
		lane_pause(send->lane, now + send->said.pause);
	gw->count(call, "requests", 1);
	if (send->held)
		gw->wake(send->ticket);
	else
		gw->log(call, GW_LOG_WARNING, "an answer for which nobody waited any more: %s",
			send->said.text);
	send->asked = false;
	send_unref(send);
}

static bool ask(struct gw_call *call, struct send *send, struct gw_str url, struct gw_str token)
{
	const struct api_conf *conf = gw->conf(call);
	char bearer[20000], type[64];
	struct gw_str headers[] = { gw_str(""), gw_str(""), GW_STR("Accept: application/json") };
	struct gw_http_request request = { .size = sizeof request,
					   .method = gw_str("POST"),
					   .url = url,
					   .headers = { headers, 3 },
					   .ca_file = conf->ca_file,
					   .deadline_ms = (uint32_t)conf->timeout,
					   .body_size = letter_sent_size(&send->letter),
					   .body_read = read_body };
	int len = snprintf(bearer, sizeof bearer, "Authorization: Bearer %.*s", GW_STR_ARGS(token));

	snprintf(type, sizeof type, "Content-Type: %s", send->api->type);
	headers[0] = gw_str_n(bearer, (size_t)len);
	headers[1] = gw_str(type);
	send->asked = len > 0 && (size_t)len < sizeof bearer &&
		      gw->http_request(call, &request, send) != 0;
	explicit_bzero(bearer, sizeof bearer);
	return send->asked;
}

static void enlist(struct place *place, struct send *send)
{
	send->next = place->sends;
	send->link = &place->sends;
	if (send->next)
		send->next->link = &send->next;
	place->sends = send;
}

/* What may have arrived is said before it is on its way: it stands if nobody is there to hear the
 * answer. */
static void expect_nothing(struct gw_call *call, struct send *send)
{
	struct said said = { .status = GW_UNKNOWN,
			     .enhanced = "4.4.2",
			     .stage = "dot",
			     .text = "the answer to the message was not waited for" };

	if (!send->probe)
		give_all(call, send->delivery, &said, send->host);
}

static enum gw_verdict begin(struct gw_call *call, struct send *send, struct gw_str url,
			     struct gw_str token)
{
	const struct api_conf *conf = gw->conf(call);
	struct gw_async async = { resumed, dropped, (uint32_t)conf->timeout + MARGIN };
	struct gw_delivery *delivery = send->delivery;
	enum gw_verdict verdict;

	if (!ask(call, send, url, token)) {
		send_unref(send);
		return end(call, delivery, GW_DEFERRED, "connect", "4.3.0",
			   "the request could not be begun");
	}
	enlist(gw->worker_data(call), send);
	expect_nothing(call, send);
	verdict = gw->hold(call, &async, send, &send->ticket);
	send->held = verdict == GW_PENDING;
	if (!send->held) /* no octet of it was read, and none will be */
		send->delivery = send->letter.delivery = NULL;
	return send->held ? verdict
			  : end(call, delivery, GW_DEFERRED, "connect", "4.3.0", "no memory");
}

static struct send *send_create(struct gw_call *call, struct gw_delivery *delivery,
				struct gw_relay *relay, const struct api *api)
{
	struct send *send = gw->worker_data(call) ? calloc(1, sizeof *send) : NULL;

	if (!send)
		return NULL;
	send->api = api;
	send->lane = lane_of(call, relay);
	send->delivery = delivery;
	return send;
}

static enum gw_verdict send_letter(struct gw_call *call, struct send *send,
				   const struct api_relay *conf)
{
	struct gw_login login = { .size = sizeof login };
	struct gw_delivery *delivery = send->delivery;
	char url[4096];
	bool known = gw->login(call, delivery, &login);

	if (known && api_url(send->api, conf, conf->mailbox.len ? conf->mailbox : login.user, url,
			     sizeof url)) {
		snprintf(send->host, sizeof send->host, "%.*s", GW_STR_ARGS(api_host(gw_str(url))));
		return begin(call, send, gw_str(url), login.secret);
	}
	send_unref(send);
	return end(call, delivery, GW_DEFERRED, "auth", "4.7.0",
		   known ? "the mailbox's name is too long"
			 : "the relay has no auth group, and the API takes mail only with a token");
}

enum gw_verdict on_deliver(struct gw_call *call, struct gw_delivery *delivery,
			   struct gw_relay *relay)
{
	const struct api_relay *conf = gw->relay_conf(call, relay);
	const struct api *api = api_of(conf);
	struct refusal refusal = { 0 };
	struct send *send;
	int made;

	if (!api)
		return GW_CONTINUE;
	send = send_create(call, delivery, relay, api);
	if (!send)
		return GW_FAILED;
	made = letter_make(&send->letter, call, delivery, api, conf, &refusal);
	if (made == 0)
		return send_letter(call, send, conf);
	send_unref(send);
	if (made < 0)
		return GW_FAILED;
	gw->reason(call, "%s cannot carry it: %s", api->name, refusal.text);
	return end(call, delivery, GW_BOUNCED, "mail", refusal.enhanced, refusal.text);
}

enum gw_verdict on_probe(struct gw_call *call, struct gw_delivery *delivery, struct gw_relay *relay)
{
	const struct api_relay *conf = gw->relay_conf(call, relay);
	const struct api *api = api_of(conf);
	struct send *send = api ? send_create(call, delivery, relay, api) : NULL;

	if (!api)
		return GW_CONTINUE;
	if (!send || letter_make_probe(&send->letter, api) != 0) {
		if (send)
			send_unref(send);
		return GW_FAILED;
	}
	send->probe = true;
	return send_letter(call, send, conf);
}

void sends_give_up(struct place *place)
{
	struct send *send, *next;

	for (send = place ? place->sends : NULL; send; send = next) {
		next = send->next;
		send->asked = false;
		send_unref(send);
	}
}

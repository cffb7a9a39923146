#include "send_private.h"

#include <stdio.h>
#include <stdlib.h>

struct lane *lane_of(struct gw_call *call, const struct gw_relay *relay)
{
	const struct post *post = gw->instance_data(call);
	int64_t index = gw->relay_number(relay, GW_RELAY_INDEX);

	return post && index >= 0 && (size_t)index < post->count ? post->lanes[index] : NULL;
}

void send_unref(struct send *send)
{
	if (send->asked || send->held || send->timed || send->kept)
		return;
	if (send->link)
		*send->link = send->next;
	if (send->link && send->next)
		send->next->link = send->link;
	letter_finish(&send->letter);
	free(send);
}

enum gw_verdict send_end(struct send *send, enum gw_verdict verdict)
{
	send->held = false;
	send_unref(send);
	return verdict;
}

void send_dropped(void *arg)
{
	struct send *send = arg;

	send->letter.delivery = send->delivery = NULL;
	send_end(send, GW_FAILED);
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
	verdict = given_answer(call, send->delivery, &send->said, send->host);
	return send_end(send, verdict);
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
	if (send->api->later)
		azure_take_answer(send, http, now);
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

void on_timer(struct gw_call *call, void *arg)
{
	struct send *send = arg;

	send->timed = false;
	if (send->held)
		gw->wake(send->ticket);
	send_unref(send);
}

void on_kept(struct gw_call *call, const struct gw_kept *kept, void *arg)
{
	struct send *send = arg;

	send->kept = false;
	send->azure.durable = kept->durable;
	if (send->held)
		gw->wake(send->ticket);
	send_unref(send);
}

void send_enlist(struct gw_call *call, struct send *send)
{
	struct place *place = gw->worker_data(call);

	if (send->link)
		return;
	send->next = place->sends;
	send->link = &place->sends;
	if (send->next)
		send->next->link = &send->next;
	place->sends = send;
}

bool send_ask(struct gw_call *call, struct send *send, const char *method, struct gw_str url,
	      struct gw_list headers)
{
	const struct api_conf *conf = gw->conf(call);
	struct gw_http_request request = { .size = sizeof request,
					   .method = gw_str(method),
					   .url = url,
					   .headers = headers,
					   .ca_file = conf->ca_file,
					   .deadline_ms = (uint32_t)conf->timeout };

	if (strcmp(method, "POST") == 0) {
		request.body_size = letter_sent_size(&send->letter);
		request.body_read = read_body;
	}
	send->asked = gw->http_request(call, &request, send) != 0;
	if (send->asked)
		send_enlist(call, send);
	return send->asked;
}

static bool ask(struct gw_call *call, struct send *send, struct gw_str url, struct gw_str token)
{
	char bearer[20000], type[64];
	struct gw_str headers[] = { gw_str(""), gw_str(""), GW_STR("Accept: application/json") };
	int len = snprintf(bearer, sizeof bearer, "Authorization: Bearer %.*s", GW_STR_ARGS(token));
	bool asked;

	snprintf(type, sizeof type, "Content-Type: %s", send->api->type);
	headers[0] = gw_str_n(bearer, (size_t)len);
	headers[1] = gw_str(type);
	asked = len > 0 && (size_t)len < sizeof bearer &&
		send_ask(call, send, "POST", url, (struct gw_list){ headers, 3 });
	explicit_bzero(bearer, sizeof bearer);
	return asked;
}

void send_expect_nothing(struct gw_call *call, struct send *send)
{
	struct said said = { .status = GW_UNKNOWN,
			     .enhanced = "4.4.2",
			     .stage = "dot",
			     .text = "the answer to the message was not waited for" };

	if (!send->probe)
		given_all(call, send->delivery, &said, send->host);
}

static enum gw_verdict begin(struct gw_call *call, struct send *send, struct gw_str url,
			     struct gw_str token)
{
	const struct api_conf *conf = gw->conf(call);
	struct gw_async async = { resumed, send_dropped, (uint32_t)conf->timeout + MARGIN };
	struct gw_delivery *delivery = send->delivery;
	enum gw_verdict verdict;

	if (!ask(call, send, url, token)) {
		send_unref(send);
		return given_end(call, delivery, GW_DEFERRED, "connect", "4.3.0",
				 "the request could not be begun");
	}
	send_expect_nothing(call, send);
	verdict = gw->hold(call, &async, send, &send->ticket);
	send->held = verdict == GW_PENDING;
	if (!send->held) /* no octet of it was read, and none will be */
		send->delivery = send->letter.delivery = NULL;
	return send->held ? verdict
			  : given_end(call, delivery, GW_DEFERRED, "connect", "4.3.0", "no memory");
}

static struct send *send_create(struct gw_call *call, struct gw_delivery *delivery,
				struct gw_relay *relay, const struct api *api)
{
	struct send *send = gw->worker_data(call) ? calloc(1, sizeof *send) : NULL;

	if (!send)
		return NULL;
	send->api = api;
	send->conf = gw->relay_conf(call, relay);
	send->lane = lane_of(call, relay);
	send->delivery = delivery;
	return send;
}

static enum gw_verdict send_letter(struct gw_call *call, struct send *send)
{
	const struct api_relay *conf = send->conf;
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
	return given_end(
		call, delivery, GW_DEFERRED, "auth", "4.7.0",
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
	if (api->later)
		return azure_begin(call, send, made, &refusal);
	if (made == 0)
		return send_letter(call, send);
	send_unref(send);
	if (made < 0)
		return GW_FAILED;
	gw->reason(call, "%s cannot carry it: %s", api->name, refusal.text);
	return given_end(call, delivery, GW_BOUNCED, "mail", refusal.enhanced, refusal.text);
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
	return api->later ? azure_begin_probe(call, send) : send_letter(call, send);
}

void sends_give_up(struct place *place)
{
	struct send *send, *next;

	for (send = place ? place->sends : NULL; send; send = next) {
		next = send->next;
		send->asked = send->timed = send->kept = false;
		send_unref(send);
	}
}

#include "flow.h"
#include "grant.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOWER 5000
#define PAGE_LIFE 900000

void flow_init(struct flow *flow)
{
	*flow = (struct flow){ .door = -1, .visitor = -1 };
}

static void close_door(struct flow *flow)
{
	if (flow->visitor >= 0)
		close(flow->visitor);
	if (flow->door >= 0)
		close(flow->door);
	flow->visitor = flow->door = -1;
}

void flow_finish(struct flow *flow)
{
	unsigned number = flow->number;

	close_door(flow);
	wipe_free(flow->page);
	explicit_bzero(flow, sizeof *flow);
	flow_init(flow);
	flow->number = number;
}

void flow_fail(struct flow *flow, const char *why)
{
	flow_finish(flow);
	flow->at = FLOW_FAILED;
	snprintf(flow->said, sizeof flow->said, "%s", why);
}

/* --- a device --- */

const char *flow_begin_device(struct flow *flow, int64_t now)
{
	flow_finish(flow);
	flow->number++;
	flow->at = FLOW_BEGUN;
	flow->until = now + PAGE_LIFE;
	return NULL;
}

void flow_shown(struct flow *flow, const struct answer *answer, int64_t now)
{
	if (answer->kind != ANSWER_DEVICE) {
		flow_fail(flow, answer->text[0] ? answer->text : "its answer has no code to show");
		return;
	}
	flow->at = FLOW_SHOWN;
	memcpy(flow->device_code, answer->device_code, sizeof flow->device_code);
	memcpy(flow->user_code, answer->user_code, sizeof flow->user_code);
	memcpy(flow->verification, answer->verification, sizeof flow->verification);
	flow->interval = answer->interval;
	flow->until = now + answer->expires_in;
	flow->next_poll = now + flow->interval;
}

bool flow_polled(struct flow *flow, const struct answer *answer, int64_t now)
{
	if (answer->kind == ANSWER_TOKEN) {
		flow->at = FLOW_STORING;
		return true;
	}
	if (answer->kind == ANSWER_NO) {
		flow_fail(flow, answer->text);
		return false;
	}
	if (answer->kind == ANSWER_PENDING && answer->slower)
		flow->interval += SLOWER;
	if (answer->kind == ANSWER_LATER && flow->interval < 60000)
		flow->interval *= 2; /* RFC 8628 3.5: as on a time-out */
	flow->next_poll = now + flow->interval;
	return false;
}

const char *flow_begin_alone(struct flow *flow)
{
	flow_finish(flow);
	flow->number++;
	flow->at = FLOW_STORING;
	return NULL;
}

/* --- a page --- */

static int listen_on(const char *address, uint16_t *port)
{
	struct sockaddr_in name = { .sin_family = AF_INET };
	socklen_t len = sizeof name;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, address, &name.sin_addr);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof name) == 0 && listen(fd, 4) == 0 &&
	    getsockname(fd, (struct sockaddr *)&name, &len) == 0) {
		*port = ntohs(name.sin_port);
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* "?" or "&", whichever the address still wants. */
static char *write_page(const struct flow *flow, const struct oauth_relay *conf,
			const struct gw_relay *relay, const char *challenge)
{
	struct form form = { 0 };
	struct gw_str url;
	char *page = NULL;

	form_add(&form, "response_type", gw_str("code"));
	form_add(&form, "client_id", conf->client_id);
	form_add(&form, "redirect_uri", gw_str(flow->redirect));
	form_add(&form, "scope", oauth_address(conf, relay, ADDRESS_SCOPE));
	form_add(&form, "state", gw_str(flow->state));
	form_add(&form, "code_challenge", gw_str(challenge));
	form_add(&form, "code_challenge_method", gw_str("S256"));
	form_add(&form, "login_hint", conf->user);
	url = oauth_address(conf, relay, ADDRESS_AUTHORIZE);
	if (!form.failed && url.len &&
	    asprintf(&page, "%.*s%c%s", GW_STR_ARGS(url),
		     gw_str_find(url, '?') < url.len ? '&' : '?', form.text) < 0)
		page = NULL;
	form_finish(&form);
	return page;
}

const char *flow_begin_page(struct flow *flow, const struct oauth_relay *conf,
			    const struct gw_relay *relay, int64_t now)
{
	char challenge[RANDOM_WORD];
	uint16_t port = 0;

	flow_finish(flow);
	flow->number++;
	if (!random_word(flow->verifier) || !random_word(flow->state) ||
	    !challenge_of(flow->verifier, challenge))
		return "there is no randomness";
	flow->door = listen_on("127.0.0.1", &port);
	if (flow->door < 0)
		return "no port of 127.0.0.1 can be listened at";
	snprintf(flow->redirect, sizeof flow->redirect, "http://localhost:%u/", port);
	flow->page = write_page(flow, conf, relay, challenge);
	if (!flow->page) {
		flow_finish(flow);
		return "no memory";
	}
	flow->at = FLOW_OPENED;
	flow->until = now + PAGE_LIFE;
	return NULL;
}

/* What came back, "code=...&state=..." or "error=...". NULL: it is taken. */
static const char *take_query(struct flow *flow, struct gw_str query)
{
	char state[2 * RANDOM_WORD], error[64], more[200] = "", why[ANSWER_TEXT];

	if (!form_value(query, "state", state, sizeof state) || strcmp(state, flow->state) != 0)
		return "that is the answer to another login";
	if (form_value(query, "error", error, sizeof error)) {
		form_value(query, "error_description", more, sizeof more);
		snprintf(why, sizeof why, "%s%s%s", error, *more ? ": " : "", more);
		plain_text(gw_str(why), why, sizeof why);
		flow_fail(flow, why);
		return NULL;
	}
	if (!form_value(query, "code", flow->code, sizeof flow->code) || !*flow->code)
		return "there is no code in it";
	close_door(flow);
	flow->at = FLOW_CODE;
	return NULL;
}

const char *flow_paste(struct flow *flow, struct gw_str text)
{
	size_t query = gw_str_find(text, '?');

	if (flow->at != FLOW_OPENED)
		return "this login does not wait for an address";
	if (query == text.len)
		return "paste the whole address, from http:// to its end";
	text = gw_str_from(text, query + 1);
	return take_query(flow, gw_str_n(text.ptr, gw_str_find(text, '#')));
}

static void thank(int fd, const char *what)
{
	char text[600];
	int len = snprintf(text, sizeof text,
			   "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=us-ascii\r\n"
			   "Connection: close\r\nContent-Length: %zu\r\n\r\n%s",
			   strlen(what), what);

	if (len > 0)
		(void)!send(fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* One request that is there whole, in one piece, as browsers send it. */
static void serve(struct flow *flow)
{
	char text[8192];
	ssize_t got = recv(flow->visitor, text, sizeof text - 1, MSG_DONTWAIT);
	struct gw_str line, query;
	const char *why;
	int fd = flow->visitor;

	if (got < 0 && flow->patience++ < 2)
		return; /* not yet */
	got = got < 0 ? 0 : got;
	line = gw_str_n(text, gw_str_find(gw_str_n(text, (size_t)got), '\r'));
	query = gw_str_from(line, gw_str_find(line, '?') + 1);
	flow->visitor = -1;
	why = got > 0 && line.len > 6 && strncmp(text, "GET /?", 6) == 0
		      ? take_query(flow, gw_str_n(query.ptr, gw_str_find(query, ' ')))
		      : "nothing is here";
	thank(fd, why ? why : "You may close this window and go back to gatewayctl.\n");
	close(fd);
	explicit_bzero(text, sizeof text);
}

void flow_look(struct flow *flow)
{
	if (flow->at != FLOW_OPENED)
		return;
	if (flow->visitor < 0) {
		flow->patience = 0;
		flow->visitor = accept4(flow->door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	}
	if (flow->visitor >= 0)
		serve(flow);
}

/* --- what is asked --- */

const char *flow_form(struct form *form, const struct flow *flow, const struct oauth_relay *conf,
		      const struct gw_relay *relay, int64_t now)
{
	if (flow->at == FLOW_BEGUN) { /* who has a secret shows it here too: RFC 8628 3.1 */
		form_add(form, "scope", oauth_address(conf, relay, ADDRESS_SCOPE));
	} else if (flow->at == FLOW_SHOWN) {
		form_add(form, "grant_type",
			 gw_str("urn:ietf:params:oauth:grant-type:device_code"));
		form_add(form, "device_code", gw_str(flow->device_code));
	} else {
		form_add(form, "grant_type", gw_str("authorization_code"));
		form_add(form, "code", gw_str(flow->code));
		form_add(form, "redirect_uri", gw_str(flow->redirect));
		form_add(form, "code_verifier", gw_str(flow->verifier));
	}
	return grant_client(form, conf, relay, now);
}

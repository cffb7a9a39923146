#include "webhook.h"

#include "../common/due.h"
#include "letter.h"
#include "sign.h"

#include <gateway/address.h>

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define DELAY_MOST ((int64_t)4 * 3600 * 1000)
#define POLL_MS 1000
#define ANSWER_MOST 65536
#define TICKS_MISSED 3 /* seconds */

struct webhook {
	struct webhooks *all;
	const struct webhook_conf *conf;
	struct hook_state state;
	struct letter letter;
	struct curl_slist *headers;
	CURL *easy;
	size_t answered; /* octets */
	bool busy;       /* on its way */
	bool refused;    /* an address of its is not one it may go to */
};

struct webhooks {
	struct gw_call *call;
	const struct http_conf *conf;
	struct event_store *store;
	const struct ticks *ticks;
	struct webhook *list;
	size_t count;
	CURLM *multi;
	pthread_t thread;
	_Atomic bool stops;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void webhooks_wake(void *webhooks)
{
	curl_multi_wakeup(((struct webhooks *)webhooks)->multi);
}

int64_t webhook_delay(const struct http_conf *conf, int64_t tries)
{
	int64_t delay = conf->retry;

	while (--tries > 0 && delay < DELAY_MOST)
		delay *= 3;
	return delay < DELAY_MOST ? delay : DELAY_MOST;
}

bool webhook_is_due(const struct http_conf *conf, const struct hook_state *state, int64_t now)
{
	return is_due(state->next, now, webhook_delay(conf, state->tries));
}

/* --- what came of it --- */

/* Up to the first event that is too young to be given up. */
static size_t count_old(const struct letter *letter, int64_t before)
{
	size_t count = 0;

	while (count < letter->count && letter->times[count] <= before)
		count++;
	return count;
}

size_t webhook_bury(struct event_store *store, struct gw_str name, struct hook_state *state,
		    const struct letter *letter, int64_t before)
{
	struct hook_state behind = *state;
	size_t count = letter->of_dead ? 0 : count_old(letter, before);

	if (count == 0)
		return 0;
	behind.cursor = count == letter->count ? letter->last : letter->numbers[count - 1];
	if (store_bury(store, name, &behind, letter->numbers, count) != 0)
		return 0;
	*state = behind;
	return count;
}

static void bury(struct webhook *webhook, int64_t now)
{
	struct webhooks *all = webhook->all;
	size_t count = webhook_bury(all->store, webhook->conf->name, &webhook->state,
				    &webhook->letter, now - all->conf->give_up);

	if (count == 0)
		return;
	gw->count(all->call, "dead", (int64_t)count);
	gw->log(all->call, GW_LOG_ERROR,
		"webhook %.*s: %zu events are given up after %lld tries: %s; `gatewayctl http dead list` shows them",
		GW_STR_ARGS(webhook->conf->name), count, (long long)webhook->state.tries,
		webhook->state.error);
}

static void failed(struct webhook *webhook, const char *why)
{
	struct webhooks *all = webhook->all;
	struct hook_state *state = &webhook->state;
	int64_t now = now_ms();

	if (state->since > now)
		state->since = now; /* the clock was ahead */
	if (!state->since) {
		state->since = now;
		gw->log(all->call, GW_LOG_WARNING, "webhook %.*s fails: %s; it is tried again",
			GW_STR_ARGS(webhook->conf->name), why);
	}
	state->next = now + webhook_delay(all->conf, ++state->tries);
	snprintf(state->error, sizeof state->error, "%s", why);
	gw->count(all->call, "failed", 1);
	if (webhook->letter.of_dead)
		store_dead_told(all->store, webhook->letter.numbers, webhook->letter.count, false,
				why);
	else if (now - state->since >= all->conf->give_up)
		bury(webhook, now);
	store_told(all->store, webhook->conf->name, state);
}

static void taken(struct webhook *webhook)
{
	struct webhooks *all = webhook->all;
	struct hook_state *state = &webhook->state;

	if (state->since)
		gw->log(all->call, GW_LOG_INFO, "webhook %.*s takes events again",
			GW_STR_ARGS(webhook->conf->name));
	gw->count(all->call, "sent", (int64_t)webhook->letter.count);
	*state = (struct hook_state){ .cursor = webhook->letter.last };
	if (webhook->letter.of_dead)
		store_dead_told(all->store, webhook->letter.numbers, webhook->letter.count, true,
				"");
	store_told(all->store, webhook->conf->name, state);
}

bool webhook_is_taken(long status, bool refused, int result, char *why, size_t size)
{
	if (status)
		snprintf(why, size, "it says %ld", status);
	else
		snprintf(
			why, size, "%s",
			refused ? "its address is private, and allow_private is not set: nothing was sent"
				: curl_easy_strerror((CURLcode)result));
	return status / 100 == 2;
}

static void finish(struct webhook *webhook, CURLcode result)
{
	char why[200];
	long status = 0;

	curl_easy_getinfo(webhook->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_multi_remove_handle(webhook->all->multi, webhook->easy);
	curl_slist_free_all(webhook->headers);
	webhook->headers = NULL;
	webhook->busy = false;
	if (webhook_is_taken(status, webhook->refused, (int)result, why, sizeof why))
		taken(webhook);
	else
		failed(webhook, why);
}

/* --- on its way --- */

/* Asked when the name was looked up: what is connected to is what was judged. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct webhook *webhook = arg;

	(void)purpose;
	if (!webhook->conf->allow_private && !gw_address_is_public(&address->addr)) {
		webhook->refused = true;
		return CURL_SOCKET_BAD;
	}
	webhook->refused = false;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t drop_answer(char *octets, size_t size, size_t count, void *arg)
{
	struct webhook *webhook = arg;

	(void)octets;
	webhook->answered += size * count;
	return webhook->answered > ANSWER_MOST ? 0 : size * count;
}

static void add_header(struct webhook *webhook, const char *text)
{
	struct curl_slist *headers = curl_slist_append(webhook->headers, text);

	if (headers)
		webhook->headers = headers;
}

static bool write_headers(struct webhook *webhook)
{
	struct gw_str body = gw_str_n(webhook->letter.body->str, webhook->letter.body->len);
	int64_t stamp = now_ms() / 1000;
	char signature[SIGNATURE_SIZE], line[128];

	if (!sign(webhook->conf->secret, stamp, body, signature))
		return false;
	add_header(webhook, "Content-Type: application/json");
	add_header(webhook, "Expect:");
	snprintf(line, sizeof line, "X-Relay-Timestamp: %lld", (long long)stamp);
	add_header(webhook, line);
	snprintf(line, sizeof line, "X-Relay-Signature: %s", signature);
	add_header(webhook, line);
	return true;
}

static void set_up(struct webhook *webhook)
{
	const struct webhook_conf *conf = webhook->conf;
	CURL *easy = webhook->easy;

	curl_easy_setopt(easy, CURLOPT_URL, conf->url.ptr);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* a stop waits for no name server */
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, conf->allow_private ? "http,https" : "https");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "gateway-webhook/1");
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, webhook);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, webhook);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)conf->timeout);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, webhook);
	if (conf->ca_file.len)
		curl_easy_setopt(easy, CURLOPT_CAINFO, conf->ca_file.ptr);
}

static void send_letter(struct webhook *webhook)
{
	GString *body = webhook->letter.body;

	if (!write_headers(webhook))
		return;
	webhook->answered = 0;
	webhook->refused = false;
	curl_easy_setopt(webhook->easy, CURLOPT_HTTPHEADER, webhook->headers);
	curl_easy_setopt(webhook->easy, CURLOPT_POSTFIELDS, body->str);
	curl_easy_setopt(webhook->easy, CURLOPT_POSTFIELDSIZE, (long)body->len);
	webhook->busy = curl_multi_add_handle(webhook->all->multi, webhook->easy) == CURLM_OK;
}

/* Events that are not for it are passed without a word. */
static void step(struct webhook *webhook, int64_t now)
{
	struct webhooks *all = webhook->all;
	struct letter *letter = &webhook->letter;

	if (webhook->busy || !webhook_is_due(all->conf, &webhook->state, now) ||
	    !letter_write(letter, all->store, webhook->state.cursor))
		return;
	if (letter->count) {
		send_letter(webhook);
	} else if (letter->last > webhook->state.cursor) {
		webhook->state.cursor = letter->last;
		store_told(all->store, webhook->conf->name, &webhook->state);
	}
}

/* --- the thread --- */

static void take_results(struct webhooks *all)
{
	CURLMsg *message;
	char *webhook;
	int left;

	while ((message = curl_multi_info_read(all->multi, &left)) != NULL) {
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &webhook);
		finish((struct webhook *)(void *)webhook, message->data.result);
	}
}

static void *run(void *arg)
{
	struct webhooks *all = arg;
	size_t i;
	int running;

	pthread_setname_np(pthread_self(), "http-webhooks");
	while (!atomic_load(&all->stops)) {
		bool in_use = !ticks_missing(all->ticks, TICKS_MISSED);

		for (i = 0; i < all->count && in_use; i++)
			step(&all->list[i], now_ms());
		curl_multi_perform(all->multi, &running);
		take_results(all);
		curl_multi_poll(all->multi, NULL, 0, POLL_MS, NULL);
	}
	return NULL;
}

/* --- beginning and end --- */

static bool webhook_init(struct webhook *webhook, struct webhooks *all,
			 const struct webhook_conf *conf)
{
	webhook->all = all;
	webhook->conf = conf;
	letter_init(&webhook->letter, conf);
	webhook->easy = curl_easy_init();
	if (!webhook->easy || !store_hook(all->store, conf->name, &webhook->state))
		return false;
	webhook->state.next = 0; /* who has mended the receiver reloads */
	set_up(webhook);
	return true;
}

static void webhook_finish(struct webhook *webhook)
{
	if (!webhook->all)
		return;
	if (webhook->busy)
		curl_multi_remove_handle(webhook->all->multi, webhook->easy);
	curl_easy_cleanup(webhook->easy);
	curl_slist_free_all(webhook->headers);
	letter_finish(&webhook->letter);
}

static void webhooks_free(struct webhooks *all)
{
	size_t i;

	for (i = 0; i < all->count; i++)
		webhook_finish(&all->list[i]);
	curl_multi_cleanup(all->multi);
	free(all->list);
	free(all);
}

static bool make_parts(struct webhooks *all)
{
	const struct webhook_conf *conf = all->conf->webhooks.items;
	size_t i;

	all->multi = curl_multi_init();
	all->list = calloc(all->conf->webhooks.count + 1, sizeof *all->list);
	if (!all->multi || !all->list)
		return false;
	all->count = all->conf->webhooks.count;
	for (i = 0; i < all->count; i++)
		if (!webhook_init(&all->list[i], all, &conf[i]))
			return false;
	return true;
}

static bool start_thread(struct webhooks *all)
{
	sigset_t blocked, before;
	int error;

	sigfillset(&blocked);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	error = pthread_create(&all->thread, NULL, run, all);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0;
}

struct webhooks *webhooks_begin(struct gw_call *call, const struct http_conf *conf,
				struct event_store *store, const struct ticks *ticks)
{
	struct webhooks *all = calloc(1, sizeof *all);

	if (!all)
		return NULL;
	all->call = call;
	all->conf = conf;
	all->store = store;
	all->ticks = ticks;
	if (make_parts(all) && start_thread(all))
		return all;
	webhooks_free(all);
	return NULL;
}

void webhooks_end(struct webhooks *all)
{
	if (!all)
		return;
	atomic_store(&all->stops, true);
	curl_multi_wakeup(all->multi);
	pthread_join(all->thread, NULL);
	webhooks_free(all);
}

/* http.c - libcurl's multi interface on a worker's loop. */
#include "loop/http_private.h"

#include "base/list.h"

#include <stdlib.h>

/* --- what libcurl waits for --- */

static void unlink_transfer(struct http_transfer *transfer)
{
	*transfer->link = transfer->next;
	if (transfer->next)
		transfer->next->link = transfer->link;
}

/* Whoever is told of an end may begin another request, or cancel one that has ended too and whose
 * message libcurl then takes back: so one message at a time. */
static void reap(struct http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
		struct http_transfer *transfer;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		curl_multi_remove_handle(http->multi, transfer->easy);
		unlink_transfer(transfer);
		http_transfer_end(transfer, code);
	}
}

static void socket_ready(evutil_socket_t fd, short what, void *arg)
{
	struct http *http = arg;
	int running, which = (what & EV_READ ? CURL_CSELECT_IN : 0) |
			     (what & EV_WRITE ? CURL_CSELECT_OUT : 0);

	curl_multi_socket_action(http->multi, fd, which, &running);
	reap(http);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *watch)
{
	struct http *http = arg;
	struct event *event = watch;
	short wanted = (short)((what & CURL_POLL_IN ? EV_READ : 0) |
			       (what & CURL_POLL_OUT ? EV_WRITE : 0));

	if (event)
		event_free(event);
	event = NULL;
	if (what != CURL_POLL_REMOVE)
		event = event_new(http->worker->base, fd, (short)(wanted | EV_PERSIST),
				  socket_ready, http);
	curl_multi_assign(http->multi, fd, event);
	return event != NULL && event_add(event, NULL) < 0 ? -1 : 0;
}

static void timer_due(struct timer *timer)
{
	struct http *http = list_of(timer, struct http, timer);
	int running;

	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	reap(http);
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
	struct http *http = arg;

	if (ms >= 0)
		return timer_set(http->worker, &http->timer, ms, timer_due);
	timer_clear(&http->timer);
	return 0;
}

/* --- the worker's own --- */

/* The worker goes: nobody is there to be told. */
static void end_http(struct orphan *orphan)
{
	struct http *http = list_of(orphan, struct http, orphan);

	worker_disown(&http->orphan);
	while (http->transfers)
		http_cancel(http->transfers);
	if (http->multi)
		curl_multi_cleanup(http->multi);
	timer_clear(&http->timer);
	http->worker->http = NULL;
	free(http);
}

static bool prepare_multi(struct http *http)
{
	http->multi = curl_multi_init();
	return http->multi != NULL &&
	       curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
	       curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http) == CURLM_OK &&
	       curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
	       curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http) == CURLM_OK &&
	       curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, 16L) == CURLM_OK;
}

struct http *http_of(struct worker *worker)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct http *http = worker->http;

	if (http)
		return http;
	pthread_once(&once, http_library_init);
	http = calloc(1, sizeof(*http));
	if (!http)
		return NULL;
	http->worker = worker;
	http->orphan.end = end_http;
	worker_adopt(worker, &http->orphan);
	if (prepare_multi(http))
		return worker->http = http;
	end_http(&http->orphan);
	return NULL;
}

/* --- a transfer's beginning and end --- */

struct http_transfer *http_begin(struct worker *worker, const struct gw_http_request *request,
				 void (*ended)(const struct gw_http_answer *answer, void *arg),
				 void *arg)
{
	return http_begin_at(worker, request, gw_str(""), ended, arg);
}

struct http_transfer *http_begin_at(struct worker *worker, const struct gw_http_request *request,
				    struct gw_str server,
				    void (*ended)(const struct gw_http_answer *answer, void *arg),
				    void *arg)
{
	struct http *http = http_of(worker);
	struct http_transfer *transfer = http ? calloc(1, sizeof(*transfer)) : NULL;

	if (!transfer)
		return NULL;
	transfer->http = http;
	transfer->ended = ended;
	transfer->arg = arg;
	if (!http_transfer_prepare(transfer, request) || !http_transfer_direct(transfer, server) ||
	    curl_multi_add_handle(http->multi, transfer->easy) != CURLM_OK) {
		http_transfer_free(transfer);
		return NULL;
	}
	transfer->next = http->transfers;
	transfer->link = &http->transfers;
	if (transfer->next)
		transfer->next->link = &transfer->next;
	http->transfers = transfer;
	return transfer;
}

void http_cancel(struct http_transfer *transfer)
{
	curl_multi_remove_handle(transfer->http->multi, transfer->easy);
	unlink_transfer(transfer);
	http_transfer_free(transfer);
}

#include "request.h"

#include "answer.h"
#include "connection.h"
#include "own.h"

#include <event2/buffer.h>
#include <stdlib.h>

#define ASKING_MOST 16 /* verbs at once: the main thread has others to serve */

struct request {
	struct request *next, **link; /* of all */
	struct request *next_waiting;
	struct request *next_answered;
	struct server *server;
	struct evhttp_request *http; /* NULL: it has its answer */
	const struct route *route;
	const struct token_conf *token;
	struct event *deadline;
	bool asked;         /* a verb has it */
	struct gw_str text; /* what the verb said; ptr NULL: nothing */
	struct target target;
	struct route_words words;
};

/* --- its end --- */

static void request_free(struct request *request)
{
	*request->link = request->next;
	if (request->next)
		request->next->link = request->link;
	if (request->deadline)
		event_free(request->deadline);
	free((char *)request->text.ptr);
	free(request);
}

static void add_header(struct evhttp_request *http, const char *name, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(http), name, value);
}

/* evhttp has the answer next, for its connection, if that is still there. */
static struct evhttp_request *give_back(struct request *request)
{
	struct evhttp_request *http = request->http;
	struct evhttp_connection *connection = evhttp_request_get_connection(http);

	request->http = NULL;
	event_del(request->deadline);
	/* The next request of this client is for the instance that is in use. */
	if (server_is_replaced(request->server))
		add_header(http, "Connection", "close");
	if (connection)
		connection_answered(request->server->connections,
				    evhttp_connection_get_bufferevent(connection));
	return http;
}

static void request_wrong(struct request *request, int status, const char *detail)
{
	answer_wrong(give_back(request), status, detail);
	if (!request->asked)
		request_free(request);
}

/* --- its turn --- */

/* On the main thread: handed over, and nothing else. */
static void request_told(void *arg, struct gw_str json)
{
	struct request *request = arg;
	struct server *server = request->server;
	char *copy = json.ptr ? malloc(json.len + 1) : NULL;

	if (copy) {
		memcpy(copy, json.ptr, json.len);
		copy[json.len] = '\0';
		request->text = gw_str_n(copy, json.len);
	}
	pthread_mutex_lock(&server->lock);
	request->next_answered = server->answered;
	server->answered = request;
	event_active(server->wake, 0, 0);
	pthread_mutex_unlock(&server->lock);
}

static bool ask(struct request *request)
{
	struct gw_verb verb = { .size = sizeof verb,
				.words = { request->words.words, request->words.count },
				.by = request->token ? request->token->name : gw_str(""),
				/* what came is for admins, and a token is an admin's word */
				.admin = request->route->scope == SCOPE_WRITE ||
					 request->route->shape == SHAPE_REPORT };
	struct server *server = request->server;

	request->asked = gw->verb_run(server->call, &verb, request_told, request) == 0;
	server->asking += request->asked;
	return request->asked;
}

static struct request *take_waiting(struct server *server)
{
	struct request *request = server->waiting;

	server->waiting = request->next_waiting;
	if (!server->waiting)
		server->waiting_end = &server->waiting;
	return request;
}

/* One that was given up while it waited is freed when its turn comes. */
static void ask_next(struct server *server)
{
	while (server->waiting && server->asking < ASKING_MOST) {
		struct request *request = take_waiting(server);

		if (!request->http)
			request_free(request);
		else if (!ask(request))
			request_wrong(request, 503, "the gateway takes no questions now");
	}
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct request *request = arg;

	(void)fd;
	(void)what;
	answer_wrong(give_back(request), 504, "the gateway did not answer in time");
}

static void wait_turn(struct request *request)
{
	struct server *server = request->server;
	struct timeval time = { server->conf->timeout / 1000, server->conf->timeout % 1000 * 1000 };

	event_add(request->deadline, &time);
	*server->waiting_end = request;
	server->waiting_end = &request->next_waiting;
	ask_next(server);
}

static void take_answer(struct request *request)
{
	request->server->asking--;
	if (request->http)
		answer_verb(give_back(request), request->route, request->token, request->text);
	request_free(request);
}

void requests_take_answers(struct server *server)
{
	struct request *answered, *next;

	pthread_mutex_lock(&server->lock);
	answered = server->answered;
	server->answered = NULL;
	pthread_mutex_unlock(&server->lock);
	for (; answered; answered = next) {
		next = answered->next_answered;
		take_answer(answered);
	}
	ask_next(server);
}

void requests_drop(struct server *server)
{
	struct evhttp_request *http;

	requests_take_answers(server);
	while (server->all) {
		http = server->all->http;
		if (http && !evhttp_request_get_connection(http))
			evhttp_request_free(http); /* its client left, so it is nobody's */
		request_free(server->all);
	}
}

/* --- its beginning --- */

static enum route_method method_of(struct evhttp_request *http)
{
	switch (evhttp_request_get_command(http)) {
	case EVHTTP_REQ_GET:
	case EVHTTP_REQ_HEAD:
		return METHOD_GET;
	case EVHTTP_REQ_PUT:
		return METHOD_PUT;
	case EVHTTP_REQ_POST:
		return METHOD_POST;
	case EVHTTP_REQ_DELETE:
		return METHOD_DELETE;
	default:
		return METHOD_NONE;
	}
}

static struct request *request_create(struct server *server, struct evhttp_request *http)
{
	struct request *request = calloc(1, sizeof *request);

	if (!request)
		return NULL;
	request->deadline = evtimer_new(server->base, on_deadline, request);
	if (!request->deadline) {
		free(request);
		return NULL;
	}
	request->server = server;
	request->http = http;
	request->link = &server->all;
	request->next = server->all;
	if (request->next)
		request->next->link = &request->next;
	server->all = request;
	return request;
}

static bool find_route(struct request *request)
{
	const char *uri = evhttp_request_get_uri(request->http),
		   *wrong = target_read(&request->target, gw_str(uri));
	char allowed[64];

	if (wrong) {
		request_wrong(request, 400, wrong);
		return false;
	}
	switch (route_find(method_of(request->http), &request->target, &request->route)) {
	case ROUTE_FOUND:
		return true;
	case ROUTE_NO_METHOD:
		route_allowed(&request->target, allowed, sizeof allowed);
		add_header(request->http, "Allow", allowed);
		request_wrong(request, 405, "this path knows other methods");
		return false;
	default:
		request_wrong(request, 404, "there is no such path; /v1/openapi.json has all");
		return false;
	}
}

static bool find_token(struct request *request)
{
	const char *field = evhttp_find_header(evhttp_request_get_input_headers(request->http),
					       "Authorization");

	if (request->route->about == ABOUT_NOBODY)
		return true;
	request->token = token_find(request->server->conf, gw_str(field));
	if (request->token)
		return true;
	gw->count(request->server->call, "refused", 1);
	add_header(request->http, "WWW-Authenticate", "Bearer");
	request_wrong(request, 401, "a token is needed, as \"Authorization: Bearer gw_...\"");
	return false;
}

static bool find_words(struct request *request)
{
	const char *why = "";
	enum route_wrong wrong = route_words(request->route, &request->target, request->token,
					     &request->words, &why);

	if (wrong)
		request_wrong(request, wrong == WRONG_RIGHTS ? 403 : 400, why);
	return !wrong;
}

/* Its writer means something by it, and would be answered as if it had been done. */
static bool has_no_body(struct request *request)
{
	if (!evbuffer_get_length(evhttp_request_get_input_buffer(request->http)))
		return true;
	request_wrong(request, 400, "no body is read here: what is asked stands in the query");
	return false;
}

void request_begin(struct evhttp_request *http, void *arg)
{
	struct server *server = arg;
	struct request *request = request_create(server, http);

	connection_asked(server->connections,
			 evhttp_connection_get_bufferevent(evhttp_request_get_connection(http)));
	gw->count(server->call, "requests", 1);
	if (!request) {
		answer_wrong(http, 503, "no memory");
		return;
	}
	if (server_is_replaced(server)) {
		request_wrong(request, 503, "the configuration has just changed: ask again");
		return;
	}
	if (!find_route(request) || !find_token(request) || !has_no_body(request) ||
	    !find_words(request))
		return;
	if (request->route->shape != SHAPE_OWN) {
		wait_turn(request);
		return;
	}
	own_answer(give_back(request), server, request->route, request->token, &request->target);
	request_free(request);
}

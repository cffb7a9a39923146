#include "answer.h"

#include "metrics.h"
#include "slice.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define JSON "application/json"

/* --- octets --- */

static const char *title_of(int status)
{
	static const struct {
		int status;
		const char *title;
	} titles[] = { { 200, "OK" },
		       { 204, "No Content" },
		       { 400, "Bad Request" },
		       { 401, "Unauthorized" },
		       { 403, "Forbidden" },
		       { 404, "Not Found" },
		       { 405, "Method Not Allowed" },
		       { 413, "Content Too Large" },
		       { 501, "Not Implemented" },
		       { 503, "Service Unavailable" },
		       { 504, "Gateway Timeout" } };
	size_t i;

	for (i = 0; i < sizeof titles / sizeof *titles; i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "Internal Server Error";
}

static void reply(struct evhttp_request *http, int status, const char *type, const void *octets,
		  size_t len)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(http);
	struct evbuffer *body = evbuffer_new();
	char length[32];

	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	if (type)
		evhttp_add_header(headers, "Content-Type", type);
	snprintf(length, sizeof length, "%zu", len);
	if (status != 204)
		evhttp_add_header(headers, "Content-Length", length);
	if (body && evhttp_request_get_command(http) != EVHTTP_REQ_HEAD)
		evbuffer_add(body, octets, len);
	evhttp_send_reply(http, status, title_of(status), body);
	if (body)
		evbuffer_free(body);
}

void answer_octets(struct evhttp_request *http, const char *type, const void *octets, size_t len)
{
	reply(http, 200, type, octets, len);
}

void answer_object(struct evhttp_request *http, const json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);

	if (text)
		reply(http, 200, JSON, text, strlen(text));
	else
		answer_wrong(http, 500, "no memory");
	free(text);
}

void answer_wrong(struct evhttp_request *http, int status, const char *detail)
{
	json_t *problem = json_pack("{s:s, s:i, s:s*}", "title", title_of(status), "status", status,
				    "detail", detail);
	char *text = problem ? json_dumps(problem, JSON_COMPACT) : NULL;

	reply(http, status, "application/problem+json", text ? text : "{}",
	      text ? strlen(text) : 2);
	free(text);
	json_decref(problem);
}

/* --- what a verb said --- */

/* What does not exist, said of one thing, is not found; else the request was wrong. */
static int status_of(int code, const char *text, const struct route *route)
{
	static const char no_verb[] = "there is no verb"; /* its module is not on */
	bool of_one = strchr(route->path, '{') != NULL;

	switch (code) {
	case EX_USAGE:
		if (text && strncmp(text, no_verb, strlen(no_verb)) == 0)
			return 501;
		return of_one ? 404 : 400;
	case EX_DATAERR:
	case EX_UNAVAILABLE:
		return of_one ? 404 : 400;
	case EX_TEMPFAIL:
		return 503;
	case EX_NOPERM:
		return 403;
	default:
		return 500;
	}
}

static const json_t *first_row(const json_t *answer)
{
	return json_array_get(json_object_get(answer, "rows"), 0);
}

/* Whose a message is, as the line says with which it was taken: only that one has it for certain.
 */
static const char *client_of_history(const json_t *rows)
{
	static const char *const taken[] = { "received", "received-held", "recovered" };
	const json_t *row;
	size_t at, i;

	json_array_foreach(rows, at, row)
	{
		const char *event = json_string_value(json_object_get(row, "event"));

		for (i = 0; event && i < sizeof taken / sizeof *taken; i++)
			if (strcmp(event, taken[i]) == 0)
				return json_string_value(
					json_object_get(json_object_get(row, "details"), "client"));
	}
	return NULL;
}

static const char *client_of(const json_t *answer)
{
	const json_t *thing = json_object_get(answer, "data");

	if (!thing && json_object_get(first_row(answer), "details"))
		return client_of_history(json_object_get(answer, "rows"));
	return json_string_value(json_object_get(thing ? thing : first_row(answer), "client"));
}

/* Somebody else's is as if it were not there. */
static bool is_seen(const json_t *answer, const struct route *route, const struct token_conf *token)
{
	if (!token || route->about != ABOUT_ONE || token->clients.count == 0)
		return true;
	return token_sees(token, gw_str(client_of(answer)));
}

static void answer_rows(struct evhttp_request *http, const json_t *answer)
{
	json_t *items = json_pack("{s:O}", "items", json_object_get(answer, "rows"));

	if (items)
		answer_object(http, items);
	else
		answer_wrong(http, 500, "the gateway gave no rows");
	json_decref(items);
}

static void answer_report(struct evhttp_request *http, const json_t *answer)
{
	const json_t *data = json_object_get(answer, "data"),
		     *report = json_object_get(data, "report");

	if (json_is_string(report))
		answer_octets(http, "text/plain; charset=utf-8", json_string_value(report),
			      json_string_length(report));
	else
		answer_wrong(http, 404, "nothing was kept of what came");
}

static void answer_metrics(struct evhttp_request *http, const json_t *status)
{
	size_t len = 0;
	char *text = metrics_text(status, &len);

	if (text)
		answer_octets(http, METRICS_TYPE, text, len);
	else
		answer_wrong(http, 500, "no memory");
	free(text);
}

static void answer_one(struct evhttp_request *http, const json_t *thing)
{
	if (json_is_object(thing))
		answer_object(http, thing);
	else
		answer_wrong(http, 404, "there is none");
}

static void answer_shape(struct evhttp_request *http, const struct route *route,
			 const json_t *answer)
{
	switch (route->shape) {
	case SHAPE_DATA:
		answer_one(http, json_object_get(answer, "data"));
		break;
	case SHAPE_ROWS:
		answer_rows(http, answer);
		break;
	case SHAPE_ROW:
		answer_one(http, first_row(answer));
		break;
	case SHAPE_REPORT:
		answer_report(http, answer);
		break;
	case SHAPE_METRICS:
		answer_metrics(http, json_object_get(answer, "data"));
		break;
	default:
		reply(http, 204, NULL, "", 0);
	}
}

static void answer_items(struct evhttp_request *http, struct gw_str rows)
{
	char *text = NULL;
	int len = asprintf(&text, "{\"items\":%.*s}", GW_STR_ARGS(rows));

	if (len < 0)
		answer_wrong(http, 500, "no memory");
	else
		reply(http, 200, JSON, text, (size_t)len);
	free(text);
}

/* A list goes on as it came. False: it is none, or something else has to be looked at. */
static bool answer_list(struct evhttp_request *http, const struct route *route, struct gw_str text)
{
	bool has_rows = route->shape == SHAPE_ROWS;
	struct gw_str list;

	if ((route->shape != SHAPE_DATA && !has_rows) || route->about == ABOUT_ONE || !text.ptr ||
	    !gw_str_eq(slice_member(text, "code"), gw_str("0")))
		return false;
	list = slice_member(text, has_rows ? "rows" : "data");
	if (list.len < 2 || list.ptr[0] != (has_rows ? '[' : '{'))
		return false;
	if (has_rows)
		answer_items(http, list);
	else
		reply(http, 200, JSON, list.ptr, list.len);
	return true;
}

static void answer_read(struct evhttp_request *http, const struct route *route,
			const struct token_conf *token, struct gw_str text)
{
	json_t *answer = text.ptr ? json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL) : NULL;
	int code = (int)json_integer_value(json_object_get(answer, "code"));
	const char *said = json_string_value(json_object_get(answer, "text"));

	if (!answer)
		answer_wrong(http, 503, "the gateway stops, or has no memory");
	else if (code != EX_OK)
		answer_wrong(http, status_of(code, said, route), said);
	else if (!is_seen(answer, route, token))
		answer_wrong(http, 404, "there is none");
	else
		answer_shape(http, route, answer);
	json_decref(answer);
}

void answer_verb(struct evhttp_request *http, const struct route *route,
		 const struct token_conf *token, struct gw_str text)
{
	if (!answer_list(http, route, text))
		answer_read(http, route, token, text);
}

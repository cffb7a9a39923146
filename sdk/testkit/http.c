/* http.c - what a module asks servers on the web: nobody is asked, the test answers. */
#include "kit.h"

#define REQUESTS_MOST 256

static bool has_control(struct gw_str text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
			return true;
	return false;
}

static bool is_fit(const struct gw_http_request *request)
{
	size_t i;

	for (i = 0; i < request->headers.count; i++)
		if (has_control(request->headers.items[i]) ||
		    gw_str_find(request->headers.items[i], ':') == request->headers.items[i].len)
			return false;
	return request->url.len > 8 && strncmp(request->url.ptr, "https://", 8) == 0 &&
	       !has_control(request->url) && gw_str_find(request->url, ' ') == request->url.len;
}

static struct gw_list copy_list(struct testkit *kit, struct gw_list list)
{
	struct gw_str *items = kit_alloc(kit, list.count * sizeof *items);
	size_t i;

	for (i = 0; i < list.count; i++)
		items[i] = kit_str(kit, list.items[i]);
	return (struct gw_list){ items, list.count };
}

static void copy_request(struct testkit *kit, struct gw_http_request *asked)
{
	asked->method = kit_str(kit, asked->method);
	asked->url = kit_str(kit, asked->url);
	asked->headers = copy_list(kit, asked->headers);
	asked->body = kit_str(kit, asked->body);
	asked->ca_file = kit_str(kit, asked->ca_file);
}

gw_http service_http_request(struct gw_call *call, const struct gw_http_request *given, void *arg)
{
	struct testkit *kit = call->kit;
	struct kit_request *request, **at;
	struct gw_http_request asked = { 0 };

	if (kit_refused(call, "http_request", EVERY & ~(ELSEWHERE | ON(worker_stop))) ||
	    kit_null(kit, "http_request", given) ||
	    kit_unsized(call, "gw_http_request", given->size) || kit_fails(kit, "http_request"))
		return 0;
	memcpy(&asked, given, given->size < sizeof asked ? given->size : sizeof asked);
	if (!kit->module.http || !is_fit(&asked) || testkit_requests(kit) >= REQUESTS_MOST) {
		kit_tell(kit, TESTKIT_LOG, "warning http_request() refused");
		return 0;
	}
	copy_request(kit, &asked);
	request = kit_alloc(kit, sizeof *request);
	*request = (struct kit_request){ NULL, ++kit->last_request, asked, arg };
	for (at = &kit->requests; *at; at = &(*at)->next)
		;
	*at = request;
	return request->number;
}

int service_http_cancel(struct gw_call *call, gw_http number)
{
	struct kit_request **at;

	if (kit_elsewhere(call->kit, "http_cancel"))
		return -1;
	for (at = &call->kit->requests; *at && (*at)->number != number; at = &(*at)->next)
		;
	if (!*at)
		return -1;
	*at = (*at)->next;
	return 0;
}

size_t testkit_requests(struct testkit *kit)
{
	const struct kit_request *request;
	size_t count = 0;

	for (request = kit->requests; request; request = request->next)
		count++;
	return count;
}

const struct gw_http_request *testkit_request(struct testkit *kit)
{
	return kit->requests ? &kit->requests->asked : NULL;
}

struct gw_list kit_lines(struct testkit *kit, const char *text)
{
	struct gw_str rest = gw_str(text), *items = kit_alloc(kit, (rest.len + 1) * sizeof *items);
	size_t count = 0;

	while (rest.len) {
		size_t len = gw_str_find(rest, '\n');

		items[count++] = kit_str(kit, gw_str_n(rest.ptr, len));
		rest = gw_str_from(rest, len + 1);
	}
	return (struct gw_list){ items, count };
}

struct gw_str testkit_request_body(struct testkit *kit, size_t piece)
{
	const struct kit_request *request = kit->requests;
	uint64_t size = request ? request->asked.body_size : 0, at = 0;
	char *text = kit_alloc(kit, (size_t)size + 1);

	if (!request || !request->asked.body_read)
		return request ? request->asked.body : gw_str_n(NULL, 0);
	while (at < size) {
		size_t room = piece ? piece : 4096;
		long got;

		room = room < size - at ? room : (size_t)(size - at);
		got = request->asked.body_read(request->arg, at, text + at, room);
		if (got <= 0 || (size_t)got > room)
			return gw_str_n(NULL, 0);
		at += (uint64_t)got;
	}
	return gw_str_n(text, (size_t)size);
}

static bool answer_oldest(struct testkit *kit, const struct gw_http_answer *answer)
{
	struct kit_request *request = kit->requests;

	if (!request)
		return false;
	kit->requests = request->next;
	testkit_run_http_answer(kit, answer, request->arg);
	return true;
}

bool testkit_run_http_broken(struct testkit *kit, int begun, const char *why)
{
	struct gw_http_answer answer = { .size = sizeof answer,
					 .body = gw_str(""),
					 .error = gw_str(why),
					 .sent = true,
					 .begun = begun };

	return answer_oldest(kit, &answer);
}

bool testkit_run_http(struct testkit *kit, int status, const char *headers, const char *text)
{
	struct gw_http_answer answer = { .size = sizeof answer,
					 .status = status,
					 .headers = kit_lines(kit, headers),
					 .body = gw_str(status ? text : ""),
					 .error = gw_str(status ? "" : text),
					 .sent = status != 0 };

	return answer_oldest(kit, &answer);
}

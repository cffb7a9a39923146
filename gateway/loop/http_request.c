/* http_request.c - what may be asked over HTTPS. */
#include "loop/http_private.h"

#define DEADLINE_MOST 600000
#define ANSWER_MOST (64u << 20)
#define BODY_MOST (64u << 20)
#define READ_MOST (256u << 20)
#define URL_MOST 8192

static bool has_control(struct gw_str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
			return true;
	return false;
}

static bool is_method(struct gw_str method)
{
	for (size_t i = 0; i < method.len; i++)
		if (method.ptr[i] < 'A' || method.ptr[i] > 'Z')
			return false;
	return method.len <= 16;
}

static bool is_https(struct gw_str url)
{
	return url.len > 8 && url.len <= URL_MOST && strncasecmp(url.ptr, "https://", 8) == 0 &&
	       !has_control(url) && gw_str_find(url, ' ') == url.len;
}

static bool are_headers(struct gw_list headers)
{
	for (size_t i = 0; i < headers.count; i++) {
		size_t colon = gw_str_find(headers.items[i], ':');

		if (colon == 0 || colon == headers.items[i].len || has_control(headers.items[i]))
			return false;
	}
	return true;
}

const char *http_request_wrong(const struct gw_http_request *request)
{
	if (!is_https(request->url))
		return "a request goes to https://, and its URL is at most 8192 octets without blanks or controls";
	if (!is_method(request->method))
		return "a method is up to 16 capital letters";
	if (!are_headers(request->headers))
		return "a header is \"Name: value\" without control characters";
	if (request->body.len > BODY_MOST || request->answer_max > ANSWER_MOST)
		return "a body has at most 64 MiB";
	if (request->body_size > READ_MOST || (request->body_size > 0 && !request->body_read))
		return "a body that is read has at most 256 MiB, and a function that reads it";
	if (request->deadline_ms > DEADLINE_MOST)
		return "a request takes at most 10 minutes";
	if (gw_str_has_nul(request->ca_file))
		return "a file's name has no NUL";
	return NULL;
}

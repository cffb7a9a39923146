/* http_transfer.c - one request as libcurl is told of it, and its answer within bounds. */
#include "loop/http_private.h"

#include <gateway/address.h>

#include <stdio.h>
#include <stdlib.h>

#define DEADLINE_USUAL 30000
#define ANSWER_USUAL (64u << 10)
#define FIELDS_MOST (64u << 10)

/* --- what comes back --- */

/* One octet stays free for the NUL behind it. */
static bool put(struct buf *buf, struct gw_str text)
{
	return buf_len(buf) + text.len < buf->limit && buf_add_str(buf, text) == 0;
}

static size_t take_page(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_transfer *transfer = arg;

	if (put(&transfer->page, gw_str_n(bytes, size * count)))
		return size * count;
	transfer->over = "the answer is larger than it may be";
	return 0;
}

/* A line of the header: those of an interim answer (100) are forgotten when the next begins. */
static size_t take_field(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_transfer *transfer = arg;
	struct gw_str line = gw_str_n(bytes, size * count);

	if (line.len >= 5 && memcmp(line.ptr, "HTTP/", 5) == 0)
		buf_clear(&transfer->fields);
	else if (!put(&transfer->fields, line)) {
		transfer->over = "the answer's header is larger than it may be";
		return 0;
	}
	return line.len;
}

/* --- what libcurl is told --- */

#define SET(option, value) (curl_easy_setopt(easy, CURLOPT_##option, value) == CURLE_OK)

/* Nothing here may be switched off by a request. QUICK_EXIT: who gives up while a name is looked
 * up does not wait for the thread that looks. */
static bool set_rules(CURL *easy)
{
	return SET(PROTOCOLS_STR, "https") && SET(SSL_VERIFYPEER, 1L) && SET(SSL_VERIFYHOST, 2L) &&
	       SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) && SET(FOLLOWLOCATION, 0L) &&
	       SET(NETRC, (long)CURL_NETRC_IGNORED) && SET(NOSIGNAL, 1L) && SET(QUICK_EXIT, 1L) &&
	       SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) && SET(TCP_KEEPALIVE, 1L) &&
	       SET(USERAGENT, "gateway");
}

/* Strings of others need not end in a NUL; libcurl copies what it is given. */
static bool set_text(CURL *easy, CURLoption option, struct gw_str text)
{
	char *copy = strndup(text.ptr, text.len);
	bool set = copy && curl_easy_setopt(easy, option, copy) == CURLE_OK;

	if (copy)
		explicit_bzero(copy, text.len);
	free(copy);
	return set;
}

/* A file without a folder beside it is kept parsed; else each connection parses all of it, 25 ms of
 * the worker for the system's. Not for long: it may be replaced, which nobody says. */
#define TRUST_KEPT 60 /* seconds */

static bool set_trust(CURL *easy, struct gw_str ca_file)
{
	bool by_file = ca_file.len > 0 || curl_version_info(CURLVERSION_NOW)->cainfo != NULL;

	return SET(CA_CACHE_TIMEOUT, (long)TRUST_KEPT) && (!by_file || SET(CAPATH, NULL)) &&
	       (ca_file.len == 0 || set_text(easy, CURLOPT_CAINFO, ca_file));
}

/* Asked when the name was looked up: what is connected to is what was judged. */
static curl_socket_t open_public(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_transfer *transfer = arg;

	if (gw_address_is_public(&address->addr))
		return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	transfer->refused = true;
	return CURL_SOCKET_BAD;
}

/* A connection that is kept may be one that was judged by nobody. */
static bool set_reach(struct http_transfer *transfer, bool public_only)
{
	CURL *easy = transfer->easy;

	return !public_only || (SET(OPENSOCKETFUNCTION, open_public) &&
				SET(OPENSOCKETDATA, transfer) && SET(FRESH_CONNECT, 1L));
}

static bool set_answer(struct http_transfer *transfer, const struct gw_http_request *request)
{
	CURL *easy = transfer->easy;

	buf_init(&transfer->page,
		 (request->answer_max != 0 ? request->answer_max : ANSWER_USUAL) + 1);
	buf_init(&transfer->fields, FIELDS_MOST + 1);
	return SET(WRITEFUNCTION, take_page) && SET(WRITEDATA, transfer) &&
	       SET(HEADERFUNCTION, take_field) && SET(HEADERDATA, transfer) &&
	       SET(ERRORBUFFER, transfer->error) && SET(PRIVATE, transfer) &&
	       SET(TIMEOUT_MS,
		   request->deadline_ms != 0 ? (long)request->deadline_ms : (long)DEADLINE_USUAL);
}

static bool add_header(struct http_transfer *transfer, struct gw_str line)
{
	char *copy = strndup(line.ptr, line.len);
	struct curl_slist *list = copy ? curl_slist_append(transfer->headers, copy) : NULL;

	if (copy)
		explicit_bzero(copy, line.len);
	free(copy);
	if (list)
		transfer->headers = list;
	return list != NULL;
}

static bool is_type(struct gw_str line)
{
	return gw_str_ieq(gw_str_n(line.ptr, gw_str_find(line, ':')), gw_str("Content-Type"));
}

/* "Expect:" and "Content-Type:" without a value: what libcurl would add by itself is not sent. */
static bool set_headers(struct http_transfer *transfer, struct gw_list headers)
{
	CURL *easy = transfer->easy;
	bool typed = false, added = add_header(transfer, gw_str("Expect:"));

	for (size_t i = 0; i < headers.count && added; i++) {
		added = add_header(transfer, headers.items[i]);
		typed |= is_type(headers.items[i]);
	}
	return added && (typed || add_header(transfer, gw_str("Content-Type:"))) &&
	       SET(HTTPHEADER, transfer->headers);
}

static bool copy_body(struct http_transfer *transfer, struct gw_str body)
{
	char *copy = malloc(body.len + 1);

	if (!copy)
		return false;
	if (body.len > 0)
		memcpy(copy, body.ptr, body.len);
	copy[body.len] = '\0';
	transfer->body = gw_str_n(copy, body.len);
	transfer->size = body.len;
	return true;
}

/* There is no way back in it: what went over a connection that was kept and had ended by then
 * libcurl would send again, and a mail would go out twice. So it is asked for no octet again. */
static size_t give_body(char *out, size_t size, size_t count, void *arg)
{
	struct http_transfer *transfer = arg;
	uint64_t left = transfer->size - transfer->given;
	size_t room = size * count;
	long got;

	if (left == 0)
		return CURL_READFUNC_ABORT;
	if (room > left)
		room = (size_t)left;
	got = transfer->body_read(transfer->arg, transfer->given, out, room);
	if (got <= 0 || (size_t)got > room)
		return CURL_READFUNC_ABORT;
	transfer->given += (uint64_t)got;
	return (size_t)got;
}

static int give_again(void *arg, curl_off_t offset, int origin)
{
	return CURL_SEEKFUNC_FAIL;
}

static bool set_reader(struct http_transfer *transfer, const struct gw_http_request *request)
{
	CURL *easy = transfer->easy;
	struct gw_str method = request->method;

	transfer->size = request->body_size;
	transfer->body_read = request->body_read;
	return SET(POST, 1L) && SET(READFUNCTION, give_body) && SET(READDATA, transfer) &&
	       SET(SEEKFUNCTION, give_again) &&
	       SET(POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size) &&
	       (method.len == 0 || gw_str_eq(method, gw_str("POST")) ||
		set_text(easy, CURLOPT_CUSTOMREQUEST, method));
}

static bool set_body(struct http_transfer *transfer, const struct gw_http_request *request)
{
	CURL *easy = transfer->easy;
	struct gw_str method = request->method;
	bool post = gw_str_eq(method, gw_str("POST")) || (method.len == 0 && request->body.len > 0);

	if (gw_str_eq(method, gw_str("HEAD")))
		return SET(NOBODY, 1L);
	if (request->body_size > 0)
		return set_reader(transfer, request);
	if (!post && request->body.len == 0)
		return method.len == 0 || set_text(easy, CURLOPT_CUSTOMREQUEST, method);
	return copy_body(transfer, request->body) && SET(POST, 1L) &&
	       SET(POSTFIELDS, transfer->body.ptr) &&
	       SET(POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body.len) &&
	       (post || set_text(easy, CURLOPT_CUSTOMREQUEST, method));
}

bool http_transfer_prepare(struct http_transfer *transfer, const struct gw_http_request *request)
{
	CURL *easy = transfer->easy = curl_easy_init();

	return easy != NULL && set_rules(easy) && set_trust(easy, request->ca_file) &&
	       set_reach(transfer, request->public_only) && set_answer(transfer, request) &&
	       set_headers(transfer, request->headers) &&
	       set_text(easy, CURLOPT_URL, request->url) && set_body(transfer, request);
}

bool http_transfer_direct(struct http_transfer *transfer, struct gw_str server)
{
	CURL *easy = transfer->easy;
	char text[512];

	if (server.len == 0)
		return true;
	snprintf(text, sizeof(text), "::%.*s", GW_STR_ARGS(server));
	transfer->server = curl_slist_append(NULL, text);
	return transfer->server != NULL && SET(CONNECT_TO, transfer->server);
}

/* --- its end --- */

static void wipe(struct buf *buf)
{
	if (buf->data)
		explicit_bzero(buf->data, buf->capacity);
	buf_finish(buf);
}

void http_transfer_free(struct http_transfer *transfer)
{
	struct curl_slist *header;

	if (transfer->easy)
		curl_easy_cleanup(transfer->easy);
	for (header = transfer->headers; header; header = header->next)
		explicit_bzero(header->data, strlen(header->data));
	curl_slist_free_all(transfer->headers);
	curl_slist_free_all(transfer->server);
	if (transfer->body.ptr)
		explicit_bzero((char *)transfer->body.ptr, transfer->body.len);
	free((char *)transfer->body.ptr);
	wipe(&transfer->fields);
	wipe(&transfer->page);
	free(transfer);
}

/* http_answer.c - what became of a request, as its owner is told. */
#include "loop/http_private.h"

#include <stdlib.h>

static struct gw_str without_end(struct gw_str line)
{
	while (line.len > 0 && memchr("\r\n\t ", line.ptr[line.len - 1], 4) != NULL)
		line.len--;
	return line;
}

/* The header's lines, each with a NUL behind it; NULL: no memory. To be freed. */
static struct gw_str *split_fields(struct buf *fields, size_t *count)
{
	struct gw_str rest = buf_str(fields), *lines;
	size_t most = 1;

	for (size_t i = 0; i < rest.len; i++)
		most += rest.ptr[i] == '\n';
	lines = calloc(most, sizeof(*lines));
	for (*count = 0; lines && rest.len > 0;) {
		size_t len = gw_str_find(rest, '\n');
		struct gw_str line = without_end(gw_str_n(rest.ptr, len));

		if (line.len > 0) {
			((char *)line.ptr)[line.len] = '\0';
			lines[(*count)++] = line;
		}
		rest = gw_str_from(rest, len + 1);
	}
	return lines;
}

static struct gw_str why(const struct http_transfer *transfer, CURLcode code)
{
	if (transfer->refused && code == CURLE_COULDNT_CONNECT)
		return gw_str("its address is private: nothing was sent");
	if (transfer->over)
		return gw_str(transfer->over);
	return gw_str(transfer->error[0] ? transfer->error : curl_easy_strerror(code));
}

/* Of a body that is read: libcurl has its last octet, and may not say afterwards whether the
 * network had it; in doubt it did. */
static bool was_sent(const struct http_transfer *transfer)
{
	curl_off_t sent = 0;
	long head = 0;

	if (transfer->body_read)
		return transfer->given == transfer->size;
	curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &head);
	return head > 0 && (uint64_t)sent >= transfer->size;
}

void http_transfer_end(struct http_transfer *transfer, CURLcode code)
{
	struct gw_http_answer answer = { .size = sizeof(answer),
					 .body = gw_str(""),
					 .error = gw_str("") };
	struct gw_str *lines = NULL;
	long status = 0;

	answer.sent = was_sent(transfer);
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	answer.begun = code == CURLE_OK ? 0 : (int)status;
	if (code != CURLE_OK)
		status = 0;
	if (status != 0 && buf_add(&transfer->fields, "", 1) == 0) {
		transfer->fields.end--;
		lines = split_fields(&transfer->fields, &answer.headers.count);
	}
	if (status != 0 && lines && buf_reserve(&transfer->page, 1) != NULL) {
		*(char *)(transfer->page.data + transfer->page.end) = '\0';
		answer.status = (int)status;
		answer.headers.items = lines;
		answer.body = buf_str(&transfer->page);
	} else {
		answer.headers.count = 0;
		answer.error = why(transfer, code);
		answer.untrusted = code == CURLE_PEER_FAILED_VERIFICATION;
	}
	transfer->ended(&answer, transfer->arg);
	free(lines);
	http_transfer_free(transfer);
}

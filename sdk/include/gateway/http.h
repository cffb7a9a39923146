/* gateway/http.h - a question to a server on the web, and its answer: what http_request() takes
 * and the hook `http` is told.
 *
 * Only https. The server's certificate and its name are verified, always; redirects are not
 * followed, cookies not kept. A request ends once: with an answer (any status), or with none and a
 * sentence that says why. */
#ifndef GATEWAY_HTTP_H
#define GATEWAY_HTTP_H

#include <gateway/str.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gw_http_request {
	uint32_t size;        /* sizeof(struct gw_http_request); of the answer too */
	struct gw_str method; /* "GET", "POST", ...; empty: POST with a body, else GET */
	struct gw_str url;    /* "https://host[:port]/path?query" */
	/* "Name: value" each; with a body, Content-Type should be there */
	struct gw_list headers;
	struct gw_str body;
	/* certificates (PEM) that are trusted instead of the system's; empty: the system's */
	struct gw_str ca_file;
	uint32_t deadline_ms; /* of the whole of it, from now; 0: 30 s; at most 10 minutes */
	/* an answer with more octets of body counts as none; 0: 64 KiB; at most 64 MiB */
	uint32_t answer_max;
	/* Instead of `body`: so many octets, which body_read() gives piece by piece while they are
	 * sent, on the worker, with the request's `arg`: up to `len` from `offset` on. It gives how
	 * many those are; less than one: the request ends without an answer. Not called any more
	 * once the hook `http` is told, or http_cancel() returned. What is given so is sent once: a
	 * connection that broke is no reason to send it again. */
	uint64_t body_size; /* at most 256 MiB */
	long (*body_read)(void *arg, uint64_t offset, void *out, size_t len);
	/* a gateway that stops waits for the answer as it waits for mail that is on its way (8 s):
	 * for one that comes but once, such as a refresh token that replaces another */
	bool awaited;
	/* The URL is not ours but somebody else's word, out of the DNS or of a mail: it goes to
	 * addresses of the public Internet alone (<gateway/address.h>), whatever name they have,
	 * over a connection of its own. Behind a proxy it is the proxy's address that is judged. */
	bool public_only;
};

struct gw_http_answer {
	uint32_t size;
	int status;             /* 200, 503, ...; 0: there is no (whole) answer */
	struct gw_list headers; /* "Name: value" as they came, up to 64 KiB of them */
	struct gw_str body;
	/* status 0: why, for people; nothing of the request is in it but the server's name */
	struct gw_str error;
	/* every octet of the request was, or may have been, handed to the network: the server may
	 * have done what was asked, whatever came of the answer */
	bool sent;
	/* status 0: with what an answer began that broke off or was too large; 0: none began */
	int begun;
	/* status 0: because the server's certificate, or its name in it, is not right */
	bool untrusted;
};

/* The value of the first header of that name; empty where there is none. */
static inline struct gw_str gw_http_field(const struct gw_http_answer *answer, struct gw_str name)
{
	for (size_t i = 0; i < answer->headers.count; i++) {
		struct gw_str line = answer->headers.items[i];
		size_t colon = gw_str_find(line, ':');
		if (colon == line.len || !gw_str_ieq(gw_str_n(line.ptr, colon), name))
			continue;
		line = gw_str_from(line, colon + 1);
		while (line.len && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
			line = gw_str_from(line, 1);
		return line;
	}
	return gw_str_n("", 0);
}

#ifdef __cplusplus
}
#endif
#endif

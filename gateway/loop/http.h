/* http.h - HTTPS requests of a worker, on its loop, through libcurl: <gateway/http.h> says what
 * they are.
 *
 * A transfer lives from http_begin to its end. The end comes once, from the loop and never from
 * inside a call, or not at all after http_cancel. Nothing of it blocks: names are looked up by
 * threads of libcurl's, and nobody waits for one that is given up. Connections are kept for the
 * next request to the same server. */
#ifndef LOOP_HTTP_H
#define LOOP_HTTP_H

#include "loop/worker.h"

#include <gateway/http.h>

struct http_transfer;

/* NULL: it can be made; else what is wrong with it, for a log. [any thread] */
const char *http_request_wrong(const struct gw_http_request *request);

/* Begins what http_request_wrong() has nothing against; what the request names is copied. `ended`
 * is told the answer, which lives until it returns, when the transfer is no more. NULL: no memory,
 * or libcurl does not work. */
struct http_transfer *http_begin(struct worker *worker, const struct gw_http_request *request,
				 void (*ended)(const struct gw_http_answer *answer, void *arg),
				 void *arg);

/* The same, connecting to "host:port" instead of what the URL says (empty: to that): who answers
 * there must have the certificate of the URL's host all the same. */
struct http_transfer *http_begin_at(struct worker *worker, const struct gw_http_request *request,
				    struct gw_str server,
				    void (*ended)(const struct gw_http_answer *answer, void *arg),
				    void *arg);

/* Frees it; `ended` will not be called. */
void http_cancel(struct http_transfer *transfer);

#endif

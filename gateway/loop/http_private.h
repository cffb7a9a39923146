/* http_private.h - what the files about HTTPS requests share. */
#ifndef LOOP_HTTP_PRIVATE_H
#define LOOP_HTTP_PRIVATE_H

#include "loop/http.h"
#include "loop/worker_private.h"

#include <curl/curl.h>

/* What a worker has for its requests, made with the first and gone with the worker. */
struct http {
	struct orphan orphan;
	struct worker *worker;
	CURLM *multi;
	struct timer timer; /* libcurl's */
	struct http_transfer *transfers;
};

struct http_transfer {
	struct http *http;
	struct http_transfer *next, **link;
	CURL *easy;
	struct curl_slist *headers, *server;
	struct gw_str body;   /* of the request; owned */
	uint64_t size, given; /* of the body; how much of it body_read gave */
	long (*body_read)(void *arg, uint64_t offset, void *out, size_t len);
	struct buf fields, page; /* of the answer */
	const char *over;        /* the bound that it passed; NULL: none */
	bool refused;            /* an address of its is not one it may go to */
	char error[CURL_ERROR_SIZE];
	void (*ended)(const struct gw_http_answer *answer, void *arg);
	void *arg;
};

/* The worker's, made when there is none yet; NULL: no memory. */
struct http *http_of(struct worker *worker);

/* Sets the handle up; false: no memory. */
bool http_transfer_prepare(struct http_transfer *transfer, const struct gw_http_request *request);
/* Where to connect instead; false: no memory. */
bool http_transfer_direct(struct http_transfer *transfer, struct gw_str server);

/* Frees it, what was secret in it wiped; it is in nobody's list. */
void http_transfer_free(struct http_transfer *transfer);

/* Tells its owner, and frees it. */
void http_transfer_end(struct http_transfer *transfer, CURLcode code);

/* --- http_memory.c --- */

/* Once in a process, before libcurl is used. */
void http_library_init(void);

#endif

/* request.h - one request to the API, until it is answered.
 *
 * It goes from evhttp to a row of the table, to a verb of the gateway, and back as an answer. Two
 * may have it: evhttp, which waits for the answer, and the verb, which cannot be called back. All
 * of the server's thread, but request_told(). */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "server.h"

/* evhttp's, for every request. `arg` is the server. */
void request_begin(struct evhttp_request *http, void *arg);

/* What verbs have answered meanwhile. */
void requests_take_answers(struct server *server);
/* The server ends: nobody is answered any more. */
void requests_drop(struct server *server);

#endif

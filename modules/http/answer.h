/* answer.h - what is said over HTTP: an object or octets with a status, or what is wrong (RFC
 * 9457). */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include "route.h"

#include <event2/http.h>
#include <jansson.h>

/* Each gives the request back to evhttp. */
void answer_wrong(struct evhttp_request *http, int status, const char *detail);
void answer_octets(struct evhttp_request *http, const char *type, const void *octets, size_t len);
void answer_object(struct evhttp_request *http, const json_t *object);

/* What a verb said, as the row shows it; `text` ptr NULL: nothing, the gateway stops. */
void answer_verb(struct evhttp_request *http, const struct route *route,
		 const struct token_conf *token, struct gw_str text);

#endif

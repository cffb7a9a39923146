/* own.h - what the API answers without a verb: its description, that it is alive, its events. */
#ifndef HTTP_OWN_H
#define HTTP_OWN_H

#include "answer.h"
#include "server.h"

void own_answer(struct evhttp_request *http, struct server *server, const struct route *route,
		const struct token_conf *token, const struct target *target);

#endif

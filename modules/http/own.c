#include "own.h"

#include <string.h>

/* Made of openapi.json. */
extern const char openapi_text[];
extern const size_t openapi_size;

static void answer_health(struct evhttp_request *http)
{
	json_t *health = json_pack("{s:s}", "status", "ok");

	answer_object(http, health);
	json_decref(health);
}

void own_answer(struct evhttp_request *http, struct server *server, const struct route *route,
		const struct token_conf *token, const struct target *target)
{
	(void)server;
	(void)token;
	(void)target;
	if (strcmp(route->verb, "openapi") == 0)
		answer_octets(http, "application/json", openapi_text, openapi_size);
	else
		answer_health(http);
}

/* route.h - what the API has: a row for each method and path, with the verb of gatewayctl that
 * knows the answer. Nothing here knows an answer itself. */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "target.h"
#include "token.h"

enum route_method { METHOD_GET, METHOD_PUT, METHOD_POST, METHOD_DELETE, METHOD_NONE };

/* Whose answers a route gives: who has a token for some clients alone may ask the first two. */
enum route_about {
	ABOUT_ONE,     /* one thing, which has a client */
	ABOUT_MANY,    /* those of a client */
	ABOUT_GATEWAY, /* the gateway itself */
	ABOUT_NOBODY,  /* needs no token */
};

/* What of the verb's answer is shown. */
enum route_shape {
	SHAPE_DATA,    /* its "data" as it stands */
	SHAPE_ROWS,    /* {"items": its rows} */
	SHAPE_ROW,     /* its only row */
	SHAPE_REPORT,  /* "report" of its data: octets */
	SHAPE_METRICS, /* numbers of its data, as Prometheus reads them */
	SHAPE_NONE,    /* that it was done */
	SHAPE_OWN,     /* no verb: the module's own */
};

struct route {
	enum route_method method;
	const char *path; /* "v1/bounces/{id}" */
	enum token_scope scope;
	enum route_about about;
	enum route_shape shape;
	/* the verb: "bounce get {id}"; of SHAPE_OWN a name for it */
	const char *verb;
	/* parameters of the query that it takes, parted by blanks; "cursor:after" is said to the
	 * verb as "after" */
	const char *parameters;
	bool dashes; /* parameters are said as "--name", "value"; else "name=value" */
};

enum route_found { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };
enum route_found route_find(enum route_method method, const struct target *target,
			    const struct route **route);

/* The methods of that path, for an Allow field: "GET, PUT". */
void route_allowed(const struct target *target, char *out, size_t size);

/* The nth of all; NULL past the end. */
const struct route *route_at(size_t nth);

#define ROUTE_WORDS 64
/* A verb with its words; texts are the target's, the token's, or `room`. */
struct route_words {
	struct gw_str words[ROUTE_WORDS];
	size_t count;
	char room[8192];
	size_t used;
};

enum route_wrong { WRONG_NOTHING, WRONG_REQUEST, WRONG_RIGHTS };
/* What is said to gatewayctl for the request of that token. *why is for people, or untouched. */
enum route_wrong route_words(const struct route *route, const struct target *target,
			     const struct token_conf *token, struct route_words *words,
			     const char **why);

#endif

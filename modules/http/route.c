#include "route.h"

#include <stdio.h>

#define BOUNCE_FIELDS                                                                              \
	"recipient domain kind reason status client type relay message message_id event source infrastructure unread"

static const struct route routes[] = {
	{ METHOD_GET, "v1/bounces", SCOPE_READ, ABOUT_MANY, SHAPE_DATA, "bounce list bare after=0",
	  BOUNCE_FIELDS " since until cursor:after limit", false },
	{ METHOD_GET, "v1/bounces/{id}", SCOPE_READ, ABOUT_ONE, SHAPE_DATA, "bounce get {id}", "",
	  false },
	{ METHOD_GET, "v1/bounces/{id}/dump", SCOPE_READ, ABOUT_ONE, SHAPE_REPORT,
	  "bounce get {id}", "", false },
	{ METHOD_POST, "v1/bounces/{id}/read", SCOPE_WRITE, ABOUT_GATEWAY, SHAPE_NONE,
	  "bounce read {id}", "", false },
	{ METHOD_GET, "v1/stats", SCOPE_READ, ABOUT_MANY, SHAPE_ROWS, "bounce stats",
	  "by from:since to:until client type relay domain kind reason", false },
	{ METHOD_GET, "v1/suppressions", SCOPE_READ, ABOUT_MANY, SHAPE_DATA,
	  "bounce suppression list", "client type reason cursor:after limit", false },
	{ METHOD_GET, "v1/suppressions/{address}", SCOPE_READ, ABOUT_MANY, SHAPE_DATA,
	  "bounce suppression list address={address}", "client type", false },
	{ METHOD_PUT, "v1/suppressions/{address}", SCOPE_WRITE, ABOUT_MANY, SHAPE_NONE,
	  "bounce suppression add {address}", "client type days", false },
	{ METHOD_DELETE, "v1/suppressions/{address}", SCOPE_WRITE, ABOUT_MANY, SHAPE_NONE,
	  "bounce suppression rm {address}", "client type", false },
	{ METHOD_GET, "v1/messages", SCOPE_READ, ABOUT_MANY, SHAPE_ROWS, "queue list",
	  "relay from to client type reason older status limit", true },
	{ METHOD_GET, "v1/messages/{id}", SCOPE_READ, ABOUT_ONE, SHAPE_ROW, "queue show {id}", "",
	  false },
	{ METHOD_GET, "v1/messages/{id}/history", SCOPE_READ, ABOUT_ONE, SHAPE_ROWS,
	  "message explain {id}", "", false },
	{ METHOD_GET, "v1/relays", SCOPE_READ, ABOUT_GATEWAY, SHAPE_ROWS, "relay list", "", false },
	{ METHOD_GET, "v1/relays/{name}", SCOPE_READ, ABOUT_GATEWAY, SHAPE_ROW, "relay show {name}",
	  "", false },
	{ METHOD_GET, "v1/quota", SCOPE_READ, ABOUT_GATEWAY, SHAPE_ROWS, "quota", "", false },
	{ METHOD_GET, "v1/status", SCOPE_READ, ABOUT_GATEWAY, SHAPE_DATA, "status", "", false },
	{ METHOD_GET, "metrics", SCOPE_READ, ABOUT_GATEWAY, SHAPE_METRICS, "status", "", false },
	{ METHOD_GET, "v1/events", SCOPE_READ, ABOUT_MANY, SHAPE_OWN, "events",
	  "event client cursor limit", false },
	{ METHOD_GET, "v1/openapi.json", SCOPE_READ, ABOUT_NOBODY, SHAPE_OWN, "openapi", "",
	  false },
	{ METHOD_GET, "healthz", SCOPE_READ, ABOUT_NOBODY, SHAPE_OWN, "health", "", false },
};
#define ROUTES (sizeof routes / sizeof *routes)

const struct route *route_at(size_t nth)
{
	return nth < ROUTES ? &routes[nth] : NULL;
}

/* --- which --- */

static struct gw_str take(struct gw_str *rest, char end)
{
	struct gw_str part = gw_str_n(rest->ptr, gw_str_find(*rest, end));

	*rest = gw_str_from(*rest, part.len + 1);
	return part;
}

static bool fits(const struct route *route, const struct target *target)
{
	struct gw_str rest = gw_str(route->path);
	size_t i;

	for (i = 0; i < target->segment_count && rest.len; i++) {
		struct gw_str part = take(&rest, '/');

		if (part.ptr[0] != '{' && !gw_str_eq(part, target->segments[i]))
			return false;
	}
	return i == target->segment_count && rest.len == 0;
}

enum route_found route_find(enum route_method method, const struct target *target,
			    const struct route **route)
{
	enum route_found found = ROUTE_NO_PATH;
	size_t i;

	for (i = 0; i < ROUTES; i++) {
		if (!fits(&routes[i], target))
			continue;
		*route = &routes[i];
		if (routes[i].method == method)
			return ROUTE_FOUND;
		found = ROUTE_NO_METHOD;
	}
	return found;
}

void route_allowed(const struct target *target, char *out, size_t size)
{
	static const char *const names[] = { "GET, HEAD", "PUT", "POST", "DELETE" };
	size_t i, len = 0;

	out[0] = '\0';
	for (i = 0; i < ROUTES; i++)
		if (fits(&routes[i], target) && len < size)
			len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "",
						names[routes[i].method]);
}

/* --- what is said --- */

static bool add_word(struct route_words *words, struct gw_str word)
{
	if (words->count == ROUTE_WORDS)
		return false;
	words->words[words->count++] = word;
	return true;
}

/* "name=value", in `room`. */
static bool add_pair(struct route_words *words, struct gw_str name, struct gw_str value)
{
	char *at = words->room + words->used;
	size_t room = sizeof words->room - words->used, len = name.len + value.len + 1;

	if (len + 1 > room)
		return false;
	snprintf(at, room, "%.*s=%.*s", GW_STR_ARGS(name), GW_STR_ARGS(value));
	words->used += len + 1;
	return add_word(words, gw_str_n(at, len));
}

static bool add_parameter(const struct route *route, struct route_words *words, struct gw_str name,
			  struct gw_str value)
{
	char dashed[40];
	char *at = words->room + words->used;

	if (!route->dashes)
		return add_pair(words, name, value);
	snprintf(dashed, sizeof dashed, "--%.*s", GW_STR_ARGS(name));
	if (words->used + strlen(dashed) + 1 > sizeof words->room)
		return false;
	words->used += strlen(strcpy(at, dashed)) + 1;
	return add_word(words, gw_str(at)) && add_word(words, value);
}

/* The segment that stands where the path has {}; there is one at most. */
static struct gw_str captured(const struct route *route, const struct target *target)
{
	struct gw_str rest = gw_str(route->path);
	size_t i;

	for (i = 0; i < target->segment_count && rest.len; i++)
		if (take(&rest, '/').ptr[0] == '{')
			return target->segments[i];
	return gw_str("");
}

/* A word that begins with dashes would be read as an option by the verbs of the gateway. */
static bool add_verb(const struct route *route, const struct target *target,
		     struct route_words *words)
{
	struct gw_str rest = gw_str(route->verb), value = captured(route, target);
	bool fine = value.len < 2 || strncmp(value.ptr, "--", 2) != 0;

	while (rest.len && fine) {
		struct gw_str word = take(&rest, ' ');
		size_t brace = gw_str_find(word, '{');

		if (brace == word.len)
			fine = add_word(words, word);
		else if (brace == 0)
			fine = add_word(words, value);
		else
			fine = add_pair(words, gw_str_n(word.ptr, brace - 1), value);
	}
	return fine;
}

/* What the verb calls a parameter of the query; ptr NULL: the route does not take it. */
static struct gw_str said_as(const struct route *route, struct gw_str name)
{
	struct gw_str rest = gw_str(route->parameters);

	while (rest.len) {
		struct gw_str word = take(&rest, ' '), said = word, asked = take(&said, ':');

		if (gw_str_eq(asked, name))
			return said.len ? said : asked;
	}
	return gw_str_n(NULL, 0);
}

static enum route_wrong add_client(const struct route *route, const struct token_conf *token,
				   struct gw_str asked, struct route_words *words, const char **why)
{
	if (asked.ptr && !token_sees(token, asked)) {
		*why = "the token is not for that client";
		return WRONG_RIGHTS;
	}
	if (asked.ptr || route->about != ABOUT_MANY || token->clients.count == 0)
		return WRONG_NOTHING; /* asked: it is added with the others */
	if (token->clients.count > 1) {
		*why = "the token is for several clients: say which, as client=NAME";
		return WRONG_REQUEST;
	}
	return add_parameter(route, words, gw_str("client"), token->clients.items[0])
		       ? WRONG_NOTHING
		       : WRONG_REQUEST;
}

static enum route_wrong add_parameters(const struct route *route, const struct target *target,
				       struct route_words *words, const char **why)
{
	size_t i;

	for (i = 0; i < target->parameter_count; i++) {
		const struct parameter *parameter = &target->parameters[i];
		struct gw_str said = said_as(route, parameter->name);

		if (!said.ptr || !add_parameter(route, words, said, parameter->value)) {
			*why = said.ptr ? "the query is too long"
					: "the query has a parameter that is not known here";
			return WRONG_REQUEST;
		}
	}
	return WRONG_NOTHING;
}

enum route_wrong route_words(const struct route *route, const struct target *target,
			     const struct token_conf *token, struct route_words *words,
			     const char **why)
{
	enum route_wrong wrong;

	words->count = words->used = 0;
	if (token && route->about == ABOUT_GATEWAY && token->clients.count) {
		*why = "the token is for some clients alone, and this is about all of them";
		return WRONG_RIGHTS;
	}
	if (token && token->scope < route->scope) {
		*why = "the token may read alone";
		return WRONG_RIGHTS;
	}
	if (!add_verb(route, target, words)) {
		*why = "the path names nothing that there could be";
		return WRONG_REQUEST;
	}
	wrong = token ? add_client(route, token, target_parameter(target, "client"), words, why)
		      : WRONG_NOTHING;
	return wrong ? wrong : add_parameters(route, target, words, why);
}

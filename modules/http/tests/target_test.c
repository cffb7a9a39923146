/* What a request is for, and what is said to gatewayctl for it. */
#include "route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void a_target_is_read_strictly(void **state)
{
	static const struct {
		const char *text;
		size_t segments, parameters;
	} right[] = { { "/", 0, 0 },
		      { "/v1/bounces", 2, 0 },
		      { "/v1/bounces/", 2, 0 },
		      { "/v1/suppressions/a%2Bb%40example.net?client=crm&type=", 3, 2 } };
	static const char *const wrong[] = {
		"",       "*",        "v1",    "http://x/v1", "/v1//x",       "/./v1",
		"/v1/..", "/%2e%2e",  "/a%",   "/a%2",        "/a%zz",        "/a%00",
		"/a\n",   "/a?b=%7f", "/a?=b", "/a?b&b=",     "/a?b=1&b=%31", "/1/2/3/4/5/6/7/8/9",
		"/a?&",   "/a?b=%0a",
	};
	static struct target target;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof right / sizeof *right; i++) {
		assert_null(target_read(&target, gw_str(right[i].text)));
		assert_int_equal(target.segment_count, right[i].segments);
		assert_int_equal(target.parameter_count, right[i].parameters);
	}
	assert_string_equal(target.segments[2].ptr, "a+b@example.net");
	assert_string_equal(target_parameter(&target, "client").ptr, "crm");
	assert_int_equal(target_parameter(&target, "type").len, 0);
	assert_null(target_parameter(&target, "other").ptr);
	for (i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_non_null(target_read(&target, gw_str(wrong[i])));
	assert_null(target_read(&target, gw_str("/a?from=a+b%2B")));
	assert_string_equal(target_parameter(&target, "from").ptr, "a b+");
}

static void its_bounds_are_kept(void **state)
{
	static char text[TARGET_MAX + 8];
	static struct target target;
	size_t i;

	(void)state;
	memset(text, 'a', sizeof text);
	text[0] = '/';
	assert_null(target_read(&target, gw_str_n(text, TARGET_MAX)));
	assert_non_null(target_read(&target, gw_str_n(text, TARGET_MAX + 1)));
	snprintf(text, sizeof text, "/a?");
	for (i = 0; i <= TARGET_PARAMETERS; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "p%zu=&", i);
	assert_non_null(target_read(&target, gw_str(text)));
}

static const char *joined(const struct route_words *words)
{
	static char text[512];
	size_t i;

	text[0] = '\0';
	for (i = 0; i < words->count; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.*s", i ? "|" : "",
			 GW_STR_ARGS(words->words[i]));
	return text;
}

static void a_request_is_a_verb(void **state)
{
	static const struct gw_str one[] = { GW_STR("crm") }, two[] = { GW_STR("a"), GW_STR("b") };
	static const struct token_conf all = { .scope = SCOPE_READ },
				       admin = { .scope = SCOPE_WRITE },
				       crm = { .clients = { one, 1 }, .scope = SCOPE_WRITE },
				       both = { .clients = { two, 2 } };
	static const struct {
		enum route_method method;
		const char *target;
		const struct token_conf *token;
		enum route_wrong wrong;
		const char *words;
	} cases[] = {
		{ METHOD_GET, "/v1/relays", &all, WRONG_NOTHING, "relay|list" },
		{ METHOD_GET, "/v1/relays/a%20b", &all, WRONG_NOTHING, "relay|show|a b" },
		{ METHOD_GET, "/v1/relays/--all", &all, WRONG_REQUEST, NULL },
		{ METHOD_GET, "/v1/relays?x=1", &all, WRONG_REQUEST, NULL },
		{ METHOD_GET, "/v1/relays", &crm, WRONG_RIGHTS, NULL },
		{ METHOD_GET, "/v1/bounces?cursor=7&kind=hard", &all, WRONG_NOTHING,
		  "bounce|list|bare|after=0|after=7|kind=hard" },
		{ METHOD_GET, "/v1/bounces?after=7", &all, WRONG_REQUEST, NULL },
		{ METHOD_GET, "/v1/bounces?cursor=7", &crm, WRONG_NOTHING,
		  "bounce|list|bare|after=0|client=crm|after=7" },
		{ METHOD_GET, "/v1/bounces?client=crm", &crm, WRONG_NOTHING,
		  "bounce|list|bare|after=0|client=crm" },
		{ METHOD_GET, "/v1/bounces?client=other", &crm, WRONG_RIGHTS, NULL },
		{ METHOD_GET, "/v1/bounces", &both, WRONG_REQUEST, NULL },
		{ METHOD_GET, "/v1/bounces?client=b", &both, WRONG_NOTHING,
		  "bounce|list|bare|after=0|client=b" },
		{ METHOD_POST, "/v1/bounces/3/read", &all, WRONG_RIGHTS, NULL },
		{ METHOD_POST, "/v1/bounces/3/read", &admin, WRONG_NOTHING, "bounce|read|3" },
		{ METHOD_POST, "/v1/bounces/3/read", &crm, WRONG_RIGHTS, NULL },
		{ METHOD_DELETE, "/v1/suppressions/j%40example.net", &crm, WRONG_NOTHING,
		  "bounce|suppression|rm|j@example.net|client=crm" },
		{ METHOD_GET, "/v1/messages?to=--all&limit=2", &all, WRONG_NOTHING,
		  "queue|list|--to|--all|--limit|2" },
		{ METHOD_GET, "/v1/messages", &crm, WRONG_NOTHING, "queue|list|--client|crm" },
	};
	static struct target target;
	static struct route_words words;
	const struct route *route;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_null(target_read(&target, gw_str(cases[i].target)));
		assert_int_equal(route_find(cases[i].method, &target, &route), ROUTE_FOUND);
		assert_int_equal(route_words(route, &target, cases[i].token, &words, &why),
				 cases[i].wrong);
		if (cases[i].words)
			assert_string_equal(joined(&words), cases[i].words);
	}
}

static void what_is_not_in_the_table_is_not_there(void **state)
{
	static struct target target;
	const struct route *route = NULL;
	char allowed[64];
	size_t i;

	(void)state;
	target_read(&target, gw_str("/v1/suppressions/x"));
	assert_int_equal(route_find(METHOD_POST, &target, &route), ROUTE_NO_METHOD);
	route_allowed(&target, allowed, sizeof allowed);
	assert_string_equal(allowed, "GET, HEAD, PUT, DELETE");
	target_read(&target, gw_str("/v1"));
	assert_int_equal(route_find(METHOD_GET, &target, &route), ROUTE_NO_PATH);
	target_read(&target, gw_str("/v1/relays/x/y"));
	assert_int_equal(route_find(METHOD_GET, &target, &route), ROUTE_NO_PATH);
	for (i = 0; (route = route_at(i)) != NULL; i++) /* what changes something is for writers */
		assert_true(route->method == METHOD_GET || route->scope == SCOPE_WRITE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_target_is_read_strictly),
		cmocka_unit_test(its_bounds_are_kept),
		cmocka_unit_test(a_request_is_a_verb),
		cmocka_unit_test(what_is_not_in_the_table_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

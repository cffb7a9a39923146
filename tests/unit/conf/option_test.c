#include "fixture.h"

#include "conf/option.h"

#include <gateway/domain.h>

struct rule {
	struct gw_str match;
	int64_t delay;
};

struct everything {
	struct gw_str text, place, user, password;
	int64_t port, any, most, size, room, time, word;
	bool on;
	struct gw_list list, names;
	struct gw_groups rules;
};

#define AT(member) offsetof(struct everything, member)

static const struct gw_option rule_rows[] = {
	{ "match", GW_OPTION_STRING, offsetof(struct rule, match), .flags = GW_OPTION_REQUIRED },
	{ "delay", GW_OPTION_DURATION, offsetof(struct rule, delay), .fallback = "1m" },
	GW_OPTIONS_END,
};

static const struct gw_option rows[] = {
	{ "text", GW_OPTION_STRING, AT(text), .fallback = "hello" },
	{ "place", GW_OPTION_PATH, AT(place), .fallback = "keys" },
	{ "port", GW_OPTION_INT, AT(port), .fallback = "25", .min = 1, .max = 65535 },
	{ "any", GW_OPTION_INT, AT(any) },
	{ "most", GW_OPTION_INT, AT(most), .fallback = "unlimited", .words = "unlimited" },
	{ "on", GW_OPTION_BOOL, AT(on), .fallback = "true" },
	{ "size", GW_OPTION_SIZE, AT(size), .fallback = "25M", .min = 1024, .max = 1 << 30 },
	{ "room", GW_OPTION_SIZE, AT(room), .fallback = "64K" },
	{ "time", GW_OPTION_DURATION, AT(time), .fallback = "250ms", .max = 86400000 },
	{ "word", GW_OPTION_WORD, AT(word), .fallback = "starttls",
	  .words = "none|starttls|implicit" },
	{ "list", GW_OPTION_LIST, AT(list), .fallback = "from  to date" },
	{ "names", GW_OPTION_LIST, AT(names), .flags = GW_OPTION_DOMAINS },
	{ "rules", GW_OPTION_GROUPS, AT(rules), .group = rule_rows,
	  .group_size = sizeof(struct rule) },
	{ "auth.user", GW_OPTION_STRING, AT(user) },
	{ "auth.password", GW_OPTION_STRING, AT(password) },
	GW_OPTIONS_END,
};

static struct arena arena;
static struct everything got;
static struct option_context context = { "/etc/gateway/conf.d", "/var/lib/gateway", &arena,
					 &problems };

static int set_up_options(void **state)
{
	arena_init(&arena, 0);
	memset(&got, 0, sizeof(got));
	return set_up(state);
}

static int tear_down_options(void **state)
{
	arena_finish(&arena);
	return tear_down(state);
}

static const struct conf_group *group_of(const char *body)
{
	char text[2048];

	snprintf(text, sizeof(text), "relay: {\n%s\n};\n", body);
	write_file("x.conf", text);
	load();
	assert_int_equal(conf_count(conf), 1);
	return conf_at(conf, 0)->group;
}

static size_t parse(const char *body)
{
	struct option_set set = { "relay", rows, &got };

	return option_parse(&context, body ? group_of(body) : NULL, &set, 1, NULL);
}

static void assert_text(struct gw_str is, const char *should)
{
	assert_string_equal(is.ptr, should);
	assert_int_equal(is.len, strlen(should));
}

static void without_a_group_all_is_default(void **state)
{
	assert_int_equal(parse(NULL), 0);
	assert_text(got.text, "hello");
	assert_text(got.place, "/etc/gateway/keys");
	assert_int_equal(got.port, 25);
	assert_int_equal(got.any, 0);
	assert_true(got.on);
	assert_int_equal(got.size, 25 << 20);
	assert_int_equal(got.time, 250);
	assert_int_equal(got.word, 1);
	assert_int_equal(got.list.count, 3);
	assert_text(got.list.items[1], "to");
	assert_int_equal(got.rules.count, 0);
	assert_text(got.user, "");
}

static void every_type_is_read(void **state)
{
	const struct rule *rules;

	assert_int_equal(
		parse("text = \"a\" \"b\"; place = \"STATE/db\"; port = 587; any = 5000000000L; on = false;\n"
		      "size = \"2K\"; time = 90; word = \"implicit\"; list = [\"x\", \"y\"];\n"
		      "rules = ( { match = \"m\"; }, { match = \"n\"; delay = \"2h\"; } );\n"
		      "auth: { user = \"u\"; password = \"p\"; };"),
		0);
	assert_string_equal(all_problems(), "");
	assert_text(got.text, "ab");
	assert_text(got.place, "/var/lib/gateway/db");
	assert_int_equal(got.port, 587);
	assert_int_equal(got.any, 5000000000);
	assert_false(got.on);
	assert_int_equal(got.size, 2048);
	assert_int_equal(got.time, 90000);
	assert_int_equal(got.word, 2);
	assert_int_equal(got.list.count, 2);
	assert_text(got.list.items[1], "y");
	assert_text(got.user, "u");
	assert_text(got.password, "p");
	assert_int_equal(got.rules.count, 2);
	rules = got.rules.items;
	assert_text(rules[0].match, "m");
	assert_int_equal(rules[0].delay, 60000);
	assert_int_equal(rules[1].delay, 7200000);
}

static void a_number_may_have_a_word_beside_it(void **state)
{
	static const struct {
		const char *body;
		int64_t most;
	} cases[] = { { "", -1 },
		      { "most = \"unlimited\";", -1 },
		      { "most = 0;", 0 },
		      { "most = 5000;", 5000 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].body), 0);
		assert_int_equal(got.most, cases[i].most);
	}
	assert_int_equal(parse("most = \"endless\";"), 1);
	assert_int_equal(parse("most = -1;"), 1);
	assert_string_equal(all_problems(),
			    "x.conf:2: error: \"most\" must be a number or \"unlimited\"\n"
			    "x.conf:2: error: \"most\" is -1, but must be at least 0\n");
}

static void one_may_stand_for_a_list_of_one(void **state)
{
	assert_int_equal(parse("list = \"one word\"; rules = { match = \"m\"; };"), 0);
	assert_int_equal(got.list.count, 1);
	assert_text(got.list.items[0], "one word");
	assert_int_equal(got.rules.count, 1);
	assert_int_equal(parse("list = (); rules = ();"), 0);
	assert_int_equal(got.list.count, 0);
	assert_int_equal(got.rules.count, 0);
}

static void domains_are_names_or_patterns(void **state)
{
	static const char *const good[] = { "*",
					    "example.com",
					    "*.example.com",
					    "EXAMPLE.com.",
					    "x_1.example.com",
					    "m\u00fcnchen.example",
					    "localhost" },
				 *const none[] = {
					 "",      "@example.com", "exa mple.com", "a..com",
					 ".",     ".a.com",       "*.",           "*a.com",
					 "**",    "a.*.com",      "user@a.com",   "<>",
					 "[::1]", "a,b"
				 };
	char body[100];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(body, sizeof(body), "names = \"%s\";", good[i]);
		assert_int_equal(parse(body), 0);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		snprintf(body, sizeof(body), "names = \"%s\";", none[i]);
		assert_int_equal(parse(body), 1);
	}
}

static void paths_are_absolute(void **state)
{
	static const struct {
		const char *config, *state, *text, *path;
	} cases[] = {
		{ "/etc/gw/conf.d", "/var/gw", "/abs", "/abs" },
		{ "/etc/gw/conf.d/", "/var/gw", "a/b", "/etc/gw/a/b" },
		{ "/conf.d", "/var/gw", "a", "/a" },
		{ "/etc/gw/conf.d", "/var/gw/", "STATE/x/y", "/var/gw/x/y" },
		{ "/etc/gw/conf.d", "/var/gw", "STATES", "/etc/gw/STATES" },
		{ "/etc/gw/conf.d", "/var/gw", "", "" },
	};
	char body[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		context.config_dir = cases[i].config;
		context.state_dir = cases[i].state;
		snprintf(body, sizeof(body), "place = \"%s\";", cases[i].text);
		assert_int_equal(parse(body), 0);
		assert_text(got.place, cases[i].path);
	}
	context.config_dir = "/etc/gateway/conf.d";
	context.state_dir = "/var/lib/gateway";
}

static void relative_folders_start_at_the_working_one(void **state)
{
	char here[4096], expected[5000];

	assert_non_null(getcwd(here, sizeof(here)));
	context.config_dir = "conf.d";
	assert_int_equal(parse("place = \"keys\";"), 0);
	snprintf(expected, sizeof(expected), "%s/keys", here);
	assert_text(got.place, expected);
	context.config_dir = "etc/conf.d/";
	assert_int_equal(parse("place = \"keys\";"), 0);
	snprintf(expected, sizeof(expected), "%s/etc/keys", here);
	assert_text(got.place, expected);
	context.config_dir = "/etc/gateway/conf.d";
}

static const struct {
	const char *body, *problems;
} bad[] = {
	{ "prot = 25;", "x.conf:2: error: unknown key \"prot\", did you mean \"port\"?\n" },
	{ "zebra = 25;", "x.conf:2: error: unknown key \"zebra\"\n" },
	{ "auth: {\n usr = \"x\"; };",
	  "x.conf:3: error: unknown key \"auth.usr\", did you mean \"auth.user\"?\n" },
	{ "auht: { user = \"x\"; };",
	  "x.conf:2: error: unknown key \"auht\", did you mean \"auth\"?\n" },
	{ "auth = 1;", "x.conf:2: error: \"auth\" must be a group: auth: { ... };\n" },
	{ "text = 1;", "x.conf:2: error: \"text\" must be a text in quotes\n" },
	{ "place = true;", "x.conf:2: error: \"place\" must be a path in quotes\n" },
	{ "port = \"25\";", "x.conf:2: error: \"port\" must be a number\n" },
	{ "port = 2.5;", "x.conf:2: error: \"port\" must be a number\n" },
	{ "port = 0;", "x.conf:2: error: \"port\" is 0, but must be from 1 to 65535\n" },
	{ "port = 70000;", "x.conf:2: error: \"port\" is 70000, but must be from 1 to 65535\n" },
	{ "any = -1;", "x.conf:2: error: \"any\" is -1, but must be at least 0\n" },
	{ "names = [\"a.example\", \"a..com\"];",
	  "x.conf:2: error: \"names\": \"a..com\" can be no domain; as \"example.com\", \"*.example.com\" or \"*\"\n" },
	{ "on = \"yes\";", "x.conf:2: error: \"on\" must be true or false, without quotes\n" },
	{ "size = \"25 M\";", "x.conf:2: error: \"size\" must be a size such as \"25M\"\n" },
	{ "room = \"25\";", "x.conf:2: warning: \"room\" is 25 octets; is \"25K\" meant?\n" },
	{ "room = 1023;", "x.conf:2: warning: \"room\" is 1023 octets; is \"1023K\" meant?\n" },
	{ "size = \"2G\";", "x.conf:2: error: \"size\" is 2G, but must be from 1K to 1G\n" },
	{ "time = \"5 weeks\";",
	  "x.conf:2: error: \"time\" must be a time such as \"90s\", \"5m\", \"4h\" or \"2d\"\n" },
	{ "time = \"36h\";", "x.conf:2: error: \"time\" is 36h, but must be from 0 to 1d\n" },
	{ "time = \"\";",
	  "x.conf:2: error: \"time\" must be a time such as \"90s\", \"5m\", \"4h\" or \"2d\"\n" },
	{ "word = \"startls\";",
	  "x.conf:2: error: \"word\" is \"startls\", did you mean \"starttls\"? It can be none, starttls or implicit\n" },
	{ "word = \"maybe\";",
	  "x.conf:2: error: \"word\" is \"maybe\", but must be none, starttls or implicit\n" },
	{ "word = \"\";",
	  "x.conf:2: error: \"word\" is \"\", but must be none, starttls or implicit\n" },
	{ "list = [ 1, 2 ];",
	  "x.conf:2: error: \"list\" must be a list of texts such as [\"a\", \"b\"]\nx.conf:2: error: \"list\" must be a list of texts such as "
	  "[\"a\", \"b\"]\n" },
	{ "list = true;",
	  "x.conf:2: error: \"list\" must be a list of texts such as [\"a\", \"b\"]\n" },
	{ "rules = [ 1 ];",
	  "x.conf:2: error: \"rules\" must be a list of groups: ( { ... }, { ... } )\n" },
	{ "rules = (\n{ match = \"a\"; },\n{ delay = 1; } );",
	  "x.conf:4: error: \"match\" is missing, rules needs it\n" },
	{ "rules = ( { match = \"a\"; dely = 1; } );",
	  "x.conf:2: error: unknown key \"dely\", did you mean \"delay\"?\n" },
	{ "port = 0;\nsize = 1;\nfoo = 1;",
	  "x.conf:2: error: \"port\" is 0, but must be from 1 to 65535\nx.conf:3: error: \"size\" is 1, but must be from 1K to 1G\n"
	  "x.conf:4: error: unknown key \"foo\"\n" },
};

static void mistakes_are_told_all_at_once_with_their_lines(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t errors = parse(bad[i].body);
		assert_string_equal(all_problems(), bad[i].problems);
		assert_int_equal(errors, problems.errors);
		problems_finish(&problems);
	}
}

/* What is left of it after it was cut to 32 bits is nobody's mistake. */
static void a_number_that_was_cut_is_told_once(void **state)
{
	parse("port = 99999999999;\nsize = 1;");
	assert_string_equal(
		all_problems(),
		"x.conf:2: error: 99999999999 is too large for a plain number: write 99999999999L, or a text such as "
		"\"25M\" or \"4h\"\nx.conf:3: error: \"size\" is 1, but must be from 1K to 1G\n");
}

static void a_required_key_is_asked_for_once(void **state)
{
	static const struct gw_option need[] = {
		{ "host", GW_OPTION_STRING, 0, .flags = GW_OPTION_REQUIRED,
		  .help = "Where mail goes." },
		GW_OPTIONS_END,
	};
	struct gw_str a = { 0 }, b = { 0 };
	struct option_set sets[] = { { "relay", need, &a },
				     { "bounce", need, &b },
				     { "nothing", NULL, NULL } };

	assert_int_equal(option_parse(&context, group_of("\n"), sets, 3, NULL), 1);
	assert_string_equal(
		all_problems(),
		"x.conf:1: error: \"host\" is missing, relay needs it: Where mail goes.\n");
	assert_int_equal(option_parse(&context, NULL, sets, 3, NULL), 1);
	assert_int_equal(option_parse(&context, group_of("host = \"h\";"), sets, 3, NULL), 0);
	assert_text(a, "h");
	assert_text(b, "h");
}

static void keys_of_somebody_else_are_let_through(void **state)
{
	static const char *const known[] = { "daily_limit", "other", NULL };
	struct option_set set = { "relay", rows, &got };

	assert_int_equal(option_parse(&context, group_of("daily_limit = 5; other: { x = 1; };"),
				      &set, 1, known),
			 0);
	assert_int_equal(option_parse(&context, group_of("dayly_limit = 5;"), &set, 1, known), 1);
	assert_non_null(strstr(all_problems(), "did you mean \"daily_limit\"?"));
}

static void a_type_from_the_future_is_an_error(void **state)
{
	static const struct gw_option future[] = { { "x", (enum gw_option_type)99, 0 },
						   GW_OPTIONS_END };
	struct option_set set = { "module", future, &got };

	assert_int_equal(option_parse(&context, NULL, &set, 1, NULL), 1);
}

static void the_nearest_key_is_near(void **state)
{
	static const struct {
		const char *key, *nearest;
	} cases[] = {
		{ "port", "port" },
		{ "Port", "port" },
		{ "ports", "port" },
		{ "prot", "port" },
		{ "aut", "auth" },
		{ "x", NULL },
		{ "", NULL },
		{ "zzzzzzzz", NULL },
		{ "auth.user", "auth.user" },
		{ "rule", "rules" },
		{ "an_extraordinarily_long_key_that_no_table_has_and_that_does_not_fit", NULL },
	};
	struct option_set set = { "relay", rows, NULL };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *nearest = option_nearest(&set, 1, cases[i].key);
		if (cases[i].nearest) {
			assert_non_null(nearest);
			assert_string_equal(nearest, cases[i].nearest);
		} else {
			assert_null(nearest);
		}
	}
}

static void a_given_key_is_known(void **state)
{
	const struct conf_group *group = group_of("port = 1; auth: { user = \"u\"; };");

	assert_true(option_given(group, "port"));
	assert_true(option_given(group, "auth"));
	assert_true(option_given(group, "auth.user"));
	assert_false(option_given(group, "auth.password"));
	assert_false(option_given(group, "port.user"));
	assert_false(option_given(NULL, "port"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_options, tear_down_options)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_group_all_is_default),
		TEST(every_type_is_read),
		TEST(a_number_may_have_a_word_beside_it),
		TEST(one_may_stand_for_a_list_of_one),
		TEST(domains_are_names_or_patterns),
		TEST(paths_are_absolute),
		TEST(relative_folders_start_at_the_working_one),
		TEST(mistakes_are_told_all_at_once_with_their_lines),
		TEST(a_number_that_was_cut_is_told_once),
		TEST(a_required_key_is_asked_for_once),
		TEST(keys_of_somebody_else_are_let_through),
		TEST(a_type_from_the_future_is_an_error),
		TEST(the_nearest_key_is_near),
		TEST(a_given_key_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

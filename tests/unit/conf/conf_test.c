#include "fixture.h"

static void fragments_come_in_name_order(void **state)
{
	const struct conf_fragment *f;

	write_file(
		"80-dkim.conf",
		"module = \"dkim\";\ndkim: { selector = \"s1\"; };\non_error = \"wait\";\ndeadline = \"5s\";\n");
	write_file("00-gateway.conf", "# first\ngateway:\n{ hostname = \"h\"; };\n");
	write_file("50-relay-a.conf", "relay: { name = \"a\"; };");
	write_file("9-bare.conf", "module = \"bare\";");
	write_file("B.conf", "module = \"upper\";");
	write_file("70-off.conf.off", "broken (");
	write_file(".hidden.conf", "broken (");
	write_file("README", "broken (");
	load();
	assert_string_equal(all_problems(), "");
	assert_int_equal(conf_count(conf), 5);

	f = conf_at(conf, 0);
	assert_int_equal(f->kind, CONF_GATEWAY);
	assert_string_equal(f->path, path_of("00-gateway.conf"));
	assert_string_equal(f->name, "00-gateway");
	assert_null(f->module);
	assert_int_equal(f->line, 2);

	f = conf_at(conf, 1);
	assert_int_equal(f->kind, CONF_RELAY);
	assert_int_equal(conf_line(f->group, "name"), 1);

	f = conf_at(conf, 2);
	assert_int_equal(f->kind, CONF_MODULE);
	assert_string_equal(f->module, "dkim");
	assert_int_equal(conf_line(f->group, "selector"), 2);
	assert_int_equal(conf_line(f->top, "on_error"), 3);
	assert_int_equal(conf_line(f->top, "deadline"), 4);
	assert_int_equal(conf_line(f->top, "dkim.selector"), 2);
	assert_int_equal(conf_line(f->group, "missing"), 2);
	assert_string_equal(conf_file(f->group), f->path);

	assert_null(conf_at(conf, 3)->group);
	assert_int_equal(conf_at(conf, 3)->line, 1);
	assert_int_equal(conf_line(NULL, "x"), 0);
	assert_null(conf_file(NULL));
	assert_string_equal(conf_at(conf, 4)->name, "B");
	assert_null(conf_at(conf, 5));
}

static const struct {
	const char *text, *problems;
} bad[] = {
	{ "", "x.conf: error: is empty: name it \"....conf.off\" to switch it off\n" },
	{ "# only words\n",
	  "x.conf: error: is empty: name it \"....conf.off\" to switch it off\n" },
	{ "gatway: { };",
	  "x.conf: error: is no fragment: one has a group \"gateway\" or \"relay\", or module = \"NAME\", or providers = ( ... )\n" },
	{ "gateway: { };\nrelay: { };",
	  "x.conf:2: error: \"gateway\" and \"relay\" in one file: one file is one fragment\n" },
	{ "relay: { };\nmodule = \"a\";",
	  "x.conf:2: error: \"relay\" and \"module\" in one file: one file is one fragment\n" },
	{ "gateway = 1;", "x.conf:1: error: \"gateway\" must be a group: gateway: { ... };\n" },
	{ "module = 5;", "x.conf:1: error: \"module\" must be the name of a module in quotes\n" },
	{ "module = \"../dkim\";",
	  "x.conf:1: error: \"module\" must be the name of a module in quotes\n" },
	{ "module = \"\";",
	  "x.conf:1: error: \"module\" must be the name of a module in quotes\n" },
	{ "module = \"dkim\";\ndkim = 1;",
	  "x.conf:2: error: \"dkim\" must be a group: dkim: { ... };\n" },
	{ "module = \"dkim\";\n\ndkmi: { };",
	  "x.conf:3: error: unknown key \"dkmi\", did you mean \"dkim\"?\n" },
	{ "module = \"dkim\";\non_eror = \"wait\";\norder = 5;",
	  "x.conf:2: error: unknown key \"on_eror\", did you mean \"on_error\"?\nx.conf:3: error: unknown key \"order\"\n" },
	{ "gateway: { };\ndeadline = \"5s\";", "x.conf:2: error: unknown key \"deadline\"\n" },
	{ "relay: {\n  host = \"a\"\n  port = ;\n};",
	  "x.conf:3: error: syntax error: is a comma, a ';', a quote or a bracket missing here or on the line before?\n" },
	{ "relay: {\n  port = 1;\n  port = 2;\n};",
	  "x.conf:3: error: duplicate setting name: this key stands twice in its group\n" },
	{ "relay: {\n  size = 5000000000;\n};",
	  "x.conf:2: error: 5000000000 is too large for a plain number: write 5000000000L, or a text such as \"25M\" or \"4h\"\n" },
};

static void what_is_no_fragment_is_told_with_its_line(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_file("x.conf", bad[i].text);
		load();
		assert_string_equal(all_problems(), bad[i].problems);
		problems_finish(&problems);
	}
}

static void one_bad_file_does_not_hide_the_next(void **state)
{
	write_file("1.conf", "relay: {");
	write_file("2.conf", "relay: { };");
	write_file("3.conf", "relay: }");
	mkdir(path_of("4.conf"), 0700);
	symlink("nowhere", path_of("5.conf"));
	load();
	assert_int_equal(problems.errors, 4);
	assert_non_null(strstr(all_problems(), "1.conf:1: error: syntax error"));
	assert_non_null(strstr(all_problems(), "3.conf:1: error: syntax error"));
	assert_non_null(
		strstr(all_problems(), "4.conf: error: cannot be read: it is not a file\n"));
	assert_non_null(strstr(all_problems(),
			       "5.conf: error: cannot be read: No such file or directory\n"));
	assert_int_equal(conf_count(conf), 1);
	assert_string_equal(conf_at(conf, 0)->name, "2");
}

static const struct {
	const char *number;
	bool fits;
} numbers[] = {
	{ "2147483647", true },
	{ "-2147483648", true },
	{ "2147483648", false },
	{ "-2147483649", false },
	{ "2147483648L", true },
	{ "0x7fffffff", true },
	{ "0xffffffff", false },
	{ "0xffffffffL", true },
	{ "5000000000.0", true },
	{ "5e12", true },
	{ "99999999999999999999L", false },
	{ "\"5000000000\"", true },
	{ "\"a\\\"5000000000\"", true },
	{ "1 /* 5000000000 */", true },
	{ "1 # 5000000000", true },
	{ "1 // 5000000000", true },
	{ "[ 1, 5000000000 ]", false },
};

static void plain_numbers_must_fit_32_bits(void **state)
{
	char text[128];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		snprintf(text, sizeof(text), "relay: { a5000000000 = 1; size = %s\n; };",
			 numbers[i].number);
		write_file("x.conf", text);
		load();
		assert_int_equal(problems.errors, !numbers[i].fits);
		problems_finish(&problems);
	}
}

static void a_line_is_right_behind_texts_and_comments(void **state)
{
	write_file(
		"x.conf",
		"/* one\n two */\nrelay: {\n # three\n a = \"x\"\n  \"y\";\n size = 3000000000; };");
	load();
	assert_non_null(strstr(all_problems(), "x.conf:7: error: 3000000000"));
}

static void a_row_of_a_list_has_a_line(void **state)
{
	static const struct {
		const char *key;
		int line;
	} rows[] = {
		{ "rows", 2 },      { "rows[0]", 3 },   { "rows[0].a", 3 }, { "rows[1].a", 4 },
		{ "rows[1].b", 5 }, { "rows[2].a", 2 }, { "rows[0].c", 3 }, { "list[0]", 2 },
		{ "list[0].a", 2 }, { "none[0].a", 2 },
	};
	size_t i;

	write_file(
		"x.conf",
		"module = \"x\";\nx: { list = [\"l\"]; rows = (\n{ a = 1; },\n{ a = 2;\nb = 3; } ); };");
	load();
	for (i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(conf_line(conf_at(conf, 0)->group, rows[i].key), rows[i].line);
}

static void an_included_file_is_looked_at_too(void **state)
{
	write_file("auth.inc", "user = \"u\";\nsize = 5000000000;\n");
	write_file("x.conf", "relay: {\n@include \"auth.inc\"\n};");
	load();
	assert_non_null(strstr(all_problems(), "auth.inc:2: error: 5000000000"));
	assert_string_equal(conf_file(conf_at(conf, 0)->group), path_of("x.conf"));
	assert_int_equal(conf_line(conf_at(conf, 0)->group, "size"), 2);
	write_file("auth.inc", "user = \"u\";\nuser = \"v\";\n");
	load();
	assert_non_null(strstr(all_problems(), "\nauth.inc:2: error: duplicate setting name"));
}

static void a_folder_that_is_not_there_is_a_problem(void **state)
{
	assert_null(conf_load(path_of("none"), &problems));
	assert_string_equal(all_problems(),
			    "none: error: cannot be read: No such file or directory\n");
}

static void a_slash_behind_the_folder_does_not_show(void **state)
{
	char dir[64];

	write_file("x.conf", "relay: { };");
	snprintf(dir, sizeof(dir), "%s//", folder);
	conf = conf_load(dir, &problems);
	assert_string_equal(conf_at(conf, 0)->path, path_of("x.conf"));
}

static void a_module_that_is_off_is_found_by_its_name(void **state)
{
	write_file("10-bad.conf.off", "module = ");
	write_file("50-quota.conf.off", "module = \"quota\";");
	write_file("60-quota.conf.off", "module = \"quota\";");
	write_file("70-relay.conf.off", "relay: { };");
	load();
	assert_string_equal(conf_find_off(conf, "quota"), path_of("50-quota.conf.off"));
	assert_null(conf_find_off(conf, "relay"));
	assert_int_equal(problems.errors, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fragments_come_in_name_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_fragment_is_told_with_its_line, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(one_bad_file_does_not_hide_the_next, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(plain_numbers_must_fit_32_bits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_line_is_right_behind_texts_and_comments, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_row_of_a_list_has_a_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_included_file_is_looked_at_too, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_folder_that_is_not_there_is_a_problem, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_slash_behind_the_folder_does_not_show, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_module_that_is_off_is_found_by_its_name, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

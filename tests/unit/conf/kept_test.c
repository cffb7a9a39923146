/* A copy of a configuration: what was parsed, whole or not taken. */
#include "fixture.h"

#include "conf/kept.h"

#include <errno.h>

static char copy[64];

static void read_folder(const char *dir)
{
	conf_destroy(conf);
	conf = conf_load(dir, &problems);
	assert_non_null(conf);
	assert_int_equal(problems.errors, 0);
}

static int differs(char names[200])
{
	return conf_kept_differs(conf, copy, names, 200);
}

static void keep_some(void)
{
	snprintf(copy, sizeof(copy), "%s/good", folder);
	assert_int_equal(mkdir(path_of("more"), 0700), 0);
	write_file("00-gateway.conf", "gateway: { hostname = \"a\"; };\n");
	write_file("50-a.conf", "@include \"more/b.inc\"\n");
	write_file("more/b.inc", "relay: { name = \"a\"; };\n");
	read_folder(folder);
	assert_int_equal(conf_keep(conf, copy), 0);
}

static void is_read_as_the_folder_was(void **state)
{
	char names[200];

	keep_some();
	assert_int_equal(differs(names), 0);
	write_file("50-a.conf", "broken (");
	read_folder(copy);
	assert_int_equal(conf_count(conf), 2);
	assert_int_equal(differs(names), 0);
	assert_int_equal(conf_line(conf_at(conf, 1)->group, "name"), 1);
}

static void names_what_differs(void **state)
{
	char names[200];

	keep_some();
	write_file("more/b.inc", "relay: { name = \"b\"; };\n");
	write_file("60-new.conf", "relay: { name = \"c\"; };\n");
	unlink(path_of("00-gateway.conf"));
	read_folder(folder);
	assert_int_equal(differs(names), 3);
	assert_string_equal(names, "00-gateway.conf, more/b.inc, 60-new.conf");
	assert_int_equal(conf_keep(conf, copy), 0);
	assert_int_equal(differs(names), 0);
}

static void notices_damage(void **state)
{
	char names[200];

	keep_some();
	write_file("good/00-gateway.conf", "gateway: { hostname = \"b\"; };\n");
	read_folder(copy);
	assert_int_equal(differs(names), 1);
	write_file("good/.files", "nonsense\n");
	assert_true(differs(names) > 0);
	unlink(path_of("good/.files"));
	assert_int_equal(differs(names), -1);
}

static void refuses_what_it_cannot_hold(void **state)
{
	char names[200];

	keep_some();
	write_file("51-b.conf", "@include \"../outside.inc\"\n");
	char outside[128];
	snprintf(outside, sizeof(outside), "%s/../outside.inc", folder);
	FILE *file = fopen(outside, "w");
	fputs("relay: { name = \"o\"; };\n", file);
	fclose(file);
	read_folder(folder);
	assert_int_equal(conf_keep(conf, copy), -1);
	assert_int_equal(errno, EXDEV);
	unlink(outside);
	read_folder(copy);
	assert_int_equal(differs(names), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_read_as_the_folder_was, set_up, tear_down),
		cmocka_unit_test_setup_teardown(names_what_differs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(notices_damage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses_what_it_cannot_hold, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

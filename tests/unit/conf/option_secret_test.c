#include "fixture.h"

#include "base/clock.h"
#include "conf/option.h"

static const struct gw_option rows[] = {
	{ "password", GW_OPTION_SECRET, 0 },
	GW_OPTIONS_END,
};

static struct arena arena;
static struct gw_str secret;
static struct secret_file *files;

static int set_up_secret(void **state)
{
	arena_init(&arena, 0);
	memset(&secret, 0, sizeof(secret));
	files = NULL;
	return set_up(state);
}

static int tear_down_secret(void **state)
{
	arena_finish(&arena);
	return tear_down(state);
}

/* `value` as in the fragment; "DIR" in it is the test's folder. */
static size_t parse(const char *value, mode_t mode)
{
	char config_dir[64], text[512], before[256];
	const struct option_context context = { config_dir, "/var/lib/gateway", &arena, &problems,
						&files };
	const struct option_set set = { "relay", rows, &secret };
	const char *at = strstr(value, "DIR");

	snprintf(config_dir, sizeof(config_dir), "%s/conf.d", folder);
	snprintf(before, sizeof(before), "%.*s", at ? (int)(at - value) : (int)strlen(value),
		 value);
	snprintf(text, sizeof(text), "relay: {\n password = %s%s%s; };", before, at ? folder : "",
		 at ? at + 3 : "");
	write_mode("x.conf", text, mode);
	load();
	return option_parse(&context, conf_at(conf, 0)->group, &set, 1, NULL);
}

static void assert_secret(const char *value, const char *expected)
{
	assert_int_equal(parse(value, 0600), 0);
	assert_string_equal(all_problems(), "");
	assert_string_equal(secret.ptr, expected);
	assert_int_equal(secret.len, strlen(expected));
}

static void assert_refused(const char *value, const char *problem)
{
	problems_finish(&problems);
	assert_int_equal(parse(value, 0600), 1);
	assert_string_equal(all_problems(), problem);
	assert_int_equal(secret.len, 0);
}

static void no_secret_is_empty(void **state)
{
	assert_secret("\"\"", "");
}

static void a_file_gives_its_first_line(void **state)
{
	write_mode("pw", "s3cret word\r\nmore\n", 0640);
	assert_secret("\"file:DIR/pw\"", "s3cret word");
	assert_secret("\"file:pw\"", "s3cret word");
}

static void a_file_must_be_private_and_filled(void **state)
{
	write_mode("open", "hidden-word\n", 0644);
	write_mode("empty", "\nhidden-word\n", 0600);
	assert_refused(
		"\"file:DIR/open\"",
		"x.conf:2: error: \"password\": secret file open is open to others: chmod o-rwx open\n");
	assert_refused(
		"\"file:DIR/empty\"",
		"x.conf:2: error: \"password\": the first line of secret file empty is empty\n");
	assert_refused(
		"\"file:DIR/none\"",
		"x.conf:2: error: \"password\": secret file none cannot be read: No such file or directory\n");
	assert_refused("\"file:/dev\"",
		       "x.conf:2: error: \"password\": secret file /dev is not a file\n");
}

static void assert_again(long len, const char *expected)
{
	char text[SECRET_MAX + 1] = "";

	assert_int_equal(secret_again(files, secret, text, sizeof(text)), len);
	assert_non_null(strstr(text, expected));
}

static void a_file_that_changed_is_read_again(void **state)
{
	write_mode("pw", "old\n", 0600);
	assert_secret("\"file:DIR/pw\"", "old");
	assert_again(0, "");
	write_mode("pw", "a new one\nmore\n", 0600);
	assert_again(9, "a new one");
	assert_again(0, "");
	chmod(path_of("pw"), 0604); /* told once, and again when it is mended */
	assert_again(-1, "is open to others");
	assert_again(0, "");
	chmod(path_of("pw"), 0600);
	assert_again(9, "a new one");
	unlink(path_of("pw"));
	assert_again(-1, "cannot be read: No such file");
	assert_again(0, "");
	write_mode("pw", "\n", 0600); /* a file that is being written */
	assert_again(-1, "is empty");
	write_mode("pw", "third\n", 0600);
	assert_again(5, "third");
	assert_secret("\"words\"", "words"); /* what came from no file */
	assert_again(0, "");
}

static void the_environment_gives_its_variable(void **state)
{
	setenv("SECRET_TEST", "from env", 1);
	assert_secret("\"env:SECRET_TEST\"", "from env");
	setenv("SECRET_TEST", "", 1);
	assert_refused(
		"\"env:SECRET_TEST\"",
		"x.conf:2: error: \"password\": environment variable SECRET_TEST is empty\n");
	unsetenv("SECRET_TEST");
	assert_refused(
		"\"env:SECRET_TEST\"",
		"x.conf:2: error: \"password\": environment variable SECRET_TEST is not set\n");
}

static void a_credential_of_systemd_is_a_file_of_that_name(void **state)
{
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	write_mode("mass-eu", "s3cret word\n", 0400);
	assert_secret("\"credential:mass-eu\"", "s3cret word");
	assert_refused(
		"\"credential:../mass-eu\"",
		"x.conf:2: error: \"password\": \"../mass-eu\" can be no name of a credential\n");
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_refused(
		"\"credential:mass-eu\"",
		"x.conf:2: error: \"password\": there are no credentials: $CREDENTIALS_DIRECTORY is set by systemd, where the unit says "
		"LoadCredential=mass-eu:/path\n");
}

static void a_program_gives_the_first_line_it_prints(void **state)
{
	assert_secret("\"exec:/usr/bin/printf %s\\\\n one two\"", "one");
	assert_secret("\"exec:/bin/echo $HOME ; x\"", "$HOME ; x");
	assert_secret("\"exec:/usr/bin/seq 100000\"", "1");
}

static void a_program_that_fails_gives_nothing(void **state)
{
	write_mode("fails", "#!/bin/sh\necho hidden-word\nexit 3\n", 0700);
	write_mode("dies", "#!/bin/sh\nkill -9 $$\n", 0700);
	assert_refused("\"exec:echo x\"",
		       "x.conf:2: error: \"password\": echo must be an absolute path\n");
	assert_refused("\"exec:\"", "x.conf:2: error: \"password\":  names no program\n");
	assert_refused(
		"\"exec:/no/such\"",
		"x.conf:2: error: \"password\": /no/such cannot be run: No such file or directory\n");
	assert_refused(
		"\"exec:/bin/true\"",
		"x.conf:2: error: \"password\": /bin/true printed nothing on its first line\n");
	assert_refused("\"exec:DIR/fails\"",
		       "x.conf:2: error: \"password\": fails gave exit status 3\n");
	assert_refused("\"exec:DIR/dies\"",
		       "x.conf:2: error: \"password\": dies was ended by signal 9\n");
}

static void a_secret_in_a_fragment_needs_a_private_file(void **state)
{
	assert_secret("\"word-in-file\"", "word-in-file");
	assert_int_equal(parse("\"word-in-file\"", 0640), 0);
	assert_int_equal(parse("\"env:HOME\"", 0644), 0);
	assert_int_equal(parse("\"word-in-file\"", 0644), 1);
	assert_string_equal(
		all_problems(),
		"x.conf:2: error: \"password\" holds a secret, but others can read this file: chmod o-rwx x.conf, or write "
		"\"file:/path\"\n");
}

static void an_included_file_must_be_private_too(void **state)
{
	static const struct option_context context = { "/etc/conf.d", "/var", &arena, &problems };
	static const struct option_set set = { "relay", rows, &secret };

	write_mode("pw.inc", "password = \"word-in-file\";\n", 0644);
	write_file("x.conf", "relay: {\n@include \"pw.inc\"\n};");
	load();
	assert_int_equal(option_parse(&context, conf_at(conf, 0)->group, &set, 1, NULL), 1);
	assert_non_null(
		strstr(all_problems(),
		       "pw.inc:1: error: \"password\" holds a secret, but others can read"));
	chmod(path_of("pw.inc"), 0600);
	load();
	assert_int_equal(option_parse(&context, conf_at(conf, 0)->group, &set, 1, NULL), 0);
}

static void no_problem_tells_a_secret(void **state)
{
	write_mode("open", "hidden-word\n", 0644);
	write_mode("fails", "#!/bin/sh\necho hidden-word\nexit 3\n", 0700);
	parse("\"hidden-word\"", 0644);
	parse("[ \"hidden-word\" ]", 0600);
	parse("\"file:DIR/open\"", 0600);
	parse("\"exec:DIR/fails hidden-word\"", 0600);
	assert_int_equal(problems.errors, 4);
	assert_null(strstr(all_problems(), "hidden-word"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_secret, tear_down_secret)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_secret_is_empty),
		TEST(a_file_gives_its_first_line),
		TEST(a_file_must_be_private_and_filled),
		TEST(a_file_that_changed_is_read_again),
		TEST(the_environment_gives_its_variable),
		TEST(a_credential_of_systemd_is_a_file_of_that_name),
		TEST(a_program_gives_the_first_line_it_prints),
		TEST(a_program_that_fails_gives_nothing),
		TEST(a_secret_in_a_fragment_needs_a_private_file),
		TEST(an_included_file_must_be_private_too),
		TEST(no_problem_tells_a_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

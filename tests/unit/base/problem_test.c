#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/problem.h"

static void problems_are_kept_in_order_and_counted(void **state)
{
	struct problems problems;

	problems_init(&problems);
	assert_null(problems.first);
	problem_add(&problems, true, "a.conf", 3, "unknown key \"%s\"", "x");
	problem_add(&problems, false, "a.conf", 0, "old");
	problem_add(&problems, true, NULL, 0, "none");
	assert_int_equal(problems.errors, 2);
	assert_int_equal(problems.warnings, 1);
	assert_string_equal(problems.first->text, "unknown key \"x\"");
	assert_string_equal(problems.first->next->text, "old");
	assert_null(problems.first->next->next->next);
	problems_finish(&problems);
	assert_int_equal(problems.errors, 0);
	assert_null(problems.first);
}

/* In a child, since the user it becomes is nobody for good. */
static int told_as(uid_t user, const char *format, const char *wanted)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0) {
		struct problems problems;

		problems_init(&problems);
		if (user && setuid(user) != 0)
			_exit(2);
		problem_add(&problems, true, NULL, 0, format, strerror(EACCES));
		_exit(strcmp(problems.first->text, wanted) != 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WEXITSTATUS(status);
}

static void who_may_not_read_is_named(void **state)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(told_as(0, "key \"k\": %s", "key \"k\": Permission denied"), 0);
	assert_int_equal(
		told_as(54321, "key \"k\": %s",
			"key \"k\": Permission denied (to the gateway's user, 54321: what it "
			"reads wants chown root:54321, chmod 0640)"),
		0);
}

static void each_is_printed_with_its_place(void **state)
{
	static char file[] = "d/a.conf", bad[] = "bad";
	static const struct {
		struct problem problem;
		const char *text;
	} cases[] = {
		{ { .file = file, .line = 12, .fatal = true, .text = bad },
		  "d/a.conf:12: error: bad" },
		{ { .file = file, .fatal = true, .text = bad }, "d/a.conf: error: bad" },
		{ { .file = file, .line = 1, .text = bad }, "d/a.conf:1: warning: bad" },
		{ { .fatal = true, .text = bad }, "error: bad" },
		{ { .fatal = true }, "error: out of memory" },
	};
	char text[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(problem_format(&cases[i].problem, text, sizeof(text)),
				    cases[i].text);
	assert_string_equal(problem_format(&cases[0].problem, text, 9), "d/a.conf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(problems_are_kept_in_order_and_counted),
		cmocka_unit_test(who_may_not_read_is_named),
		cmocka_unit_test(each_is_printed_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

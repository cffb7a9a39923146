#include "fixture.h"

#include "base/clock.h"
#include "conf/option_private.h"

#include <fcntl.h>
#include <poll.h>

static char line[64], why[128];

static int run(const char *command, int wait_ms)
{
	return option_run(command, wait_ms, line, sizeof(line), why, sizeof(why));
}

static void a_line_is_cut_at_its_room(void **state)
{
	assert_int_equal(run("/usr/bin/printf %0100d 7", 5000), 0);
	assert_int_equal(strlen(line), sizeof(line) - 1);
}

/* The child holds the pipe open for as long as it lives. */
static void a_program_that_hangs_is_ended_with_its_children(void **state)
{
	struct pollfd held = { .events = POLLIN };
	int64_t start = clock_monotonic();
	char command[256];

	write_mode("hangs", "#!/bin/sh\nsleep 1000 > $0.pipe &\nwait\n", 0700);
	assert_int_equal(mkfifo(path_of("hangs.pipe"), 0600), 0);
	held.fd = open(path_of("hangs.pipe"), O_RDONLY | O_NONBLOCK);
	assert_true(held.fd >= 0);
	snprintf(command, sizeof(command), "%s", path_of("hangs"));
	assert_int_equal(run(command, 500), -1);
	assert_string_equal(why, "did not end within 500 ms");
	assert_true(clock_monotonic() - start < 5000);
	assert_int_equal(poll(&held, 1, 5000), 1);
	assert_true(held.revents & POLLHUP);
	close(held.fd);
}

static void a_program_that_closes_its_output_must_still_end(void **state)
{
	char command[256];

	write_mode("lingers", "#!/bin/sh\necho word\nexec >&-\nexec sleep 1000\n", 0700);
	snprintf(command, sizeof(command), "%s", path_of("lingers"));
	assert_int_equal(run(command, 300), -1);
	assert_string_equal(why, "did not end within 300 ms");
}

static void words_are_limited(void **state)
{
	char command[256] = "/bin/echo";

	for (int i = 0; i < 32; i++)
		strcat(command, " x");
	assert_int_equal(run(command, 1000), -1);
	assert_string_equal(why, "has too many arguments");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_is_cut_at_its_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_program_that_hangs_is_ended_with_its_children,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_program_that_closes_its_output_must_still_end,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(words_are_limited, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

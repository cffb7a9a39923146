#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/log_test.XXXXXX", path[64];

static int set_up(void **state)
{
	strcpy(folder + sizeof(folder) - 7, "XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/gateway.log", folder);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	log_stop(100);
	log_set_level(LOG_LEVEL_INFO);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static char *slurp(const char *name)
{
	FILE *file = fopen(name, "r");
	char *text = NULL;
	size_t size = 0;

	assert_non_null(file);
	if (getdelim(&text, &size, '\0', file) < 0)
		text[0] = '\0';
	fclose(file);
	return text;
}

static size_t count_lines(const char *text, const char *with)
{
	size_t lines = 0;

	for (; (text = strstr(text, with)); text++)
		lines++;
	return lines;
}

/* The pairs of the one line that was logged, without time and line end. */
static void assert_logged(const char *expected)
{
	char *text;

	log_stop(1000);
	text = slurp(path);
	assert_int_equal(count_lines(text, "\n"), 1);
	assert_true(clock_parse_rfc3339(gw_str_n(text, CLOCK_RFC3339 - 1)) > 0);
	text[strlen(text) - 1] = '\0';
	assert_string_equal(text + CLOCK_RFC3339, expected);
	free(text);
}

static void a_line_is_an_event_with_pairs(void **state)
{
	struct log_line *line;

	assert_int_equal(log_start(path, NULL, LOG_LEVEL_INFO, 0), 0);
	line = log_open(EVENT_RECEIVED);
	log_id(line, 33);
	log_text(line, KEY_CLIENT, "zoho-crm");
	log_str(line, KEY_FROM, gw_str("<a@example.com>"));
	log_int(line, KEY_SIZE, 4096);
	log_int(line, KEY_CODE, INT64_MIN);
	log_fmt(line, KEY_STATUS, "%dms", 12);
	log_close(line);
	assert_logged(
		"info received id=0000000000011 client=zoho-crm from=<a@example.com> size=4096 code=-9223372036854775808 status=12ms");
}

static void values_cannot_break_a_line(void **state)
{
	static const struct {
		struct gw_str value;
		const char *pair;
	} cases[] = {
		{ GW_STR("plain"), "plain" },
		{ GW_STR(""), "\"\"" },
		{ GW_STR("two words"), "\"two words\"" },
		{ GW_STR("a=b"), "\"a=b\"" },
		{ GW_STR("say \"hi\""), "\"say \\\"hi\\\"\"" },
		{ GW_STR("back\\slash"), "\"back\\\\slash\"" },
		{ GW_STR("x\r\n2026 error fake id=1"), "\"x\\x0D\\x0A2026 error fake id=1\"" },
		{ GW_STR("nul\0esc\033[2J\177"), "\"nul\\x00esc\\x1B[2J\\x7F\"" },
		{ GW_STR("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f" },
	};
	char expected[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct log_line *line;
		assert_int_equal(log_start(path, NULL, LOG_LEVEL_INFO, 0), 0);
		line = log_open_module(LOG_LEVEL_WARNING, "odd");
		log_str(line, KEY_TEXT, cases[i].value);
		log_close(line);
		snprintf(expected, sizeof(expected), "warning odd text=%s", cases[i].pair);
		assert_logged(expected);
		unlink(path);
	}
}

static void a_long_line_is_cut_and_says_so(void **state)
{
	static const char *const fillers[] = { "x", "x x", "\n", "\xc3\xa4" };

	for (size_t i = 0; i < sizeof(fillers) / sizeof(fillers[0]); i++) {
		char value[3 * LOG_LINE_MAX] = "", *text;
		struct log_line *line;
		while (strlen(value) < 2 * LOG_LINE_MAX)
			strcat(value, fillers[i]);
		assert_int_equal(log_start(path, NULL, LOG_LEVEL_INFO, 0), 0);
		line = log_open_module(LOG_LEVEL_INFO, "long");
		log_text(line, KEY_TEXT, value);
		log_text(line, KEY_REASON, value);
		log_id(line, 1);
		log_close(line);
		log_stop(1000);
		text = slurp(path);
		assert_in_range(strlen(text), LOG_LINE_MAX - 64, LOG_LINE_MAX);
		assert_non_null(strstr(text, " id=0000000000001 cut=yes\n"));
		assert_int_equal(count_lines(text, "\n"), 1);
		assert_int_equal(count_lines(text, "\"") % 2, 0);
		free(text);
		unlink(path);
	}
}

static void levels_below_the_set_one_are_silent(void **state)
{
	assert_int_equal(log_start(path, NULL, LOG_LEVEL_WARNING, 0), 0);
	assert_false(log_enabled(LOG_LEVEL_INFO));
	assert_null(log_open_module(LOG_LEVEL_INFO, "quiet"));
	log_text(NULL, KEY_TEXT, "v");
	log_id(NULL, 1);
	log_int(NULL, KEY_TEXT, 1);
	log_fmt(NULL, KEY_TEXT, "%d", 1);
	log_close(NULL);
	log_say(EVENT_STARTED, "no");
	log_set_level(LOG_LEVEL_DEBUG);
	assert_true(log_enabled(LOG_LEVEL_DEBUG));
	log_close(log_open_module(LOG_LEVEL_DEBUG, "loud"));
	log_say(EVENT_STARTED, "%s %d", "yes", 1);
	log_stop(1000);
	char *text = slurp(path);
	assert_non_null(strstr(text, " debug loud\n"));
	assert_non_null(strstr(text, " info started text=\"yes 1\"\n"));
	assert_int_equal(count_lines(text, "\n"), 2);
	free(text);
}

static void a_line_within_a_line_is_dropped_and_counted(void **state)
{
	uint64_t before = log_dropped();
	struct log_line *line;

	assert_int_equal(log_start(path, NULL, LOG_LEVEL_INFO, 0), 0);
	line = log_open_module(LOG_LEVEL_INFO, "outer");
	assert_null(log_open_module(LOG_LEVEL_INFO, "inner"));
	log_close(line);
	assert_int_equal(log_dropped(), before + 1);
	assert_logged("info outer");
}

static void starting_needs_a_place_to_write(void **state)
{
	char missing[64];

	snprintf(missing, sizeof(missing), "%s/no/such.log", folder);
	assert_int_equal(log_start(missing, NULL, LOG_LEVEL_INFO, 0), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(log_start(path, missing, LOG_LEVEL_INFO, 0), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(log_start(path, NULL, LOG_LEVEL_INFO, 0), 0);
	assert_int_equal(log_start(path, NULL, LOG_LEVEL_INFO, 0), -1);
	assert_int_equal(errno, EBUSY);
}

static void *say_many(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		struct log_line *line = log_open_module(LOG_LEVEL_INFO, "many");
		log_text(line, KEY_THREAD, "t");
		log_int(line, KEY_COUNT, i);
		log_close(line);
	}
	return NULL;
}

static void threads_do_not_mix_their_lines(void **state)
{
	pthread_t threads[4];
	char *text;

	assert_int_equal(log_start(path, NULL, LOG_LEVEL_INFO, 0), 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, say_many, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	log_stop(5000);
	text = slurp(path);
	assert_int_equal(count_lines(text, "\n"), 8000);
	assert_int_equal(count_lines(text, "Z info many thread=t count="), 8000);
	assert_int_equal(count_lines(text, " count=1999\n"), 4);
	free(text);
}

static void reopening_follows_a_rotation(void **state)
{
	char rotated[80], *text;

	snprintf(rotated, sizeof(rotated), "%s.1", path);
	assert_int_equal(log_start(path, NULL, LOG_LEVEL_INFO, 0), 0);
	log_say(EVENT_STARTED, "x");
	log_stop(1000);
	assert_int_equal(log_start(path, NULL, LOG_LEVEL_INFO, 0), 0);
	assert_int_equal(rename(path, rotated), 0);
	log_reopen();
	while (access(path, F_OK) != 0)
		usleep(1000);
	log_say(EVENT_STOPPED, "x");
	log_stop(1000);
	text = slurp(path);
	assert_non_null(strstr(text, " info stopped "));
	assert_null(strstr(text, "started"));
	free(text);
	text = slurp(rotated);
	assert_non_null(strstr(text, " info started "));
	free(text);
}

/* Stderr replaced by `fd` until it is given back. */
static int swap_stderr(int fd)
{
	int before = dup(STDERR_FILENO);

	assert_true(before >= 0);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	return before;
}

static void give_stderr_back(int before)
{
	assert_true(dup2(before, STDERR_FILENO) >= 0);
	close(before);
}

static void say_a_burst(int lines)
{
	for (int i = 0; i < lines; i++) {
		struct log_line *line = log_open_module(LOG_LEVEL_INFO, "burst");
		log_text(line, KEY_TEXT,
			 "a line about as long as most of those that are written for a message");
		log_close(line);
	}
}

/* Nobody reads the other end. Callers must not notice, the end must not hang, and whoever reads
 * again is told what is gone. */
static void burst_into(int ends[2])
{
	uint64_t before = log_dropped(), dropped;
	int old = swap_stderr(ends[1]), burst = 100000;
	int64_t start, took;
	char *text = calloc(1, 64 * 1024 * 1024);
	size_t held = 0;

	assert_int_equal(log_start("-", NULL, LOG_LEVEL_INFO, 0), 0);
	start = clock_monotonic();
	say_a_burst(burst);
	took = clock_monotonic() - start;
	/* the queue is larger than the pipe, never larger than the burst */
	while (log_dropped() == before)
		usleep(1000);
	assert_true(took < 5000);
	for (int i = 0; !strstr(text, "log-dropped") && i < 10000; i++) {
		ssize_t got = read(ends[0], text + held, 65536);
		assert_true(got > 0);
		held += (size_t)got;
	}
	dropped = log_dropped() - before;
	assert_in_range(dropped, 1, burst);
	assert_non_null(strstr(text, " warning log-dropped lines="));
	log_stop(1000);
	give_stderr_back(old);
	free(text);
}

static void a_blocked_pipe_blocks_nobody(void **state)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	burst_into(ends);
	close(ends[0]);
	close(ends[1]);
}

static void a_blocked_socket_blocks_nobody(void **state)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	burst_into(ends);
	close(ends[0]);
	close(ends[1]);
}

static void the_end_is_bounded_and_so_are_lines_after_it(void **state)
{
	int ends[2], old;
	int64_t start;

	assert_int_equal(pipe(ends), 0);
	old = swap_stderr(ends[1]);
	assert_int_equal(log_start(NULL, NULL, LOG_LEVEL_INFO, 0), 0);
	say_a_burst(2000);
	start = clock_monotonic();
	log_stop(50);
	say_a_burst(10);
	assert_true(clock_monotonic() - start < 2000);
	give_stderr_back(old);
	close(ends[0]);
	close(ends[1]);
}

static void a_reader_that_went_away_is_no_signal(void **state)
{
	int ends[2], old;

	assert_int_equal(pipe(ends), 0);
	old = swap_stderr(ends[1]);
	close(ends[0]);
	assert_int_equal(log_start(NULL, NULL, LOG_LEVEL_INFO, 0), 0);
	say_a_burst(100);
	log_stop(1000);
	give_stderr_back(old);
	close(ends[1]);
}

static void limit_files_to(rlim_t bytes)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A limit on the size of files stands for the disk. Without a journal, whose lines would be counted
 * as dropped before the log has met its limit. */
static void a_full_disk_costs_lines_and_nothing_else(void **state)
{
	uint64_t before = log_dropped();
	char *text, *each, *save;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(log_start(path, NULL, LOG_LEVEL_INFO, 0), 0);
	limit_files_to(5000);
	for (int i = 0; i < 200; i++) {
		struct log_line *line = log_open_module(LOG_LEVEL_INFO, "tight");
		log_id(line, (uint64_t)(i + 1));
		log_close(line);
	}
	while (log_dropped() == before)
		usleep(1000);
	limit_files_to(0);
	log_say(EVENT_STARTED, "again");
	log_stop(1000);
	text = slurp(path);
	assert_non_null(strstr(text, " log-dropped lines="));
	assert_non_null(strstr(text, " info started text=again\n"));
	/* a torn line ends alone */
	for (each = strtok_r(text, "\n", &save); each; each = strtok_r(NULL, "\n", &save))
		assert_true(!strstr(each + 1, "Z info") ||
			    clock_parse_rfc3339(gw_str_n(each, CLOCK_RFC3339 - 1)) > 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_is_an_event_with_pairs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(values_cannot_break_a_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_long_line_is_cut_and_says_so, set_up, tear_down),
		cmocka_unit_test_setup_teardown(levels_below_the_set_one_are_silent, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_line_within_a_line_is_dropped_and_counted, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(starting_needs_a_place_to_write, set_up, tear_down),
		cmocka_unit_test_setup_teardown(threads_do_not_mix_their_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(reopening_follows_a_rotation, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_blocked_pipe_blocks_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_blocked_socket_blocks_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_end_is_bounded_and_so_are_lines_after_it,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_reader_that_went_away_is_no_signal, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_full_disk_costs_lines_and_nothing_else, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

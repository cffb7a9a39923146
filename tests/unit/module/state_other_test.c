/* The process that counted was killed, and its file of counters is not as this gateway writes it:
 * of another release, cut off, or garbage. Nothing of it is misread, and somebody is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "module/state.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE 64

static char folder[] = "/tmp/state-other-XXXXXX";
static char path[100], counters[100], aside[120];
static const struct gw_str quota = GW_STR("quota"), relay = GW_STR("relay");

/* --- a process that counts and is killed --- */

static struct state *open_store(const char *warning)
{
	struct problems problems;

	problems_init(&problems);
	struct state *store = state_open(path, &problems);
	assert_non_null(store);
	assert_int_equal(problems.warnings, warning ? 1 : 0);
	if (warning && !strstr(problems.first->text, warning))
		fail_msg("\"%s\" is not \"%s\"", problems.first->text, warning);
	problems_finish(&problems);
	return store;
}

/* 5 are in the database, 2 more in the file of counters. */
static void count_and_die(void)
{
	struct problems problems;

	problems_init(&problems);
	struct state *store = state_open(path, &problems);
	if (store && state_counter_add(store, quota, relay, 1, 5, -1) == 5 &&
	    state_sync(store) == 0 && state_counter_add(store, quota, relay, 1, 2, -1) == 7)
		raise(SIGKILL);
	_exit(1);
}

static void leave_a_file(void)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		count_and_die();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* --- what becomes of its file --- */

static void write_at(off_t at, const void *bytes, size_t len)
{
	int fd = open(counters, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, at), len);
	close(fd);
}

static void is_of_layout_0(void)
{
	write_at(7, "0", 1);
}

static void is_of_layout_9(void)
{
	write_at(7, "9", 1);
}

/* As one whose octets stand the other way round. */
static void is_of_another_machine(void)
{
	write_at(0, "1tolswtg", 8);
}

static void has_another_salt(void)
{
	write_at(16, "salt", 4);
}

static void is_garbage(void)
{
	unsigned char octets[4096];

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (unsigned char)(i * 2654435761u >> 11);
	for (off_t at = 0; at < 1 << 20; at += (off_t)sizeof(octets))
		write_at(at, octets, sizeof(octets));
}

static void is_cut_to(off_t size)
{
	assert_int_equal(truncate(counters, size), 0);
}

static void is_cut_in_its_head(void)
{
	is_cut_to(10);
}

static void is_cut_behind_its_head(void)
{
	is_cut_to(LINE);
}

static void is_cut_behind_the_counter(void)
{
	is_cut_to(6 * LINE);
}

/* The disk brought the lines of an older file back. */
static void has_lines_of_another_file(void)
{
	unsigned char octets[5 * LINE];
	int fd = open(counters, O_RDONLY);

	assert_int_equal(pread(fd, octets, sizeof(octets), LINE), sizeof(octets));
	close(fd);
	unlink(counters);
	unlink(path);
	leave_a_file();
	write_at(LINE, octets, sizeof(octets));
}

static void is_whole(void) {}

#define DAMAGED "it is damaged, or no file of this gateway"

static const struct {
	void (*happens)(void);
	const char *warning; /* NULL: none */
	bool aside;
	int64_t least; /* of the value; it was 7 */
} cases[] = {
	{ is_whole, NULL, false, 7 },
	{ is_of_layout_0, "its layout is 0, this gateway knows 1: another release", true, 5 },
	{ is_of_layout_9, "its layout is 9, this gateway knows 1: another release", true, 5 },
	{ is_of_another_machine, DAMAGED, true, 5 },
	{ has_another_salt, DAMAGED, true, 5 },
	{ is_garbage, DAMAGED, true, 5 },
	{ is_cut_in_its_head, DAMAGED, true, 5 },
	{ is_cut_behind_its_head, "it was cut off", false, 5 },
	{ is_cut_behind_the_counter, "it was cut off", false, 7 },
	{ has_lines_of_another_file, "1 counters in it are damaged", false, 5 },
};

static void clean(void)
{
	static const char *const names[] = { "state.db", "state.db-wal", "state.db-shm", "counters",
					     "counters.damaged" };
	char name[120];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(name, sizeof(name), "%s/%s", folder, names[i]);
		unlink(name);
	}
}

static void a_file_of_others_is_told_and_never_misread(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		clean();
		leave_a_file();
		cases[i].happens();
		struct state *store = open_store(cases[i].warning);
		assert_in_range(state_counter_get(store, quota, relay, 1), cases[i].least, 7);
		assert_int_equal(access(aside, F_OK) == 0, cases[i].aside);
		state_close(store);
	}
}

/* ... and from then on all is as ever: over the next kill too. */
static void what_is_counted_behind_it_is_safe(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = 0;
		clean();
		leave_a_file();
		cases[i].happens();
		pid_t pid = fork();
		if (pid == 0) {
			struct state *store = open_store(cases[i].warning);
			state_counter_add(store, quota, relay, 2, 9, -1);
			raise(SIGKILL);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		struct problems problems;
		problems_init(&problems);
		struct state *store = state_open(path, &problems);
		problems_finish(&problems);
		assert_non_null(store);
		assert_int_equal(state_counter_get(store, quota, relay, 2), 9);
		state_close(store);
	}
}

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/state.db", folder);
	snprintf(counters, sizeof(counters), "%s/counters", folder);
	snprintf(aside, sizeof(aside), "%s.damaged", counters);
	return 0;
}

static int remove_folder(void **state)
{
	clean();
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_of_others_is_told_and_never_misread),
		cmocka_unit_test(what_is_counted_behind_it_is_safe),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

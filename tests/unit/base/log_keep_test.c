/* What the journal keeps: within its bound, of accepted messages alone, and over a kill -9. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log_private.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define K 1024u

static char folder[] = "/tmp/log_keep_test.XXXXXX", path[64];

static int set_up(void **state)
{
	strcpy(folder + sizeof(folder) - 7, "XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/gateway.txt", folder);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	log_stop(60000);
	log_set_journal_size(0);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static uint64_t make_id(unsigned nth)
{
	struct id_maker maker = { .maker = 1 };

	return id_next(&maker, clock_wall()) + nth;
}

static void log_step(uint64_t id, int n)
{
	struct log_line *line = log_open_module(LOG_LEVEL_INFO, "step");

	log_id(line, id);
	log_int(line, KEY_COUNT, n);
	log_text(line, KEY_TEXT,
		 "some octets that make the line as long as lines are, so that files fill");
	log_close(line);
}

static int count(void *arg, struct gw_str line)
{
	++*(int *)arg;
	return 0;
}

static int lines_of(uint64_t id)
{
	int lines = 0;

	while (log_journal_read(id, count, &lines) != 0)
		assert_int_equal(errno, ETIMEDOUT);
	return lines;
}

static uint64_t journal_octets(void)
{
	struct dirent **files;
	int files_count = log_journal_list(folder, &files);
	uint64_t total = 0;

	for (int i = 0; i < files_count; i++) {
		char name[512];
		struct stat st;

		snprintf(name, sizeof(name), "%s/%s", folder, files[i]->d_name);
		assert_int_equal(stat(name, &st), 0);
		total += (uint64_t)st.st_size;
		free(files[i]);
	}
	free(files);
	return total;
}

static void begin(uint64_t bound)
{
	log_set_journal_size(bound);
	assert_int_equal(log_start(path, folder, LOG_LEVEL_ERROR, 0), 0);
}

static void the_journal_stays_within_its_octets(void **state)
{
	uint64_t first = make_id(0), last = make_id(1);

	begin(64 * K);
	for (int n = 0; n < 5000; n++) {
		log_step(n < 2500 ? first : last, n);
		if (n % 500 == 0)
			assert_in_range(lines_of(last), 0, 5000); /* waits for the writer */
		if (n % 500 == 0)
			assert_in_range(journal_octets(), 1, 64 * K);
	}
	assert_int_equal(lines_of(first), 0);
	assert_in_range(lines_of(last), 200, 2500);
	assert_in_range(journal_octets(), 32 * K, 64 * K);
}

static void a_smaller_bound_is_kept_at_the_next_start(void **state)
{
	uint64_t id = make_id(0);

	begin(0);
	for (int n = 0; n < 2000; n++)
		log_step(id, n);
	assert_int_equal(lines_of(id), 2000);
	log_stop(60000);
	begin(64 * K);
	log_step(id, 1);
	log_step(id, 2);
	assert_int_equal(lines_of(id), 2); /* a new file was begun, and the old one went */
	assert_in_range(journal_octets(), 1, 64 * K);
}

static void only_what_is_accepted_is_kept(void **state)
{
	uint64_t taken = make_id(0), refused = make_id(1), other = make_id(2);
	uint64_t before;

	begin(0);
	log_hold(taken);
	log_hold(refused);
	log_step(taken, 1);
	log_step(refused, 1);
	log_step(other, 1);
	assert_int_equal(lines_of(taken), 0);
	assert_int_equal(lines_of(other), 1);
	before = journal_octets();
	for (int n = 0; n < 10000; n++)
		log_step(refused, n);
	log_forget(refused);
	assert_int_equal(lines_of(refused), 0);
	assert_int_equal(journal_octets(), before);
	log_step(taken, 2);
	log_keep(taken);
	log_step(taken, 3);
	assert_int_equal(lines_of(taken), 3);
	log_forget(taken);
	log_keep(refused);
	assert_int_equal(lines_of(refused), 0);
}

/* A process that dies without a moment's warning behind its last line. */
static void log_and_die(uint64_t id, int lines)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (log_start(path, folder, LOG_LEVEL_INFO, 0) != 0)
			_exit(1);
		for (int n = 0; n < lines; n++)
			log_step(id, n);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

/* None is lost; a write that the kill cut may have left the beginning of one line beside it. */
static void assert_all_there(uint64_t id, int lines)
{
	assert_in_range(lines_of(id), lines, lines + 1);
}

static void what_was_closed_before_a_kill_is_there_after_it(void **state)
{
	for (int round = 0; round < 20; round++) {
		uint64_t id = make_id((unsigned)round);

		log_and_die(id, 1 + round * 40);
		begin(0);
		assert_all_there(id, 1 + round * 40);
		log_stop(60000);
	}
}

static void two_kills_one_behind_the_other_lose_nothing(void **state)
{
	uint64_t ids[] = { make_id(0), make_id(1), make_id(2) };

	for (int i = 0; i < 3; i++)
		log_and_die(ids[i], 100);
	begin(0);
	for (int i = 0; i < 3; i++)
		assert_all_there(ids[i], 100);
}

/* Two dead processes: the journal of one is gone. */
static void memory_of_a_journal_that_is_gone_is_removed(void **state)
{
	char kept[LOG_MEMORY_NAME], gone[LOG_MEMORY_NAME], home[sizeof(folder)],
		shm[LOG_MEMORY_NAME + 16], command[128];
	struct stat st;

	log_and_die(make_id(0), 1);
	assert_int_equal(stat(folder, &st), 0);
	log_memory_name(gone, &st);
	strcpy(home, folder);
	assert_int_equal(set_up(state), 0);
	log_and_die(make_id(1), 1);
	assert_int_equal(stat(folder, &st), 0);
	log_memory_name(kept, &st);
	snprintf(shm, sizeof(shm), "/dev/shm%s", gone);
	assert_int_equal(access(shm, F_OK), 0); /* its journal is there */
	snprintf(command, sizeof(command), "rm -rf %s", home);
	assert_int_equal(system(command), 0);
	log_memory_sweep();
	assert_int_equal(access(shm, F_OK), -1);
	snprintf(shm, sizeof(shm), "/dev/shm%s", kept);
	assert_int_equal(access(shm, F_OK), 0);
	begin(0);
	log_stop(60000);
	assert_int_equal(access(shm, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_journal_stays_within_its_octets, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_smaller_bound_is_kept_at_the_next_start, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(only_what_is_accepted_is_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_closed_before_a_kill_is_there_after_it,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(two_kills_one_behind_the_other_lose_nothing, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(memory_of_a_journal_that_is_gone_is_removed, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

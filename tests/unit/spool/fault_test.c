/* Disks that fail, processes that are killed: what was acknowledged is there. Each case is a storm
 * (tests/crash/spool_storm.c) under the rules of a failing disk (tests/crash/faultfs.c), then a
 * look without them. */
#include "spool_kit.h"

#include <signal.h>
#include <time.h>

struct stage {
	char root[64], spool[KIT_PATH], said[KIT_PATH];
};

static void stage_init(struct stage *stage)
{
	snprintf(stage->root, sizeof(stage->root), "/tmp/spool-fault-XXXXXX");
	assert_non_null(mkdtemp(stage->root));
	snprintf(stage->spool, sizeof(stage->spool), "%s/spool", stage->root);
	snprintf(stage->said, sizeof(stage->said), "%s/said", stage->root);
}

static void stage_finish(struct stage *stage)
{
	kit_remove(stage->root);
}

static void into(const char *path, int fd, int flags)
{
	int file = open(path, flags, 0600);

	if (file < 0 || dup2(file, fd) < 0)
		_exit(98);
}

/* A sanitizer must come first among the libraries, or be told that it need not. */
static void fail_by(const char *rules)
{
	if (!rules)
		return;
	setenv("FAULTFS_RULES", rules, 1);
	setenv("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0", 1);
	setenv("LD_PRELOAD", FAULTFS, 1);
}

static pid_t storm_start(const struct stage *stage, const char *rules, const char *option,
			 const char *another)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	into(stage->said, STDOUT_FILENO, O_WRONLY | O_CREAT | O_APPEND);
	into("/dev/null", STDERR_FILENO, O_WRONLY);
	fail_by(rules);
	execl(STORM, STORM, "write", stage->spool, "segment=1048576", option, another,
	      (char *)NULL);
	_exit(99);
}

static int ended(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int look(const struct stage *stage, const char *rules, char *verdict, size_t size)
{
	int pipes[2];
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		dup2(pipes[1], STDOUT_FILENO);
		close(pipes[0]);
		into(stage->said, STDIN_FILENO, O_RDONLY | O_CREAT);
		into("/dev/null", STDERR_FILENO, O_WRONLY);
		fail_by(rules);
		execl(STORM, STORM, "verify", stage->spool, (char *)NULL);
		_exit(99);
	}
	close(pipes[1]);
	n = read(pipes[0], verdict, size - 1);
	verdict[n > 0 ? n : 0] = '\0';
	close(pipes[0]);
	return ended(pid);
}

static void assert_kept(const struct stage *stage, const char *what)
{
	char verdict[256];
	int result = look(stage, NULL, verdict, sizeof(verdict));

	if (result != 0)
		fail_msg("%s: exit %d, %s", what, result, verdict);
}

static unsigned acknowledged(const struct stage *stage)
{
	char verdict[256];
	unsigned count = 0;

	look(stage, NULL, verdict, sizeof(verdict));
	sscanf(verdict, "acknowledged=%u", &count);
	return count;
}

static void nap(long ms)
{
	struct timespec wait = { ms / 1000, ms % 1000 * 1000000 };
	nanosleep(&wait, NULL);
}

/* --- failing calls --- */

static const struct fault {
	const char *name, *rules;
} faults[] = {
	{ "one sync fails", "fdatasync EIO n=5" },
	{ "every tenth sync fails", "fdatasync EIO percent=10" },
	{ "the disk fails for good", "fdatasync EIO from=20" },
	{ "a sync fails and the file cannot be cut", "fdatasync EIO percent=10;ftruncate EIO" },
	{ "one write fails", "pwritev EIO n=7" },
	{ "writes fail now and then", "pwritev EIO percent=5" },
	{ "writes are short", "pwritev short percent=40" },
	{ "interrupted", "pwritev EINTR percent=40" },
	{ "the disk is full at a write", "pwritev ENOSPC n=7" },
	{ "the disk is full now and then", "pwritev ENOSPC percent=5" },
	{ "over quota", "pwritev EDQUOT percent=5;ftruncate EIO" },
	{ "no new segments", "allocate ENOSPC from=3" },
	{ "no new segments now and then", "allocate ENOSPC percent=50" },
	{ "read-only", "open EROFS from=5 path=.seg" },
	{ "no descriptors now and then", "open EMFILE percent=30 path=.seg" },
	{ "new segments cannot be synced", "fsync EIO from=9" },
	{ "segments cannot be removed", "unlink EIO" },
	{ "slow", "sync slow=3" },
	{ "torn by a crash", "pwritev torn n=40" },
	{ "killed at a sync", "fdatasync kill n=30" },
	{ "killed after a sync", "fdatasync killafter n=30" },
	{ "fails, then torn", "fdatasync EIO percent=10;ftruncate EIO;pwritev torn n=60" },
};

static void a_failing_disk_loses_nothing_that_was_acknowledged(void **state)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		struct stage stage;
		pid_t pid;

		stage_init(&stage);
		pid = storm_start(&stage, faults[i].rules, "seconds=60", "final=40");
		nap(150);
		kill(pid, SIGKILL);
		assert_int_equal(ended(pid), 128 + SIGKILL);
		assert_kept(&stage, faults[i].name);
		stage_finish(&stage);
	}
}

/* A failed sync costs its group, not the spool: the next ones are taken, and it ends in order. */
static void after_a_failure_it_goes_on(void **state)
{
	static const char *const rules[] = {
		"fdatasync EIO n=3",        "pwritev EIO n=3",
		"pwritev ENOSPC n=3",       "fdatasync EIO n=3;ftruncate EIO",
		"pwritev ENOSPC percent=5", "allocate ENOSPC percent=50"
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		struct stage stage;

		stage_init(&stage);
		assert_int_equal(ended(storm_start(&stage, rules[i], "least=21", "final=30")), 0);
		assert_true(acknowledged(&stage) > 20);
		assert_kept(&stage, rules[i]);
		stage_finish(&stage);
	}
}

/* Refusing new messages is no reason never to try one again. */
static void a_disk_that_failed_for_a_while_is_tried_again(void **state)
{
	struct stage stage;
	unsigned count = 0;
	pid_t pid;

	stage_init(&stage);
	pid = storm_start(&stage, "fdatasync EIO from=3 times=4", "polite", "final=0");
	for (int i = 0; i < 40 && count < 20; i++) {
		struct stat st;
		nap(100);
		/* some lines of about ten octets */
		count = stat(stage.said, &st) == 0 ? (unsigned)st.st_size / 100 : 0;
	}
	kill(pid, SIGKILL);
	ended(pid);
	assert_true(acknowledged(&stage) > 20);
	assert_kept(&stage, "failed for a while");
	stage_finish(&stage);
}

/* --- kill -9 --- */

static off_t said_octets(const struct stage *stage)
{
	struct stat st;

	return stat(stage->said, &st) == 0 ? st.st_size : 0;
}

/* Until it has told of some fifty things more, however long the disk takes for that. */
static void wait_for_some(const struct stage *stage, off_t before)
{
	for (int i = 0; i < 3000 && said_octets(stage) < before + 1000; i++)
		nap(20);
}

static void killed_again_and_again(void **state)
{
	struct stage stage;
	char first[32];

	stage_init(&stage);
	for (int round = 0; round < 5; round++) {
		off_t before = said_octets(&stage);
		pid_t pid;

		snprintf(first, sizeof(first), "first=%d", 1 + round * 1000000);
		pid = storm_start(&stage, NULL, "seconds=120", first);
		wait_for_some(&stage, before);
		kill(pid, SIGKILL);
		assert_int_equal(ended(pid), 128 + SIGKILL);
	}
	assert_kept(&stage, "killed");
	assert_true(acknowledged(&stage) > 50);
	stage_finish(&stage);
}

static void killed_at_every_change_of_the_disk(void **state)
{
	for (int n = 1; n <= 40; n++) {
		struct stage stage;
		char rules[64];

		stage_init(&stage);
		snprintf(rules, sizeof(rules), "change kill%s n=%d path=%s", n % 2 ? "" : "after",
			 n, n % 3 ? ".seg" : "");
		assert_int_equal(ended(storm_start(&stage, rules, "seconds=60", "threads=2")),
				 128 + SIGKILL);
		assert_kept(&stage, rules);
		stage_finish(&stage);
	}
}

static void killed_while_recovering(void **state)
{
	struct stage stage;
	char rules[64], verdict[256];
	int result = 128 + SIGKILL;
	pid_t pid;

	stage_init(&stage);
	pid = storm_start(&stage, "pwritev torn n=70", "seconds=60", "final=50");
	assert_int_equal(ended(pid), 128 + SIGKILL);
	for (int n = 1; n < 60 && result == 128 + SIGKILL; n++) {
		snprintf(rules, sizeof(rules), "any kill n=%d path=%s", n, n % 2 ? "" : ".seg");
		result = look(&stage, rules, verdict, sizeof(verdict));
	}
	assert_kept(&stage, "killed while recovering");
	stage_finish(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failing_disk_loses_nothing_that_was_acknowledged),
		cmocka_unit_test(after_a_failure_it_goes_on),
		cmocka_unit_test(a_disk_that_failed_for_a_while_is_tried_again),
		cmocka_unit_test(killed_again_and_again),
		cmocka_unit_test(killed_at_every_change_of_the_disk),
		cmocka_unit_test(killed_while_recovering),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* outbox_test.c - what happens to events while the store cannot be written to. */
#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#define MOST 10000 /* that wait */

static _Atomic time_t ahead; /* s: of the calendar that the kernel waits by */

int clock_gettime(clockid_t clock, struct timespec *out)
{
	long result = syscall(SYS_clock_gettime, clock, out);

	if (clock == CLOCK_REALTIME)
		out->tv_sec += ahead;
	return (int)result;
}

static char path[40];
static struct testkit *kit;
static sqlite3 *db; /* another one's look at the store */

static int set_up(void **state)
{
	strcpy(path, "/tmp/http-outbox-XXXXXX");
	close(mkstemp(path));
	kit = testkit_create(gw_module_v1);
	testkit_option(kit, "store", path);
	if (testkit_start(kit) != 0 || sqlite3_open(path, &db) != SQLITE_OK)
		return -1;
	return sqlite3_busy_timeout(db, 10000);
}

static int tear_down(void **state)
{
	static const char *const tails[] = { "", "-wal", "-shm" };
	char name[64];
	size_t i;

	sqlite3_close(db);
	testkit_destroy(kit);
	for (i = 0; i < sizeof tails / sizeof *tails; i++) {
		snprintf(name, sizeof name, "%s%s", path, tails[i]);
		unlink(name);
	}
	return 0;
}

static void run_sql(const char *sql)
{
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static int kept(void)
{
	sqlite3_stmt *statement;
	int count;

	assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM event", -1, &statement, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	count = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return count;
}

static void happen(int count)
{
	struct gw_event event = { .size = sizeof event,
				  .name = gw_str("refused"),
				  .time = (int64_t)time(NULL) *
					  1000, /* too young to be forgotten */
				  .text = gw_str("no"),
				  .json = gw_str(""),
				  .client = gw_str("crm"),
				  .relay = gw_str("") };

	while (count-- > 0)
		testkit_run_event(kit, &event);
}

static size_t told(const char *part)
{
	size_t count = 0, i;

	for (i = 0; i < testkit_lines(kit, TESTKIT_LOG); i++)
		count += strstr(testkit_line(kit, TESTKIT_LOG, i), part) != NULL;
	return count;
}

static void wait_until_told(const char *part)
{
	int tries = 2000;

	while (!told(part) && tries-- > 0)
		usleep(10000);
	assert_true(tries > 0);
}

static void what_cannot_be_kept_waits_and_is_kept(void **state)
{
	int tries = 2000;

	run_sql("CREATE TRIGGER no BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT,'full'); END");
	happen(3);
	wait_until_told("events cannot be kept");
	happen(2);
	run_sql("DROP TRIGGER no");
	while (kept() < 5 && tries-- > 0)
		usleep(10000);
	assert_int_equal(kept(), 5);
	assert_int_equal(told("events cannot be kept"), 1);
	assert_int_equal(testkit_metric(kit, "dropped"), 0);
}

/* As if it had been set back by a day right after each look at it. */
static void a_clock_that_is_set_back_keeps_nothing_waiting(void **state)
{
	int tries = 2000;

	ahead = 24 * 3600;
	run_sql("CREATE TRIGGER no BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT,'full'); END");
	happen(1);
	wait_until_told("events cannot be kept");
	run_sql("DROP TRIGGER no");
	while (kept() < 1 && tries-- > 0)
		usleep(10000);
	ahead = 0;
	assert_int_equal(kept(), 1);
}

static void of_too_many_that_wait_the_last_are_dropped_and_told(void **state)
{
	run_sql("BEGIN IMMEDIATE");
	happen(MOST);
	assert_int_equal(testkit_metric(kit, "dropped"), 0);
	happen(2);
	assert_int_equal(testkit_metric(kit, "dropped"), 2);
	assert_int_equal(told("events are dropped"), 1);
	run_sql("ROLLBACK");
	testkit_stop(kit); /* what waits is kept first */
	assert_int_equal(kept(), MOST);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_cannot_be_kept_waits_and_is_kept, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_clock_that_is_set_back_keeps_nothing_waiting,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(of_too_many_that_wait_the_last_are_dropped_and_told,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* records_test.c - what is remembered of bounces, and who is suppressed: what may be asked, and
 * what a program that asks again and again hears. */
#include "mails.h"

#include <pthread.h>
#include <setjmp.h>

#include <cmocka.h>

#include "rows.h"
#include "store_private.h"
#include "suppression.h"
#include "writings.h"

#include <sqlite3.h>
#include <sys/stat.h>

#define DAY 86400000LL
#define NOW 1767225600000LL /* where the kit's clock stands */

static struct testkit *kit;
static struct store *store;

static int begin(void **state)
{
	const char *why;

	(void)state;
	kit = testkit_create(gw_module_v1);
	assert_int_equal(testkit_start(kit), 0);
	store = store_open(testkit_file(kit, "bounce.db", NULL), &why);
	assert_non_null(store);
	return 0;
}

static void nobody_else_reads_them(void **state)
{
	static const char *const files[] = { "bounce.db", "bounce.db-wal" };
	struct stat info;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_int_equal(stat(testkit_file(kit, files[i], NULL), &info), 0);
		assert_int_equal(info.st_mode & 0777, 0600);
	}
}

static int end(void **state)
{
	(void)state;
	store_close(store);
	testkit_destroy(kit);
	return 0;
}

/* --- what is there --- */

struct given {
	const char *recipient;
	enum reason reason;
	const char *client, *relay;
	int64_t time;
	uint64_t id;
};

static void add_given(const struct given *given, struct gw_str report)
{
	struct finding finding = { .reason = given->reason,
				   .kind = reason_kind(given->reason),
				   .code = 550,
				   .status = "5.1.1",
				   .diagnostic = "550 5.1.1 no",
				   .rule = "status:5.1.1",
				   .remote = "mx.example.net [192.0.2.7]" };
	struct sent *sent = calloc(1, sizeof *sent);
	struct record record = { .time = given->time,
				 .sent = sent,
				 .finding = &finding,
				 .source = SOURCE_DSN,
				 .stage = "rcpt",
				 .report = report };
	int64_t number;

	assert_non_null(sent);
	snprintf(finding.recipient, sizeof finding.recipient, "%s", given->recipient);
	snprintf(sent->client, sizeof sent->client, "%s", given->client);
	snprintf(sent->relay, sizeof sent->relay, "%s", given->relay);
	snprintf(sent->type, sizeof sent->type, "mass");
	snprintf(sent->queue_id, sizeof sent->queue_id, "Q%llu", (unsigned long long)given->id);
	sent->path.id = given->id;
	assert_int_equal(store_mail(store, &record, 1, &number), 0);
	free(sent);
}

static const struct given givens[] = {
	{ "jane@customer.example", REASON_NO_SUCH_USER, "crm-eu", "mass", NOW - 3 * DAY, 1 },
	{ "joe@customer.example", REASON_MAILBOX_FULL, "crm-eu", "out", NOW - 2 * DAY, 2 },
	{ "ann@other.example", REASON_REPUTATION, "crm-us", "mass", NOW - 1 * DAY, 3 },
	{ "bob@other.example", REASON_AUTH_POLICY, "crm-us", "mass", NOW - 1000, 4 },
};

static void add_all_given(void)
{
	size_t i;

	for (i = 0; i < sizeof givens / sizeof *givens; i++)
		add_given(&givens[i], gw_str("Subject: what came\r\n\r\nno such user\r\n"));
}

static const char *ask(const char *words, bool admin)
{
	testkit_forget(kit);
	testkit_run_control(kit, words, admin);
	return testkit_line(kit, TESTKIT_REPLY, 0);
}

/* How many items are in the answer's data. */
static int items(const char *words)
{
	const char *at = strstr(ask(words, false), "\"items\":[");
	int count = 0;

	for (; at && (at = strstr(at, "\"v\":1,")) != NULL; at++)
		count++;
	return count;
}

static int64_t member(const char *answer, const char *name)
{
	char key[40];
	const char *at;

	snprintf(key, sizeof key, "\"%s\":", name);
	for (at = answer; strstr(at, key); at = strstr(at, key) + strlen(key))
		;
	return at == answer ? -1 : atoll(at);
}

/* --- list --- */

static void one_shape_has_all_that_is_known(void **state)
{
	static const char *const parts[] = {
		"\"id\":1,\"event\":\"bounce\",\"time\":\"2025-12-29T00:00:00.000Z\",\"v\":1,"
		"\"client\":\"crm-eu\",\"type\":\"mass\",\"relay\":\"mass\","
		"\"recipient\":\"jane@customer.example\",\"original_recipient\":\"jane@customer.example\"",
		"\"message\":{\"id\":\"Q1\",",
		"\"kind\":\"hard\",\"reason\":\"no_such_user\",\"status\":\"5.1.1\"",
		"\"remote_mta\":\"mx.example.net\",\"remote_ip\":\"192.0.2.7\"",
		"\"stage\":\"rcpt\"",
		"\"permanent\":true,\"code\":550",
		"\"dump\":true",
		"\"ses\":[\"Permanent\",\"NoEmail\"],\"postmark\":\"HardBounce\",\"sendgrid\":\"Invalid Address\"",
		"\"infrastructure\":false,\"unread\":false,\"suppressed\":false",
	};
	const char *answer;
	size_t i;

	(void)state;
	add_all_given();
	answer = ask("list after=0 limit=1", false);
	for (i = 0; i < sizeof parts / sizeof *parts; i++)
		if (!strstr(answer, parts[i]))
			fail_msg("%s is not in %s", parts[i], answer);
}

static void any_field_chooses(void **state)
{
	static const struct {
		const char *words;
		int count;
	} rows[] = {
		{ "list", 4 },
		{ "list recipient=JANE@Customer.Example", 1 },
		{ "list --recipient jane@customer.example", 1 },
		{ "list --domain=other.example", 2 },
		{ "list kind=block client=crm-us", 2 },
		{ "list reason=mailbox_full", 1 },
		{ "list relay=mass", 3 },
		{ "list message=Q3", 1 },
		{ "list since=2025-12-31", 2 },
		{ "list since=25h", 2 },
		{ "list until=2025-12-30T00:00:00Z", 1 },
		{ "list since=2025-12-30 until=2025-12-31", 1 },
		{ "list --since 2025-12-30 --after 0 --limit 2", 2 },
		{ "list infrastructure", 2 },
		{ "list --unread relay=mass", 2 },
		{ "list source=dsn status=5.1.1 event=bounce", 4 },
		{ "list client=nobody", 0 },
	};
	size_t i;

	(void)state;
	add_all_given();
	for (i = 0; i < sizeof rows / sizeof *rows; i++)
		if (items(rows[i].words) != rows[i].count)
			fail_msg("%s: %d", rows[i].words, items(rows[i].words));
}

static void what_is_no_question_is_told(void **state)
{
	static const char *const words[] = { "list colour=red",
					     "list since=yesterday-ish",
					     "list limit=100000",
					     "list after=x",
					     "list",
					     "list after=99",
					     "get",
					     "get 99",
					     "get x",
					     "read 99",
					     "stats by=colour",
					     "stats limit=3" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof words / sizeof *words; i++) {
		ask(words[i], true);
		if (strcmp(words[i], "list") == 0)
			assert_int_equal(testkit_lines(kit, TESTKIT_PROBLEM), 0);
		else if (testkit_lines(kit, TESTKIT_PROBLEM) != 1)
			fail_msg("%s: %s", words[i], testkit_line(kit, TESTKIT_REPLY, 0));
	}
}

static void pages_go_both_ways(void **state)
{
	const char *answer;

	(void)state;
	add_all_given();
	answer = ask("list limit=3", false);
	assert_int_equal(member(answer, "older"), 2);
	assert_int_equal(member(answer, "next"), 4);
	assert_non_null(strstr(answer, "\"more\":true"));
	answer = ask("list limit=3 before=2", false);
	assert_non_null(strstr(answer, "\"recipient\":\"jane@customer.example\""));
	assert_non_null(strstr(answer, "\"more\":false"));
	answer = ask("list after=0 limit=3", false);
	assert_int_equal(member(answer, "next"), 3);
	assert_int_equal(member(answer, "newest"), 4);
	answer = ask("list after=3", false);
	assert_int_equal(member(answer, "next"), 4);
	assert_non_null(strstr(answer, "\"more\":false"));
	assert_int_equal(items("list after=4"), 0);
}

/* No index says where a kind is: a question goes on where the last one ended. */
static void a_question_looks_at_a_bounded_part(void **state)
{
	sqlite3 *db;
	const char *answer;
	int64_t next;

	(void)state;
	add_given(&givens[1], gw_str(""));
	assert_int_equal(sqlite3_open(testkit_file(kit, "bounce.db", NULL), &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(
			db,
			"WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i+1 FROM n WHERE i<40100) "
			"INSERT INTO bounce(number,time,id,recipient,event,kind) "
			"SELECT i,1,i,'x@y.example','bounce','hard' FROM n",
			NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(items("list after=0 kind=soft"), 1);
	answer = ask("list after=1 kind=soft", false);
	next = member(answer, "next");
	assert_true(next > 1 && next < 40100);
	assert_non_null(strstr(answer, "\"more\":true"));
	answer = ask("list after=39000 kind=soft", false);
	assert_int_equal(member(answer, "next"), 40100);
	assert_non_null(strstr(answer, "\"more\":false"));
	assert_int_equal(items("list recipient=joe@customer.example"), 1);
}

/* --- polling --- */

#define WRITERS 3
#define EACH 60

static void *write_some(void *arg)
{
	struct given given = { NULL, REASON_NO_SUCH_USER, "crm-eu", "out", NOW, 0 };
	char recipient[40];
	int i;

	for (i = 0; i < EACH; i++) {
		snprintf(recipient, sizeof recipient, "r%d@w.example", i);
		given.recipient = recipient;
		given.id = (uint64_t)(uintptr_t)arg;
		add_given(&given, gw_str(""));
	}
	return NULL;
}

static void see(void *arg, const struct row *row)
{
	int *seen = arg;

	seen[row->number]++;
}

/* Two at a time until nothing is new and all have written: each was seen, and once. */
static void who_polls_hears_of_each_once(void **state)
{
	pthread_t writers[WRITERS];
	int seen[WRITERS * EACH + 2] = { 0 }, i;
	struct query query = { .ascending = true, .limit = 2 };
	struct page page;

	(void)state;
	for (i = 0; i < WRITERS; i++)
		assert_int_equal(
			pthread_create(&writers[i], NULL, write_some, (void *)(uintptr_t)(i + 1)),
			0);
	do {
		assert_int_equal(rows_list(store, &query, &page, see, seen), 0);
		query.after = page.next;
	} while (page.next < (int64_t)WRITERS * EACH);
	for (i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	assert_int_equal(rows_list(store, &query, &page, see, seen), 0);
	for (i = 1; i <= WRITERS * EACH; i++)
		assert_int_equal(seen[i], 1);
	assert_int_equal(seen[WRITERS * EACH + 1], 0);
}

static void on_store(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(testkit_file(kit, "bounce.db", NULL), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* A number that somebody has seen means no other bounce after a power cut took it back. */
static void numbers_go_on_after_the_machine_was_down(void **state)
{
	const char *why;

	(void)state;
	add_all_given();
	store_close(store);
	testkit_stop(kit);
	on_store("UPDATE meta SET value='x' WHERE name='boot'");
	assert_int_equal(testkit_start(kit), 0);
	store = store_open(testkit_file(kit, "bounce.db", NULL), &why);
	assert_int_equal(member(ask("list after=4", false), "next"), 4 + 65536);
	add_given(&(struct given){ "new@x.example", REASON_MOVED, "c", "r", NOW, 9 }, gw_str(""));
	assert_int_equal(items("list after=4"), 1);
	assert_int_equal(member(ask("list after=4", false), "next"), 5 + 65536);
}

static void a_store_that_fails_is_told(void **state)
{
	static const struct {
		const char *words, *told;
	} rows[] = { { "list", "cannot be read" },
		     { "get 1", "cannot be read" },
		     { "stats", "cannot be read" },
		     { "read 1", "cannot be written to" },
		     { "suppression list", "cannot be read" },
		     { "suppression list address=a@x.example", "cannot be read" },
		     { "suppression export", "cannot be read" },
		     { "suppression add a@x.example", "cannot be written to" },
		     { "suppression rm a@x.example", "cannot be written to" } };
	size_t i;

	(void)state;
	on_store("DROP TABLE bounce; DROP TABLE tally; DROP TABLE suppression");
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_string_equal(ask(rows[i].words, true), "");
		if (!testkit_has(kit, TESTKIT_PROBLEM, rows[i].told))
			fail_msg("%s: %s", rows[i].words, testkit_line(kit, TESTKIT_PROBLEM, 0));
	}
	assert_int_equal(rows_unread(store), -1);
	assert_int_equal(suppression_count(store), 0);
}

/* --- what is ours to mend --- */

static void count_row(void *arg, const struct row *row)
{
	(void)row;
	++*(int *)arg;
}

static int add_steps(uint64_t id)
{
	struct given given = { "sue@other.example", REASON_REPUTATION, "c", "r", NOW, id };
	sqlite3_stmt *statement = store->statements[ADD_BOUNCE];

	sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, true);
	add_given(&given, gw_str(""));
	return sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, true);
}

static void many_recipients_make_no_bounce_dearer(void **state)
{
	int steps;

	(void)state;
	steps = add_steps(1);
	on_store("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<20000) "
		 "INSERT INTO bounce(time,id,nth,recipient,event) "
		 "SELECT 1767225600000,2,0,'u'||i||'@x.example','bounce' FROM n");
	assert_true(add_steps(2) < 2 * steps);
}

/* How often somebody has to ask who wants to see all that is unread of a client. */
static int pages_of_unread(const char *client, bool ascending, int *seen)
{
	struct query query = { .unread = true, .ascending = ascending, .limit = 100 };
	struct page page = { .more = true };
	int count;

	query.texts[ROW_client] = client;
	for (*seen = 0, count = 0; page.more && count < 10; count++) {
		page = (struct page){ 0 };
		assert_int_equal(rows_list(store, &query, &page, count_row, seen), 0);
		query.after = page.next;
		query.before = page.older;
	}
	return count;
}

static void what_is_unread_of_others_is_not_looked_through_at_once(void **state)
{
	int seen;

	(void)state;
	add_all_given();
	on_store("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<50000) "
		 "INSERT INTO bounce(time,id,nth,infrastructure,seen,event,client) "
		 "SELECT 1767225600000,i+100,0,1,0,'bounce','b' FROM n");
	add_given(
		&(struct given){ "eve@other.example", REASON_REPUTATION, "crm-us", "mass", NOW, 9 },
		gw_str(""));
	assert_int_equal(pages_of_unread("crm-us", false, &seen), 3);
	assert_int_equal(seen, 3);
	assert_int_equal(pages_of_unread("crm-us", true, &seen), 3);
	assert_int_equal(seen, 3);
	assert_int_equal(member(ask("read all", true), "unread"), 0);
	assert_int_equal(pages_of_unread("crm-us", false, &seen), 1);
	assert_int_equal(pages_of_unread("crm-us", true, &seen), 1);
	assert_int_equal(seen, 0);
}

static void what_is_ours_to_mend_is_unread_until_it_is_marked(void **state)
{
	(void)state;
	add_all_given();
	assert_int_equal(items("list unread"), 2);
	testkit_run_status(kit);
	assert_true(testkit_has(kit, TESTKIT_STATUS, "unread: 2 "));
	assert_int_equal(member(ask("read 3", true), "unread"), 1);
	assert_int_equal(items("list unread"), 1);
	assert_int_equal(items("list infrastructure"), 2);
	assert_int_equal(member(ask("read all", true), "unread"), 0);
	add_given(&(struct given){ "new@x.example", REASON_RATE, "c", "r", NOW, 9 }, gw_str(""));
	assert_int_equal(items("list unread"), 1);
	assert_int_equal(testkit_restart(kit), 0);
	assert_int_equal(items("list unread"), 1);
}

static void what_came_is_for_admins(void **state)
{
	(void)state;
	add_all_given();
	assert_non_null(strstr(ask("get 1", true), "Subject: what came"));
	assert_null(strstr(ask("get 1", false), "what came\\r\\n"));
	assert_non_null(strstr(ask("get 1", false), "\"dump\":true"));
	assert_non_null(strstr(ask("get 1", false), "\"recipient\":\"jane@customer.example\""));
}

/* --- how many --- */

static void they_are_counted_by_any_field(void **state)
{
	const char *answer;

	(void)state;
	add_all_given();
	answer = ask("stats by=client,kind", false);
	assert_non_null(strstr(answer, "{\"client\":\"crm-us\",\"kind\":\"block\",\"count\":2}"));
	assert_non_null(strstr(answer, "{\"client\":\"crm-eu\",\"kind\":\"soft\",\"count\":1}"));
	answer = ask("stats by=day since=2025-12-31 client=crm-us", false);
	assert_non_null(strstr(answer, "{\"day\":\"2025-12-31\",\"count\":2}"));
	assert_null(strstr(answer, "2025-12-29"));
	assert_non_null(strstr(ask("stats", false), "\"reason\":\"no_such_user\",\"count\":1"));
	add_given(&givens[0], gw_str(""));
	assert_non_null(strstr(ask("stats", false), "\"reason\":\"no_such_user\",\"count\":1"));
}

static void what_is_over_is_forgotten(void **state)
{
	(void)state;
	add_all_given();
	store_forget(store, NOW, 36 * 3600 * 1000LL);
	assert_int_equal(items("list"), 2);
	assert_non_null(strstr(ask("get 3", true), "Subject: what came"));
	assert_null(strstr(ask("stats by=day since=30d", false), "2025-12-29"));
	assert_int_equal(items("list after=0 limit=1"), 1);
}

/* --- suppressions --- */

static bool is_suppressed(const char *address, const char *client, const char *type, int64_t now)
{
	struct suppressed_why why;

	return suppression_find(store, gw_str(address), gw_str(client), gw_str(type), true, now,
				&why);
}

static void an_admin_says_who_gets_no_mail(void **state)
{
	(void)state;
	ask("suppression add Jane@Customer.example client=crm-eu type=mass reason=asked", true);
	assert_true(testkit_has(kit, TESTKIT_REPLY, "\"address\":\"Jane@Customer.example\""));
	assert_true(is_suppressed("jane@customer.EXAMPLE", "crm-eu", "mass", NOW));
	assert_false(is_suppressed("jane@customer.example", "crm-us", "mass", NOW));
	assert_false(is_suppressed("jane@customer.example", "crm-eu", "workflow", NOW));
	ask("suppression add joe@customer.example --days 2", true);
	assert_true(is_suppressed("joe@customer.example", "crm-us", "workflow", NOW + DAY));
	assert_false(is_suppressed("joe@customer.example", "crm-us", "workflow", NOW + 3 * DAY));
	assert_non_null(strstr(ask("suppression list client=crm-eu", false),
			       "\"reason\":\"asked\",\"since\":\"2026-01-01T00:00:00.000Z\","
			       "\"until\":null,\"by\":\"admin\",\"bounce\":0"));
	assert_non_null(strstr(ask("suppression list address=JOE@customer.example", false),
			       "\"until\":\"2026-01-03T00:00:00.000Z\""));
	assert_non_null(
		strstr(ask("suppression export", false),
		       "Jane@Customer.example,crm-eu,mass,asked,2026-01-01T00:00:00Z,,admin\\n"));
	assert_int_equal(testkit_restart(kit), 0);
	assert_true(is_suppressed("jane@customer.example", "crm-eu", "mass", NOW));
	assert_int_equal(
		member(ask("suppression rm jane@customer.example type=workflow", true), "removed"),
		0);
	assert_int_equal(member(ask("suppression rm jane@customer.example", true), "removed"), 1);
	assert_false(is_suppressed("jane@customer.example", "crm-eu", "mass", NOW));
	ask("suppression add nobody", true);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM, "\"nobody\" is no address"));
}

/* On disk and in memory: what is told of how many there are is true. */
static void suppressions_that_are_over_are_forgotten(void **state)
{
	(void)state;
	ask("suppression add joe@customer.example --days 2", true);
	ask("suppression add ann@customer.example", true);
	store_forget(store, NOW + DAY, DAY);
	assert_int_equal(suppression_count(store), 2);
	store_forget(store, NOW + 3 * DAY, DAY);
	assert_int_equal(suppression_count(store), 1);
	assert_null(strstr(ask("suppression list", false), "joe@customer.example"));
	assert_true(is_suppressed("ann@customer.example", "crm-eu", "mass", NOW + 3 * DAY));
}

static void suppressions_come_in_pages(void **state)
{
	const char *answer;

	(void)state;
	ask("suppression add a@x.example", true);
	ask("suppression add b@x.example", true);
	ask("suppression add c@x.example", true);
	answer = ask("suppression list limit=2", false);
	assert_int_equal(member(answer, "next"), 2);
	assert_non_null(strstr(answer, "\"more\":true"));
	answer = ask("suppression list limit=2 after=2", false);
	assert_non_null(strstr(answer, "c@x.example"));
	assert_non_null(strstr(answer, "\"more\":false"));
}

/* --- what is written together --- */

static void a_flood_shares_its_syncs(void **state)
{
	(void)state;
	what_waits_shares_a_transaction(store);
	one_that_fails_costs_only_itself(store);
}

static void who_locks_the_store_keeps_nobody_long(void **state)
{
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(testkit_file(kit, "bounce.db", NULL), &db), SQLITE_OK);
	a_locked_store_is_asked_once(store, db);
	sqlite3_close(db);
}

/* The last user of the store goes while something waits. */
static void nothing_that_was_given_is_left_out(void **state)
{
	(void)state;
	testkit_stop(kit);
	what_waits_at_the_end_is_written(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(one_shape_has_all_that_is_known),
		TEST(nobody_else_reads_them),
		TEST(any_field_chooses),
		TEST(what_is_no_question_is_told),
		TEST(pages_go_both_ways),
		TEST(a_question_looks_at_a_bounded_part),
		TEST(who_polls_hears_of_each_once),
		TEST(numbers_go_on_after_the_machine_was_down),
		TEST(a_store_that_fails_is_told),
		TEST(many_recipients_make_no_bounce_dearer),
		TEST(what_is_unread_of_others_is_not_looked_through_at_once),
		TEST(what_is_ours_to_mend_is_unread_until_it_is_marked),
		TEST(what_came_is_for_admins),
		TEST(they_are_counted_by_any_field),
		TEST(what_is_over_is_forgotten),
		TEST(an_admin_says_who_gets_no_mail),
		TEST(suppressions_that_are_over_are_forgotten),
		TEST(suppressions_come_in_pages),
		TEST(a_flood_shares_its_syncs),
		TEST(who_locks_the_store_keeps_nobody_long),
		TEST(nothing_that_was_given_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

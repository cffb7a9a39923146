/* The store of events, what a webhook is sent of it, how it is signed, and where it may not go. */
#include "event_store_private.h"
#include "letter.h"
#include "peer.h"
#include "sign.h"
#include "webhook.h"

#include <gateway/address.h>
#include <gateway/testkit.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <sqlite3.h>

/* --- where it may not go --- */

static bool is_public(const char *text)
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} address = { .six = { .sin6_family = AF_INET6 } };

	if (inet_pton(AF_INET6, text, &address.six.sin6_addr) != 1) {
		address.four.sin_family = AF_INET;
		assert_int_equal(inet_pton(AF_INET, text, &address.four.sin_addr), 1);
	}
	return gw_address_is_public(&address.any);
}

static void private_addresses_are_known_however_written(void **state)
{
	static const char *const no[] = {
		"0.0.0.0",	   "10.1.2.3",	  "100.64.0.1",	 "127.0.0.1",	 "169.254.169.254",
		"172.16.0.1",	   "172.31.255.255", "192.168.1.1", "198.19.0.1", "224.0.0.1",
		"255.255.255.255", "::",	  "::1",	 "fe80::1",	 "fc00::1",
		"fd12::1",	   "ff02::1",	  "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
		"2002:7f00:1::1",  "2001:db8::1", "2001::1",	 "::7f00:1",
	},
				 *const yes[] = { "1.1.1.1",  "100.128.0.1", "172.32.0.1", "198.20.0.1",
						  "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808" };
	static const char *const hosts[] = { "localhost", "x.LOCALHOST", "[::1]", "10.0.0.1",
					     "[::ffff:10.0.0.1]" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof no / sizeof *no; i++)
		if (is_public(no[i]))
			fail_msg("%s", no[i]);
	for (i = 0; i < sizeof yes / sizeof *yes; i++)
		if (!is_public(yes[i]))
			fail_msg("%s", yes[i]);
	for (i = 0; i < sizeof hosts / sizeof *hosts; i++)
		assert_true(peer_host_is_private(hosts[i]));
	assert_false(peer_host_is_private("hooks.example.com") || peer_host_is_private("8.8.8.8"));
}

/* As `printf 1700000000.[] | openssl dgst -sha256 -hmac 0123456789abcdef` says. */
static void a_signature_is_of_time_and_body(void **state)
{
	char one[SIGNATURE_SIZE], other[SIGNATURE_SIZE];
	struct gw_str secret = gw_str("0123456789abcdef");

	(void)state;
	assert_true(sign(secret, 1700000000, gw_str("[]"), one));
	assert_string_equal(one,
			    "v1=c91545d09b999c13267144ab89f40da36c784c2397a9684263e82122a502a910");
	assert_true(sign(secret, 1700000001, gw_str("[]"), other));
	assert_string_not_equal(one, other);
	assert_true(sign(secret, 1700000000, gw_str("[ ]"), other));
	assert_string_not_equal(one, other);
}

static void each_try_waits_longer_up_to_a_bound(void **state)
{
	static const struct http_conf conf = { .retry = 10000 };
	int64_t all = 0, i;

	(void)state;
	assert_int_equal(webhook_delay(&conf, 1), 10000);
	assert_int_equal(webhook_delay(&conf, 2), 30000);
	assert_int_equal(webhook_delay(&conf, 200), 4 * 3600 * 1000);
	for (i = 1; i <= 12; i++)
		all += webhook_delay(&conf, i);
	assert_true(all > 20 * 3600 * 1000LL && all < 30 * 3600 * 1000LL); /* about a day */
}

static void a_clock_that_was_ahead_makes_nobody_wait(void **state)
{
	static const struct http_conf conf = { .retry = 10000 };
	struct hook_state hook = { .tries = 2, .next = 1000000 };

	(void)state;
	assert_true(webhook_is_due(&conf, &hook, 1000000));
	assert_false(webhook_is_due(&conf, &hook, 999999));
	assert_false(webhook_is_due(&conf, &hook, 970000)); /* right after it failed: 30 s */
	assert_true(webhook_is_due(&conf, &hook, 969999));
}

/* --- what it is sent --- */

static bool is_wanted(const void *name, struct gw_str hook)
{
	return gw_str_eq(hook, gw_str(name));
}

static char path[] = "/tmp/http-test-XXXXXX";
static struct event_store *store;

static int set_up(void **state)
{
	const char *why;
	int fd;

	(void)state;
	strcpy(path, "/tmp/http-test-XXXXXX");
	fd = mkstemp(path);
	close(fd);
	store = store_open(path, &why);
	return store ? 0 : -1;
}

static int tear_down(void **state)
{
	char name[64];

	(void)state;
	store_close(store);
	unlink(path);
	snprintf(name, sizeof name, "%s-wal", path);
	unlink(name);
	snprintf(name, sizeof name, "%s-shm", path);
	unlink(name);
	return 0;
}

static void add(const char *name, const char *client, int64_t time)
{
	struct event event = { .name = gw_str(name),
			       .client = gw_str(client),
			       .time = time,
			       .json = gw_str("{\"v\":1}") };

	assert_int_equal(store_add(store, &event, 1), 0);
}

static const struct gw_str bounce[] = { GW_STR("bounce") }, crm[] = { GW_STR("crm") };
static const struct webhook_conf of_all = { .name = GW_STR("all"),
					    .events = { bounce, 1 },
					    .batch = 2 },
				 of_crm = { .name = GW_STR("crm"),
					    .events = { bounce, 1 },
					    .clients = { crm, 1 },
					    .batch = 100 };

static void a_letter_has_what_is_wanted_in_order(void **state)
{
	struct hook_state hook;
	struct letter letter;
	char id[64];

	(void)state;
	add("bounce", "crm", 1); /* before it was there: nothing of it is owed */
	assert_true(store_hook(store, of_all.name, &hook));
	add("bounce", "crm", 2);
	add("other", "crm", 3);
	add("bounce", "shop", 4);
	add("bounce", "crm", 5);
	letter_init(&letter, &of_all);
	assert_true(letter_write(&letter, store, hook.cursor));
	assert_int_equal(letter.count, 2);
	assert_int_equal(letter.last, 4);
	store_event_id(store, 2, id, sizeof id);
	assert_true(strncmp(letter.body->str, "[{\"id\":\"evt_", 12) == 0);
	assert_non_null(strstr(letter.body->str, id));
	assert_true(letter_write(&letter, store, letter.last));
	assert_int_equal(letter.count, 1);
	assert_true(letter_write(&letter, store, letter.last));
	assert_int_equal(letter.count, 0);
	letter_finish(&letter);
	letter_init(&letter, &of_crm);
	assert_true(letter_write(&letter, store, 0));
	assert_int_equal(letter.count, 3);
	letter_finish(&letter);
}

static bool count_dead(void *arg, const struct dead *dead)
{
	(void)dead;
	++*(size_t *)arg;
	return true;
}

static void a_dead_letter_stays_until_it_is_taken(void **state)
{
	struct hook_state hook = { 0 }, again;
	int64_t numbers[] = { 1, 2 };
	struct letter letter;
	size_t count = 0;

	(void)state;
	assert_true(store_hook(store, of_all.name, &hook));
	add("bounce", "crm", 1);
	add("bounce", "crm", 2);
	hook.cursor = 2;
	snprintf(hook.error, sizeof hook.error, "it says 500");
	assert_int_equal(store_bury(store, of_all.name, &hook, numbers, 2), 0);
	assert_true(store_hook(store, of_all.name, &again));
	assert_int_equal(again.cursor, 2);
	assert_string_equal(again.error, "it says 500");
	hook.cursor = 1; /* what an instance before knew: too late */
	store_told(store, of_all.name, &hook);
	store_hook(store, of_all.name, &again);
	assert_int_equal(again.cursor, 2);
	letter_init(&letter, &of_all);
	assert_true(letter_write(&letter, store, 2) && letter.count == 0);
	assert_int_equal(store_dead_resend(store, 2), 1);
	assert_true(letter_write(&letter, store, 2) && letter.count == 1 && letter.of_dead);
	assert_int_equal(letter.numbers[0], 2);
	assert_int_equal(store_dead_told(store, letter.numbers, 1, false, "again"), 0);
	assert_true(letter_write(&letter, store, 2) && letter.count == 0);
	assert_int_equal(store_dead_resend(store, 0), 2);
	assert_true(letter_write(&letter, store, 2) && letter.count == 2);
	assert_int_equal(store_dead_told(store, letter.numbers, 2, true, ""), 0);
	assert_int_equal(store_dead_each(store, gw_str(""), false, 0, 10, count_dead, &count), 0);
	assert_int_equal(count, 0);
	letter_finish(&letter);
}

static void run_sql(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void what_cannot_be_set_aside_is_still_to_be_sent(void **state)
{
	struct hook_state hook = { 0 };
	struct letter letter;

	(void)state;
	assert_true(store_hook(store, of_all.name, &hook));
	add("bounce", "crm", 1);
	add("bounce", "crm", 2);
	letter_init(&letter, &of_all);
	assert_true(letter_write(&letter, store, hook.cursor));
	run_sql("CREATE TRIGGER full BEFORE INSERT ON dead BEGIN SELECT RAISE(ABORT,'full'); END");
	assert_int_equal(webhook_bury(store, of_all.name, &hook, &letter, 2), 0);
	assert_int_equal(hook.cursor, 0);
	run_sql("DROP TRIGGER full");
	assert_int_equal(webhook_bury(store, of_all.name, &hook, &letter, 0), 0); /* too young */
	assert_int_equal(webhook_bury(store, of_all.name, &hook, &letter, 1), 1);
	assert_int_equal(hook.cursor, 1);
	assert_int_equal(store_dead_count(store, of_all.name), 1);
	letter_finish(&letter);
}

static void what_was_answered_counts_whatever_was_refused(void **state)
{
	char why[200];

	(void)state;
	assert_true(webhook_is_taken(200, true, 0, why, sizeof why));
	assert_true(webhook_is_taken(202, false, CURLE_WRITE_ERROR, why, sizeof why));
	assert_false(webhook_is_taken(500, true, 0, why, sizeof why));
	assert_string_equal(why, "it says 500");
	assert_false(webhook_is_taken(0, true, CURLE_COULDNT_CONNECT, why, sizeof why));
	assert_non_null(strstr(why, "private"));
	assert_false(webhook_is_taken(0, false, CURLE_COULDNT_CONNECT, why, sizeof why));
	assert_null(strstr(why, "private"));
}

static void records_are_taken_once_whoever_reads_them(void **state)
{
	struct event event = { .name = gw_str("bounce"), .json = gw_str("{}") };
	const char *why;
	struct event_store *other = store_open(path, &why);

	(void)state;
	assert_int_equal(store_bounces(store), -1);
	assert_int_equal(store_add_bounces(store, &event, 1, -1, 7), 0);
	assert_int_equal(store_add_bounces(other, &event, 1, -1, 7), 1); /* it was read already */
	assert_int_equal(store_newest(other), 1);
	assert_int_equal(store_add_bounces(other, &event, 1, 7, 9), 0);
	assert_int_equal(store_bounces(store), 9);
	assert_int_equal(store_newest(store), 2);
	store_close(other);
}

static void what_is_forgotten_before_it_was_sent_is_counted(void **state)
{
	struct hook_state hook = { 0 };
	bool more;
	int i;

	(void)state;
	assert_true(store_hook(store, of_all.name, &hook));
	for (i = 1; i <= 10; i++)
		add("bounce", "crm", i);
	hook.cursor = 3;
	assert_int_equal(store_told(store, of_all.name, &hook), 0);
	assert_int_equal(store_forget(store, 3, 1000, &more), 0); /* of time 1 and 2: it had them */
	assert_int_equal(store_forget(store, 0, 5, &more), 2);    /* 3, 4, 5: it had the first */
	store_forget_hooks(store, is_wanted, "other");            /* it is gone from the fragment */
	assert_int_equal(store_forget(store, 0, 1, &more), 0);
}

/* Dead letters of the times 1 to 5. */
static void bury_five(void)
{
	int64_t numbers[] = { 1, 2, 3, 4, 5 };
	struct hook_state hook = { 0 };
	int i;

	assert_true(store_hook(store, of_all.name, &hook));
	for (i = 1; i <= 5; i++)
		add("bounce", "crm", i);
	hook.cursor = 5;
	assert_int_equal(store_bury(store, of_all.name, &hook, numbers, 5), 0);
}

static void dead_letters_are_bound_by_age_and_by_number(void **state)
{
	bool more;

	(void)state;
	bury_five();
	assert_int_equal(store_dead_forget(store, 0, 1000, &more), 0);
	assert_int_equal(store_dead_forget(store, 3, 1000, &more), 2); /* of time 1 and 2 */
	assert_int_equal(store_dead_forget(store, 0, 1, &more), 2);    /* the oldest */
	assert_false(more);
	assert_int_equal(store_dead_count(store, gw_str("")), 1);
	assert_int_equal(store_dead_resend(store, 5), 1);
}

static void so_many_as_one_pass_does_not_forget_are_told(void **state)
{
	struct hook_state hook = { 0 };
	bool more;

	(void)state;
	assert_true(store_hook(store, of_all.name, &hook));
	run_sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<1500) "
		"INSERT INTO event(time,name,client,json) SELECT i,'bounce','','{}' FROM n;"
		"INSERT INTO dead(hook,event,time,name,why,json,due) SELECT 'all',number,time,name,'',"
		"json,0 FROM event");
	assert_int_equal(store_dead_forget(store, 0, 10, &more), 1000);
	assert_true(more);
	assert_int_equal(store_dead_forget(store, 0, 10, &more), 490);
	assert_false(more);
	assert_int_equal(store_forget(store, 0, 10, &more), 1000);
	assert_true(more);
	assert_int_equal(store_forget(store, 0, 10, &more), 490);
	assert_false(more);
}

static int steps_of(enum query query)
{
	return sqlite3_stmt_status(store->statements[query], SQLITE_STMTSTATUS_VM_STEP, true);
}

/* What the webhooks ask all the time, others wait for. */
static void what_there_is_much_of_is_not_looked_through(void **state)
{
	struct hook_state hook = { 0 };
	struct letter letter;
	bool more;

	(void)state;
	assert_true(store_hook(store, of_all.name, &hook));
	run_sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<50000) "
		"INSERT INTO event(time,name,client,json) SELECT i,'bounce','','{}' FROM n;"
		"INSERT INTO dead(hook,event,time,name,why,json,due) SELECT 'all',number,time,name,'',"
		"json,number=40000 FROM event");
	letter_init(&letter, &of_all);
	assert_true(letter_write(&letter, store, 50000));
	assert_true(letter.of_dead && letter.count == 1 && letter.numbers[0] == 40000);
	assert_true(steps_of(DEAD_DUE) < 1000);
	assert_int_equal(store_forget(store, 1, 1000000, &more), 0);
	assert_true(steps_of(OLDEST) < 20000);
	letter_finish(&letter);
}

static void a_dead_letter_is_dropped_by_number_or_all(void **state)
{
	(void)state;
	bury_five();
	assert_int_equal(store_dead_drop(store, 77), 0);
	assert_int_equal(store_dead_drop(store, 2), 1);
	assert_int_equal(store_dead_drop(store, 0), 4);
	assert_int_equal(store_dead_count(store, gw_str("")), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(private_addresses_are_known_however_written),
		cmocka_unit_test(a_signature_is_of_time_and_body),
		cmocka_unit_test(each_try_waits_longer_up_to_a_bound),
		cmocka_unit_test(a_clock_that_was_ahead_makes_nobody_wait),
		cmocka_unit_test_setup_teardown(a_letter_has_what_is_wanted_in_order, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_dead_letter_stays_until_it_is_taken, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_set_aside_is_still_to_be_sent,
						set_up, tear_down),
		cmocka_unit_test(what_was_answered_counts_whatever_was_refused),
		cmocka_unit_test_setup_teardown(records_are_taken_once_whoever_reads_them, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(dead_letters_are_bound_by_age_and_by_number, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(so_many_as_one_pass_does_not_forget_are_told,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_there_is_much_of_is_not_looked_through, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_dead_letter_is_dropped_by_number_or_all, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_is_forgotten_before_it_was_sent_is_counted,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* quota_test.c - who may send how much, what becomes of the rest, and that no limit is ever passed.
 */
#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define MIDNIGHT_2026 ((int64_t)1767225600000) /* 2026-01-01 00:00 UTC, when a kit begins */

static struct testkit *kit;
static struct gw_relay *out;

static int set_up(void **state)
{
	kit = testkit_create(gw_module_v1);
	out = testkit_relay(kit, "out");
	return 0;
}

static int tear_down(void **state)
{
	testkit_destroy(kit);
	return 0;
}

static void start_with(const char *const options[][2])
{
	for (; options && (*options)[0]; options++)
		testkit_relay_option(out, (*options)[0], (*options)[1]);
	assert_int_equal(testkit_start(kit), 0);
}

static void limit(const char *key, const char *text)
{
	char full[100];

	snprintf(full, sizeof full, "limits[0].%s", key);
	testkit_option(kit, full, text);
}

static struct gw_message *mail_of(const char *client, const char *type, size_t rcpts)
{
	struct gw_message *message = testkit_message(kit, NULL, "a@example.com",
						     "Subject: x\r\n\r\nhi\r\n");
	char address[40];

	testkit_message_fact(message, GW_MESSAGE_CLIENT, client);
	testkit_message_fact(message, GW_MESSAGE_TYPE, type);
	while (rcpts-- > 0) {
		snprintf(address, sizeof address, "%zu@example.net", rcpts);
		testkit_rcpt(message, address);
	}
	return message;
}

static struct gw_delivery *to(struct gw_relay *relay, size_t rcpts)
{
	return testkit_delivery(mail_of("crm", "mass", rcpts), relay);
}

static enum gw_verdict admit(struct gw_delivery *delivery)
{
	return testkit_run_admit(kit, delivery, out);
}

static void tell(struct gw_delivery *delivery, enum gw_status status)
{
	const struct gw_outcome outcome_of_result = { .size = sizeof outcome_of_result,
						      .status = status };
	struct gw_result result = { .size = sizeof result, .outcome = &outcome_of_result };

	testkit_run_result(kit, delivery, &result);
}

/* The attempt ends: so many recipients delivered, the others deferred. */
static void ends(struct gw_delivery *delivery, size_t rcpts, size_t delivered)
{
	size_t i;

	for (i = 0; i < rcpts; i++)
		tell(delivery, i < delivered ? GW_DELIVERED : GW_DEFERRED);
	testkit_run_leave(kit, delivery, out);
}

/* Sends a message whole; false: not now. */
static bool sends(size_t rcpts)
{
	struct gw_delivery *delivery = to(out, rcpts);

	if (admit(delivery) != GW_CONTINUE)
		return false;
	ends(delivery, rcpts, rcpts);
	return true;
}

static size_t sends_at_most(size_t tries)
{
	size_t sent = 0;

	while (tries-- > 0)
		sent += sends(1);
	return sent;
}

/* What the store has of the day that began so many days after MIDNIGHT_2026. */
static int64_t stored(const char *name, int day)
{
	int64_t first = (MIDNIGHT_2026 + day * 24 * HOUR) / (15 * MINUTE), number, sum = 0;
	char counter[100];

	for (number = first; number < first + 96; number++) {
		snprintf(counter, sizeof counter, "%s@q%d", name, (int)(number / 2 % 52));
		sum += testkit_counter(kit, counter, number);
	}
	return sum;
}

/* --- the relay's limit --- */

static void five_go_and_the_sixth_takes_another_way(void **state)
{
	start_with((const char *const[][2]){ { "daily_limit", "5" }, { NULL, NULL } });
	assert_int_equal(sends_at_most(4), 4);
	assert_null(testkit_closed(out));
	assert_int_equal(sends_at_most(1), 1);
	assert_non_null(testkit_closed(out)); /* with the last of it, not with the first too many */
	assert_int_equal(testkit_closed(out)->cause, GW_CAUSE_LIMIT);
	assert_int_equal(testkit_closed(out)->until, MIDNIGHT_2026 + 24 * HOUR);
	assert_string_equal(testkit_closed(out)->why.ptr, "5/5 until 00:00 UTC");

	assert_int_equal(admit(to(out, 1)), GW_NEXT);
	assert_int_equal(testkit_answer(kit)->cause, GW_CAUSE_LIMIT);
	assert_int_equal(testkit_answer(kit)->wait_until, MIDNIGHT_2026 + 24 * HOUR);
	assert_true(testkit_has(kit, TESTKIT_REASON, "relay out: 5/5 until 00:00 UTC"));

	testkit_advance(kit, 24 * HOUR - 1);
	assert_false(sends(1));
	testkit_advance(kit, 1);
	assert_int_equal(sends_at_most(10), 5);
}

static void a_message_for_six_is_split_where_there_is_room_for_five(void **state)
{
	struct gw_delivery *delivery = to(out, 6), *rest;

	start_with((const char *const[][2]){ { "daily_limit", "5" }, { NULL, NULL } });
	assert_int_equal(admit(delivery), GW_CONTINUE);
	assert_int_equal(testkit_answer(kit)->split, 5);
	rest = testkit_rest(delivery);
	assert_int_equal(admit(rest), GW_WAIT); /* the five may yet fail */
	assert_string_equal(testkit_answer(kit)->wait_on, "relay/out");
	assert_int_equal(testkit_answer(kit)->wait_until, MIDNIGHT_2026 + 10 * SECOND);
	ends(delivery, 5, 5);
	assert_int_equal(admit(rest), GW_NEXT);
}

static void what_the_next_hop_did_not_take_is_given_back(void **state)
{
	static const struct {
		enum gw_status status;
		int64_t counted;
	} rows[] = {
		/* it may have it */
		{ GW_DELIVERED, 1 },
		{ GW_DEFERRED, 0 },
		{ GW_BOUNCED, 0 },
		{ GW_UNKNOWN, 1 },
	};
	int64_t counted = 0;
	size_t i;

	start_with((const char *const[][2]){ { "daily_limit", "3" }, { NULL, NULL } });
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gw_delivery *delivery = to(out, 1);
		assert_int_equal(admit(delivery), GW_CONTINUE);
		tell(delivery, rows[i].status);
		testkit_run_leave(kit, delivery, out);
		counted += rows[i].counted;
		assert_int_equal(stored("relay/out", 0), counted);
	}
	assert_int_equal(sends_at_most(3), 1);
}

static void who_waits_for_an_answer_is_called_when_it_is_there(void **state)
{
	struct gw_delivery *first, *second;

	start_with((const char *const[][2]){ { "daily_limit", "2" }, { NULL, NULL } });
	assert_int_equal(admit(first = to(out, 1)), GW_CONTINUE);
	assert_int_equal(admit(second = to(out, 1)), GW_CONTINUE);
	assert_int_equal(admit(to(out, 1)), GW_WAIT);
	ends(first, 1, 0);
	/* there is room for one again */
	assert_true(testkit_has(kit, TESTKIT_NOTIFIED, "relay/out 1"));
	testkit_forget(kit);
	assert_int_equal(admit(first), GW_CONTINUE);
	ends(first, 1, 1);
	assert_false(testkit_has(kit, TESTKIT_NOTIFIED, "relay/out"));
	ends(second, 1, 1);
	/* there is none: all may go elsewhere */
	assert_true(testkit_has(kit, TESTKIT_NOTIFIED, "relay/out 2147483647"));
	testkit_forget(kit);
	testkit_run_tick(kit);
	/* for one that came to the key too late */
	assert_true(testkit_has(kit, TESTKIT_NOTIFIED, "relay/out"));
	testkit_advance(kit, MINUTE);
	testkit_forget(kit);
	testkit_run_tick(kit);
	assert_false(testkit_has(kit, TESTKIT_NOTIFIED, "relay/out"));
}

static void a_delivery_that_was_never_tried_counts_nothing(void **state)
{
	struct gw_delivery *delivery = to(out, 2);

	start_with((const char *const[][2]){ { "daily_limit", "2" }, { NULL, NULL } });
	assert_int_equal(admit(delivery), GW_CONTINUE);
	testkit_run_leave(kit, delivery, out);
	assert_int_equal(admit(delivery), GW_CONTINUE); /* again, in the next round */
	ends(delivery, 2, 2);
	assert_false(sends(1));
}

/* Many workers: all ask before any of them is through. */
static void however_many_are_on_their_way_no_limit_is_passed(void **state)
{
	struct gw_delivery *deliveries[40];
	size_t i, admitted = 0;

	start_with((const char *const[][2]){ { "daily_limit", "100" }, { NULL, NULL } });
	for (i = 0; i < 40; i++) {
		deliveries[i] = to(out, 3);
		if (admit(deliveries[i]) == GW_CONTINUE)
			admitted += testkit_answer(kit)->split ? testkit_answer(kit)->split : 3;
		else
			deliveries[i] = NULL;
	}
	assert_int_equal(admitted, 100);
	assert_null(testkit_closed(out));
	for (i = 0; i < 40; i++)
		if (deliveries[i])
			ends(deliveries[i], i == 33 ? 1 : 3, i == 33 ? 1 : 3);
	assert_non_null(testkit_closed(out));
	assert_int_equal(stored("relay/out", 0), 100);
}

static void nothing_is_zero_and_no_limit_is_the_word(void **state)
{
	static const struct {
		const char *daily;
		size_t sent;
	} rows[] = { { NULL, 20 }, { "unlimited", 20 }, { "0", 0 }, { "1", 1 } };
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		char name[20];
		snprintf(name, sizeof name, "r%zu", i);
		out = testkit_relay(kit, name);
		if (rows[i].daily)
			testkit_relay_option(out, "daily_limit", rows[i].daily);
		assert_int_equal(testkit_start(kit), 0);
		assert_int_equal(sends_at_most(20), rows[i].sent);
		testkit_stop(kit);
	}
	testkit_relay_option(out, "daily_limit", "-1");
	assert_int_equal(testkit_start(kit), -1);
}

static void messages_count_one_for_all_their_recipients(void **state)
{
	start_with((const char *const[][2]){
		{ "daily_limit", "2" }, { "limit_counts", "messages" }, { NULL, NULL } });
	assert_true(sends(50));
	assert_true(sends(1));
	assert_false(sends(1));
}

/* --- windows --- */

static void the_day_is_the_relays(void **state)
{
	static const struct {
		const char *zone;
		int64_t begins; /* ms since 1970 */
		int hours;
		const char *until;
	} rows[] = {
		/* 2026-03-29 */
		{ "Europe/Berlin", 1774738800000, 23, "2/2 until 00:00 Europe/Berlin" },
		/* 2026-10-25 */
		{ "Europe/Berlin", 1792879200000, 25, "2/2 until 00:00 Europe/Berlin" },
		/* 2026-03-08 */
		{ "America/New_York", 1772946000000, 23, "2/2 until 00:00 America/New_York" },
		/* 2026-11-01 */
		{ "America/New_York", 1793505600000, 25, "2/2 until 00:00 America/New_York" },
		/* 2026-11-30 */
		{ "Asia/Kolkata", 1795977000000, 24, "2/2 until 00:00 Asia/Kolkata" },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		char name[20];
		snprintf(name, sizeof name, "r%zu", i);
		out = testkit_relay(kit, name);
		testkit_relay_option(out, "daily_limit", "2");
		testkit_relay_fact(out, GW_RELAY_TIMEZONE, rows[i].zone);
		testkit_set_time(kit, rows[i].begins - 1);
		assert_int_equal(testkit_start(kit), 0);
		assert_int_equal(sends_at_most(3), 2); /* the day before */
		testkit_advance(kit, 1);
		assert_int_equal(sends_at_most(3), 2);
		assert_string_equal(testkit_closed(out)->why.ptr, rows[i].until);
		assert_int_equal(testkit_closed(out)->until, rows[i].begins + rows[i].hours * HOUR);
		testkit_advance(kit, rows[i].hours * HOUR - 1);
		assert_int_equal(sends_at_most(3), 0);
		testkit_advance(kit, 1);
		assert_int_equal(sends_at_most(3), 2);
		testkit_stop(kit);
	}
}

static void what_leaves_after_midnight_counts_in_the_day_it_was_admitted(void **state)
{
	struct gw_delivery *late, *never;

	start_with((const char *const[][2]){ { "daily_limit", "2" }, { NULL, NULL } });
	testkit_set_time(kit, MIDNIGHT_2026 + 24 * HOUR - 1);
	assert_int_equal(admit(late = to(out, 1)), GW_CONTINUE);
	assert_int_equal(admit(never = to(out, 1)), GW_CONTINUE);
	testkit_advance(kit, MINUTE);
	assert_true(sends(1));
	ends(late, 1, 1);
	ends(never, 1, 0);
	assert_int_equal(stored("relay/out", 0), 1);
	assert_int_equal(stored("relay/out", 1), 1);
	assert_int_equal(sends_at_most(5), 1);
}

static void a_rolling_window_opens_as_what_was_sent_gets_old(void **state)
{
	start_with((const char *const[][2]){
		{ "daily_limit", "3" }, { "limit_window", "rolling" }, { NULL, NULL } });
	testkit_set_time(kit, MIDNIGHT_2026 + 5 * MINUTE);
	assert_true(sends(1));
	testkit_set_time(kit, MIDNIGHT_2026 + 12 * HOUR);
	assert_true(sends(2));
	assert_string_equal(testkit_closed(out)->why.ptr, "3/3 until 2026-01-02 00:15 UTC");
	assert_false(sends(1));
	assert_int_equal(testkit_answer(kit)->wait_until, MIDNIGHT_2026 + 24 * HOUR + 15 * MINUTE);
	assert_int_equal(testkit_restart(kit), 0); /* and a restart forgets nothing of it */
	assert_false(sends(1));
	testkit_set_time(kit, MIDNIGHT_2026 + 24 * HOUR + 15 * MINUTE - 1);
	assert_false(sends(1));
	testkit_advance(kit, 1);
	assert_int_equal(sends_at_most(5), 1);
	testkit_set_time(kit, MIDNIGHT_2026 + 36 * HOUR + 15 * MINUTE);
	assert_int_equal(sends_at_most(5), 2);
	testkit_set_time(kit, MIDNIGHT_2026 + 100 * HOUR);
	assert_int_equal(sends_at_most(5), 3);
}

/* In every span of 24 hours at most 7, whenever they are sent. */
static void no_24_hours_have_more_than_the_limit(void **state)
{
	int64_t times[400], now = MIDNIGHT_2026;
	size_t count = 0, i, k;

	start_with((const char *const[][2]){
		{ "daily_limit", "7" }, { "limit_window", "rolling" }, { NULL, NULL } });
	for (i = 0; i < 300; i++) {
		now += (int64_t)(i * 7919 % 97) * MINUTE;
		testkit_set_time(kit, now);
		if (sends(1))
			times[count++] = now;
	}
	assert_true(count > 50);
	for (i = 0; i < count; i++) {
		for (k = i; k < count && times[k] < times[i] + 24 * HOUR; k++)
			;
		assert_true(k - i <= 7);
	}
}

static void a_minute_has_at_most_so_many(void **state)
{
	struct gw_delivery *slow;

	start_with((const char *const[][2]){ { "per_minute", "3" }, { NULL, NULL } });
	assert_int_equal(admit(slow = to(out, 9)), GW_CONTINUE);
	assert_int_equal(sends_at_most(5), 2);
	assert_string_equal(testkit_answer(kit)->wait_on, "rate/out");
	assert_int_equal(testkit_answer(kit)->wait_until, MIDNIGHT_2026 + MINUTE);
	assert_null(testkit_closed(out));
	testkit_advance(kit, 40 * SECOND);
	ends(slow, 9, 9); /* the next hop saw it only now */
	testkit_run_tick(kit);
	assert_false(testkit_has(kit, TESTKIT_NOTIFIED, "rate/out"));
	testkit_advance(kit, 21 * SECOND);
	testkit_run_tick(kit);
	assert_true(testkit_has(kit, TESTKIT_NOTIFIED, "rate/out 2"));
	assert_int_equal(sends_at_most(5), 2);
	testkit_advance(kit, 40 * SECOND);
	assert_int_equal(sends_at_most(5), 1);
}

static void what_no_next_hop_saw_is_not_in_its_minute(void **state)
{
	struct gw_delivery *delivery = to(out, 1);

	start_with((const char *const[][2]){ { "per_minute", "1" }, { NULL, NULL } });
	assert_int_equal(admit(delivery), GW_CONTINUE);
	assert_false(sends(1));
	ends(delivery, 1, 0);
	assert_true(sends(1));
}

/* --- providers --- */

static void what_a_provider_takes_is_a_ceiling(void **state)
{
	static const struct {
		const char *daily, *ceiling;
		size_t sent;
		const char *warning;
	} rows[] = {
		{ NULL, "3", 3, NULL },
		{ "unlimited", "3", 3, NULL },
		{ "2", "3", 2, NULL },
		{ "9", "3", 3, "daily_limit is 9, and the provider takes 3: that is the limit" },
		{ "9", "-1", 9, NULL },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		char name[20];
		snprintf(name, sizeof name, "r%zu", i);
		out = testkit_relay(kit, name);
		testkit_relay_fact(out, GW_RELAY_PROVIDER_DAILY, rows[i].ceiling);
		testkit_relay_fact(out, GW_RELAY_PROVIDER_MINUTE, "20");
		if (rows[i].daily)
			testkit_relay_option(out, "daily_limit", rows[i].daily);
		testkit_forget(kit);
		assert_int_equal(testkit_start(kit), 0);
		assert_int_equal(
			testkit_has(kit, TESTKIT_PROBLEM, rows[i].warning ? rows[i].warning : name),
			rows[i].warning != NULL);
		assert_int_equal(sends_at_most(12), rows[i].sent);
		testkit_stop(kit);
	}
}

/* --- limits of clients and types --- */

static void a_limit_is_for_whom_it_names(void **state)
{
	static const struct {
		const char *client, *type, *of, *kind;
		bool counts;
	} rows[] = {
		{ NULL, NULL, "crm", "mass", true },    { NULL, NULL, "", "", true },
		{ "crm", NULL, "crm", "mass", true },   { "crm", NULL, "web", "mass", false },
		{ NULL, "mass", "web", "MASS", true },  { NULL, "mass", "crm", "workflow", false },
		{ "crm", "mass", "crm", "mass", true }, { "crm", "mass", "crm", "workflow", false },
		{ "*", NULL, "web", "mass", true },     { "*", NULL, "", "mass", false },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		tear_down(NULL);
		set_up(NULL);
		limit("name", "l");
		limit("daily", "0");
		limit("client", rows[i].client ? rows[i].client : "");
		limit("type", rows[i].type ? rows[i].type : "");
		assert_int_equal(testkit_start(kit), 0);
		assert_int_equal(admit(testkit_delivery(mail_of(rows[i].of, rows[i].kind, 1), out)),
				 rows[i].counts ? GW_WAIT : GW_CONTINUE);
	}
}

static void each_client_has_a_count_of_its_own(void **state)
{
	static const char *const clients[] = { "a", "b", "c" };
	size_t i;

	limit("name", "each");
	limit("client", "*");
	limit("daily", "1");
	start_with(NULL);
	for (i = 0; i < 3; i++) {
		struct gw_delivery *first = testkit_delivery(mail_of(clients[i], "", 1), out);
		assert_int_equal(admit(first), GW_CONTINUE);
		ends(first, 1, 1);
	}
	assert_int_equal(admit(testkit_delivery(mail_of("b", "", 1), out)), GW_WAIT);
	assert_string_equal(testkit_answer(kit)->wait_on, "limit/each/b");
	assert_true(testkit_has(kit, TESTKIT_REASON, "limit each, client b: 1/1 until 00:00 UTC"));
	testkit_run_control(kit, "b", false);
	assert_true(testkit_has(kit, TESTKIT_REPLY, "\"scope\":\"limit each, client b\""));
	assert_false(testkit_has(kit, TESTKIT_REPLY, "client c"));
}

static enum gw_verdict mail_goes(const char *client)
{
	struct gw_delivery *delivery = testkit_delivery(mail_of(client, "", 1), out);
	enum gw_verdict verdict = admit(delivery);

	if (verdict == GW_CONTINUE)
		ends(delivery, 1, 1);
	return verdict;
}

/* What the store would not name is not taken for a limit that is reached. */
static void long_names_have_counts_of_their_own(void **state)
{
	static const char *const windows[] = { "day", "rolling" };
	char name[201], one[256], other[256];
	size_t i;

	memset(name, 'n', sizeof name);
	name[sizeof name - 1] = '\0';
	memset(one, 'c', sizeof one);
	one[sizeof one - 1] = '\0';
	memcpy(other, one, sizeof one);
	other[sizeof other - 2] = 'd';
	for (i = 0; i < 2; i++) {
		tear_down(state);
		set_up(state);
		limit("name", name);
		limit("client", "*");
		limit("daily", "2");
		limit("window", windows[i]);
		start_with(NULL);
		assert_int_equal(mail_goes(one), GW_CONTINUE);
		assert_int_equal(testkit_restart(kit), 0); /* it is in the store, not in memory */
		assert_int_equal(mail_goes(one), GW_CONTINUE);
		assert_int_equal(mail_goes(one), GW_WAIT);
		assert_true(strlen(testkit_answer(kit)->wait_on) < 240);
		assert_int_equal(mail_goes(other), GW_CONTINUE);
	}
}

static void over_a_limit_mail_waits_or_takes_the_next_relay(void **state)
{
	limit("name", "l");
	limit("daily", "1");
	start_with(NULL);
	assert_true(sends(1));
	assert_false(sends(1));
	assert_int_equal(testkit_answer(kit)->verdict, GW_WAIT);
	assert_int_equal(testkit_answer(kit)->wait_until, MIDNIGHT_2026 + 24 * HOUR);
	assert_null(testkit_closed(out));
	testkit_stop(kit);
	limit("on_limit", "next");
	assert_int_equal(testkit_start(kit), 0);
	assert_false(sends(1));
	assert_int_equal(testkit_answer(kit)->verdict, GW_NEXT);
	assert_int_equal(testkit_answer(kit)->cause, GW_CAUSE_LIMIT);
	assert_string_equal(testkit_answer(kit)->wait_on, "limit/l"); /* if there is no other */
	assert_null(testkit_closed(out));
}

static void what_is_over_a_limit_is_taken_by_the_next_relay_and_not_counted(void **state)
{
	struct gw_delivery *over = to(out, 1);

	limit("name", "l");
	limit("daily", "1");
	limit("on_limit", "next");
	start_with(NULL);
	assert_true(sends(1));
	assert_int_equal(admit(over), GW_NEXT);
	testkit_delivery_fact(over, GW_DELIVERY_CAUSE, "1"); /* at the relay after it */
	assert_int_equal(admit(over), GW_CONTINUE);
	ends(over, 1, 1);
	assert_int_equal(stored("limit/l", 0), 1);
	assert_false(sends(1));
}

/* The morning counts for a limit that is set at noon. */
static void a_relay_is_counted_before_it_has_a_limit(void **state)
{
	struct gw_delivery *flying = to(out, 2);

	start_with(NULL);
	assert_int_equal(sends_at_most(3), 3);
	assert_int_equal(admit(flying), GW_CONTINUE);
	testkit_run_relay_status(kit, out);
	assert_true(testkit_has(kit, TESTKIT_STATUS, "today: 3"));
	ends(flying, 2, 1); /* what was not taken is given back */
	testkit_stop(kit);
	testkit_relay_option(out, "daily_limit", "6");
	assert_int_equal(testkit_start(kit), 0);
	assert_int_equal(sends_at_most(5), 2);
	testkit_run_relay_status(kit, out);
	assert_true(testkit_has(kit, TESTKIT_STATUS, "today: 6/6"));
}

/* The least room decides, and what the others took beyond it goes back. */
static void all_limits_are_met_or_none_is_used(void **state)
{
	struct gw_delivery *delivery;

	limit("name", "crm");
	limit("client", "crm");
	limit("daily", "10");
	start_with((const char *const[][2]){ { "daily_limit", "4" }, { NULL, NULL } });
	assert_int_equal(admit(delivery = to(out, 6)), GW_CONTINUE);
	assert_int_equal(testkit_answer(kit)->split, 4);
	assert_int_equal(stored("limit/crm", 0), 4);
	assert_int_equal(admit(to(out, 2)), GW_WAIT);
	assert_int_equal(stored("limit/crm", 0), 4);
	ends(delivery, 4, 4);
	assert_false(sends(2));
	assert_int_equal(testkit_answer(kit)->verdict, GW_NEXT);
	assert_int_equal(stored("limit/crm", 0), 4);
}

/* --- refused when handed in --- */

static enum gw_verdict hands_in(struct gw_message **message, size_t rcpts)
{
	enum gw_verdict verdict = GW_CONTINUE;
	size_t i;

	*message = mail_of("crm", "mass", 0);
	for (i = 0; i < rcpts && verdict == GW_CONTINUE; i++)
		verdict = testkit_run_rcpt(kit, *message, testkit_rcpt(*message, "b@example.net"));
	return verdict == GW_CONTINUE ? testkit_run_message(kit, *message) : verdict;
}

static void told(struct gw_message *message, const char *name, const char *json)
{
	struct gw_event event = {
		.size = sizeof event, .name = gw_str(name), .message = message, .json = gw_str(json)
	};

	testkit_run_event(kit, &event);
}

static void refused(struct gw_message *message)
{
	told(message, "refused", "");
}

static void refuse_at(const char *daily)
{
	limit("name", "crm-day");
	limit("client", "crm");
	limit("daily", daily);
	limit("on_limit", "refuse");
	limit("timezone", "Europe/Berlin");
	start_with(NULL);
}

static void a_client_over_its_limit_is_told_so_at_the_recipient(void **state)
{
	struct gw_message *message, *other;

	refuse_at("5");
	assert_int_equal(hands_in(&message, 3), GW_CONTINUE);
	assert_int_equal(hands_in(&other, 3), GW_TEMPFAIL);
	assert_int_equal(testkit_answer(kit)->code, 452);
	assert_string_equal(testkit_answer(kit)->enhanced, "4.7.1");
	assert_string_equal(testkit_answer(kit)->text,
			    "daily limit of 5 for client crm is reached until 00:00 Europe/Berlin");
	assert_int_equal(hands_in(&other, 2), GW_CONTINUE);
	assert_int_equal(hands_in(&other, 1), GW_TEMPFAIL);
}

/* What the header says of its type comes later: only a word of the client or of the port is known
 * at RCPT. */
static void a_limit_of_a_type_is_asked_when_the_type_is_known(void **state)
{
	struct gw_message *message = mail_of("crm", "mass", 0);

	limit("type", "mass");
	refuse_at("0");
	assert_int_equal(testkit_run_rcpt(kit, message, testkit_rcpt(message, "b@example.net")),
			 GW_CONTINUE);
	assert_int_equal(testkit_run_message(kit, message), GW_TEMPFAIL);
	testkit_message_fact(message, GW_MESSAGE_TYPE_BY, "listener");
	assert_int_equal(testkit_run_rcpt(kit, message, testkit_rcpt(message, "b@example.net")),
			 GW_TEMPFAIL);
}

static void of_sessions_that_race_one_is_refused(void **state)
{
	struct gw_message *a = mail_of("crm", "mass", 3), *b = mail_of("crm", "mass", 3);

	refuse_at("5");
	assert_int_equal(testkit_run_rcpt(kit, a, testkit_rcpt(a, "x@example.net")), GW_CONTINUE);
	assert_int_equal(testkit_run_rcpt(kit, b, testkit_rcpt(b, "x@example.net")), GW_CONTINUE);
	assert_int_equal(testkit_run_message(kit, a), GW_CONTINUE);
	assert_int_equal(testkit_run_message(kit, b), GW_TEMPFAIL);
	assert_int_equal(testkit_answer(kit)->code, 452);
	refused(b); /* was never counted: nothing to give back */
	assert_int_equal(testkit_run_message(kit, b), GW_TEMPFAIL);
	refused(a);
	assert_int_equal(testkit_run_message(kit, b), GW_CONTINUE);
}

static void what_is_thrown_away_counts_no_more(void **state)
{
	struct gw_message *message, *more;

	refuse_at("2");
	assert_int_equal(hands_in(&message, 2), GW_CONTINUE);
	told(message, "accepted", "");
	assert_int_equal(hands_in(&more, 1), GW_TEMPFAIL);
	told(message, "accepted", "{\"discarded\":true}");
	assert_int_equal(hands_in(&more, 2), GW_CONTINUE);
}

static void what_was_handed_in_counts_until_it_is_final(void **state)
{
	struct gw_message *message, *more;
	struct gw_delivery *delivery;
	const struct gw_outcome outcome_of_failed = { .size = sizeof outcome_of_failed,
						      .status = GW_BOUNCED };
	struct gw_result failed = { .size = sizeof failed, .outcome = &outcome_of_failed };

	refuse_at("5");
	assert_int_equal(hands_in(&message, 5), GW_CONTINUE);
	delivery = testkit_delivery(message, out);
	assert_int_equal(admit(delivery), GW_CONTINUE);
	ends(delivery, 5, 3);
	assert_int_equal(hands_in(&more, 1), GW_TEMPFAIL); /* three are used, two wait */
	failed.delayed = true;
	testkit_run_bounce(kit, message, &failed);
	assert_int_equal(hands_in(&more, 1), GW_TEMPFAIL);
	failed.delayed = false;
	testkit_run_bounce(kit, message, &failed);
	assert_int_equal(hands_in(&more, 1), GW_CONTINUE);
	assert_int_equal(hands_in(&more, 1), GW_TEMPFAIL);
}

static void a_message_counted_once_is_final_once(void **state)
{
	struct gw_message *message, *more;
	struct gw_delivery *delivery;
	size_t i;

	limit("counts", "messages");
	refuse_at("2");
	assert_int_equal(hands_in(&message, 3), GW_CONTINUE);
	delivery = testkit_delivery(message, out);
	for (i = 0; i < 2; i++) { /* it waits for another attempt, and then arrives */
		assert_int_equal(admit(delivery), GW_CONTINUE);
		ends(delivery, 3, i * 3);
	}
	assert_int_equal(hands_in(&more, 3), GW_CONTINUE);
	assert_int_equal(hands_in(&more, 1), GW_TEMPFAIL);
}

static void after_a_restart_what_is_queued_counts_as_it_goes_out(void **state)
{
	struct gw_message *message, *more;
	struct gw_delivery *delivery;

	refuse_at("2");
	assert_int_equal(hands_in(&message, 2), GW_CONTINUE);
	assert_int_equal(testkit_restart(kit), 0);
	assert_int_equal(hands_in(&more, 2), GW_CONTINUE);
	delivery = testkit_delivery(message, out);
	assert_int_equal(admit(delivery), GW_CONTINUE);
	ends(delivery, 2, 2);
	/* never more than the limit */
	assert_int_equal(admit(testkit_delivery(more, out)), GW_WAIT);
	assert_int_equal(hands_in(&more, 1), GW_TEMPFAIL);
}

/* --- whom nothing counts --- */

static void the_gateways_own_mail_meets_no_limit(void **state)
{
	struct gw_message *message = mail_of("crm", "mass", 1);

	testkit_message_fact(message, GW_MESSAGE_OWN, "1");
	limit("name", "all");
	limit("daily", "0");
	limit("on_limit", "refuse");
	start_with((const char *const[][2]){ { "daily_limit", "0" }, { NULL, NULL } });
	assert_int_equal(testkit_run_rcpt(kit, message, testkit_rcpt(message, "b@example.net")),
			 GW_CONTINUE);
	assert_int_equal(testkit_run_message(kit, message), GW_CONTINUE);
	assert_int_equal(admit(testkit_delivery(message, out)), GW_CONTINUE);
}

static void who_only_asks_uses_nothing(void **state)
{
	struct gw_message *dry = mail_of("crm", "mass", 3);
	struct gw_delivery *delivery = testkit_delivery(dry, out);
	int i;

	testkit_message_fact(dry, GW_MESSAGE_DRY, "1");
	start_with((const char *const[][2]){
		{ "daily_limit", "2" }, { "per_minute", "5" }, { NULL, NULL } });
	for (i = 0; i < 10; i++)
		assert_int_equal(admit(delivery), GW_CONTINUE);
	assert_int_equal(testkit_answer(kit)->split, 0);
	testkit_run_leave(kit, delivery, out);
	assert_int_equal(stored("relay/out", 0), 0);
	assert_true(sends(2));
	/* closures are gone, and the start closes what is full before anybody asks */
	testkit_restart(kit);
	assert_non_null(testkit_closed(out));
	assert_int_equal(admit(delivery), GW_NEXT);
	assert_true(testkit_has(kit, TESTKIT_REASON, "relay out: 2/2 until 00:00 UTC"));
}

/* --- over restarts, renames and reloads --- */

static void counts_outlive_the_process(void **state)
{
	start_with((const char *const[][2]){ { "daily_limit", "3" }, { NULL, NULL } });
	assert_true(sends(2));
	assert_int_equal(testkit_restart(kit), 0);
	testkit_run_tick(kit);
	assert_null(testkit_closed(out));
	assert_int_equal(testkit_lines(kit, TESTKIT_LOG), 0);
	assert_int_equal(sends_at_most(5), 1);
	assert_int_equal(testkit_restart(kit), 0);
	testkit_run_tick(kit);
	assert_non_null(testkit_closed(out)); /* before any mail comes by */
	assert_false(sends(1));
}

static void what_was_on_its_way_in_a_crash_counts_as_sent(void **state)
{
	struct gw_delivery *delivery = to(out, 2);

	start_with((const char *const[][2]){ { "daily_limit", "3" }, { NULL, NULL } });
	assert_int_equal(admit(delivery), GW_CONTINUE);
	assert_int_equal(testkit_restart(kit), 0); /* no leave, no result */
	testkit_run_tick(kit);
	testkit_run_tick(kit);
	assert_int_equal(testkit_lines(kit, TESTKIT_LOG), 1);
	assert_true(testkit_has(kit, TESTKIT_LOG, "what was on its way then counts as sent"));
	testkit_run_leave(kit, delivery, out); /* of a delivery that this instance did not admit */
	assert_int_equal(sends_at_most(5), 1);
	testkit_forget(kit);
	assert_int_equal(testkit_restart(kit), 0);
	testkit_run_tick(kit);
	assert_int_equal(testkit_lines(kit, TESTKIT_LOG), 0);
}

static void a_new_name_keeps_the_count(void **state)
{
	start_with((const char *const[][2]){ { "daily_limit", "3" }, { NULL, NULL } });
	assert_true(sends(2));
	testkit_stop(kit);
	out = testkit_relay(kit, "new-name");
	testkit_relay_option(out, "daily_limit", "3");
	testkit_relay_option(out, "counted_as", "out");
	assert_int_equal(testkit_start(kit), 0);
	assert_int_equal(sends_at_most(5), 1);
}

static void a_clock_that_is_set_opens_and_closes_what_it_should(void **state)
{
	limit("name", "all");
	limit("daily", "2");
	start_with((const char *const[][2]){ { "daily_limit", "2" }, { NULL, NULL } });
	testkit_run_tick(kit);
	assert_true(sends(2));
	assert_non_null(testkit_closed(out));
	testkit_set_time(kit, MIDNIGHT_2026 - HOUR); /* yesterday: nothing was sent then */
	testkit_forget(kit);
	testkit_run_tick(kit);
	assert_null(testkit_closed(out));
	assert_true(testkit_has(kit, TESTKIT_NOTIFIED, "limit/all 2"));
	testkit_set_time(kit, MIDNIGHT_2026 + HOUR);
	testkit_run_tick(kit);
	assert_non_null(testkit_closed(out));
}

static void a_higher_limit_opens_the_relay_and_a_lower_one_closes_it(void **state)
{
	static const struct {
		const char *daily;
		bool closed;
	} rows[] = {
		{ "5", false }, { "2", true }, { "9", false }, { "0", true }, { "unlimited", false }
	};
	size_t i;

	start_with((const char *const[][2]){ { "daily_limit", "3" }, { NULL, NULL } });
	assert_true(sends(3));
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		testkit_stop(kit);
		testkit_relay_option(out, "daily_limit", rows[i].daily);
		assert_int_equal(testkit_start(kit), 0);
		testkit_run_tick(kit);
		assert_int_equal(testkit_closed(out) != NULL, rows[i].closed);
	}
}

/* --- what is wrong is said --- */

static void limits_that_cannot_be_are_refused(void **state)
{
	static const struct {
		const char *options[4][2];
		const char *problem;
	} rows[] = {
		{ { { "limits[0].name", "l" } },
		  "error: limits: limit \"l\": it limits nothing: it needs daily or per_minute" },
		{ { { "limits[0].daily", "5" } }, "limits[0].name: is missing" },
		{ { { "limits[0].name", "a b" }, { "limits[0].daily", "5" } },
		  "limit \"a b\": a name is letters, digits, '.', '_' and '-'" },
		{ { { "limits[0].name", "l" },
		    { "limits[0].daily", "5" },
		    { "limits[0].timezone", "Mars/Base" } },
		  "limit \"l\": there is no such timezone; zones are named as" },
		{ { { "limits[0].name", "l" },
		    { "limits[0].daily", "5" },
		    { "limits[1].name", "l" },
		    { "limits[1].daily", "5" } },
		  "limit \"l\": there are two of that name" },
		{ { { "limits[0].name", "l" }, { "limits[0].daily", "many" } },
		  "limits[0].daily: not a number of its kind" },
	};
	size_t i, k;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		tear_down(NULL);
		set_up(NULL);
		for (k = 0; k < 4 && rows[i].options[k][0]; k++)
			testkit_option(kit, rows[i].options[k][0], rows[i].options[k][1]);
		assert_int_equal(testkit_start(kit), -1);
		if (!testkit_has(kit, TESTKIT_PROBLEM, rows[i].problem))
			fail_msg("%s: %s", rows[i].problem, testkit_line(kit, TESTKIT_PROBLEM, 0));
	}
}

/* --- for people --- */

static void a_table_shows_what_is_used_and_when_it_opens(void **state)
{
	limit("name", "crm-day");
	limit("client", "crm");
	limit("daily", "500");
	start_with((const char *const[][2]){
		{ "daily_limit", "200" }, { "per_minute", "50" }, { NULL, NULL } });
	testkit_set_time(kit, MIDNIGHT_2026 + 6 * HOUR);
	assert_true(sends(100));
	assert_int_equal(admit(to(out, 10)), GW_CONTINUE);
	testkit_run_control(kit, "", false);
	assert_true(testkit_has(
		kit, TESTKIT_REPLY,
		"{\"per_minute\":50,\"this_minute\":2,\"scope\":\"relay out\",\"used\":100,\"reserved\":10,\"limit\":200,"
		"\"opens_ms\":1767312000000,\"today\":\"100/200\",\"counts\":\"recipients\",\"opens\":\"00:00 UTC\","
		"\"timezone\":\"UTC\",\"reached\":\"12:00 UTC\"}"));
	assert_true(testkit_has(
		kit, TESTKIT_REPLY,
		"\"scope\":\"limit crm-day\",\"used\":100,\"reserved\":10,\"limit\":500"));
	assert_true(testkit_has(kit, TESTKIT_REPLY, "\"reached\":\"not in this window\""));
	testkit_run_control(kit, "nobody", false);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM,
				"no limit is set for a relay, a client or by the name of nobody"));

	testkit_run_relay_status(kit, out);
	assert_true(testkit_has(kit, TESTKIT_STATUS, "today: 100/200"));
	assert_true(
		testkit_has(kit, TESTKIT_STATUS, "limit: 200 recipients a day; opens 00:00 UTC"));
	testkit_run_status(kit);
	assert_true(testkit_has(kit, TESTKIT_STATUS, "limits: 2, 0 reached"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(five_go_and_the_sixth_takes_another_way),
		TEST(a_message_for_six_is_split_where_there_is_room_for_five),
		TEST(what_the_next_hop_did_not_take_is_given_back),
		TEST(who_waits_for_an_answer_is_called_when_it_is_there),
		TEST(a_delivery_that_was_never_tried_counts_nothing),
		TEST(however_many_are_on_their_way_no_limit_is_passed),
		TEST(nothing_is_zero_and_no_limit_is_the_word),
		TEST(messages_count_one_for_all_their_recipients),
		TEST(the_day_is_the_relays),
		TEST(what_leaves_after_midnight_counts_in_the_day_it_was_admitted),
		TEST(a_rolling_window_opens_as_what_was_sent_gets_old),
		TEST(no_24_hours_have_more_than_the_limit),
		TEST(a_minute_has_at_most_so_many),
		TEST(what_no_next_hop_saw_is_not_in_its_minute),
		TEST(what_a_provider_takes_is_a_ceiling),
		TEST(a_limit_is_for_whom_it_names),
		TEST(each_client_has_a_count_of_its_own),
		TEST(long_names_have_counts_of_their_own),
		TEST(over_a_limit_mail_waits_or_takes_the_next_relay),
		TEST(what_is_over_a_limit_is_taken_by_the_next_relay_and_not_counted),
		TEST(a_relay_is_counted_before_it_has_a_limit),
		TEST(all_limits_are_met_or_none_is_used),
		TEST(a_client_over_its_limit_is_told_so_at_the_recipient),
		TEST(a_limit_of_a_type_is_asked_when_the_type_is_known),
		TEST(of_sessions_that_race_one_is_refused),
		TEST(what_is_thrown_away_counts_no_more),
		TEST(what_was_handed_in_counts_until_it_is_final),
		TEST(a_message_counted_once_is_final_once),
		TEST(after_a_restart_what_is_queued_counts_as_it_goes_out),
		TEST(the_gateways_own_mail_meets_no_limit),
		TEST(who_only_asks_uses_nothing),
		TEST(counts_outlive_the_process),
		TEST(what_was_on_its_way_in_a_crash_counts_as_sent),
		TEST(a_new_name_keeps_the_count),
		TEST(a_clock_that_is_set_opens_and_closes_what_it_should),
		TEST(a_higher_limit_opens_the_relay_and_a_lower_one_closes_it),
		TEST(limits_that_cannot_be_are_refused),
		TEST(a_table_shows_what_is_used_and_when_it_opens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

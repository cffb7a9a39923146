/* activity_test.c - clients that go quiet or change their shape, what gatewayctl shows of them, who
 * was turned away, and presets. */
#include "activity.h"
#include "refused.h"

#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#define HOUR (INT64_C(3600) * 1000)
#define DAY (24 * HOUR)
#define PEER "192.0.2.7"

static struct testkit *kit_new(void)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	testkit_option(kit, "clients[0].name", "crm");
	testkit_option(kit, "clients[0].networks", "192.0.2.0/24");
	testkit_option(kit, "clients[0].domains", "example.com *.example.com");
	testkit_option(kit, "clients[0].type", "workflow");
	return kit;
}

static struct testkit *kit_of(void)
{
	struct testkit *kit = kit_new();

	assert_int_equal(testkit_start(kit), 0);
	return kit;
}

static void accepted(struct testkit *kit, const char *sender, const char *from)
{
	struct gw_session *session = testkit_session(kit, PEER);
	struct gw_message *message;
	struct gw_event event = { .size = sizeof event, .name = gw_str("accepted") };
	char bytes[200];

	snprintf(bytes, sizeof bytes, "From: %s\r\n\r\nhi\r\n", from);
	testkit_run_connect(kit, session);
	message = testkit_message(kit, session, sender, bytes);
	event.message = message;
	event.client = gw->message_fact(message, GW_MESSAGE_CLIENT);
	testkit_run_event(kit, &event);
}

static void refused(struct testkit *kit, const char *peer, const char *client)
{
	struct gw_event event = { .size = sizeof event,
				  .name = gw_str("refused"),
				  .code = 550,
				  .client = gw_str(client),
				  .text = gw_str("relaying denied") };
	char json[100];

	snprintf(json, sizeof json, "{\"peer\":\"%s\",\"stage\":\"rcpt\"}", peer);
	event.json = gw_str(json);
	testkit_run_event(kit, &event);
}

/* A mail every six hours from one domain, and one a day from another. */
static void send_for(struct testkit *kit, int days)
{
	for (int i = 0; i < days * 4; i++) {
		accepted(kit, "a@example.com", "a@example.com");
		if (i % 4 == 0)
			accepted(kit, "a@example.com", "a@sub.example.com");
		testkit_advance(kit, 6 * HOUR);
		testkit_run_tick(kit);
	}
}

static const char *asked(struct testkit *kit, const char *words)
{
	testkit_run_control(kit, words, false);
	return testkit_line(kit, TESTKIT_REPLY, testkit_lines(kit, TESTKIT_REPLY) - 1);
}

static size_t events(struct testkit *kit, const char *name)
{
	size_t i, count = 0;

	for (i = 0; i < testkit_lines(kit, TESTKIT_EVENT); i++)
		count += strncmp(testkit_line(kit, TESTKIT_EVENT, i), name, strlen(name)) == 0 &&
			 testkit_line(kit, TESTKIT_EVENT, i)[strlen(name)] == ' ';
	return count;
}

static void a_client_with_a_rhythm_that_stops_is_told_once(void **state)
{
	struct testkit *kit = kit_of();

	send_for(kit, 8);
	testkit_advance(kit, 5 * HOUR); /* 11 hours; 6 are usual */
	testkit_run_tick(kit);
	assert_int_equal(events(kit, "client-quiet"), 0);
	testkit_advance(kit, 2 * HOUR);
	testkit_run_tick(kit);
	testkit_run_tick(kit);
	assert_int_equal(events(kit, "client-quiet"), 1);
	testkit_run_status(kit);
	assert_true(testkit_has(kit, TESTKIT_STATUS, "crm: went quiet"));
	accepted(kit, "a@example.com", "a@example.com");
	testkit_advance(kit, 13 * HOUR);
	testkit_run_tick(kit);
	/* twice the pause that it made before is usual now */
	assert_int_equal(events(kit, "client-quiet"), 1);
	testkit_advance(kit, 14 * HOUR);
	testkit_run_tick(kit);
	assert_int_equal(events(kit, "client-quiet"), 2);
	testkit_destroy(kit);
}

static void who_has_no_rhythm_yet_is_not_missed(void **state)
{
	struct testkit *kit = kit_of();

	send_for(kit, 6);
	testkit_advance(kit, 20 * DAY);
	testkit_run_tick(kit);
	assert_int_equal(testkit_lines(kit, TESTKIT_EVENT), 0);
	testkit_destroy(kit);
}

static void a_domain_that_stops_is_told(void **state)
{
	struct testkit *kit = kit_of();

	send_for(kit, 9);
	for (int i = 0; i < 12; i++) {
		accepted(kit, "a@example.com", "a@example.com");
		testkit_advance(kit, 6 * HOUR);
		testkit_run_tick(kit);
	}
	assert_int_equal(events(kit, "client-quiet"), 0);
	assert_int_equal(events(kit, "client-domain-quiet"), 1);
	testkit_destroy(kit);
}

/* What it knew it knows, and the time that it did not run is nobody's pause. */
static void a_restart_is_no_pause(void **state)
{
	struct testkit *kit = kit_of();

	send_for(kit, 8);
	testkit_set_time(kit, INT64_C(1767225600000) + 12 * DAY);
	assert_int_equal(testkit_restart(kit), 0);
	testkit_run_tick(kit);
	testkit_advance(kit, 11 * HOUR);
	testkit_run_tick(kit);
	assert_int_equal(events(kit, "client-quiet"), 0);
	testkit_advance(kit, 2 * HOUR);
	testkit_run_tick(kit);
	assert_int_equal(events(kit, "client-quiet"), 1);
	testkit_destroy(kit);
}

static void a_reload_does_not_begin_the_pause_anew(void **state)
{
	struct testkit *kit = kit_of();

	send_for(kit, 8);
	testkit_advance(kit, 3 * HOUR);
	testkit_run_tick(kit);
	assert_int_equal(testkit_restart(kit), 0);
	testkit_advance(kit, 4 * HOUR);
	testkit_run_tick(kit);
	assert_int_equal(events(kit, "client-quiet"), 1);
	testkit_destroy(kit);
}

/* Of a reload the next instance begins before the last one ends; what that one counted since it
 * recorded is in no record yet. */
static void a_reload_in_the_middle_of_a_minute_loses_no_mail(void **state)
{
	struct testkit *kit = kit_of(), *next;

	accepted(kit, "a@example.com", "a@example.com");
	next = kit_of();
	accepted(kit, "a@example.com", "a@example.com");
	accepted(next, "a@example.com", "a@example.com");
	testkit_destroy(kit);
	assert_non_null(strstr(asked(next, "client list"), "workflow 3"));
	testkit_run_control(next, "client list foo", false);
	assert_true(testkit_has(next, TESTKIT_PROBLEM, "client list|refused"));
	testkit_destroy(next);
}

static void return_paths_that_lose_their_tags_are_told_once(void **state)
{
	struct testkit *kit = kit_of();
	int i;

	for (i = 0; i < 20; i++)
		accepted(kit, "bounce+4711=b@example.com", "a@example.com");
	for (i = 0; i < 4; i++)
		accepted(kit, "bounce@example.com", "a@example.com");
	testkit_run_tick(kit);
	assert_int_equal(events(kit, "client-shape"), 0);
	for (i = 0; i < 4; i++) {
		accepted(kit, "bounce@example.com", "a@example.com");
		testkit_run_tick(kit);
	}
	assert_int_equal(events(kit, "client-shape"), 1);
	testkit_destroy(kit);
}

static void what_a_tagged_return_path_is(void **state)
{
	assert_true(activity_is_tagged(gw_str("b+17@example.com")));
	assert_true(activity_is_tagged(gw_str("b-jane=other.example@example.com")));
	assert_true(activity_is_tagged(gw_str("bounce-20260101-4711@example.com")));
	assert_false(activity_is_tagged(gw_str("bounces2@example.com")));
	assert_false(activity_is_tagged(gw_str("b@mail-12345678.example.com")));
	assert_false(activity_is_tagged(gw_str("")));
}

/* --- what gatewayctl shows --- */

static void clients_are_listed_with_what_they_send(void **state)
{
	struct testkit *kit = kit_of();
	const char *text;

	accepted(kit, "a@example.com", "a@example.com");
	accepted(kit, "a@example.com", "a@sub.example.com");
	refused(kit, PEER, "crm");
	text = asked(kit, "client list");
	assert_non_null(strstr(text, "\"client\":\"crm\""));
	assert_non_null(strstr(text, "\"today\":2"));
	assert_non_null(strstr(text, "workflow 2"));
	assert_non_null(strstr(text, "\"refused\":1"));
	assert_non_null(strstr(text, "example.com sub.example.com"));
	testkit_destroy(kit);
}

static void who_was_turned_away_is_listed_with_what_would_let_it_in(void **state)
{
	struct testkit *kit = kit_of();
	const char *text;

	refused(kit, "198.51.100.1", "");
	refused(kit, "198.51.100.200", "");
	refused(kit, "2001:db8:5:6::1", "");
	testkit_run_tick(kit);
	assert_int_equal(testkit_questions(kit), 0); /* nobody wants to know who they are */
	assert_non_null(strstr(asked(kit, "client refused"), "\"looks_like\":\"\""));
	testkit_run_tick(kit); /* presets that no client has are asked for now */
	assert_true(testkit_questions(kit) > 0);
	while (testkit_questions(kit))
		testkit_run_dns(kit,
				strcmp(testkit_question(kit)->name.ptr, "eu.zcsend.net") == 0
					? GW_DNS_FOUND
					: GW_DNS_NONE,
				300, "v=spf1 ip4:198.51.100.0/24 -all");
	text = asked(kit, "client refused");
	assert_non_null(strstr(text, "\"network\":\"198.51.100.0/24\",\"count\":2"));
	assert_non_null(strstr(text, "\"network\":\"2001:db8:5:6::/64\",\"count\":1"));
	assert_non_null(strstr(text, "\"looks_like\":\"zoho:eu\""));
	assert_non_null(strstr(text, "preset = \\\"zoho:eu\\\""));
	assert_non_null(strstr(text, "networks = [\\\"2001:db8:5:6::/64\\\"]"));
	testkit_destroy(kit);
}

/* The first test of this program: the table is empty, as after a start. */
static void those_who_were_refused_are_known_after_a_restart(void **state)
{
	struct testkit *kit = kit_new();
	const char *text;

	testkit_set_record(
		kit, "refused",
		"198.18.7.0/24 41 1767000000000 1767100000000 198.18.7.9 crm.example relaying denied, so far\nnonsense\n2001:db8:9::/64 3 1 2 2001:db8:9::1 - no\n");
	assert_int_equal(testkit_start(kit), 0);
	text = asked(kit, "client refused");
	assert_non_null(strstr(text, "\"network\":\"198.18.7.0/24\",\"count\":41"));
	assert_non_null(strstr(text, "relaying denied, so far"));
	assert_non_null(strstr(text, "\"network\":\"2001:db8:9::/64\",\"count\":3"));
	refused(kit, "198.18.7.1", "");
	testkit_run_tick(kit);
	text = testkit_record(kit, "refused");
	assert_non_null(strstr(
		text,
		"198.18.7.0/24 42 1767000000000 1767225600000 198.18.7.1 crm.example relaying denied\n"));
	assert_non_null(strstr(text, "2001:db8:9::/64 3 1 2 2001:db8:9::1 - no\n"));
	assert_int_equal(testkit_restart(kit), 0); /* a reload has the table, and needs no record */
	text = strstr(asked(kit, "client refused"), "198.18.7.0/24");
	assert_null(strstr(text + 1, "\"network\":\"198.18.7.0/24\""));
	testkit_destroy(kit);
}

static void the_table_of_the_refused_keeps_those_who_come_most(void **state)
{
	static struct refused list[REFUSED_MOST];
	char peer[32];
	int i;

	for (i = 0; i < 50; i++)
		refused_add(gw_str("203.0.113.9"), gw_str("no"), gw_str(""), i);
	for (i = 0; i < 5000; i++) {
		snprintf(peer, sizeof peer, "10.%d.%d.1", i / 256, i % 256);
		refused_add(gw_str(peer), gw_str("no"), gw_str(""), i);
	}
	refused_add(gw_str("no address"), gw_str("no"), gw_str(""), 0);
	assert_int_equal(refused_list(list), REFUSED_MOST);
	for (i = 0; i < REFUSED_MOST && strcmp(list[i].peer, "203.0.113.9") != 0; i++)
		;
	assert_true(i < REFUSED_MOST);
	assert_int_equal(list[i].count, 50);
}

/* --- presets --- */

static void a_preset_stands_for_its_networks(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	struct gw_session *session;

	testkit_option(kit, "clients[0].name", "crm");
	testkit_option(kit, "clients[0].preset", "zoho:eu");
	testkit_option(kit, "clients[0].domains", "example.com");
	assert_int_equal(testkit_start(kit), 0);
	testkit_run_tick(kit);
	assert_int_equal(testkit_questions(kit), 1);
	testkit_run_dns(kit, GW_DNS_FOUND, 300, "v=spf1 ip4:192.0.2.0/24 -all");
	session = testkit_session(kit, PEER);
	testkit_run_connect(kit, session);
	assert_string_equal(gw->session_fact(session, GW_SESSION_CLIENT).ptr, "crm");
	assert_non_null(strstr(asked(kit, "preset show zoho:eu"), "\"lists\":1"));
	assert_non_null(strstr(asked(kit, "preset list"), "\"clients\":\"crm\""));
	testkit_destroy(kit);
}

static void presets_of_ones_own_come_first(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	const char *text;

	testkit_option(
		kit, "presets",
		testkit_file(
			kit, "presets",
			"# ours\nzoho:eu spf:eu.zcsend.net 192.0.2.0/28\nmine 192.0.2.64/26\n"));
	testkit_option(kit, "clients[0].name", "crm");
	testkit_option(kit, "clients[0].preset", "mine");
	testkit_option(kit, "clients[0].domains", "example.com");
	assert_int_equal(testkit_start(kit), 0);
	text = asked(kit, "preset diff");
	assert_non_null(strstr(text, "\"preset\":\"zoho:eu\",\"change\":\"added\",\"network\":"
				     "\"192.0.2.0/28\""));
	assert_null(strstr(text, "taken away"));
	testkit_destroy(kit);
}

static void a_list_of_ones_own_is_held_against_what_is_published(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	const char *text;

	testkit_option(kit, "presets",
		       testkit_file(kit, "presets",
				    "zoho:eu 192.0.2.0/25 192.0.2.192/28 203.0.113.0/24\n"));
	assert_int_equal(testkit_start(kit), 0);
	testkit_run_tick(kit);
	assert_int_equal(testkit_questions(kit), 0); /* nobody wants to know */
	text = asked(kit, "preset diff");
	assert_non_null(strstr(text, "\"taken away\",\"network\":\"spf:eu.zcsend.net\""));
	assert_non_null(strstr(text, "\"asked for now, look again\""));
	testkit_run_tick(kit);
	while (testkit_questions(kit))
		testkit_run_dns(
			kit,
			strcmp(testkit_question(kit)->name.ptr, "eu.zcsend.net") == 0 ? GW_DNS_FOUND
										      : GW_DNS_NONE,
			300, "v=spf1 ip4:192.0.2.0/26 ip4:192.0.2.128/25 ip6:2001:db8:1::/48 -all");
	text = asked(kit, "preset diff");
	assert_non_null(
		strstr(text, "\"published, and not in it\",\"network\":\"192.0.2.128/25\""));
	assert_non_null(
		strstr(text, "\"published, and not in it\",\"network\":\"2001:db8:1::/48\""));
	assert_null(strstr(text, "192.0.2.0/26"));
	assert_non_null(
		strstr(text, "\"in it, and not published\",\"network\":\"203.0.113.0/24\""));
	assert_null(strstr(text, "not published\",\"network\":\"192.0.2.192/28\""));
	testkit_destroy(kit);
}

static void a_preset_that_is_none_is_an_error(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	testkit_option(kit, "clients[0].name", "crm");
	testkit_option(kit, "clients[0].preset", "zoho:moon");
	testkit_option(kit, "clients[0].domains", "example.com");
	assert_int_equal(testkit_start(kit), -1);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM,
				"clients[0].preset: there is no preset \"zoho:moon\""));
	testkit_destroy(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_who_were_refused_are_known_after_a_restart),
		cmocka_unit_test(a_client_with_a_rhythm_that_stops_is_told_once),
		cmocka_unit_test(who_has_no_rhythm_yet_is_not_missed),
		cmocka_unit_test(a_domain_that_stops_is_told),
		cmocka_unit_test(a_restart_is_no_pause),
		cmocka_unit_test(a_reload_in_the_middle_of_a_minute_loses_no_mail),
		cmocka_unit_test(a_reload_does_not_begin_the_pause_anew),
		cmocka_unit_test(return_paths_that_lose_their_tags_are_told_once),
		cmocka_unit_test(what_a_tagged_return_path_is),
		cmocka_unit_test(clients_are_listed_with_what_they_send),
		cmocka_unit_test(who_was_turned_away_is_listed_with_what_would_let_it_in),
		cmocka_unit_test(the_table_of_the_refused_keeps_those_who_come_most),
		cmocka_unit_test(a_preset_stands_for_its_networks),
		cmocka_unit_test(presets_of_ones_own_come_first),
		cmocka_unit_test(a_list_of_ones_own_is_held_against_what_is_published),
		cmocka_unit_test(a_preset_that_is_none_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

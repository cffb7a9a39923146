/* When a client is told that its time is over: not a moment before, and then at once, in each state
 * of a session. And what a long session may cost. */
#include "client.h"

#include "receive/client_limits.h"

#include <malloc.h>
#include <stdio.h>

#define SECOND 1000
#define MINUTE (60 * SECOND)
#define EHLO "EHLO client.example\r\n"
#define MAIL "MAIL FROM:<a@example.com>\r\n"
#define RCPT "RCPT TO:<b@example.net>\r\n"

static struct peer_end *peer;
static bool is_running; /* a host that was not ended: a test failed in it, and no other begins */

static void begin(void (*prepare)(void))
{
	is_running = true;
	host_begin();
	host.listener.clear_login = true;
	if (prepare)
		prepare();
	host_start();
	peer = peer_connect(HOST_LISTENER, "192.0.2.1");
	host_settle();
}

static void say(const char *text)
{
	peer_say(peer, text);
	host_settle();
	host_disk_work();
}

static struct reply last_reply(const struct peer_end *of)
{
	struct reply replies[64];
	size_t count = replies_of(of, replies, 64);

	return count ? replies[count - 1] : (struct reply){ 0 };
}

static void leave(struct peer_end *of)
{
	if (!peer_is_left(of))
		peer_close(of);
	host_settle();
	host_rest();
	peer_forget(of);
}

static void end(void)
{
	leave(peer);
	host_end();
	is_running = false;
}

static int setup(void **state)
{
	return is_running ? -1 : 0;
}

/* --- time-outs --- */

static void connect_is_held(void)
{
	host.says[GW_HOOK_connect].later = true;
}

static void tls_is_first(void)
{
	host.listener.tls = TLS_IMPLICIT;
}

static void no_age(void)
{
	host.now->snapshot.settings.timeouts.session = 0;
}

static void no_rate(void)
{
	host.now->snapshot.settings.limits.data_rate = 0;
}

static const struct state {
	const char *name, *said;
	int64_t ms; /* until it is over */
	int code;   /* 421; 0: nothing is said */
	void (*prepare)(void);
} states[] = {
	{ "greeted", "", 5 * MINUTE, 421, NULL },
	{ "half a command", "EHLO cli", 5 * MINUTE, 421, NULL },
	{ "after EHLO", EHLO, 5 * MINUTE, 421, NULL },
	{ "in AUTH", EHLO "AUTH PLAIN\r\n", 5 * MINUTE, 421, NULL },
	{ "after MAIL", EHLO MAIL, 5 * MINUTE, 421, NULL },
	{ "after RCPT", EHLO MAIL RCPT, 5 * MINUTE, 421, NULL },
	{ "in DATA", EHLO MAIL RCPT "DATA\r\n", 5 * MINUTE, 421, NULL },
	{ "in DATA, some came", EHLO MAIL RCPT "DATA\r\nSubject: x\r\n", 5 * MINUTE, 421, NULL },
	{ "in a chunk", EHLO MAIL RCPT "BDAT 100\r\nSubject", 5 * MINUTE, 421, NULL },
	{ "in a chunk that is refused", EHLO "BDAT 100\r\nSubject", 5 * MINUTE, 421, NULL },
	{ "between two chunks", EHLO MAIL RCPT "BDAT 4\r\nSubj", 5 * MINUTE, 421, NULL },
	{ "after a message", EHLO MAIL RCPT "BDAT 4 LAST\r\n\r\nhi", 5 * MINUTE, 421, NULL },
	{ "before a handshake", "", 30 * SECOND, 0, tls_is_first },
	{ "in STARTTLS", EHLO "STARTTLS\r\n", 30 * SECOND, 220, NULL },
	{ "connect is held", "", 30 * SECOND, 421, connect_is_held },
};

static void each_state_has_its_time(void **state)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		begin(states[i].prepare);
		say(states[i].said);
		host_pass(states[i].ms - 1);
		if (peer_is_left(peer))
			fail_msg("%s: over too soon", states[i].name);
		host_pass(1);
		host_settle();
		if (!peer_is_left(peer) || last_reply(peer).code != states[i].code)
			fail_msg("%s: %d", states[i].name, last_reply(peer).code);
		end();
	}
}

/* An octet now and then is not enough: a message has to come with the lowest rate. */
static void a_message_that_trickles_in_ends(void **state)
{
	int64_t minutes = 0;

	begin(NULL);
	say(EHLO MAIL RCPT "DATA\r\n");
	for (; !peer_is_left(peer) && minutes < 100; minutes++) {
		say("x");
		host_pass(MINUTE);
	}
	assert_int_equal(minutes, 6); /* five minutes, and what five octets earned */
	assert_int_equal(last_reply(peer).code, 421);
	end();
}

/* Without a rate it may take as long as a message may take. */
static void a_message_has_an_end(void **state)
{
	int64_t minutes = 0;

	begin(no_rate);
	say(EHLO MAIL RCPT "DATA\r\n");
	for (; !peer_is_left(peer) && minutes < 100; minutes++) {
		say("x");
		host_pass(MINUTE);
	}
	assert_in_range(minutes, 60, 61);
	end();
}

/* What the disk takes is not the client's time. */
static void a_slow_disk_costs_the_client_nothing(void **state)
{
	char piece[3001];

	memset(piece, 'x', 3000);
	piece[3000] = '\0';
	begin(no_age);
	say(EHLO MAIL RCPT "DATA\r\nSubject: x\r\n\r\n");
	for (int i = 0; i < 5; i++)
		peer_say(peer, piece);
	host_settle();
	host_pass(2 * 60 * MINUTE);
	assert_false(peer_is_left(peer));
	host_rest();
	say("\r\n.\r\n");
	assert_int_equal(last_reply(peer).code, 250);
	end();
}

static void a_session_grows_old(void **state)
{
	begin(NULL);
	for (int minute = 0; minute < 61; minute += 4) {
		say(minute ? MAIL RCPT "BDAT 4 LAST\r\n\r\nhi"
			   : EHLO MAIL RCPT "BDAT 4 LAST\r\n\r\nhi");
		host_rest();
		assert_int_equal(last_reply(peer).code, minute < 60 ? 250 : 421);
		host_pass(4 * MINUTE);
	}
	assert_true(peer_is_left(peer));
	end();
}

/* --- limits --- */

static void one_for_each(void)
{
	host.now->snapshot.settings.limits.sessions_per_client = 1;
}

static void an_address_has_its_sessions_and_no_more(void **state)
{
	begin(one_for_each);
	struct peer_end *second = peer_connect(HOST_LISTENER, "192.0.2.1"),
			*other = peer_connect(HOST_LISTENER, "192.0.2.2");
	host_settle();
	assert_true(peer_is_left(second));
	assert_int_equal(last_reply(second).code, 421);
	assert_int_equal(last_reply(other).code, 220);
	leave(other);
	leave(second);
	peer_reset(peer);
	host_settle();
	struct peer_end *third = peer_connect(HOST_LISTENER, "192.0.2.1");
	host_settle();
	assert_int_equal(last_reply(third).code, 220);
	leave(third);
	end();
	assert_int_equal(client_limits_count(), 0);
}

/* One that is gone keeps its place until nothing looks at it any more. */
static void mail_is_on_the_pool(void)
{
	one_for_each();
	host.says[GW_HOOK_mail].on_pool = true;
}

static void a_place_is_free_when_the_session_is(void **state)
{
	begin(mail_is_on_the_pool);
	say(EHLO MAIL);
	assert_true(offload_begin());
	host_drain();
	receive_stop(host.worker);
	host_settle();
	assert_true(peer_is_left(peer));
	assert_int_equal(client_limits_count(), 1);
	host_rest();
	end();
	assert_int_equal(client_limits_count(), 0);
}

static void few_in_all(void)
{
	host.now->snapshot.settings.limits.sessions = 8;
}

/* Who does nothing makes room when it is scarce, who works does not. */
static void who_is_idle_makes_room(void **state)
{
	struct peer_end *idle[6], *last;

	begin(few_in_all);
	say(EHLO MAIL RCPT "BDAT 4 LAST\r\n\r\nhi");
	for (int i = 0; i < 6; i++)
		idle[i] = peer_connect(HOST_LISTENER, "192.0.2.2");
	host_settle();
	host_pass(11 * SECOND);
	last = peer_connect(HOST_LISTENER, "192.0.2.3");
	host_settle();
	assert_int_equal(last_reply(last).code, 220);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(last_reply(idle[i]).code, 421);
		leave(idle[i]);
	}
	assert_int_equal(last_reply(peer).code, 250);
	leave(last);
	end();
}

static void useless_commands_come_to_an_end(void **state)
{
	begin(NULL);
	for (int i = 0; i < 20; i++)
		say("NOOP\r\n");
	assert_int_equal(last_reply(peer).code, 250);
	say("NOOP\r\nNOOP\r\n");
	assert_int_equal(last_reply(peer).code, 421);
	assert_true(peer_is_left(peer));
	end();
}

static void passwords_are_wrong(void)
{
	host.says[GW_HOOK_auth].verdict = GW_REJECT;
}

static void guessing_comes_to_an_end(void **state)
{
	begin(passwords_are_wrong);
	say(EHLO);
	for (int i = 0; i < 3; i++) {
		assert_false(peer_is_left(peer));
		say("AUTH PLAIN AHVzZXIAc2VzYW1l\r\n");
	}
	assert_int_equal(last_reply(peer).code, 421);
	assert_true(peer_is_left(peer));
	end();
}

/* --- memory --- */

static void send_many(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		say(MAIL RCPT "DATA\r\n");
		say("Subject: x\r\n\r\nhello\r\n.\r\n");
		say(MAIL RCPT "RSET\r\n");
		host_rest();
		host.told_count = host.checked_count = host.delivered_count = 0;
		peer_forget_heard(peer);
	}
}

static void a_long_session_does_not_grow(void **state)
{
	begin(NULL);
	say(EHLO);
	send_many(50);
	size_t before = mallinfo2().uordblks;
	send_many(500);
	size_t after = mallinfo2().uordblks;
	assert_int_equal(after, before);
	end();
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_state_has_its_time),
		TEST(a_message_that_trickles_in_ends),
		TEST(a_message_has_an_end),
		TEST(a_slow_disk_costs_the_client_nothing),
		TEST(a_session_grows_old),
		TEST(an_address_has_its_sessions_and_no_more),
		TEST(a_place_is_free_when_the_session_is),
		TEST(who_is_idle_makes_room),
		TEST(useless_commands_come_to_an_end),
		TEST(guessing_comes_to_an_end),
		TEST(a_long_session_does_not_grow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

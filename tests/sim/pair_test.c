/* Two clients at once share the disk and its failures, and nothing else. */
#include "script.h"

static const struct step one_message[] = {
	{ "EHLO client.example\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n",
	  { "250 |5", "250 2.1.0|4|5", "250 2.1.5|4|5", "354|4|5" },
	  .waits = true },
	{ "Subject: x\r\n\r\nhello\r\n.\r\n", { "250 2.0.0 Ok: queued|4|5" }, .after = 354 },
	{ "QUIT\r\n", { "221" }, .waits = true },
	{ 0 },
};

static void walk(void (*prepare)(void), enum disturbance disturbance,
		 void (*judge)(const struct client *clients))
{
	script_walk(&(struct script){ .steps = { one_message, one_message },
				      .prepare = prepare,
				      .disturbance = disturbance,
				      .judge = judge });
}

static void message_waits(void)
{
	host.says[GW_HOOK_message].later = true;
}

/* What befalls the first is nothing to the second. */
static void second_has_all(const struct client *clients)
{
	struct reply replies[8];

	assert_int_equal(replies_of(clients[1].peer, replies, 8), 7);
	assert_int_equal(replies[5].code, 250);
}

static void both_get_through(void **state)
{
	walk(NULL, NOTHING, second_has_all);
	walk(message_waits, NOTHING, second_has_all);
}

static void one_is_gone(void **state)
{
	walk(NULL, CLIENT_RESETS, second_has_all);
	walk(message_waits, CLIENT_RESETS, second_has_all);
}

static void one_does_not_read(void **state)
{
	walk(NULL, CLIENT_CLOSES, second_has_all);
}

static void the_disk_fails_for_both(void **state)
{
	walk(NULL, SYNC_FAILS, NULL);
	walk(NULL, DISK_FULL, NULL);
}

static void all_ends_for_both(void **state)
{
	walk(NULL, SHUTDOWN, NULL);
	walk(NULL, RESTART, NULL);
}

static void the_second_sees_the_new_configuration(void **state)
{
	walk(NULL, RELOAD, second_has_all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		script_test(both_get_through),  script_test(one_is_gone),
		script_test(one_does_not_read), script_test(the_disk_fails_for_both),
		script_test(all_ends_for_both), script_test(the_second_sees_the_new_configuration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

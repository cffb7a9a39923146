/* Messages of many extents, on a disk that takes its time, fails or is full: what is written ahead
 * is given back when no message comes of it. */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>

#define PIECE 3000 /* octets that the client says at a time; an extent has 4096 */

/* "Subject: x", then lines of x; made once. */
static char first[PIECE + 1], more[PIECE + 1], last[PIECE + 16], spoilt[PIECE + 16];

static void fill(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		text[i] = i % 60 == 58 ? '\r' : i % 60 == 59 ? '\n' : 'x';
	text[len] = '\0';
}

static void make_pieces(void)
{
	fill(first, PIECE);
	memcpy(first, "Subject: x\r\n\r\n", 14);
	fill(more, PIECE);
	fill(last, PIECE);
	strcpy(spoilt, last);
	spoilt[100] = '\n'; /* alone */
	strcat(last, ".\r\n");
	strcat(spoilt, ".\r\n");
}

#define BEGIN                                                                                      \
	{                                                                                          \
		"EHLO client.example\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\n", \
			{ "250 |5", "250 2.1.0|4|5", "250 2.1.5|4|5" }, .waits = true              \
	}
#define QUIT                                                                                       \
	{                                                                                          \
		"QUIT\r\n",                                                                        \
		{                                                                                  \
			"221"                                                                      \
		}                                                                                  \
	}

static const struct step data[] = {
	BEGIN,
	{ "DATA\r\n", { "354|5" }, .waits = true },
	{ first, .after = 354 },
	{ more },
	{ more },
	{ more },
	{ last, { "250 2.0.0 Ok: queued|4|5" } },
	QUIT,
	{ 0 },
};

static const struct step spoilt_data[] = {
	BEGIN,
	{ "DATA\r\n", { "354|5" }, .waits = true },
	{ first, .after = 354 },
	{ more },
	{ more },
	{ spoilt, { "554 5.6.0 a bare|552|4" } },
	QUIT,
	{ 0 },
};

static const struct step chunks[] = {
	BEGIN,
	{ "BDAT 6000\r\n" },
	{ first },
	{ more, { "250 2.0.0 chunk|4|5" } },
	{ "BDAT 6000 LAST\r\n" },
	{ more },
	{ more, { "250 2.0.0 Ok: queued|4|5" } },
	QUIT,
	{ 0 },
};

/* Begun, and given up by the client itself. */
static const struct step given_up[] = {
	BEGIN,
	{ "BDAT 6000\r\n" },
	{ first },
	{ more, { "250 2.0.0 chunk|4|5" } },
	{ "RSET\r\n", { "250 2.0.0 forgotten" } },
	{ "MAIL FROM:<c@example.com>\r\n", { "250 2.1.0|4|5" } },
	QUIT,
	{ 0 },
};

static const struct step *const dialogues[] = { data, spoilt_data, chunks, given_up };

static void message_waits(void)
{
	host.says[GW_HOOK_message].later = true;
}

static void message_is_refused(void)
{
	message_waits();
	host.says[GW_HOOK_message].verdict = GW_REJECT;
}

static void is_long_on_its_way(void)
{
	host.delivers_later = true;
}

static void is_too_big(void)
{
	host.now->snapshot.settings.limits.message_size = 3 * PIECE;
}

static void walk(void (*prepare)(void), enum disturbance disturbance)
{
	for (size_t i = 0; i < sizeof(dialogues) / sizeof(dialogues[0]); i++)
		script_walk(&(struct script){ .steps = { dialogues[i] },
					      .prepare = prepare,
					      .disturbance = disturbance });
}

static int begin(void **state)
{
	make_pieces();
	return script_setup(state);
}

static void the_disk_takes_its_time(void **state)
{
	walk(NULL, NOTHING);
	walk(message_waits, NOTHING);
	walk(message_is_refused, NOTHING);
}

static void too_much_is_said(void **state)
{
	walk(is_too_big, NOTHING);
	walk(is_too_big, CLIENT_RESETS);
}

static void the_client_is_gone_in_the_middle(void **state)
{
	walk(NULL, CLIENT_RESETS);
	walk(NULL, CLIENT_CLOSES);
	walk(message_waits, CLIENT_RESETS);
}

static void the_client_stops_in_the_middle(void **state)
{
	walk(NULL, CLIENT_SILENT);
}

static void the_disk_fails_in_the_middle(void **state)
{
	walk(NULL, SYNC_FAILS);
	walk(NULL, DISK_FULL);
	walk(message_waits, SYNC_FAILS);
}

static void the_gateway_ends_in_the_middle(void **state)
{
	walk(NULL, SHUTDOWN);
	walk(NULL, RESTART);
	walk(message_waits, RESTART);
	walk(is_long_on_its_way, RESTART);
}

static void the_configuration_is_another_in_the_middle(void **state)
{
	walk(NULL, RELOAD);
	walk(message_waits, RELOAD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, script_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_disk_takes_its_time),
		TEST(too_much_is_said),
		TEST(the_client_is_gone_in_the_middle),
		TEST(the_client_stops_in_the_middle),
		TEST(the_disk_fails_in_the_middle),
		TEST(the_gateway_ends_in_the_middle),
		TEST(the_configuration_is_another_in_the_middle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

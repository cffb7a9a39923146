/* A client's dialogue with everything that may come between: in each order each command gets its
 * reply, a 250 is true, and nothing stays behind. */
#include "script.h"

#define EHLO                                                                                       \
	"EHLO client.example\r\n",                                                                 \
	{                                                                                          \
		"250 |4|5"                                                                         \
	}
#define MAIL                                                                                       \
	"MAIL FROM:<a@example.com>\r\n",                                                           \
	{                                                                                          \
		"250 2.1.0|4|5"                                                                    \
	}
#define RCPT                                                                                       \
	"RCPT TO:<b@example.net>\r\n",                                                             \
	{                                                                                          \
		"250 2.1.5|4|5"                                                                    \
	}
#define BODY                                                                                       \
	"Subject: x\r\n\r\nhello\r\n.\r\n",                                                        \
	{                                                                                          \
		"250 2.0.0 Ok: queued|4|5"                                                         \
	}

/* As a client without PIPELINING speaks. */
static const struct step lock_step[] = {
	{ EHLO, .waits = true },
	{ MAIL, .waits = true },
	{ RCPT, .waits = true },
	{ "DATA\r\n", { "354|5" }, .waits = true },
	{ BODY, .after = 354 },
	{ "QUIT\r\n", { "221" }, .waits = true },
	{ 0 },
};

/* As one with it. */
static const struct step pipelined[] = {
	{ EHLO, .waits = true },
	{ "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n",
	  { "250 2.1.0|4|5", "250 2.1.5|4|5", "354|4|5" } },
	{ BODY, .after = 354 },
	{ "QUIT\r\n", { "221" } },
	{ 0 },
};

/* Two messages by BDAT, the first in two chunks, cut where no line ends; nothing is waited for. */
static const struct step chunks[] = {
	{ EHLO, .waits = true },
	{ "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nBDAT 9\r\nSubj",
	  { "250 2.1.0|4|5", "250 2.1.5|4|5" } },
	{ "ect: BDAT 8 LAST\r\nx\r\n\r\nhi!MAIL FROM:<a@exam",
	  { "250 2.0.0 chunk|4|5", "250 2.0.0 Ok: queued|4|5" } },
	{ "ple.com>\r\nRCPT TO:<b@example.net>\r\nBDAT 6 LAST\r\n\r\nhi\r\nQUIT\r\n",
	  { "250 2.1.0|4|5", "250 2.1.5|4|5", "250 2.0.0 Ok: queued|4|5", "221" } },
	{ 0 },
};

/* What ends a transaction, behind commands that wait: what comes next begins another. */
#define BEGINS "250 2.1.0|4|55|503 5.7.1|503 5.5.1 say"

static const struct step resets[] = {
	{ EHLO, .waits = true },
	{ "MAIL FROM:<a@example.com>\r\nRSET\r\nMAIL FROM:<c@example.com>\r\n",
	  { BEGINS, "250 2.0.0 forgotten|5", BEGINS } },
	{ "RCPT TO:<b@example.net>\r\nEHLO again.example\r\nMAIL FROM:<d@example.com>\r\n",
	  { "250 2.1.5|4|5", "250 |4|5", BEGINS } },
	{ "QUIT\r\n", { "221" } },
	{ 0 },
};

static const struct step tls[] = {
	{ EHLO, .waits = true },
	{ "MAIL FROM:<a@example.com>\r\n", { "250 2.1.0|4|5" }, .waits = true },
	{ "STARTTLS\r\n", { "220 2.0.0|5" }, .waits = true },
	{ .secret = true, .after = 220 },
	{ EHLO, .waits = true },
	{ MAIL, .waits = true },
	{ RCPT },
	{ "QUIT\r\n", { "221" } },
	{ 0 },
};

static const struct step auth[] = {
	{ EHLO, .waits = true },
	{ "AUTH PLAIN\r\n", { "334|5" }, .waits = true },
	{ "AHVzZXIAc2VzYW1l\r\n", { "235|4|5" }, .after = 334 },
	{ MAIL },
	{ RCPT },
	{ "DATA\r\n", { "354|4|5" } },
	{ BODY, .after = 354 },
	{ "QUIT\r\n", { "221" } },
	{ 0 },
};

/* Nothing is waited for, not even the greeting. */
static const struct step blind[] = {
	{ "EHLO client.example\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\n",
	  { "250 |4|5", "250 2.1.0|4|5", "250 2.1.5|4|5" } },
	{ "BDAT 4 LAST\r\n\r\nhiNOOP\r\n", { "250 2.0.0 Ok: queued|4|5", "250 2.0.0|5" } },
	{ 0 },
};

static const struct step *const dialogues[] = { lock_step, pipelined, chunks, resets, tls, auth };
#define DIALOGUES (sizeof(dialogues) / sizeof(dialogues[0]))

/* --- what the module says --- */

static enum gw_hook hook;

static void at_once(void)
{
	host.listener.clear_login = true;
}

static void one_is_held(void)
{
	at_once();
	host.says[hook].later = true;
}

static void one_is_on_the_pool(void)
{
	at_once();
	host.says[hook].on_pool = true;
}

static void one_cannot_be_called_back(void)
{
	one_is_on_the_pool();
	host.says[hook].begun = true;
}

static void one_is_rejected_later(void)
{
	one_is_held();
	host.says[hook].verdict = GW_REJECT;
}

static const enum gw_hook hooks[] = { GW_HOOK_connect, GW_HOOK_ehlo, GW_HOOK_auth,
				      GW_HOOK_mail,    GW_HOOK_rcpt, GW_HOOK_message };
#define HOOKS_HERE (sizeof(hooks) / sizeof(hooks[0]))

static void walk(void (*prepare)(void), enum disturbance disturbance)
{
	for (size_t i = 0; i < DIALOGUES; i++)
		script_walk(&(struct script){

			.steps = { dialogues[i] },
			.prepare = prepare,
			.disturbance = disturbance });
}

static void walk_hooks(void (*prepare)(void), enum disturbance disturbance)
{
	for (size_t i = 0; i < HOOKS_HERE; i++) {
		hook = hooks[i];
		walk(prepare, disturbance);
	}
}

/* --- the tests --- */

static void an_answer_comes_at_any_time(void **state)
{
	walk(at_once, NOTHING);
	walk_hooks(one_is_held, NOTHING);
	walk_hooks(one_is_on_the_pool, NOTHING);
}

static void a_refusal_comes_at_any_time(void **state)
{
	walk_hooks(one_is_rejected_later, NOTHING);
}

static void an_answer_comes_too_late(void **state)
{
	walk_hooks(one_is_held, ANSWER_LATE);
	walk_hooks(one_is_on_the_pool, ANSWER_LATE);
	walk_hooks(one_cannot_be_called_back, ANSWER_LATE);
}

static void the_client_is_gone_at_any_point(void **state)
{
	walk(at_once, CLIENT_RESETS);
	walk_hooks(one_is_held, CLIENT_RESETS);
	walk_hooks(one_is_on_the_pool, CLIENT_RESETS);
	walk_hooks(one_cannot_be_called_back, CLIENT_RESETS);
}

/* All that it had said is answered. */
/* It never read a reply, and is noticed to be gone at once. */
static void the_client_is_gone_with_replies_on_their_way(void **state)
{
	for (size_t i = 0; i < HOOKS_HERE; i++) {
		hook = hooks[i];
		script_walk(&(struct script){ .steps = { blind },
					      .deaf = true,
					      .prepare = one_is_held,
					      .disturbance = CLIENT_RESETS });
	}
}

static void the_client_closes_its_side_at_any_point(void **state)
{
	walk(at_once, CLIENT_CLOSES);
	walk_hooks(one_is_held, CLIENT_CLOSES);
	walk_hooks(one_is_on_the_pool, CLIENT_CLOSES);
	walk_hooks(one_cannot_be_called_back, CLIENT_CLOSES);
}

static void the_client_reads_nothing_for_a_while(void **state)
{
	walk(at_once, CLIENT_DEAF);
	walk_hooks(one_is_held, CLIENT_DEAF);
}

static void the_client_is_silent_at_any_point(void **state)
{
	walk(at_once, CLIENT_SILENT);
	walk_hooks(one_is_held, CLIENT_SILENT);
}

static void the_gateway_stops_at_any_point(void **state)
{
	walk(at_once, SHUTDOWN);
	walk_hooks(one_is_held, SHUTDOWN);
	walk_hooks(one_is_on_the_pool, SHUTDOWN);
	walk_hooks(one_cannot_be_called_back, SHUTDOWN);
}

static void the_gateway_is_started_again_at_any_point(void **state)
{
	walk(at_once, RESTART);
	walk_hooks(one_is_held, RESTART);
	walk_hooks(one_is_on_the_pool, RESTART);
	walk_hooks(one_cannot_be_called_back, RESTART);
}

static void the_disk_fails_at_any_point(void **state)
{
	walk(at_once, SYNC_FAILS);
	walk(at_once, DISK_FULL);
	hook = GW_HOOK_message;
	walk(one_is_held, SYNC_FAILS);
	walk(one_is_held, DISK_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		script_test(an_answer_comes_at_any_time),
		script_test(a_refusal_comes_at_any_time),
		script_test(an_answer_comes_too_late),
		script_test(the_client_is_gone_at_any_point),
		script_test(the_client_is_gone_with_replies_on_their_way),
		script_test(the_client_closes_its_side_at_any_point),
		script_test(the_client_reads_nothing_for_a_while),
		script_test(the_client_is_silent_at_any_point),
		script_test(the_gateway_stops_at_any_point),
		script_test(the_gateway_is_started_again_at_any_point),
		script_test(the_disk_fails_at_any_point),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

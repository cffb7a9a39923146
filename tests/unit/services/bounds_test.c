/* What modules may hand in, and the words in which the rest is refused. */
#include "services/services.h"

#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#define STR(literal) ((struct gw_str)GW_STR(literal))
#define MAIL "Subject: x\r\n\r\nhi\r\n"

static const struct settings settings = { .limits = { .message_size = 4096, .recipients = 2 } };
static char much[8 << 20];

static void says(const char *given, const char *expected)
{
	if (!expected)
		assert_null(given);
	else
		assert_string_equal(given ? given : "nothing", expected);
}

static void submissions(void **state)
{
	static const struct gw_str one[] = { GW_STR("b@example.net") },
				   two[] = { GW_STR("b@example.net"), GW_STR("c@example.net") },
				   three[] = { GW_STR("b@example.net"), GW_STR("c@example.net"),
					       GW_STR("d@example.net") },
				   bad[] = { GW_STR("b@example.net\r\nDATA") },
				   none[] = { GW_STR("") }, huge[] = { { much, sizeof(much) } };
	static const char mailbox[] = "the sender is no mailbox",
			  rcpt[] = "a recipient is no mailbox",
			  bare[] = "a line ends with a CR or LF alone",
			  word[] = "a type is a word of up to 64 letters, digits, '.', '_' and '-'";
	static const struct {
		struct gw_str sender;
		struct gw_list rcpts;
		struct gw_str bytes, type;
		const char *expected;
	} rows[] = {
		{ STR("a@example.com"), { one, 1 }, STR(MAIL), STR(""), NULL },
		{ STR(""), { two, 2 }, STR(MAIL), STR("mass"), NULL },
		{ STR("a@example.com"), { NULL, 0 }, STR(MAIL), STR(""), "there is no recipient" },
		{ STR("a@example.com"),
		  { three, 3 },
		  STR(MAIL),
		  STR(""),
		  "there are more recipients than limits.recipients" },
		{ STR("a@example.com> SIZE=1"), { one, 1 }, STR(MAIL), STR(""), mailbox },
		{ STR("a@example.com\0"), { one, 1 }, STR(MAIL), STR(""), mailbox },
		{ { much, sizeof(much) }, { one, 1 }, STR(MAIL), STR(""), mailbox },
		{ STR(""), { bad, 1 }, STR(MAIL), STR(""), rcpt },
		{ STR(""), { none, 1 }, STR(MAIL), STR(""), rcpt },
		{ STR(""), { huge, 1 }, STR(MAIL), STR(""), rcpt },
		{ STR(""), { one, 1 }, STR(MAIL), STR("mass\r\n"), word },
		{ STR(""), { one, 1 }, STR(MAIL), { much, 65 }, word },
		{ STR(""), { one, 1 }, STR("Subject: x\n\nhi\n"), STR(""), bare },
		{ STR(""), { one, 1 }, STR("Subject: x\r\n\r\nhi\r"), STR(""), bare },
		{ STR(""),
		  { one, 1 },
		  STR("Subject: x\r\n\r\n\0\r\n"),
		  STR(""),
		  "the message has a NUL" },
		{ STR(""),
		  { one, 1 },
		  { much, 1500 },
		  STR(""),
		  "a line is longer than 998 octets" },
		{ STR(""),
		  { one, 1 },
		  { much, 4097 },
		  STR(""),
		  "the message is larger than limits.message_size" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gw_submission given = { sizeof(given), rows[i].sender, rows[i].rcpts,
					       rows[i].bytes, rows[i].type };
		says(bounds_submission(&given, &settings), rows[i].expected);
	}
}

static void identities(void **state)
{
	static const char name[] = "a client's name is up to 255 octets without control characters";
	static const struct {
		struct gw_str client, type, domains;
		const char *expected;
	} rows[] = {
		{ STR("crm-eu"), STR("mass"), STR("example.com example.net"), NULL },
		{ STR(""), STR(""), STR(""), NULL },
		{ STR("crm\r\nevent=done"), STR(""), STR(""), name },
		{ { much, 256 }, STR(""), STR(""), name },
		{ STR(""), STR("two words"), STR(""),
		  "a type is a word of up to 64 letters, digits, '.', '_' and '-'" },
		{ STR(""),
		  STR(""),
		  { much, 4097 },
		  "domains are up to 4096 octets without control characters" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		says(bounds_identity(&(struct gw_identity){ sizeof(struct gw_identity),
							    rows[i].client, rows[i].type,
							    rows[i].domains }),
		     rows[i].expected);
}

static void names(void **state)
{
	assert_true(bounds_name(STR("relay/mass-eu")));
	assert_true(bounds_name(gw_str_n(much, 255)));
	assert_false(bounds_name(gw_str_n(much, 256)));
	assert_false(bounds_name(STR("")));
	assert_false(bounds_name(STR("a\0b")));
}

/* A message's modules share what it may have; a configuration's size is the admin's. */
static void memory(void **state)
{
	struct arena arena;
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	struct gw_call call = { .snapshot = snapshot, .arena = &arena, .hook = GW_HOOK_message };
	const size_t most = ((size_t)64 << 20) + 4 * 4096;

	assert_non_null(snapshot);
	snapshot->settings.limits.message_size = 4096;
	arena_init(&arena, 0);
	assert_true(bounds_memory(&call, most));
	assert_false(bounds_memory(&call, most + 1));
	assert_false(bounds_memory(&call, SIZE_MAX));
	assert_non_null(arena_alloc(&arena, 1 << 20));
	assert_false(bounds_memory(&call, most));
	call.hook = GW_HOOKS;
	assert_true(bounds_memory(&call, most + 1));
	arena_finish(&arena);
	free(snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(submissions),
		cmocka_unit_test(identities),
		cmocka_unit_test(names),
		cmocka_unit_test(memory),
	};
	memset(much, 'x', sizeof(much));
	return cmocka_run_group_tests(tests, NULL, NULL);
}

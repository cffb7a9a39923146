/* Which sentence a reply gets, and which exit code its stage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "admin/diagnosis.h"

static const struct {
	enum stage stage;
	int code;
	uint8_t enhanced[3];
	const char *text, *part;
	int exit;
} rows[] = {
	{ STAGE_RESOLVE, 0, { 0 }, "Name or service not known", "knows no address", 10 },
	{ STAGE_CONNECT, 0, { 0 }, "Connection refused", "Nothing listens there", 11 },
	{ STAGE_CONNECT, 0, { 0 }, "no answer in time", "a firewall drops it", 11 },
	{ STAGE_GREETING, 0, { 0 }, "no answer in time", "implicit TLS", 12 },
	{ STAGE_GREETING, 554, { 5, 7, 1 }, "go away", "does not want to talk", 12 },
	{ STAGE_EHLO, 502, { 5, 5, 1 }, "what?", "does not answer as a mail server should", 13 },
	{ STAGE_TLS,
	  0,
	  { 0 },
	  "certificate verify failed: hostname mismatch",
	  "another host's",
	  14 },
	{ STAGE_TLS,
	  0,
	  { 0 },
	  "certificate verify failed: unable to get local issuer certificate",
	  "authority that this machine trusts",
	  14 },
	{ STAGE_AUTH,
	  535,
	  { 5, 7, 8 },
	  "Username and Password not accepted",
	  "does not take this user and password",
	  15 },
	{ STAGE_AUTH,
	  534,
	  { 5, 7, 9 },
	  "Application-specific password required",
	  "create an app password",
	  15 },
	{ STAGE_AUTH,
	  534,
	  { 5, 7, 14 },
	  "Please log in via your web browser",
	  "in a web browser first",
	  15 },
	{ STAGE_AUTH,
	  535,
	  { 5, 7, 139 },
	  "Authentication unsuccessful",
	  "has switched off logins",
	  15 },
	{ STAGE_MAIL,
	  550,
	  { 5, 7, 30 },
	  "Basic authentication is not supported",
	  "has switched off logins",
	  16 },
	{ STAGE_MAIL,
	  530,
	  { 5, 7, 0 },
	  "Must issue a STARTTLS command first",
	  "wants TLS before anything",
	  16 },
	{ STAGE_MAIL, 530, { 5, 7, 57 }, "Client was not authenticated", "saw no login", 16 },
	{ STAGE_MAIL,
	  554,
	  { 5, 2, 252 },
	  "SendAsDenied; not allowed to send as",
	  "may not send as this sender",
	  16 },
	{ STAGE_MAIL,
	  554,
	  { 0 },
	  "Message rejected: Email address is not verified",
	  "may not send as this sender",
	  16 },
	{ STAGE_MAIL,
	  550,
	  { 5, 4, 5 },
	  "Daily user sending limit exceeded",
	  "used up what it may send today",
	  16 },
	{ STAGE_RCPT,
	  553,
	  { 0 },
	  "Relaying disallowed as x@example.com",
	  "may not send as this sender",
	  17 },
	{ STAGE_RCPT, 554, { 5, 7, 1 }, "Relay access denied", "does not relay for us", 17 },
	{ STAGE_RCPT, 550, { 5, 7, 1 }, "not here", "does not relay for us", 17 },
	{ STAGE_RCPT, 550, { 5, 1, 1 }, "no such user", "does not exist there", 17 },
	{ STAGE_RCPT, 550, { 5, 1, 10 }, "null MX", "is not taken now", 17 },
	{ STAGE_NONE, 0, { 0 }, "the gateway is stopping", "does not answer", 75 },
};

static void each_reply_has_its_sentence(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct outcome outcome = { .status = GW_DEFERRED, .stage = rows[i].stage };
		outcome.reply.code = rows[i].code;
		memcpy(outcome.reply.enhanced, rows[i].enhanced, 3);
		outcome.reply.text = gw_str(rows[i].text);
		if (!strstr(diagnose(&outcome), rows[i].part))
			fail_msg("%s: %s", rows[i].text, diagnose(&outcome));
		assert_int_equal(diagnosis_code(&outcome), rows[i].exit);
	}
}

static void well_is_nought(void **state)
{
	struct outcome outcome = { .status = GW_DELIVERED, .stage = STAGE_RCPT };

	assert_string_equal(diagnose(&outcome), "All is well.");
	assert_int_equal(diagnosis_code(&outcome), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_reply_has_its_sentence),
					    cmocka_unit_test(well_is_nought) };
	return cmocka_run_group_tests_name("diagnosis", tests, NULL, NULL);
}

/* Reports, as a mail program reads them (dsn_check.py), for every kind of outcome, and against
 * hostile words. */
#include "base/id.h"
#include "deliver/dsn.h"
#include "smtp/command.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define ORIGINAL                                                                                   \
	"From: a@sender.example\r\nSubject: The offer\r\nMessage-ID: <1@sender.example>\r\n\r\nthe body\r\n"

struct report {
	const char *name;
	enum dsn_action action;
	const char *original;
	unsigned ret;
	bool smtputf8, eight_bit;
	const char *rcpt, *orcpt, *envid;
	enum gw_status status;
	enum stage stage;
	int code;
	const char *enhanced, *text, *host;
	const char *checks[8]; /* arguments of dsn_check.py */
};

static const struct report reports[] = {
	{ .name = "refused for good",
	  .action = DSN_FAILED,
	  .status = GW_BOUNCED,
	  .stage = STAGE_RCPT,
	  .code = 550,
	  .enhanced = "5.1.1",
	  .text = "no such user",
	  .host = "mx.example.net [192.0.2.7]:25",
	  .checks = { "Status=5.1.1", "Action=failed", "Final-Recipient=rfc822; to@rcpt.example",
		      "Remote-MTA=dns; mx.example.net",
		      "Diagnostic-Code=smtp; 550 5.1.1 no such user", "human=Check the address",
		      "original=text/rfc822-headers",
		      "subject=Delivery failure: to@rcpt.example" } },
	{ .name = "thread",
	  .action = DSN_FAILED,
	  .status = GW_BOUNCED,
	  .checks = { "references=<1@sender.example>", "to=from@sender.example", "human=The offer",
		      "lacks=the body" } },
	{ .name = "whole message",
	  .action = DSN_FAILED,
	  .status = GW_BOUNCED,
	  .ret = SMTP_RET_FULL,
	  .checks = { "original=message/rfc822", "contains=the body" } },
	{ .name = "whole message only for failures",
	  .action = DSN_DELAYED,
	  .status = GW_DEFERRED,
	  .ret = SMTP_RET_FULL,
	  .checks = { "original=text/rfc822-headers", "Action=delayed" } },
	{ .name = "8-bit is not returned whole",
	  .action = DSN_FAILED,
	  .status = GW_BOUNCED,
	  .ret = SMTP_RET_FULL,
	  .eight_bit = true,
	  .original = "Subject: \303\244\r\n\r\n\303\244\r\n",
	  .checks = { "original=text/rfc822-headers", "contains=Subject: ?" } },
	{ .name = "8-bit with SMTPUTF8",
	  .action = DSN_FAILED,
	  .status = GW_BOUNCED,
	  .ret = SMTP_RET_FULL,
	  .eight_bit = true,
	  .smtputf8 = true,
	  .original = "Subject: \303\244\r\n\r\n\303\244\r\n",
	  .checks = { "utf8=yes", "original=message/global" } },
	{ .name = "no reply",
	  .action = DSN_FAILED,
	  .status = GW_DEFERRED,
	  .stage = STAGE_CONNECT,
	  .text = "Connection refused",
	  .host = "mx [192.0.2.1]:25",
	  .checks = { "Status=4.4.1", "Diagnostic-Code=x-gateway; Connection refused",
		      "human=Connection refused", "human2=Send the message again later" } },
	{ .name = "late",
	  .action = DSN_DELAYED,
	  .status = GW_DEFERRED,
	  .stage = STAGE_RCPT,
	  .code = 450,
	  .enhanced = "4.2.0",
	  .text = "later",
	  .checks = { "Action=delayed", "Status=4.2.0", "human=goes on trying",
		      "contains=Will-Retry-Until: ",
		      "subject=Delivery delayed: to@rcpt.example" } },
	{ .name = "success",
	  .action = DSN_DELIVERED,
	  .status = GW_DELIVERED,
	  .stage = STAGE_DOT,
	  .code = 250,
	  .text = "kept",
	  .checks = { "Action=delivered", "Status=2.0.0" } },
	{ .name = "handed on",
	  .action = DSN_RELAYED,
	  .status = GW_DELIVERED,
	  .stage = STAGE_DOT,
	  .code = 250,
	  .text = "kept",
	  .checks = { "Action=relayed" } },
	{ .name = "ORCPT and ENVID",
	  .action = DSN_FAILED,
	  .status = GW_BOUNCED,
	  .orcpt = "rfc822;J+2BX@rcpt.example",
	  .envid = "QQ+2B1",
	  .checks = { "Original-Recipient=rfc822; J+X@rcpt.example", "envid=QQ+1" } },
	{ .name = "blanks in a quoted local part",
	  .action = DSN_FAILED,
	  .status = GW_BOUNCED,
	  .rcpt = "\"a  b\"@rcpt.example",
	  .orcpt = "rfc822;\"a+20+20b\"@rcpt.example",
	  .checks = { "contains=Final-Recipient: rfc822; \"a  b\"@rcpt.example",
		      "contains=Original-Recipient: rfc822; \"a  b\"@rcpt.example" } },
	{ .name = "ENVID that breaks lines",
	  .action = DSN_FAILED,
	  .status = GW_BOUNCED,
	  .envid = "a+0D+0ABcc:+20x@y",
	  .checks = { "lacks=\r\nBcc" } },
	{ .name = "malformed ORCPT",
	  .action = DSN_FAILED,
	  .status = GW_BOUNCED,
	  .orcpt = "rfc\r\nX: y",
	  .checks = { "lacks=X: y" } },
	{ .name = "UTF-8 recipient",
	  .action = DSN_FAILED,
	  .status = GW_BOUNCED,
	  .rcpt = "j\303\244n@x.example",
	  .checks = { "Final-Recipient=utf-8; j\\x{E4}n@x.example",
		      "subject=Delivery failure: j?n@x.example" } },
	{ .name = "UTF-8 recipient, SMTPUTF8",
	  .action = DSN_FAILED,
	  .status = GW_BOUNCED,
	  .rcpt = "j\303\244n@x.example",
	  .smtputf8 = true,
	  .checks = { "utf8=yes", "Final-Recipient=utf-8; j\303\244n@x.example",
		      "subject=Delivery failure: j\303\244n@x.example" } },
	{ .name = "words in several lines",
	  .action = DSN_FAILED,
	  .status = GW_BOUNCED,
	  .code = 550,
	  .enhanced = "5.7.1",
	  .text = "refused by\npolicy",
	  .checks = { "Diagnostic-Code=smtp; 550 5.7.1 refused by policy" } },
	{ .name = "hostile words",
	  .action = DSN_FAILED,
	  .status = GW_BOUNCED,
	  .code = 550,
	  .text = "x\r\n\r\nAction: delivered\r\n.\r\n--=_report_\001\177\377\r\nBcc: a@b",
	  .checks = { "Action=failed", "lacks=\r\nBcc" } },
	{ .name = "hostile header",
	  .action = DSN_FAILED,
	  .status = GW_BOUNCED,
	  .original = "Message-ID: <a b@c>\r\nX: \001\002\377\r\nSubject: a\r\n b\rc\r\n\r\n",
	  .checks = { "references=None", "parts=3" } },
	{ .name = "its own boundary",
	  .action = DSN_FAILED,
	  .status = GW_BOUNCED,
	  .ret = SMTP_RET_FULL,
	  .original = "a: b\r\n\r\n--=_report_00000000000ZZ_0--\r\n",
	  .checks = { "parts=3", "original=message/rfc822" } },
	{ .name = "no header",
	  .action = DSN_FAILED,
	  .status = GW_BOUNCED,
	  .original = "",
	  .checks = { "parts=3" } },
};

static struct gw_str text_or(const char *text, const char *otherwise)
{
	return gw_str(text ? text : otherwise);
}

static void check_report(struct gw_str report, const char *name, const char *const *checks,
			 size_t count)
{
	char command[8192];
	size_t len, i;
	FILE *pipe;

	len = (size_t)snprintf(command, sizeof command,
			       "/usr/bin/python3 '" TEST_FOLDER "/dsn_check.py'");
	for (i = 0; i < count && checks[i]; i++)
		len += (size_t)snprintf(command + len, sizeof command - len, " '%s'", checks[i]);
	pipe = popen(command, "w");
	assert_non_null(pipe);
	assert_int_equal(fwrite(report.ptr, 1, report.len, pipe), report.len);
	if (pclose(pipe) != 0)
		fail_msg("%s:\n%.*s", name, (int)report.len, report.ptr);
}

static void init_message(struct gw_message *message, const char *original)
{
	memset(message, 0, sizeof *message);
	arena_init(&message->arena, 0);
	message->sender = gw_str("from@sender.example");
	message->received_at = 1795452012000;
	message->content.tail = gw_str(original);
	message->content.size = strlen(original);
}

static void write_report(const struct report *report)
{
	struct gw_message message;
	struct gw_rcpt rcpt = { .message = &message };
	struct dsn_rcpt to = { .rcpt = &rcpt };
	struct dsn dsn = { .action = report->action,
			   .hostname = gw_str("gateway.example"),
			   .message = &message,
			   .rcpts = &to,
			   .count = 1,
			   .now = 1795455612000,
			   .id = id_parse(gw_str("00000000000ZZ")),
			   .will_retry_until = 1795555612000,
			   .max_return = 1 << 20 };
	struct buf out;

	init_message(&message, report->original ? report->original : ORIGINAL);
	message.smtputf8 = dsn.utf8 = report->smtputf8;
	message.eight_bit = report->eight_bit;
	message.ret = report->ret;
	message.envid = text_or(report->envid, "");
	rcpt.address = text_or(report->rcpt, "to@rcpt.example");
	rcpt.orcpt = text_or(report->orcpt, "");
	outcome_set(&to.outcome, &message.arena, report->status, report->stage, false, report->code,
		    report->enhanced, text_or(report->text, ""), text_or(report->host, ""));
	buf_init(&out, 0);
	assert_int_equal(dsn_write(&dsn, &out), 0);
	check_report(buf_str(&out), report->name, report->checks, 8);
	buf_finish(&out);
	arena_finish(&message.arena);
}

static void every_report_reads_as_it_should(void **state)
{
	size_t i;
	for (i = 0; i < sizeof reports / sizeof *reports; i++)
		write_report(&reports[i]);
}

/* A thousand recipients: a hundred for people, all for programs. */
static void many_recipients_are_bounded_for_people(void **state)
{
	static const char *const checks[] = { "groups=1000", "human=and 900 more",
					      "subject=Delivery failure: 1000 recipients" };
	struct gw_message message;
	struct gw_rcpt rcpt = { .message = &message, .address = gw_str("to@rcpt.example") };
	struct dsn_rcpt *to = calloc(1000, sizeof *to);
	struct dsn dsn = { .action = DSN_FAILED,
			   .hostname = gw_str("gateway.example"),
			   .message = &message,
			   .rcpts = to,
			   .count = 1000,
			   .id = 1 };
	struct buf out;
	size_t i;

	init_message(&message, ORIGINAL);
	for (i = 0; i < 1000; i++) {
		to[i].rcpt = &rcpt;
		outcome_set(&to[i].outcome, &message.arena, GW_BOUNCED, STAGE_RCPT, false, 550,
			    "5.1.1", gw_str("no"), gw_str("mx"));
	}
	buf_init(&out, 0);
	assert_int_equal(dsn_write(&dsn, &out), 0);
	check_report(buf_str(&out), "many", checks, 3);
	buf_finish(&out);
	arena_finish(&message.arena);
	free(to);
}

/* Sixteen kilobytes without a blank, and a header field of a megabyte. */
static void long_words_and_fields_are_broken(void **state)
{
	static const char *const checks[] = { "parts=3", "groups=1" };
	size_t len = 1 << 20;
	char *original = malloc(len + 32), *words = malloc(16385);
	struct report report = {
		.name = "long", .action = DSN_FAILED, .status = GW_BOUNCED, .code = 550
	};
	memset(original, 'x', len);
	memcpy(original, "Subject: ", 9);
	strcpy(original + len, "\r\n\r\n");
	memset(words, 'w', 16384);
	words[16384] = 0;
	report.original = original;
	report.text = words;
	memcpy(report.checks, checks, sizeof checks);
	write_report(&report);
	free(original);
	free(words);
}

static void notify_is_heeded(void **state)
{
	static const struct {
		unsigned notify;
		bool failed, delayed, delivered;
	} cases[] = {
		{ 0, true, true, false },
		{ SMTP_NOTIFY_NEVER, false, false, false },
		{ SMTP_NOTIFY_SUCCESS, false, false, true },
		{ SMTP_NOTIFY_FAILURE, true, false, false },
		{ SMTP_NOTIFY_DELAY | SMTP_NOTIFY_SUCCESS, false, true, true },
	};
	size_t i;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct gw_rcpt rcpt = { .notify = cases[i].notify };
		assert_int_equal(dsn_wanted(&rcpt, DSN_FAILED), cases[i].failed);
		assert_int_equal(dsn_wanted(&rcpt, DSN_DELAYED), cases[i].delayed);
		assert_int_equal(dsn_wanted(&rcpt, DSN_DELIVERED), cases[i].delivered);
		assert_int_equal(dsn_wanted(&rcpt, DSN_RELAYED), cases[i].delivered);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_report_reads_as_it_should),
		cmocka_unit_test(many_recipients_are_bounded_for_people),
		cmocka_unit_test(long_words_and_fields_are_broken),
		cmocka_unit_test(notify_is_heeded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

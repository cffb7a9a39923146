/* A command line, and its arguments as those of MAIL, RCPT and BDAT: the first byte chooses what is
 * offered. */
#include "fuzz.h"
#include "smtp/command.h"

static void check_mail(struct gw_str args, unsigned offered)
{
	struct smtp_mail mail;

	if (smtp_mail_parse(args, offered, &mail) != SMTP_OK)
		return;
	must_lie_in(mail.path.whole, args);
	must(mail.path.whole.len <= ADDRESS_MAX);
	must(mail.size == -1 || (mail.size >= 0 && (offered & SMTP_HAS_SIZE)));
	must(!mail.smtputf8 || (offered & SMTP_HAS_SMTPUTF8));
	must(!mail.requiretls || (offered & SMTP_HAS_REQUIRETLS));
	must(mail.body != SMTP_BODY_BINARYMIME || (offered & SMTP_HAS_BINARYMIME));
	must(mail.ret == SMTP_RET_NONE || (offered & SMTP_HAS_DSN));
	must(mail.envid.len <= 100);
	if (mail.envid.len > 0)
		must_lie_in(mail.envid, args);
	if (mail.auth.len > 0)
		must_lie_in(mail.auth, args);
}

static void check_rcpt(struct gw_str args, unsigned offered, bool utf8)
{
	struct smtp_rcpt rcpt;

	if (smtp_rcpt_parse(args, offered, utf8, &rcpt) != SMTP_OK)
		return;
	must_lie_in(rcpt.path.whole, args);
	must(rcpt.path.whole.len > 0 && rcpt.path.whole.len <= ADDRESS_MAX);
	must(rcpt.notify == 0 || (offered & SMTP_HAS_DSN));
	must(!(rcpt.notify & SMTP_NOTIFY_NEVER) || rcpt.notify == SMTP_NOTIFY_NEVER);
	if (rcpt.orcpt.len > 0)
		must_lie_in(rcpt.orcpt, args);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_str line = gw_str_n(data, size);
	unsigned offered = take_byte(&line);
	struct smtp_command command;
	uint64_t octets;
	bool last;

	if (size == 0 || !smtp_command_parse(line, &command))
		return 0;
	must_lie_in(command.name, line);
	must_lie_in(command.args, line);
	must(!gw_str_has_nul(line));
	must(command.verb <= SMTP_UNKNOWN);
	check_mail(command.args, offered & 0x7f);
	check_rcpt(command.args, offered & 0x7f, offered & 0x80);
	smtp_bdat_parse(command.args, &octets, &last);
	return 0;
}

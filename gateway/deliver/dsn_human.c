/* dsn_human.c - the part for people: what happened, why, in whose words, and what can be done. */
#include "base/arena.h"
#include "base/clock.h"
#include "deliver/dsn_private.h"

static const struct {
	const char *text;
	bool advice;
} intros[] = {
	[DSN_FAILED] = { "Your message could not be delivered to the recipients below. This is final: it is not tried again.",
			 true },
	[DSN_DELAYED] = { "Your message has not been delivered to the recipients below yet. The gateway goes on trying; you need not do "
			  "anything now, and need not send it again. If it has to give up, another report will say so.",
			  false },
	[DSN_DELIVERED] = { "Your message was delivered to the recipients below.", false },
	[DSN_RELAYED] = { "Your message was handed to the next server for the recipients below. That server sends no reports of success, "
			  "so no other will follow.",
			  false },
	[DSN_EXPANDED] = { "Your message was delivered to the lists below and goes on to their members.",
			   false },
};

/* The moment, as it is said behind the name of the next server. */
static const char *const moments[] = {
	[STAGE_NONE] = "before it was sent",
	[STAGE_RESOLVE] = "when its name was looked up",
	[STAGE_CONNECT] = "when it was called",
	[STAGE_GREETING] = "when it was to greet",
	[STAGE_EHLO] = "when it was greeted",
	[STAGE_TLS] = "when the connection was to be encrypted",
	[STAGE_AUTH] = "at the login",
	[STAGE_MAIL] = "when it was told the sender",
	[STAGE_RCPT] = "when it was told this recipient",
	[STAGE_DATA] = "when the message was announced",
	[STAGE_BODY] = "while the message was sent",
	[STAGE_DOT] = "after it had got the message",
	[STAGE_MODULE] = "in a rule of this gateway",
};

/* The next step, by RFC 3463 subject and detail; 0 stands for any. The first that fits. */
static const struct {
	uint8_t subject, detail;
	const char *text;
} advices[] = {
	{ 1, 8,
	  "The next server does not take your sender address: show this report to your administrator." },
	{ 1, 7,
	  "The next server does not take your sender address: show this report to your administrator." },
	{ 1, 0, "Check the address for typing mistakes, or ask the recipient for the right one." },
	{ 2, 2, "The mailbox is full. Try again later, or tell the recipient another way." },
	{ 2, 3, "Make the message smaller, or send a link instead of the attachment." },
	{ 3, 4, "Make the message smaller, or send a link instead of the attachment." },
	{ 2, 0, "The mailbox takes no mail at present. Tell the recipient another way." },
	{ 3, 0,
	  "The trouble is with a server, not with the address. Send the message again later." },
	{ 4, 0,
	  "The trouble is on the way, not with the address. Send the message again later; if that fails too, show this report to "
	  "your administrator." },
	{ 6, 7,
	  "The address or the text needs characters that the next server cannot take. Ask the recipient for another address." },
	{ 6, 0, "The next server cannot take this kind of content. Send it in another form." },
	{ 7, 0, "A rule refused the message. Show this report to your administrator." },
	{ 0, 0, "If the words above do not help, show this report to your administrator." },
};

static const char *advice_for(const uint8_t code[3])
{
	size_t i = 0;
	while ((advices[i].subject && advices[i].subject != code[1]) ||
	       (advices[i].detail && advices[i].detail != code[2]))
		i++;
	return advices[i].text;
}

static void said_by(const struct dsn *dsn, const struct outcome *outcome, struct buf *out)
{
	const char *first = outcome->reply.code ? "    Its answer: " : "    Why: ";
	struct buf said;

	buf_init(&said, 0);
	dsn_said(&said, outcome);
	if (buf_len(&said))
		dsn_wrap(out, first, "      ", buf_str(&said), dsn_utf8(dsn));
	out->failed = out->failed || said.failed;
	buf_finish(&said);
}

static void where(const struct outcome *outcome, struct buf *out)
{
	bool known = (size_t)outcome->stage < sizeof moments / sizeof *moments &&
		     outcome->status != GW_DELIVERED;
	struct buf text;

	buf_init(&text, 0);
	buf_add_str(&text, outcome->host);
	if (known && outcome->host.len)
		buf_add_text(&text, ", ");
	if (known)
		buf_add_text(&text, moments[outcome->stage]);
	if (buf_len(&text))
		dsn_wrap(out, "    Where: ", "      ", buf_str(&text), false);
	out->failed = out->failed || text.failed;
	buf_finish(&text);
}

static void describe(const struct dsn *dsn, const struct dsn_rcpt *rcpt, struct buf *out)
{
	const struct outcome *outcome = &rcpt->outcome;
	uint8_t code[3];

	buf_add_text(out, "\r\n");
	buf_add_text(out, "  ");
	dsn_clean(out, rcpt->rcpt->address, dsn_utf8(dsn));
	buf_add_text(out, "\r\n");
	where(outcome, out);
	said_by(dsn, outcome, out);
	outcome_enhanced(outcome, code);
	if (intros[dsn->action].advice)
		dsn_wrap(out, "    What to do: ", "      ", gw_str(advice_for(code)), false);
}

static void about(const struct dsn *dsn, const struct header_block *headers, struct buf *out)
{
	const struct header_field *subject = headers ? header_find(headers, gw_str("Subject"), 0)
						     : NULL;
	char date[CLOCK_RFC5322];
	struct gw_str text;

	if (subject) {
		text = subject->value;
		if (text.len > DSN_DIAGNOSTIC)
			text.len = DSN_DIAGNOSTIC;
		buf_add_text(out, "\r\n");
		dsn_wrap(out, "  Subject: ", "    ", text, dsn_utf8(dsn));
	}
	buf_printf(out, "%s  Received: %s\r\n", subject ? "" : "\r\n",
		   clock_rfc5322(dsn->message->received_at, date));
}

void dsn_human(const struct dsn *dsn, const struct header_block *headers, struct buf *out)
{
	size_t shown = dsn->count < DSN_HUMAN_RCPTS ? dsn->count : DSN_HUMAN_RCPTS, i;
	char until[CLOCK_RFC5322];

	dsn_wrap(out, "This is the mail gateway ", "  ", dsn->hostname, false);
	buf_add_text(out, "\r\n");
	dsn_wrap(out, "", "", gw_str(intros[dsn->action].text), false);
	if (dsn->action == DSN_DELAYED && dsn->will_retry_until)
		buf_printf(out, "It tries until %s.\r\n",
			   clock_rfc5322(dsn->will_retry_until, until));
	about(dsn, headers, out);
	for (i = 0; i < shown; i++)
		describe(dsn, &dsn->rcpts[i], out);
	if (shown < dsn->count)
		buf_printf(out,
			   "\r\n  ... and %zu more, which are listed in the attached report.\r\n",
			   dsn->count - shown);
}

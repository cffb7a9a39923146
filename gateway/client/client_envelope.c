/* client_envelope.c - MAIL and RCPT as this next hop takes them, and who cannot be reached over
 * this link. */
#include "client/client.h"
#include "smtp/command.h"

enum trait { TRAIT_8BIT = 1, TRAIT_CONTROL = 2, TRAIT_BLANK = 4 };

static unsigned traits(struct gw_str text)
{
	unsigned found = 0;
	size_t i;
	for (i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if (c >= 0x80)
			found |= TRAIT_8BIT;
		else if (c < 0x20 || c == 0x7f)
			found |= TRAIT_CONTROL;
		else if (c == ' ')
			found |= TRAIT_BLANK;
	}
	return found;
}

/* Parameters come from a spool that is ours, yet nothing may ever become a command of its own. */
static bool is_parameter(struct gw_str text)
{
	return text.len && traits(text) == 0;
}

/* --- who cannot be reached --- */

struct refusal {
	const char *enhanced, *why;
	bool here_only; /* another next hop may take it */
};
static const struct refusal no_8bit = {
	"5.6.3", "the message has 8-bit content, and the next hop does not offer 8BITMIME", true
};
static const struct refusal no_utf8 = {
	"5.6.7", "the message needs SMTPUTF8, and the next hop does not offer it", true
};
static const struct refusal too_big = { "5.3.4", "the message is larger than the next hop takes",
					true };
static const struct refusal no_requiretls = { "5.7.30", "REQUIRETLS support required", true };
static const struct refusal bad_sender = { "5.1.7", "the return path holds a control character",
					   false };
static const struct refusal bad_rcpt = { "5.1.3", "the address holds a control character", false };

/* Whether a message may go here that is to be in TLS all its way (RFC 8689 section 4.2.1): the next
 * hop's name is configured, and proven by its certificate, and it promises the same. The names that
 * MX records give are proven by DANE, or by the policy of the domain. */
static bool keeps_tls(const struct client *client)
{
	const struct link_level *level = &client->level;
	if (level->wish != LINK_TLS || client->proven <= TLS_CHECK_CHAIN)
		return false;
	if (client->attempt->relay->mx && client->proven != TLS_CHECK_DANE && !level->sts)
		return false;
	return stream_is_tls(client->stream) && (client->offers & OFFER_REQUIRETLS);
}

/* Clients say SMTPUTF8 wherever it is offered; a message needs it for its header or an address, not
 * its body. A header that cannot be read is taken at the client's word. */
static bool has_utf8_header(struct edits *edits)
{
	const struct gw_message *message = edits->message;
	struct header_field field;
	size_t nth;

	if (!message->smtputf8 || !message->eight_bit)
		return false;
	for (nth = 0; edits_header(edits, nth, &field); nth++)
		if (traits(field.whole) & TRAIT_8BIT)
			return true;
	return nth == 0;
}

/* A message that says 8BITMIME or SMTPUTF8 but has no such byte can go anywhere. */
static const struct refusal *message_refusal(const struct client *client)
{
	struct edits *edits = client->attempt->edits;
	const struct gw_message *message = edits->message;
	unsigned sender = traits(edits_sender(edits));

	if (sender & TRAIT_CONTROL)
		return &bad_sender;
	/* a report is not lost for it: section 5 */
	if (message->requiretls && edits_sender(edits).len && !keeps_tls(client))
		return &no_requiretls;
	if (!(client->offers & OFFER_SMTPUTF8) && ((sender & TRAIT_8BIT) || client->utf8_header))
		return &no_utf8;
	if (message->body == SMTP_BODY_BINARYMIME ||
	    (message->eight_bit && !(client->offers & OFFER_8BITMIME)))
		return &no_8bit;
	if (client->size_limit && edits_size(edits) > client->size_limit)
		return &too_big;
	return NULL;
}

static const struct refusal *rcpt_refusal(const struct client *client, const struct gw_rcpt *rcpt)
{
	unsigned found = traits(rcpt->address);
	if (found & TRAIT_CONTROL)
		return &bad_rcpt;
	return (found & TRAIT_8BIT) && !(client->offers & OFFER_SMTPUTF8) ? &no_utf8 : NULL;
}

static void refuse(struct client *client, const struct refusal *refusal, struct outcome *outcome)
{
	outcome_set(outcome, client->attempt->arena, GW_BOUNCED, STAGE_MAIL, false, 0,
		    refusal->enhanced, gw_str(refusal->why), client->host);
	outcome->unfit = refusal->here_only;
}

void client_check(struct client *client)
{
	struct attempt *attempt = client->attempt;
	const struct refusal *refusal;
	struct outcome outcome;
	size_t i;

	client->utf8_header = has_utf8_header(attempt->edits);
	refusal = message_refusal(client);
	if (refusal) {
		refuse(client, refusal, &outcome);
		attempt_finish(attempt, &outcome);
		return;
	}
	for (i = 0; i < attempt->count; i++) {
		refusal = rcpt_refusal(client, attempt->rcpts[i]);
		if (refusal && !attempt->outcomes[i].status)
			refuse(client, refusal, &attempt->outcomes[i]);
	}
}

/* --- commands --- */

static bool wants_utf8(const struct client *client, struct gw_str sender)
{
	const struct attempt *attempt = client->attempt;
	size_t i;
	if (client->utf8_header || (traits(sender) & TRAIT_8BIT))
		return true;
	for (i = 0; i < client->window_count; i++)
		if (traits(attempt->rcpts[client->window[i]]->address) & TRAIT_8BIT)
			return true;
	return false;
}

static void put_parameter(struct buf *out, const char *name, struct gw_str value)
{
	buf_add_text(out, name);
	buf_add_str(out, value);
}

static void put_mail_dsn(const struct gw_message *message, struct buf *out)
{
	if (message->ret != SMTP_RET_NONE)
		buf_add_text(out, message->ret == SMTP_RET_FULL ? " RET=FULL" : " RET=HDRS");
	if (is_parameter(message->envid))
		put_parameter(out, " ENVID=", message->envid);
}

void client_put_mail(struct client *client, struct buf *out)
{
	struct edits *edits = client->attempt->edits;
	const struct gw_message *message = edits->message;
	struct gw_str sender = edits_sender(edits);

	put_parameter(out, "MAIL FROM:<", sender);
	buf_add_text(out, ">");
	if (client->offers & OFFER_SIZE)
		buf_printf(out, " SIZE=%llu", (unsigned long long)edits_size(edits));
	if (message->eight_bit && (client->offers & OFFER_8BITMIME))
		buf_add_text(out, " BODY=8BITMIME");
	if ((client->offers & OFFER_SMTPUTF8) && wants_utf8(client, sender))
		buf_add_text(out, " SMTPUTF8");
	if (message->requiretls && (client->offers & OFFER_REQUIRETLS) &&
	    stream_is_tls(client->stream))
		buf_add_text(out, " REQUIRETLS");
	if (client->offers & OFFER_DSN)
		put_mail_dsn(message, out);
	buf_add_text(out, "\r\n");
}

static void put_notify(unsigned notify, struct buf *out)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {
		{ SMTP_NOTIFY_NEVER, "NEVER" },
		{ SMTP_NOTIFY_SUCCESS, "SUCCESS" },
		{ SMTP_NOTIFY_FAILURE, "FAILURE" },
		{ SMTP_NOTIFY_DELAY, "DELAY" },
	};
	const char *before = " NOTIFY=";
	size_t i;
	for (i = 0; i < sizeof words / sizeof *words; i++) {
		if (!(notify & words[i].bit))
			continue;
		buf_add_text(out, before);
		buf_add_text(out, words[i].word);
		before = ",";
	}
}

void client_put_rcpt(struct client *client, size_t nth, struct buf *out)
{
	const struct gw_rcpt *rcpt = client->attempt->rcpts[client->window[nth]];

	put_parameter(out, "RCPT TO:<", rcpt->address);
	buf_add_text(out, ">");
	if (client->offers & OFFER_DSN) {
		put_notify(rcpt->notify, out);
		if (is_parameter(rcpt->orcpt))
			put_parameter(out, " ORCPT=", rcpt->orcpt);
	}
	buf_add_text(out, "\r\n");
}

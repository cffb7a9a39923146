#include "classify.h"

#include "dsn.h"
#include "mail.h"
#include "notice.h"
#include "phrases.h"
#include "scrub.h"

#include <gateway/scrub.h>

#include <stdio.h>

/* All that is known while one mail is looked at. */
struct look {
	const struct gw_groups *rules;
	struct mail mail;
	struct notice notice;
	struct gw_str sender; /* whom the mail was sent to */
	char *subject;        /* of the mail it is about */
	struct findings *findings;
};

/* --- from words and codes to a reason --- */

static struct verdict judge(const struct gw_groups *rules, struct gw_str text, int code,
			    const char *status, const struct gw_str *own, size_t count)
{
	char copy[SCRUB_MAX];
	struct reply reply = { .code = code, .status = status };
	struct verdict verdict, closed;
	size_t i;

	reply.text = scrub_copy(text, copy);
	for (i = 0; i < count; i++)
		gw_scrub_address(copy, own[i]);
	verdict = rules_judge(rules, &reply);
	if (verdict.by_words)
		return verdict;
	reply.text = scrub_close(copy);
	closed = rules_judge(rules, &reply);
	return closed.by_words ? closed : verdict;
}

static void conclude(struct finding *finding, const struct verdict *verdict)
{
	finding->reason = verdict->reason;
	finding->kind = reason_kind(verdict->reason);
	strcpy(finding->rule, verdict->rule);
	/* not failed, so nothing about it is for good */
	if (finding->action == ACTION_DELAYED && finding->kind == KIND_HARD)
		finding->kind = KIND_SOFT;
	if (finding->action == ACTION_DELIVERED) {
		finding->reason = REASON_DELIVERED;
		finding->kind = KIND_INFO;
	}
}

void classify_reply(const struct gw_groups *rules, int code, const char *status, struct gw_str text,
		    const struct gw_str *own, size_t count, struct finding *finding)
{
	struct verdict verdict;
	struct codes codes;
	char found[STATUS_SIZE] = "";

	if (!*status && words_status(gw_str_trim(text), found))
		status = found;
	/* as qmail and IronPort write it: "(#5.1.1)", "#5.1.1" */
	codes = words_codes(text);
	if (!*status && gw_str_find(text, '#') < text.len)
		status = codes.status;
	text_keep(finding->diagnostic, DIAGNOSTIC_MAX, text);
	text_keep(finding->status, STATUS_SIZE, gw_str(status));
	finding->code = code;
	verdict = judge(rules, text, code, finding->status, own, count);
	conclude(finding, &verdict);
}

void finding_suppressed(struct finding *finding)
{
	finding->reason = REASON_SUPPRESSED;
	finding->kind = reason_kind(REASON_SUPPRESSED);
	strcpy(finding->rule, "suppression");
}

/* The codes that the fields gave count, but for those that say nothing, and those of another class
 * than the reply that was given. */
static void take_codes(struct finding *finding, struct gw_str text)
{
	struct codes codes = words_codes(text);

	if (!finding->code)
		finding->code = codes.code;
	if (*codes.status && (words_says_nothing(finding->status) ||
			      (*codes.status != *finding->status && codes.code &&
			       *codes.status == (char)('0' + codes.code / 100))))
		strcpy(finding->status, codes.status);
}

static struct verdict judge_text(const struct look *look, const struct finding *finding,
				 struct gw_str text)
{
	struct gw_str own[] = { gw_str(finding->recipient), look->sender, gw_str(look->subject) };

	return judge(look->rules, text, finding->code, finding->status, own, G_N_ELEMENTS(own));
}

/* It may mean anything, or is said of anything. */
static bool is_weak(const struct verdict *verdict)
{
	return !verdict->by_words || verdict->reason == REASON_SYSTEM ||
	       verdict->reason == REASON_POLICY || verdict->reason == REASON_PROTOCOL;
}

/* 5.1.10 is a domain without mail to RFC 7505, and an unknown recipient to Exchange. */
static bool is_vague(const char *status)
{
	return words_says_nothing(status) || strcmp(status + 1, ".5.0") == 0 ||
	       strcmp(status + 1, ".1.10") == 0;
}

/* From its code on; where that says nothing, all of it. */
static struct verdict judge_reply(const struct look *look, const struct finding *finding,
				  struct gw_str text)
{
	struct codes codes = words_codes(text);
	struct verdict verdict = { 0 };

	if (codes.code)
		verdict = judge_text(look, finding,
				     gw_str_from(text, (size_t)(codes.at - text.ptr)));
	return verdict.by_words ? verdict : judge_text(look, finding, text);
}

/* Of several in one list nothing is said but what stands above the list. */
static void take_head(const struct look *look, struct finding *finding, struct verdict *verdict)
{
	struct gw_str reply = notice_reply(notice_head(&look->notice));

	if (look->findings->count < 2 || verdict->by_words || finding->code ||
	    look->findings->source != SOURCE_NOTICE || !words_codes(reply).code)
		return;
	text_keep(finding->diagnostic, DIAGNOSTIC_MAX, reply);
	take_codes(finding, reply);
	*verdict = judge_reply(look, finding, reply);
}

/* The remote's words first; where they say little, what its server says around them. */
static void conclude_finding(const struct look *look, struct finding *finding)
{
	struct gw_str part = notice_part(&look->notice, look->findings, gw_str(finding->recipient));
	bool given = *finding->diagnostic;
	struct verdict verdict, second;

	if (!given)
		text_keep(finding->diagnostic, DIAGNOSTIC_MAX, notice_reply(part));
	take_codes(finding, gw_str(finding->diagnostic));
	verdict = judge_reply(look, finding, gw_str(finding->diagnostic));
	if (is_weak(&verdict) && is_vague(finding->status) && !(given && verdict.by_words)) {
		second = judge_text(look, finding, part);
		if (!is_weak(&second) || !verdict.by_words)
			verdict = second;
	}
	if (!*finding->diagnostic)
		text_keep(finding->diagnostic, DIAGNOSTIC_MAX, part);
	take_head(look, finding, &verdict);
	conclude(finding, &verdict);
}

/* --- whom it is about --- */

static void add_list(struct findings *findings, const char *list)
{
	struct gw_str all = gw_str(list), address;
	const char *at = all.ptr;

	while ((address = words_address(all, at)).ptr) {
		findings_add(findings, address);
		at = address.ptr + address.len;
	}
}

static void add_first(struct findings *findings, char *value)
{
	struct gw_str all = gw_str(value), address = words_address(all, all.ptr);

	if (address.ptr)
		findings_add(findings, address);
	g_free(value);
}

/* Nobody says it, but it was sent to somebody. */
static void add_from_original(struct look *look)
{
	struct gw_str original = mail_text(look->mail.original);

	add_first(look->findings, mail_field(original, "X-HmXmrOriginalRecipient"));
	if (!look->findings->count)
		add_first(look->findings, mail_field(original, "To"));
}

static void take_original(struct look *look)
{
	struct gw_str original = mail_text(look->mail.original);
	char *id = mail_field(original, "Message-ID");

	text_keep(look->findings->message_id, sizeof look->findings->message_id, gw_str(id));
	look->subject = mail_field(original, "Subject");
	g_free(id);
}

/* --- what it is --- */

static bool has_failing_subject(const struct mail *mail)
{
	static const char *const words[] = {
		"undeliver",       "delivery status",   "delivery fail",
		"failure notice",  "returned mail",     "delivery notification",
		"non delivery",    "non-delivery",      "mail delivery",
		"mail failure",    "mail system error", "could not be delivered",
		"message delayed", "delayed mail",      "returning",
		"error sending",   "failure delivery",  "delivery error",
		"not delivered",   "delivery problem",  NULL
	};
	static const char *const answers[] = { "re:", "fwd:", "fw:", "aw:", "wg:",
					       "tr:", "rv:",  "r:",  "i:",  NULL };

	return (words_have_one(gw_str(mail->subject), words) ||
		words_have_one(gw_str(mail->subject), phrases_failing_subject)) &&
	       !words_begin_with_one(gw_str(mail->subject), answers);
}

static bool is_from_null(const struct mail *mail)
{
	struct gw_str path = gw_str_trim(gw_str(mail->return_path)),
		      from = gw_str_trim(gw_str(mail->from));

	return gw_str_eq(path, gw_str("<>")) || words_has(path, "mailer-daemon") ||
	       words_end(from, "<>") || words_end(from, "<@>");
}

/* "Returned mail" may be a parcel's; that lists no addresses. */
static bool lists_returned(const struct look *look)
{
	return words_begin(gw_str(look->mail.subject), "returned mail") &&
	       notice_lists(&look->notice);
}

/* Nobody's name says that a machine wrote it: then what it wrote has to. */
static bool returns_mail(const struct look *look)
{
	static const char *const nobody[] = { "no-reply", "noreply", "no_reply", NULL };
	const struct mail *mail = &look->mail;

	if (!look->notice.count)
		return false;
	return mail->original->len ||
	       (words_have_one(gw_str(mail->from), nobody) &&
		(words_codes(mail_text(mail->notice)).at || lists_returned(look)));
}

/* A filter of his refused it, in the form of a receipt (RFC 5429). */
static bool is_rejection(const struct mail *mail, struct gw_str text)
{
	static const char *const words[] = { "rejected", "refused", NULL };

	return mail_is_from_daemon(mail) && words_have_one(gw_str(mail->subject), words) &&
	       words_have_one(text, words);
}

/* Whatever language it is in: an address, and a server's no. */
static bool has_refusal(const struct look *look)
{
	return look->notice.count && words_codes(mail_text(look->mail.notice)).code >= 400 &&
	       gw_str_trim(gw_str(look->mail.in_reply_to)).len == 0;
}

/* A machine that delivers wrote it, and says that it did not. */
static bool is_bounce(const struct look *look)
{
	const struct mail *mail = &look->mail;
	struct gw_str text = mail_text(mail->notice);
	bool failing = has_failing_subject(mail);

	if (mail->failed && *mail->failed)
		return true;
	if (mail->receipt->len)
		return is_rejection(mail, text);
	if (mail_is_from_daemon(mail) || is_from_null(mail))
		return failing || notice_fails(text) || mail->status->len || has_refusal(look);
	return failing && notice_fails(text) && returns_mail(look);
}

static bool is_answer(const struct mail *mail)
{
	struct gw_str word = gw_str_trim(gw_str(mail->auto_submitted));

	if (words_begin(word, "auto-generated") && mail->in_reply_to && *mail->in_reply_to)
		return true; /* a word too many for what answers */
	return mail->receipt->len || words_begin(word, "auto-replied") ||
	       words_begin(word, "auto-notified") ||
	       (mail->apple_action && words_begin(gw_str(mail->apple_action), "vacation")) ||
	       words_begin(gw_str(mail->precedence), "auto_reply") ||
	       (mail->auto_reply && *mail->auto_reply) ||
	       (!(mail->list && *mail->list) &&
		words_begin_with_one(gw_str_trim(gw_str(mail->subject)), phrases_answer));
}

/* His machine answers, in his name and with an empty return path, as it should: whatever he writes
 * there is no bounce, and the subject that he got may stand behind "Automatic reply:". A postmaster
 * may be away too. */
static bool is_answer_of_somebody(const struct mail *mail)
{
	struct gw_str from = gw_str(mail->from), subject = gw_str_trim(gw_str(mail->subject));

	return is_answer(mail) &&
	       (words_begin_with_one(subject, phrases_answer) ||
		(!mail_is_from_daemon(mail) && !has_failing_subject(mail))) &&
	       !mail->status->len && !(mail->failed && *mail->failed) &&
	       words_address(from, from.ptr).ptr;
}

static bool is_complaint(const struct mail *mail)
{
	return mail->feedback->len ||
	       (mail->has_original &&
		words_begin(gw_str_trim(gw_str(mail->subject)), "complaint about message from"));
}

static void set_all(struct look *look, enum source source, enum reason reason, const char *rule)
{
	size_t i;

	look->findings->source = source;
	for (i = 0; i < look->findings->count; i++) {
		look->findings->items[i].reason = reason;
		look->findings->items[i].kind = reason_kind(reason);
		text_keep(look->findings->items[i].rule, RULE_SIZE, gw_str(rule));
	}
}

/* A complaint names each of those it is of in a field of his own (RFC 5965, 3.2). */
static void add_fields(struct findings *findings, struct gw_str fields, const char *name)
{
	struct gw_str line, address;
	bool named = false;

	while (words_line(&fields, &line)) {
		bool folded = line.len && (line.ptr[0] == ' ' || line.ptr[0] == '\t');

		named = folded ? named : words_begin(line, name);
		address = named ? words_address(line, line.ptr) : gw_str("");
		if (named && address.ptr)
			findings_add(findings, address);
	}
}

static void take_complaint(struct look *look)
{
	static const char *const names[] = { "Original-Rcpt-To:", "Removal-Recipient:" };
	struct gw_str fields = mail_text(look->mail.feedback);
	char *type = mail_field(fields, "Feedback-Type"), rule[RULE_SIZE];
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(names) && !look->findings->count; i++)
		add_fields(look->findings, fields, names[i]);
	if (!look->findings->count)
		add_from_original(look);
	if (!look->findings->count)
		findings_add(look->findings, gw_str(""));
	snprintf(rule, sizeof rule, "feedback:%.40s", *type ? type : "abuse");
	set_all(look, SOURCE_ARF, REASON_COMPLAINT, rule);
	g_free(type);
}

static void take_answer(struct look *look)
{
	add_first(look->findings, g_strdup(look->mail.from ? look->mail.from : ""));
	if (!look->findings->count)
		findings_add(look->findings, gw_str(""));
	text_keep(look->findings->items[0].diagnostic, DIAGNOSTIC_MAX, gw_str(look->mail.subject));
	set_all(look, SOURCE_REPLY, REASON_AUTO_REPLY, "automatic reply");
}

static void take_notice(struct look *look)
{
	bool delay = notice_is_delay(look->notice.text);
	size_t i;

	look->findings->source = SOURCE_NOTICE;
	if (look->mail.failed)
		add_list(look->findings, look->mail.failed);
	if (!look->findings->count)
		add_first(look->findings,
			  mail_field(mail_text(look->mail.receipt), "Final-Recipient"));
	if (!look->findings->count)
		notice_recipients(&look->notice, look->sender, look->findings);
	if (!look->findings->count)
		add_from_original(look);
	if (!look->findings->count)
		findings_add(look->findings, gw_str(""));
	for (i = 0; i < look->findings->count; i++)
		look->findings->items[i].action = delay ? ACTION_DELAYED : ACTION_FAILED;
}

/* Where the fields have no address, but the text has one. */
static void name_nobody(struct look *look)
{
	struct finding *nobody = findings_of(look->findings, gw_str(""));
	struct findings *named;

	if (!nobody || look->findings->count > 1)
		return;
	named = findings_create();
	notice_recipients(&look->notice, look->sender, named);
	if (named->count)
		strcpy(nobody->recipient, named->items[0].recipient);
	findings_free(named);
}

static void read_status(struct look *look)
{
	dsn_read(mail_text(look->mail.status), look->findings);
	if (!look->findings->count && (mail_is_from_daemon(&look->mail) || look->mail.is_report))
		dsn_read(look->notice.text, look->findings);
	name_nobody(look);
	if (look->findings->count)
		look->findings->source = SOURCE_DSN;
}

static void look_at(struct look *look)
{
	size_t i;

	if (is_complaint(&look->mail)) {
		take_complaint(look);
		return;
	}
	read_status(look);
	if (!look->findings->count && is_answer_of_somebody(&look->mail)) {
		take_answer(look);
		return;
	}
	if (!look->findings->count && is_bounce(look))
		take_notice(look);
	else if (!look->findings->count && is_answer(&look->mail)) {
		take_answer(look);
		return;
	}
	for (i = 0; i < look->findings->count; i++)
		conclude_finding(look, &look->findings->items[i]);
}

struct findings *classify_mail(const struct gw_groups *rules, struct gw_str bytes)
{
	struct look *look = g_new0(struct look, 1);
	struct findings *findings = findings_create();
	struct gw_str to;

	look->rules = rules;
	look->findings = findings;
	mail_read(&look->mail, bytes);
	to = gw_str(look->mail.to);
	look->sender = words_address(to, to.ptr);
	if (!look->sender.ptr)
		look->sender = gw_str("");
	notice_read(&look->notice, mail_text(look->mail.notice));
	take_original(look);
	look_at(look);
	g_free(look->subject);
	mail_finish(&look->mail);
	g_free(look);
	return findings;
}

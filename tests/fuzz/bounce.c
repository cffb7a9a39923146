/* Mails that came back: whatever is in them, there is an answer, within its bounds and without
 * control characters. */
#include "fuzz.h"

#include "../../modules/bounce/classify.h"
#include "../../modules/bounce/mail.h"

const struct gw_services *gw;

static const struct gw_str words[] = { GW_STR("user unknown"), GW_STR("full"), GW_STR("spam") };
static const struct rule rows[] = {
	{ .reason = REASON_NO_SUCH_USER, .words = { words, 1 } },
	{ .reason = REASON_MAILBOX_FULL, .words = { words + 1, 1 } },
	{ .reason = REASON_SPAM, .words = { words + 2, 1 } },
};

static void must_be_clean(const char *text, size_t size)
{
	size_t len = strnlen(text, size), i;

	must(len < size);
	for (i = 0; i < len; i++)
		must((unsigned char)text[i] >= ' ');
}

static void check(const struct finding *finding)
{
	must(finding->kind <= KIND_INFO && finding->reason < REASON_COUNT);
	must_be_clean(finding->recipient, sizeof finding->recipient);
	must_be_clean(finding->diagnostic, sizeof finding->diagnostic);
	must_be_clean(finding->status, sizeof finding->status);
	must_be_clean(finding->rule, sizeof finding->rule);
	must_be_clean(finding->remote, sizeof finding->remote);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct gw_groups rules = { rows, sizeof rows / sizeof *rows };
	struct finding reply = { 0 };
	struct findings *findings;
	size_t i;

	mail_init();
	findings = classify_mail(&rules, gw_str_n(data, size));
	must(findings->count <= FINDINGS_MAX);
	for (i = 0; i < findings->count; i++)
		check(&findings->items[i]);
	must_be_clean(findings->message_id, sizeof findings->message_id);
	findings_free(findings);
	classify_reply(&rules, 550, "", gw_str_n(data, size), NULL, 0, &reply);
	check(&reply);
	return 0;
}

#include "findings.h"

const char *source_name(enum source source)
{
	static const char *const names[] = { "none", "dsn", "notice", "arf", "auto_reply", "smtp" };

	return names[source <= SOURCE_SMTP ? source : SOURCE_NONE];
}

const char *finding_event(const struct finding *finding)
{
	if (finding->reason == REASON_COMPLAINT || finding->reason == REASON_AUTO_REPLY ||
	    finding->reason == REASON_SUPPRESSED)
		return reason_name(finding->reason);
	return finding->action == ACTION_FAILED ? "bounce" : action_name(finding->action);
}

const char *action_name(enum action action)
{
	static const char *const names[] = { "failed", "delayed", "delivered" };

	return names[action <= ACTION_DELIVERED ? action : ACTION_FAILED];
}

/* Room for all that there may be, which one bounce hardly touches. */
struct findings *findings_create(void)
{
	struct findings *findings = g_malloc(sizeof *findings);

	memset(findings, 0, offsetof(struct findings, items));
	return findings;
}

void findings_free(struct findings *findings)
{
	g_free(findings);
}

struct finding *findings_of(struct findings *findings, struct gw_str recipient)
{
	size_t i;

	for (i = 0; i < findings->count; i++)
		if (gw_str_ieq(gw_str(findings->items[i].recipient), recipient))
			return &findings->items[i];
	return NULL;
}

/* What has a control character in it is nobody's address. */
static bool is_clean(struct gw_str address)
{
	size_t i;

	for (i = 0; i < address.len; i++)
		if ((unsigned char)address.ptr[i] < ' ' || address.ptr[i] == 0x7f)
			return false;
	return true;
}

struct finding *findings_add(struct findings *findings, struct gw_str recipient)
{
	struct finding *finding;

	if (!is_clean(recipient))
		recipient = gw_str("");
	finding = findings_of(findings, recipient);
	if (finding)
		return finding;
	if (findings->count == FINDINGS_MAX || recipient.len >= ADDRESS_MAX)
		return NULL;
	finding = &findings->items[findings->count++];
	memset(finding, 0, sizeof *finding);
	memcpy(finding->recipient, recipient.ptr, recipient.len);
	return finding;
}

void text_keep(char *out, size_t size, struct gw_str text)
{
	size_t i, len = 0;

	text = gw_str_trim(text);
	for (i = 0; i < text.len && len + 1 < size; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c < ' ' || c == 0x7f)
			c = ' ';
		if (c != ' ' || (len && out[len - 1] != ' '))
			out[len++] = (char)c;
	}
	if (i < text.len)
		while (len && ((unsigned char)out[len - 1] & 0x80))
			len--; /* not in the middle of a character */
	out[len] = '\0';
}

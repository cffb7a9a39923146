#include "finding.h"

#include <stdarg.h>
#include <stdio.h>

void finding_set(struct finding *finding, enum scan scan, const char *format, ...)
{
	va_list args;
	char *c;

	finding->scan = scan;
	va_start(args, format);
	vsnprintf(finding->words, sizeof finding->words, format, args);
	va_end(args);
	for (c = finding->words; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

static bool cut_front(struct gw_str *text, const char *front)
{
	size_t len = strlen(front);

	if (text->len < len || memcmp(text->ptr, front, len) != 0)
		return false;
	*text = gw_str_from(*text, len);
	return true;
}

static bool cut_back(struct gw_str *text, const char *back)
{
	size_t len = strlen(back);

	if (text->len < len || memcmp(text->ptr + text->len - len, back, len) != 0)
		return false;
	text->len -= len;
	return true;
}

/* "stream: " or "fd[12]: ". */
static bool cut_label(struct gw_str *text)
{
	size_t digits = 0;

	if (cut_front(text, "stream: "))
		return true;
	if (!cut_front(text, "fd["))
		return false;
	while (digits < text->len && text->ptr[digits] >= '0' && text->ptr[digits] <= '9')
		digits++;
	*text = gw_str_from(*text, digits);
	return digits > 0 && cut_front(text, "]: ");
}

static bool begins(struct gw_str text, const char *front)
{
	return cut_front(&text, front);
}

/* What clamd finds by its settings rather than by a signature: AlertEncrypted, AlertExceedsMax. */
static enum scan kind(struct gw_str signature)
{
	if (begins(signature, "Heuristics.Encrypted."))
		return SCAN_ENCRYPTED;
	if (begins(signature, "Heuristics.Limits.Exceeded"))
		return SCAN_OVERSIZE;
	return SCAN_INFECTED;
}

void finding_named(struct finding *finding, struct gw_str signature)
{
	finding_set(finding, kind(signature), "%.*s", GW_STR_ARGS(signature));
}

void finding_read(struct finding *finding, struct gw_str answer)
{
	struct gw_str rest = answer;

	if (gw_str_eq(answer, gw_str("INSTREAM size limit exceeded. ERROR")))
		finding_set(finding, SCAN_OVERSIZE, "larger than clamd's StreamMaxLength");
	else if (gw_str_has_nul(answer) || !cut_label(&rest))
		finding_set(finding, SCAN_FAILED, "clamd's answer is not understood: %.*s",
			    GW_STR_ARGS(answer));
	else if (gw_str_eq(rest, gw_str("OK")))
		finding_set(finding, SCAN_CLEAN, "clean");
	else if (cut_back(&rest, " FOUND") && rest.len)
		finding_named(finding, rest);
	else
		finding_set(finding, SCAN_FAILED, "clamd says: %.*s", GW_STR_ARGS(rest));
}

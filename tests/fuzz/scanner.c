/* The answers of scanners: clamd's and an ICAP service's, as they come in piece by piece. Whatever
 * they are, a message is called clean only by the words that mean it. */
#include "modules/antivirus/protocol.h"
#include "fuzz.h"

#include <stdio.h>
#include <string.h>

static bool has(struct gw_str text, const char *word)
{
	return text.len && memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

/* What a person would take for clean, by other means than the reader's. */
static bool clamd_says_clean(struct gw_str text)
{
	char copy[4200] = ""; /* an input is no longer */
	int end = 0;

	if (gw_str_eq(text, gw_str("stream: OK")))
		return true;
	if (text.len >= sizeof copy || gw_str_has_nul(text))
		return false;
	memcpy(copy, text.ptr, text.len);
	(void)sscanf(copy, "fd[%*[0-9]]: OK%n", &end);
	return end > 0 && (size_t)end == text.len;
}

static bool icap_says_clean(struct gw_str text)
{
	return text.len >= 12 && memcmp(text.ptr, "ICAP/1.", 7) == 0 && has(text, "204") &&
	       !has(text, "\nX-Infection-Found:") && !has(text, "\nX-Virus-ID:") &&
	       !has(text, "\nX-Violations-Found:") && !gw_str_has_nul(text);
}

static void check_finding(const struct protocol *protocol, struct gw_str text)
{
	struct finding finding = { .scan = SCANS };
	size_t i;

	protocol->read(&finding, text);
	must(finding.scan < SCANS);
	must(memchr(finding.words, '\0', sizeof finding.words) != NULL);
	for (i = 0; finding.words[i]; i++)
		must(finding.words[i] >= ' ' && finding.words[i] <= '~');
	if (finding.scan == SCAN_CLEAN)
		must(protocol == &protocol_clamd ? clamd_says_clean(text) : icap_says_clean(text));
}

static void check_version(const struct protocol *protocol, struct gw_str text)
{
	struct gw_str version = protocol->version(text);
	char known[120];

	if (!version.ptr)
		return;
	snprintf(known, sizeof known, "%.*s", GW_STR_ARGS(version));
	protocol->signatures(known);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_str input = gw_str_n(data, size), text = { NULL, 0 };
	unsigned choice = take_byte(&input);
	const struct protocol *protocol = choice & 1 ? &protocol_icap : &protocol_clamd;
	size_t step = choice / 2 % 7 + 1, len = 0;
	enum whole whole = WHOLE_NOT_YET;

	while (whole == WHOLE_NOT_YET && len < input.len) {
		len = len + step < input.len ? len + step : input.len;
		whole = protocol->whole(input.ptr, len, &text);
	}
	if (whole != WHOLE_YET)
		return 0;
	must_lie_in(text, gw_str_n(input.ptr, len));
	check_finding(protocol, text);
	check_version(protocol, text);
	return 0;
}

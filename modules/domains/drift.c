#include "drift.h"

#include <gateway/hash.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define RECORD "errors"
#define ERRORS_MOST 1000 /* remembered over a restart */
#define DIGITS 17        /* a hash and a blank */

/* Errors as the hashes of their texts: "0123456789abcdef ..." */
struct memory {
	char text[ERRORS_MOST * DIGITS + 1];
	size_t len;
	bool is_known; /* false: nobody looked before */
};

static void digits_of(const struct finding *finding, char digits[DIGITS + 1])
{
	snprintf(digits, DIGITS + 1, "%016" PRIx64 " ", gw_str_hash(gw_str(finding->text)));
}

static bool is_remembered(const struct memory *memory, const struct finding *finding)
{
	char digits[DIGITS + 1];

	digits_of(finding, digits);
	return strstr(memory->text, digits) != NULL;
}

static void add(struct memory *memory, const char *digits)
{
	if (memory->len + DIGITS >= sizeof memory->text)
		return;
	memcpy(memory->text + memory->len, digits, DIGITS);
	memory->len += DIGITS;
	memory->text[memory->len] = '\0';
}

static void remember(struct memory *memory, const struct report *report)
{
	char digits[DIGITS + 1];
	size_t i;

	for (i = 0; i < report->finding_count; i++)
		if (report->findings[i].level == LEVEL_ERROR) {
			digits_of(&report->findings[i], digits);
			add(memory, digits);
		}
}

/* A name server that fails mends nothing. */
static void keep(struct memory *memory, const struct memory *before)
{
	char digits[DIGITS + 1] = "";
	size_t at;

	for (at = 0; at + DIGITS <= before->len; at += DIGITS) {
		memcpy(digits, before->text + at, DIGITS);
		if (!strstr(memory->text, digits))
			add(memory, digits);
	}
}

static void recall(struct gw_call *call, struct memory *memory)
{
	long size = gw->record_get(call, gw_str(RECORD), memory->text, sizeof memory->text - 1);

	memory->is_known = size >= 0;
	memory->len = size < 0 ? 0 : (size_t)size < sizeof memory->text ? (size_t)size : 0;
	memory->text[memory->len] = '\0';
}

static void emit(struct gw_call *call, const char *name, const char *text)
{
	const struct gw_event event = { .size = sizeof event,
					.name = gw_str(name),
					.text = gw_str(text),
					.json = gw_str(""),
					.client = gw_str(""),
					.relay = gw_str("") };

	gw->emit(call, &event);
}

static void tell_new(struct gw_call *call, const struct memory *memory, const struct report *now)
{
	const char *first = NULL;
	unsigned fresh = 0;
	char text[1500];
	size_t i;

	for (i = 0; i < now->finding_count; i++) {
		const struct finding *finding = &now->findings[i];

		if (finding->level != LEVEL_ERROR || is_remembered(memory, finding))
			continue;
		first = first ? first : finding->text;
		fresh++;
		gw->log(call, GW_LOG_ERROR, "%s", finding->text);
	}
	if (!fresh || !memory->is_known)
		return;
	snprintf(text, sizeof text, "%u new in the DNS: %s%s", fresh, first,
		 fresh > 1 ? "; gatewayctl domain check tells the others" : "");
	emit(call, "domains-drift", text);
}

static void compare(struct gw_call *call, const struct memory *memory, const struct memory *after,
		    const struct report *now)
{
	tell_new(call, memory, now);
	if (memory->len && !after->len)
		emit(call, "domains-drift-over", "what was wrong in the DNS is right again");
	if (!memory->is_known || memory->len != after->len ||
	    memcmp(memory->text, after->text, after->len) != 0)
		gw->record_put(call, gw_str(RECORD), gw_str_n(after->text, after->len));
}

void drift_tell(struct gw_call *call, const struct report *now)
{
	struct memory *both = calloc(2, sizeof *both);

	if (!both)
		return;
	recall(call, &both[0]);
	remember(&both[1], now);
	if (now->untold)
		keep(&both[1], &both[0]);
	compare(call, &both[0], &both[1], now);
	free(both);
}

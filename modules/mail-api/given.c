#include "given.h"

#include <ctype.h>
#include <stdio.h>

static void parse_enhanced(const char *text, uint8_t out[3])
{
	unsigned parts[3] = { 0 };

	sscanf(text, "%u.%u.%u", &parts[0], &parts[1], &parts[2]);
	for (int i = 0; i < 3; i++)
		out[i] = (uint8_t)parts[i];
}

static void give(struct gw_call *call, struct gw_delivery *delivery, struct gw_rcpt *rcpt,
		 const struct said *said, const char *host)
{
	struct gw_outcome outcome = { .size = sizeof outcome,
				      .status = said->status,
				      .code = said->code,
				      .text = gw_str(said->text),
				      .host = gw_str(host),
				      .stage = gw_str(said->stage),
				      .unfit = said->unfit };

	parse_enhanced(said->enhanced, outcome.enhanced);
	gw->outcome(call, delivery, rcpt, &outcome);
}

void given_all(struct gw_call *call, struct gw_delivery *delivery, const struct said *said,
	       const char *host)
{
	struct gw_rcpt *rcpt;
	size_t nth;

	for (nth = 0; (rcpt = gw->delivery_rcpt(delivery, nth)) != NULL; nth++)
		give(call, delivery, rcpt, said, host);
}

static bool goes_on(char octet)
{
	return isalnum((unsigned char)octet) || (octet && strchr(".!#$%&*+/=?^_`{|}~-@", octet));
}

/* By itself: "ann@a.example" is not in "joann@a.example". A full stop may end the sentence. */
static bool stands_at(const char *text, size_t at, size_t len)
{
	const char *end = text + at + len;

	return (at == 0 || !goes_on(text[at - 1])) &&
	       (!goes_on(*end) || (*end == '.' && !goes_on(end[1])));
}

static bool is_in(const char *text, struct gw_str word)
{
	size_t i, len = strlen(text);

	for (i = 0; word.len && i + word.len <= len; i++)
		if (strncasecmp(text + i, word.ptr, word.len) == 0 && stands_at(text, i, word.len))
			return true;
	return false;
}

static bool names(const struct said *said, const struct gw_rcpt *rcpt)
{
	return is_in(said->text, gw->rcpt_fact(rcpt, GW_RCPT_ADDRESS));
}

/* One recipient that the API does not like keeps the message from all: where it says which, the
 * others come again without it. */
static void give_named(struct gw_call *call, struct gw_delivery *delivery, const struct said *said,
		       const char *host)
{
	struct said others = {
		.status = GW_DEFERRED,
		.code = 451,
		.enhanced = "4.1.3",
		.stage = "rcpt",
		.text = "another recipient was refused; it goes again without that"
	};
	struct gw_rcpt *rcpt;
	size_t nth, named = 0;

	for (nth = 0; (rcpt = gw->delivery_rcpt(delivery, nth)) != NULL; nth++)
		named += names(said, rcpt);
	for (nth = 0; (rcpt = gw->delivery_rcpt(delivery, nth)) != NULL; nth++)
		give(call, delivery, rcpt, !named || names(said, rcpt) ? said : &others, host);
}

enum gw_verdict given_answer(struct gw_call *call, struct gw_delivery *delivery,
			     const struct said *said, const char *host)
{
	if (said->of_rcpt)
		give_named(call, delivery, said, host);
	else
		given_all(call, delivery, said, host);
	if (said->login_refused)
		gw->login_refused(call, delivery, gw_str(said->text));
	return GW_ACCEPT;
}

enum gw_verdict given_end(struct gw_call *call, struct gw_delivery *delivery, enum gw_status status,
			  const char *stage, const char *enhanced, const char *text)
{
	struct said said = { .status = status,
			     .stage = stage,
			     .enhanced = enhanced,
			     .unfit = status == GW_BOUNCED };

	snprintf(said.text, sizeof said.text, "%s", text);
	return given_answer(call, delivery, &said, "");
}

#include "scrub.h"

#include <gateway/scrub.h>

/* Recipients whose addresses are looked for by name; the form of an address shows anyway. */
#define RCPTS_MAX 100

struct gw_str scrub_copy(struct gw_str text, char out[SCRUB_MAX])
{
	size_t len = text.len < SCRUB_MAX ? text.len : SCRUB_MAX - 1, i;

	for (i = 0; i < len; i++)
		out[i] = text.ptr[i] == '\0' || text.ptr[i] == GW_SCRUB_MARK ? ' ' : text.ptr[i];
	out[len] = '\0';
	return gw_str_n(out, len);
}

/* --- by form --- */

/* The end of what a quotation mark opens; NULL: it opens nothing. An apostrophe stands between
 * letters. */
static char *quotation_end(const char *text, char *open)
{
	char close = *open == '<' ? '>' : *open, *end;

	if (*open == '\'' && open > text && gw_scrub_is_letter(open[-1]))
		return NULL;
	for (end = open + 1;
	     *end && (*end != close || (close == '\'' && gw_scrub_is_letter(end[1]))); end++)
		if (*end == '\\' && end[1])
			end++;
	return *end ? end + 1 : NULL;
}

static void scrub_quotations(char *text)
{
	char *at = text, *end;

	while ((at = strpbrk(at, "<\"'")) != NULL) {
		end = quotation_end(text, at);
		if (end)
			gw_scrub_blot(at, end);
		at = end ? end : at + 1;
	}
}

/* A quoted local part is blotted out already, its marks join the domain to it. */
static void scrub_addresses(char *text)
{
	char *at = text, *from, *to;

	while ((at = strchr(at, '@')) != NULL) {
		for (from = at; from > text && !gw_scrub_is_blank(from[-1]); from--)
			;
		for (to = at; *to && !gw_scrub_is_blank(*to); to++)
			;
		gw_scrub_blot(from, to);
		at = to;
	}
}

/* "host mx.example.net said: 550 ...": a host behind the next hop, which may be the recipient's
 * own. */
static void scrub_hearsay(char *text)
{
	static const char *const marks[] = { " said: ", " responded: ", " replied: ",
					     " returned: " };
	size_t i;

	for (i = 0; i < sizeof marks / sizeof *marks; i++) {
		char *at = strcasestr(text, marks[i]);
		if (at)
			gw_scrub_blot(at, at + strlen(at));
	}
}

void scrub_quoted(char *text)
{
	scrub_hearsay(text);
	scrub_quotations(text);
	scrub_addresses(text);
}

/* --- by what is known --- */

static void scrub_field(struct gw_message *message, char *text, const char *name)
{
	struct gw_header header = { .size = sizeof header };
	size_t nth;

	for (nth = 0; nth < 4 && gw->header_named(message, gw_str(name), nth, &header) == 0; nth++)
		gw_scrub_words(text, header.value);
}

void scrub_message(struct gw_delivery *delivery, char *text)
{
	static const char *const fields[] = { "Subject",  "From",   "Message-ID",
					      "Reply-To", "Sender", "To" };
	struct gw_message *message = gw->delivery_message(delivery);
	struct gw_rcpt *rcpt;
	size_t i;

	gw_scrub_address(text, gw->message_fact(message, GW_MESSAGE_SENDER));
	gw_scrub_address(text, gw->delivery_fact(delivery, GW_DELIVERY_RETURN_PATH));
	for (i = 0; i < RCPTS_MAX && (rcpt = gw->delivery_rcpt(delivery, i)); i++)
		gw_scrub_address(text, gw->rcpt_fact(rcpt, GW_RCPT_ADDRESS));
	for (i = 0; i < sizeof fields / sizeof *fields; i++)
		scrub_field(message, text, fields[i]);
	gw_scrub_words(text, gw->message_fact(message, GW_MESSAGE_FROM_DOMAIN));
	gw_scrub_words(text, gw->message_fact(message, GW_MESSAGE_HELO));
	scrub_quoted(text);
}

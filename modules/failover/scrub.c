#include "scrub.h"

#include <ctype.h>
#include <strings.h>

/* A single word of the message below that length is no evidence of an echo. */
#define SHORT_WORD 10
#define SHORT_PHRASE 5 /* nor are several words that are shorter together */
/* Recipients whose addresses are looked for by name; the form of an address shows anyway. */
#define RCPTS_MAX 100

struct gw_str scrub_copy(struct gw_str text, char out[SCRUB_MAX])
{
	size_t len = text.len < SCRUB_MAX ? text.len : SCRUB_MAX - 1, i;

	for (i = 0; i < len; i++)
		out[i] = text.ptr[i] == '\0' || text.ptr[i] == SCRUB_MARK ? ' ' : text.ptr[i];
	out[len] = '\0';
	return gw_str_n(out, len);
}

static void blot(char *from, const char *to)
{
	for (; from < to; from++)
		*from = SCRUB_MARK;
}

/* --- by form --- */

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* The end of what a quotation mark opens; NULL: it opens nothing. An apostrophe stands between
 * letters. */
static char *quotation_end(const char *text, char *open)
{
	char close = *open == '<' ? '>' : *open, *end;

	if (*open == '\'' && open > text && is_word(open[-1]))
		return NULL;
	for (end = open + 1; *end && (*end != close || (close == '\'' && is_word(end[1]))); end++)
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
			blot(at, end);
		at = end ? end : at + 1;
	}
}

static bool is_blank(char c)
{
	return isspace((unsigned char)c);
}

/* A quoted local part is blotted out already, its marks join the domain to it. */
static void scrub_addresses(char *text)
{
	char *at = text, *from, *to;

	while ((at = strchr(at, '@')) != NULL) {
		for (from = at; from > text && !is_blank(from[-1]); from--)
			;
		for (to = at; *to && !is_blank(*to); to++)
			;
		blot(from, to);
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
			blot(at, at + strlen(at));
	}
}

void scrub_quoted(char *text)
{
	scrub_hearsay(text);
	scrub_quotations(text);
	scrub_addresses(text);
}

/* --- by what is known --- */

/* How much of the text at `at` those words are, 0: it is not they. Capitals and the kind and number
 * of blanks mean nothing. */
static size_t matches(const char *at, struct gw_str words)
{
	const char *begin = at;
	size_t i = 0;

	while (i < words.len && *at) {
		bool blank = is_blank(words.ptr[i]);
		if (blank != is_blank(*at) ||
		    (!blank && tolower((unsigned char)*at) != tolower((unsigned char)words.ptr[i])))
			return 0;
		for (at++, i++; blank && is_blank(*at); at++)
			;
		while (blank && i < words.len && is_blank(words.ptr[i]))
			i++;
	}
	return i < words.len ? 0 : (size_t)(at - begin);
}

static struct gw_str trim(struct gw_str words)
{
	while (words.len && !is_word(words.ptr[0]))
		words = gw_str_from(words, 1);
	while (words.len && !is_word(words.ptr[words.len - 1]))
		words = gw_str_n(words.ptr, words.len - 1);
	return words;
}

static bool is_telling(struct gw_str words)
{
	size_t i;

	for (i = 0; i < words.len; i++)
		if (!is_word(words.ptr[i]))
			return words.len >= SHORT_PHRASE;
	return words.len >= SHORT_WORD;
}

void scrub_words(char *text, struct gw_str words)
{
	size_t len;

	words = trim(words);
	if (!is_telling(words))
		return;
	for (; *text; text++)
		if ((len = matches(text, words)) > 0)
			blot(text, text + len);
}

static void scrub_address(char *text, struct gw_str address)
{
	size_t at = address.len;

	while (at > 0 && address.ptr[at - 1] != '@')
		at--;
	scrub_words(text, address);
	if (at == 0)
		return;
	scrub_words(text, gw_str_n(address.ptr, at - 1));
	scrub_words(text, gw_str_from(address, at));
}

static void scrub_field(struct gw_message *message, char *text, const char *name)
{
	struct gw_header header = { .size = sizeof header };
	size_t nth;

	for (nth = 0; nth < 4 && gw->header_named(message, gw_str(name), nth, &header) == 0; nth++)
		scrub_words(text, header.value);
}

void scrub_message(struct gw_delivery *delivery, char *text)
{
	static const char *const fields[] = { "Subject",  "From",   "Message-ID",
					      "Reply-To", "Sender", "To" };
	struct gw_message *message = gw->delivery_message(delivery);
	struct gw_rcpt *rcpt;
	size_t i;

	scrub_address(text, gw->message_fact(message, GW_MESSAGE_SENDER));
	scrub_address(text, gw->delivery_fact(delivery, GW_DELIVERY_RETURN_PATH));
	for (i = 0; i < RCPTS_MAX && (rcpt = gw->delivery_rcpt(delivery, i)); i++)
		scrub_address(text, gw->rcpt_fact(rcpt, GW_RCPT_ADDRESS));
	for (i = 0; i < sizeof fields / sizeof *fields; i++)
		scrub_field(message, text, fields[i]);
	scrub_words(text, gw->message_fact(message, GW_MESSAGE_FROM_DOMAIN));
	scrub_words(text, gw->message_fact(message, GW_MESSAGE_HELO));
	scrub_quoted(text);
}

#include "warning.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

struct letter {
	struct gw_call *call;
	const struct gw_relay *relay;
	const struct config *config;
	const struct book *book;
	FILE *out;
	size_t left; /* octets that the words of a failure may still take */
};

/* A line of the header or of the body: ASCII, since the way to the reader is not known. */
static void line(const struct letter *letter, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void line(const struct letter *letter, const char *format, ...)
{
	char text[900], *c;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	for (c = text; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
			*c = '?';
	fprintf(letter->out, "%s\r\n", text);
}

/* --- header --- */

/* The domain of warn_from, else the gateway's name. */
static struct gw_str own_domain(const struct letter *letter)
{
	struct gw_str from = letter->config->warn_from;
	size_t at = gw_str_find(from, '@');

	return at + 1 >= from.len ? gw->hostname(letter->call) : gw_str_from(from, at + 1);
}

static void write_date(const struct letter *letter, int64_t now)
{
	time_t seconds = (time_t)(now / 1000);
	char text[64] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &tm);
	line(letter, "Date: %s", text);
}

static void write_to(const struct letter *letter)
{
	const struct gw_list *to = &letter->config->warn_to;
	size_t i;

	for (i = 0; i < to->count; i++)
		line(letter, "%s<%.*s>%s", i ? " " : "To: ", GW_STR_ARGS(to->items[i]),
		     i + 1 < to->count ? "," : "");
}

/* Of the letter about that suspension, and no other: it is known again by it. */
#define ID_MAX 400
static const char *letter_id(const struct book *book, char out[ID_MAX])
{
	snprintf(out, ID_MAX, "suspended.%" PRId64 ".%s@", book->closure.until, book->name);
	return out;
}

static void write_header(const struct letter *letter, const char *until)
{
	int64_t now = gw->now(letter->call);
	struct gw_str from = letter->config->warn_from;
	struct gw_str domain = own_domain(letter);
	char id[ID_MAX];

	write_date(letter, now);
	line(letter, "Message-ID: <%s%.*s>", letter_id(letter->book, id), GW_STR_ARGS(domain));
	if (from.len)
		line(letter, "From: Mail gateway <%.*s>", GW_STR_ARGS(from));
	else
		line(letter, "From: Mail gateway <postmaster@%.*s>", GW_STR_ARGS(domain));
	write_to(letter);
	line(letter, "Subject: Relay %s is suspended until %s", letter->book->name, until);
	line(letter, "Auto-Submitted: auto-generated");
	line(letter, "MIME-Version: 1.0");
	line(letter, "Content-Type: text/plain; charset=us-ascii");
	line(letter, "%s", "");
}

/* --- body --- */

#define WORDS_MOST 1600 /* of a failure; what else is said of it fits beside into 2 KiB */
#define LINE_MOST 800   /* of these words; longer ones go on in the next line */

/* One line of a reply; false: there is no room for more. */
static bool write_line(struct letter *letter, const char *code, struct gw_str words)
{
	size_t most = words.len < LINE_MOST ? words.len : LINE_MOST;
	size_t size = sizeof "      \r\n" - 1 + strlen(code) + most;

	if (size > letter->left) {
		line(letter, "      ...");
		letter->left = 0;
		return false;
	}
	letter->left -= size;
	line(letter, "      %s%.*s", code, (int)most, words.ptr ? words.ptr : "");
	return most == words.len || write_line(letter, code, gw_str_from(words, most));
}

/* What the remote said, line by line. */
static void write_words(struct letter *letter, const struct failure *failure)
{
	struct gw_str text = gw_str(failure->text), words;
	char code[24] = "";

	letter->left = WORDS_MOST;
	if (failure->code)
		snprintf(code, sizeof code, "%" PRId64 " ", failure->code);
	do {
		words = gw_str_n(text.ptr, gw_str_find(text, '\n'));
		text = gw_str_from(text, words.len + 1);
	} while (write_line(letter, code, words) && text.len);
}

static void write_failure(struct letter *letter, int64_t nth)
{
	const struct failure *failure = &letter->book->failures[nth];
	char when[TEXT_TIME];

	line(letter, "  %" PRId64 ". %s, at %s%s%s (%s)", nth + 1, text_time(failure->time, when),
	     failure->stage, *failure->host ? ", " : "", failure->host, failure->class);
	write_words(letter, failure);
	if (*failure->hint)
		line(letter, "      -> %s", failure->hint);
}

static void write_body(struct letter *letter, const char *until)
{
	const struct book *book = letter->book;
	int64_t i;

	line(letter, "The relay %s (%.*s) failed, and gets no mail until %s:", book->name,
	     GW_STR_ARGS(gw->relay_fact(letter->relay, GW_RELAY_HOST)), until);
	line(letter, "%s.", book->closure.why);
	line(letter, "%s", "");
	line(letter,
	     "Its mail goes to the other relays of its route, or waits where there is none.");
	line(letter, "%s", "");
	line(letter, "What happened:");
	for (i = 0; i < book->count; i++)
		write_failure(letter, i);
	line(letter, "%s", "");
	line(letter, "On %.*s:", GW_STR_ARGS(gw->hostname(letter->call)));
	line(letter, "To find out what is wrong:   gatewayctl relay test %s", book->name);
	line(letter, "To use it again at once:     gatewayctl relay resume %s", book->name);
}

/* Of its own memory, or NULL. Under the book's lock. */
static char *write_letter(struct letter *letter, size_t *len)
{
	char until[TEXT_UNTIL], *bytes = NULL;

	letter->out = open_memstream(&bytes, len);
	if (!letter->out)
		return NULL;
	text_until(letter->call, gw->relay_fact(letter->relay, GW_RELAY_TIMEZONE),
		   letter->book->closure.until, until);
	write_header(letter, until);
	write_body(letter, until);
	if (fclose(letter->out) == 0)
		return bytes;
	free(bytes);
	return NULL;
}

/* --- sending --- */

static bool send_letter(const struct letter *letter, const char *bytes, size_t len)
{
	struct gw_submission submission = {
		.size = sizeof submission,
		.sender = letter->config->warn_from,
		.rcpts = letter->config->warn_to,
		.bytes = gw_str_n(bytes, len),
	};

	return bytes && gw->submit(letter->call, &submission) == 0;
}

#define SETTLED_MS 3000 /* the record is on disk after a second */
/* A letter that waited in the queue over a restart has shown itself by then. */
#define SEEN_MS 6000

static bool is_wanted(const struct book *book, int64_t now)
{
	bool seen = !book->read_time || now >= book->read_time + SEEN_MS || now < book->read_time;

	return book->closure.cause == GW_CAUSE_FAILURE && !book->closure.warned && seen;
}

static void mark_warned(struct gw_call *call, struct book *book)
{
	book->letter_time = gw->now(call);
	book->closure.warned = book->closure.cause != 0;
	book_write(call, book);
}

/* Marked only when it is on its way. A crash before the mark is on disk finds the letter in the
 * queue: it does not leave sooner. */
void warn(struct gw_call *call, const struct gw_relay *relay, struct book *book)
{
	struct letter letter = {
		.call = call, .relay = relay, .config = gw->conf(call), .book = book
	};
	char *bytes = NULL;
	size_t len = 0;
	bool wanted;

	book_lock(book);
	wanted = is_wanted(book, gw->now(call));
	if (wanted && letter.config->warn_to.count)
		bytes = write_letter(&letter, &len);
	book_unlock(book);
	if (!wanted || (letter.config->warn_to.count && !send_letter(&letter, bytes, len))) {
		free(bytes);
		return;
	}
	free(bytes);
	book_lock(book);
	mark_warned(call, book);
	book_unlock(book);
}

static bool is_about(struct gw_message *message, const struct book *book)
{
	struct gw_header field = { .size = sizeof field };
	char id[ID_MAX], value[ID_MAX + 300];

	if (gw->header_named(message, gw_str("Message-ID"), 0, &field) != 0)
		return false;
	snprintf(value, sizeof value, "%.*s", GW_STR_ARGS(field.value));
	return strstr(value, letter_id(book, id)) != NULL;
}

static bool letter_waits(struct gw_call *call, struct gw_message *message, struct book *book,
			 int64_t *until)
{
	bool waits = false;

	book_lock(book);
	if (book->closure.cause == GW_CAUSE_FAILURE && is_about(message, book)) {
		if (!book->closure.warned)
			mark_warned(call, book);
		*until = book->letter_time + SETTLED_MS;
		waits = gw->now(call) >= book->letter_time && gw->now(call) < *until;
	}
	book_unlock(book);
	return waits;
}

bool warning_waits(struct gw_call *call, struct gw_message *message, int64_t *until)
{
	struct gw_relay *relay;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)); nth++) {
		const struct rules *rules = gw->relay_conf(call, relay);
		if (rules && rules->book->special &&
		    letter_waits(call, message, rules->book, until))
			return true;
	}
	return false;
}

/* A report about hostile words: whatever a remote, a client or a message says, no field, line or
 * part comes of it. */
#include "fuzz.h"

#include "base/clock.c"
#include "base/id.c"
#include "deliver/dsn.c"
#include "deliver/dsn_human.c"
#include "deliver/dsn_status.c"
#include "deliver/dsn_text.c"
#include "client/outcome.c"

#define RCPTS 2

/* The message is in memory; the driver needs no spool. */
const struct header_block *message_headers(struct gw_message *message)
{
	struct header_block *block = arena_alloc(&message->arena, sizeof *block);
	return header_parse(message->content.tail, &message->arena, block) == 0 ? block : NULL;
}

long spool_read(const struct spool_content *content, uint64_t offset, void *out, size_t len)
{
	struct gw_str rest = gw_str_from(content->tail, (size_t)offset);
	if (len > rest.len)
		len = rest.len;
	memcpy(out, rest.ptr, len);
	return (long)len;
}

/* The next piece of the input, ended by a byte that no text needs. */
static struct gw_str take_text(struct gw_str *input)
{
	size_t len = gw_str_find(*input, '\376');
	struct gw_str text = gw_str_n(input->ptr, len);
	*input = gw_str_from(*input, len + 1);
	return text;
}

static bool begins(struct gw_str line, const char *text)
{
	return line.len >= strlen(text) && memcmp(line.ptr, text, strlen(text)) == 0;
}

static bool one_of(struct gw_str line, const char *const *names)
{
	for (; *names; names++)
		if (begins(line, *names) && line.len > strlen(*names) &&
		    line.ptr[strlen(*names)] == ':')
			return true;
	return false;
}

static struct gw_str take_line(struct gw_str *text)
{
	size_t len = line_length(*text);
	struct gw_str line = gw_str_n(text->ptr, len);
	must(len + 2 <= text->len);
	*text = gw_str_from(*text, len + 2);
	return line;
}

static void check_line(struct gw_str line, bool utf8)
{
	size_t i;
	must(line.len <= 998);
	for (i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.ptr[i];
		must((c >= ' ' && c < 0x7f) || c == '\t' || (utf8 && c >= 0x80));
	}
}

/* Fields up to the blank line, each of a known name. */
static void check_fields(struct gw_str *text, const char *const *names)
{
	struct gw_str line;
	while ((line = take_line(text)).len)
		must(line.ptr[0] == ' ' || line.ptr[0] == '\t' || one_of(line, names));
}

static const char *const top_fields[] = {
	"From",
	"To",
	"Subject",
	"Date",
	"Message-ID",
	"In-Reply-To",
	"References",
	"Auto-Submitted",
	"MIME-Version",
	"Content-Type",
	"Content-Transfer-Encoding",
	NULL,
};
static const char *const part_fields[] = { "Content-Type", "Content-Transfer-Encoding", NULL };
static const char *const message_fields[] = { "Original-Envelope-Id", "Reporting-MTA",
					      "Arrival-Date", NULL };
static const char *const rcpt_fields[] = {
	"Original-Recipient", "Final-Recipient",   "Action",           "Status", "Remote-MTA",
	"Diagnostic-Code",    "Last-Attempt-Date", "Will-Retry-Until", NULL,
};

static void skip_to_boundary(struct gw_str *text)
{
	while (!begins(take_line(text), "--=_report_"))
		;
}

static void check_report(struct gw_str report, bool utf8)
{
	struct gw_str text = report;
	size_t i;

	while (text.len)
		check_line(take_line(&text), utf8);
	text = report;
	check_fields(&text, top_fields);
	must(begins(take_line(&text), "--=_report_"));
	check_fields(&text, part_fields);
	skip_to_boundary(&text);
	check_fields(&text, part_fields);
	check_fields(&text, message_fields);
	for (i = 0; i < RCPTS; i++)
		check_fields(&text, rcpt_fields);
	must(begins(take_line(&text), "--=_report_"));
	must(begins(report, "From: Mail Delivery System <MAILER-DAEMON@"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_str input = gw_str_n(data, size);
	struct gw_message message = { 0 };
	struct gw_rcpt rcpts[RCPTS] = { { .message = &message }, { .message = &message } };
	struct dsn_rcpt to[RCPTS] = { 0 };
	struct dsn dsn = {
		.message = &message, .rcpts = to, .count = RCPTS, .id = 7, .max_return = 4096
	};
	unsigned flags;
	struct buf out;
	size_t i;

	arena_init(&message.arena, 0);
	dsn.action = (enum dsn_action)(take_byte(&input) % 5);
	flags = take_byte(&input);
	message.smtputf8 = dsn.utf8 = flags & 1;
	dsn.hostname = take_text(&input);
	message.sender = take_text(&input);
	message.envid = take_text(&input);
	for (i = 0; i < RCPTS; i++) {
		rcpts[i].address = take_text(&input);
		rcpts[i].orcpt = take_text(&input);
		to[i].rcpt = &rcpts[i];
		outcome_set(&to[i].outcome, &message.arena, GW_BOUNCED, (enum stage)(flags % 13),
			    false, flags & 2 ? 550 : 0, flags & 4 ? "5.1.1" : NULL,
			    take_text(&input), take_text(&input));
	}
	message.content.tail = input;
	message.content.size = input.len;
	buf_init(&out, 0);
	must(dsn_write(&dsn, &out) == 0);
	check_report(buf_str(&out), message.smtputf8);
	buf_finish(&out);
	arena_finish(&message.arena);
	return 0;
}

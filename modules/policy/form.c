#include "form.h"
#include "date.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* RFC 5322 section 2.1.1, without the line's end. */
#define LINE_MAX_OCTETS 998

/* The fields that may stand once: RFC 5322 section 3.6, RFC 2045 section 3, RFC 2369 section 3.6
 * and RFC 8058 section 3.1. */
static const char *const single_fields[] = {
	"Date",         "From",
	"Sender",       "Reply-To",
	"To",           "Cc",
	"Bcc",          "Message-ID",
	"In-Reply-To",  "References",
	"Subject",      "MIME-Version",
	"Content-Type", "Content-Transfer-Encoding",
	"List-Id",      "List-Unsubscribe",
	"List-Post",    "List-Unsubscribe-Post",
};
#define SINGLES (sizeof(single_fields) / sizeof(*single_fields))

/* One look at one header. */
struct look {
	struct form *form;
	const struct form_bounds *bounds;
	bool utf8;
	size_t line;        /* where the field that is looked at begins */
	size_t header_size; /* octets so far */
	int64_t hops;
	size_t seen[SINGLES]; /* the line of the first, 0: none */
	bool https, one_click;
};

/* The first of a kind counts: an admin mends one line after the other. */
__attribute__((format(printf, 4, 5))) static void find(struct look *look, enum flaw which,
						       size_t line, const char *format, ...)
{
	struct form_flaw *flaw = &look->form->flaws[which];
	va_list values;

	if (flaw->found)
		return;
	flaw->found = true;
	flaw->line = line;
	va_start(values, format);
	vsnprintf(flaw->text, sizeof(flaw->text), format, values);
	va_end(values);
}

/* How much of a name that a client chose is told. */
#define NAME_ARGS(name) (int)((name).len < 60 ? (name).len : 60), (name).ptr

static void look_at_octets(struct look *look, const struct gw_header *header)
{
	size_t line = look->line, begin = 0;

	for (size_t i = 0; i < header->whole.len; i++) {
		if ((unsigned char)header->whole.ptr[i] > 127 && !look->utf8)
			find(look, FLAW_EIGHT_BIT, line,
			     "the field %.*s has an octet that is no ASCII and not encoded (RFC 2047)",
			     NAME_ARGS(header->name));
		if (header->whole.ptr[i] != '\n')
			continue;
		if (i - begin > LINE_MAX_OCTETS + 1)
			find(look, FLAW_LINE_LENGTH, line,
			     "the field %.*s has a line of %zu octets, 998 are allowed",
			     NAME_ARGS(header->name), i - begin - 1);
		begin = i + 1;
		line++;
	}
	look->line = line;
}

static void look_for_second(struct look *look, const struct gw_header *header)
{
	for (size_t i = 0; i < SINGLES; i++)
		if (gw_str_ieq(header->name, gw_str(single_fields[i]))) {
			if (look->seen[i])
				find(look, FLAW_TWICE, look->line,
				     "the field %s stands a second time, the first is in line %zu",
				     single_fields[i], look->seen[i]);
			else
				look->seen[i] = look->line;
		}
}

static void look_at_from(struct look *look, struct gw_str value)
{
	if (gw_str_trim(value).len == 0)
		find(look, FLAW_FROM_MISSING, look->line, "the field From is empty");
}

static void look_at_date(struct look *look, struct gw_str value)
{
	if (!date_is_right(value))
		find(look, FLAW_DATE_BAD, look->line,
		     "the field Date has no date that exists (RFC 5322)");
}

static bool is_id_octet(char c)
{
	return (unsigned char)c > ' ' && c != 127 && c != '<' && c != '>' && c != '@';
}

/* What readers and receivers agree on; the grammar would let more through. */
static bool is_message_id(struct gw_str id)
{
	size_t at = 0, i;

	if (id.len < 5 || id.ptr[0] != '<' || id.ptr[id.len - 1] != '>')
		return false;
	for (i = 1; i < id.len - 1; i++)
		if (id.ptr[i] == '@' && at == 0)
			at = i;
		else if (!is_id_octet(id.ptr[i]))
			return false;
	return at > 1 && at < id.len - 2;
}

static void look_at_message_id(struct look *look, struct gw_str value)
{
	if (!is_message_id(gw_str_trim(value)))
		find(look, FLAW_MESSAGE_ID_BAD, look->line,
		     "the field Message-ID is not one <left@right>");
}

/* Octets without the folds' line ends. */
static void look_at_subject(struct look *look, struct gw_str value)
{
	size_t size = 0;

	for (size_t i = 0; i < value.len; i++)
		size += value.ptr[i] != '\r' && value.ptr[i] != '\n';
	if (look->bounds->subject_size && size > (size_t)look->bounds->subject_size)
		find(look, FLAW_SUBJECT_SIZE, look->line,
		     "the field Subject has %zu octets, %lld are allowed", size,
		     (long long)look->bounds->subject_size);
}

static bool holds(struct gw_str text, const char *what)
{
	size_t len = strlen(what);

	for (size_t i = 0; i + len <= text.len; i++)
		if (gw_str_ieq((struct gw_str){ text.ptr + i, len }, gw_str_n(what, len)))
			return true;
	return false;
}

static void look_at_unsubscribe(struct look *look, struct gw_str value)
{
	look->https |= holds(value, "<https://");
}

static void look_at_one_click(struct look *look, struct gw_str value)
{
	look->one_click |= gw_str_ieq(gw_str_trim(value), gw_str("List-Unsubscribe=One-Click"));
}

static void look_at_hop(struct look *look, struct gw_str value)
{
	(void)value;
	if (++look->hops > look->bounds->hops && look->bounds->hops)
		find(look, FLAW_HOPS, look->line,
		     "there are more than %lld Received fields: the mail goes round",
		     (long long)look->bounds->hops);
}

static const struct {
	const char *name;
	void (*look_at)(struct look *look, struct gw_str value);
} fields[] = {
	{ "From", look_at_from },
	{ "Date", look_at_date },
	{ "Message-ID", look_at_message_id },
	{ "Subject", look_at_subject },
	{ "Received", look_at_hop },
	{ "List-Unsubscribe", look_at_unsubscribe },
	{ "List-Unsubscribe-Post", look_at_one_click },
};

static void look_at_field(struct look *look, const struct gw_header *header)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (gw_str_ieq(header->name, gw_str(fields[i].name)))
			fields[i].look_at(look, header->value);
	look_for_second(look, header);
	look->header_size += header->whole.len;
	look_at_octets(look, header); /* goes on to the next field's line */
}

static bool is_there(const struct look *look, const char *name)
{
	for (size_t i = 0; i < SINGLES; i++)
		if (strcmp(single_fields[i], name) == 0)
			return look->seen[i] != 0;
	return false;
}

static void look_for_missing(struct look *look)
{
	if (!is_there(look, "From"))
		find(look, FLAW_FROM_MISSING, 0, "there is no From field");
	if (!is_there(look, "Date"))
		find(look, FLAW_DATE_MISSING, 0, "there is no Date field");
	if (!is_there(look, "Message-ID"))
		find(look, FLAW_MESSAGE_ID_MISSING, 0, "there is no Message-ID field");
	if (!look->https)
		find(look, FLAW_UNSUBSCRIBE, 0,
		     "it is mass mail without List-Unsubscribe: <https://...> (RFC 8058)");
	else if (!look->one_click)
		find(look, FLAW_UNSUBSCRIBE, 0,
		     "it is mass mail without List-Unsubscribe-Post: List-Unsubscribe=One-Click (RFC 8058)");
}

static void look_at_whole(struct look *look, const struct gw_message *message)
{
	const struct form_bounds *bounds = look->bounds;

	if (bounds->header_size && look->header_size > (size_t)bounds->header_size)
		find(look, FLAW_HEADER_SIZE, 0, "the header has %zu octets, %lld are allowed",
		     look->header_size, (long long)bounds->header_size);
	if (gw->message_number(message, GW_MESSAGE_HEADER_ODD) > 0)
		find(look, FLAW_HEADER_END, look->line,
		     "the header ends at a line that is no field");
}

void form_look(struct gw_message *message, const struct form_bounds *bounds, struct form *form)
{
	struct look look = { .form = form,
			     .bounds = bounds,
			     .utf8 = gw->message_number(message, GW_MESSAGE_SMTPUTF8) == 1,
			     .line = 1 };
	struct gw_header header = { .size = sizeof(header) };

	memset(form, 0, sizeof(*form));
	for (size_t i = 0; gw->header(message, i, &header) == 0; i++)
		look_at_field(&look, &header);
	look_for_missing(&look);
	look_at_whole(&look, message);
}

const char *form_word(enum flaw flaw)
{
	static const char *const words[FLAWS] = {
		[FLAW_HEADER_END] = "header_end",
		[FLAW_FROM_MISSING] = "from_missing",
		[FLAW_TWICE] = "twice",
		[FLAW_EIGHT_BIT] = "eight_bit",
		[FLAW_LINE_LENGTH] = "line_length",
		[FLAW_HEADER_SIZE] = "header_size",
		[FLAW_SUBJECT_SIZE] = "subject_size",
		[FLAW_HOPS] = "hops",
		[FLAW_DATE_MISSING] = "date_missing",
		[FLAW_DATE_BAD] = "date_bad",
		[FLAW_MESSAGE_ID_MISSING] = "message_id_missing",
		[FLAW_MESSAGE_ID_BAD] = "message_id_bad",
		[FLAW_UNSUBSCRIBE] = "unsubscribe",
	};

	return words[flaw];
}

/* policy.c - the gate at the door: the form that receivers refuse is found while the client still
 * listens. form.h has what is looked for; README.md tells it with examples. */
#include "date.h"
#include "form.h"

#include <stdarg.h>
#include <stdio.h>

/* In the order of the words. */
enum act { ACT_REFUSE, ACT_NOTE, ACT_OFF, ACT_MEND };

#define WORDS "refuse|note|off"
#define MEND_WORDS WORDS "|mend"

struct conf {
	struct gw_list types, clients, unsubscribe_types;
	struct form_bounds bounds;
	int64_t acts[FLAWS]; /* enum act */
};

#define CONF(member) offsetof(struct conf, member)
#define ACT(name, flaw, otherwise, text)                                                           \
	{                                                                                          \
		.key = (name), .type = GW_OPTION_WORD, .offset = CONF(acts[flaw]),                 \
		.fallback = (otherwise), .words = WORDS, .help = (text)                            \
	}
#define MENDABLE(name, flaw, text)                                                                 \
	{                                                                                          \
		.key = (name), .type = GW_OPTION_WORD, .offset = CONF(acts[flaw]),                 \
		.fallback = "mend", .words = MEND_WORDS, .help = (text)                            \
	}

static const struct gw_option options[] = {
	{ .key = "types",
	  .type = GW_OPTION_LIST,
	  .offset = CONF(types),
	  .help = "Looks at mail of these types; none: of any." },
	{ .key = "clients",
	  .type = GW_OPTION_LIST,
	  .offset = CONF(clients),
	  .help = "Looks at mail of these clients; none: of any." },
	{ .key = "max_header",
	  .type = GW_OPTION_SIZE,
	  .offset = CONF(bounds.header_size),
	  .fallback = "64K",
	  .help = "So large may a whole header be; 0: any size." },
	{ .key = "max_subject",
	  .type = GW_OPTION_SIZE,
	  .offset = CONF(bounds.subject_size),
	  .fallback = "2K",
	  .help = "So long may a Subject be; 0: any length." },
	{ .key = "max_hops",
	  .type = GW_OPTION_INT,
	  .offset = CONF(bounds.hops),
	  .fallback = "50",
	  .help = "So many Received fields mail may have; 0: any number." },
	{ .key = "unsubscribe_types",
	  .type = GW_OPTION_LIST,
	  .offset = CONF(unsubscribe_types),
	  .fallback = "mass",
	  .help = "Mail of these types has to offer unsubscribing by one click." },
	ACT("header_end", FLAW_HEADER_END, "refuse",
	    "A header that ends at a line that is no field."),
	ACT("from_missing", FLAW_FROM_MISSING, "refuse", "No From, or an empty one."),
	ACT("twice", FLAW_TWICE, "refuse", "A field that may stand once stands again."),
	ACT("eight_bit", FLAW_EIGHT_BIT, "refuse",
	    "Octets over 127 in the header, without SMTPUTF8."),
	ACT("line_length", FLAW_LINE_LENGTH, "refuse", "A line of the header over 998 octets."),
	ACT("header_size", FLAW_HEADER_SIZE, "refuse", "A header over max_header."),
	ACT("subject_size", FLAW_SUBJECT_SIZE, "refuse", "A Subject over max_subject."),
	ACT("hops", FLAW_HOPS, "refuse", "More Received fields than max_hops."),
	MENDABLE("date_missing", FLAW_DATE_MISSING,
		 "No Date; mend: the time when the gateway took the mail is added."),
	ACT("date_bad", FLAW_DATE_BAD, "refuse", "A Date that is none."),
	MENDABLE("message_id_missing", FLAW_MESSAGE_ID_MISSING,
		 "No Message-ID; mend: one with the gateway's name is added."),
	ACT("message_id_bad", FLAW_MESSAGE_ID_BAD, "refuse", "A Message-ID that is none."),
	ACT("unsubscribe", FLAW_UNSUBSCRIBE, "note",
	    "Mass mail without unsubscribing by one click (RFC 8058)."),
	GW_OPTIONS_END,
};

static bool is_meant(struct gw_list list, struct gw_str name)
{
	return list.count == 0 || gw_list_has(list, name);
}

/* The gateway's own mail has the form that its author gave it; a bounce that comes to us goes to no
 * receiver. */
static bool looks_at(struct gw_call *call, const struct conf *conf,
		     const struct gw_message *message)
{
	return gw->message_number(message, GW_MESSAGE_OWN) != 1 &&
	       !gw->note(call, message, "bounce.incoming").len &&
	       is_meant(conf->types, gw->message_fact(message, GW_MESSAGE_TYPE)) &&
	       is_meant(conf->clients, gw->message_fact(message, GW_MESSAGE_CLIENT));
}

/* --- message: what was found, and what becomes of it --- */

/* What is told of one message. */
struct told {
	char text[800];
	size_t len, count;
};

__attribute__((format(printf, 2, 3))) static void tell(struct told *told, const char *format, ...)
{
	va_list values;
	int more;

	va_start(values, format);
	more = vsnprintf(told->text + told->len, sizeof(told->text) - told->len, format, values);
	va_end(values);
	if (more > 0 && (size_t)more < sizeof(told->text) - told->len)
		told->len += (size_t)more;
	else
		told->text[told->len] = '\0'; /* what is too much is not told by half */
}

static void tell_flaw(struct told *told, enum flaw which, const struct form_flaw *flaw)
{
	tell(told, "%s", told->count++ ? "; " : "");
	if (flaw->line)
		tell(told, "line %zu: ", flaw->line);
	tell(told, "%s (%s)", flaw->text, form_word(which));
}

static enum act act_of(const struct conf *conf, const struct gw_message *message, enum flaw flaw)
{
	struct gw_str type = gw->message_fact(message, GW_MESSAGE_TYPE);

	if (flaw == FLAW_UNSUBSCRIBE && !gw_list_has(conf->unsubscribe_types, type))
		return ACT_OFF;
	return (enum act)conf->acts[flaw];
}

/* The findings by what becomes of them: enum act. */
static void sort(struct gw_call *call, struct gw_message *message, const struct form *form,
		 struct told told[])
{
	const struct conf *conf = gw->conf(call);

	for (enum flaw i = 0; i < FLAWS; i++)
		if (form->flaws[i].found)
			tell_flaw(&told[act_of(conf, message, i)], i, &form->flaws[i]);
}

static enum gw_verdict refuse(struct gw_call *call, const struct told *refused)
{
	gw->count(call, "refused", 1);
	gw->reason(call, "%s", refused->text);
	gw->reply(call, 550, "5.6.0", "receivers refuse mail of this form: %s", refused->text);
	return GW_REJECT;
}

static enum gw_verdict note(struct gw_call *call, struct gw_message *message,
			    const struct told *noted)
{
	gw->count(call, "noted", 1);
	gw->reason(call, "%s", noted->text);
	return gw->note_set(call, message, "form", gw_str(noted->text)) == 0 ? GW_CONTINUE
									     : GW_FAILED;
}

static enum gw_verdict on_message(struct gw_call *call, struct gw_message *message)
{
	const struct conf *conf = gw->conf(call);
	struct told told[ACT_MEND + 1] = { { .count = 0 } };
	struct form form;

	if (!looks_at(call, conf, message))
		return GW_CONTINUE;
	form_look(message, &conf->bounds, &form);
	sort(call, message, &form, told);
	if (told[ACT_REFUSE].count)
		return refuse(call, &told[ACT_REFUSE]);
	if (told[ACT_MEND].count)
		gw->reason(call, "added on the way: %s", told[ACT_MEND].text);
	return told[ACT_NOTE].count ? note(call, message, &told[ACT_NOTE]) : GW_CONTINUE;
}

/* --- prepare: what is missing is added, the same in each delivery and attempt --- */

/* Where it stands; -1: nowhere. */
static long field_of(struct gw_delivery *delivery, const char *name)
{
	struct gw_header header = { .size = sizeof(header) };

	for (size_t i = 0; gw->delivery_header(delivery, i, &header) == 0; i++)
		if (gw_str_ieq(header.name, gw_str(name)))
			return (long)i;
	return -1;
}

/* At the end of the header, where an application would have written it. */
static int add(struct gw_call *call, struct gw_delivery *delivery, const char *name,
	       const char *value)
{
	size_t end = (size_t)gw->delivery_number(delivery, GW_DELIVERY_HEADERS);

	gw->count(call, "mended", 1);
	return gw->header_add(call, delivery, end, gw_str(name), gw_str(value));
}

static int add_date(struct gw_call *call, struct gw_delivery *delivery)
{
	struct gw_message *message = gw->delivery_message(delivery);
	char value[DATE_SIZE];

	date_write(value, gw->message_number(message, GW_MESSAGE_RECEIVED_AT));
	return add(call, delivery, "Date", value);
}

static int add_message_id(struct gw_call *call, struct gw_delivery *delivery)
{
	struct gw_str id = gw->message_fact(gw->delivery_message(delivery), GW_MESSAGE_ID);
	struct gw_str host = gw->hostname(call);
	char value[400];

	snprintf(value, sizeof(value), "<%.*s@%.*s>", GW_STR_ARGS(id), GW_STR_ARGS(host));
	return add(call, delivery, "Message-ID", value);
}

static const struct {
	enum flaw flaw;
	const char *field;
	int (*add)(struct gw_call *call, struct gw_delivery *delivery);
} mends[] = {
	{ FLAW_DATE_MISSING, "Date", add_date },
	{ FLAW_MESSAGE_ID_MISSING, "Message-ID", add_message_id },
};

static enum gw_verdict on_prepare(struct gw_call *call, struct gw_delivery *delivery)
{
	const struct conf *conf = gw->conf(call);

	if (!looks_at(call, conf, gw->delivery_message(delivery)))
		return GW_CONTINUE;
	for (size_t i = 0; i < sizeof(mends) / sizeof(*mends); i++)
		if (conf->acts[mends[i].flaw] == ACT_MEND &&
		    field_of(delivery, mends[i].field) < 0 && mends[i].add(call, delivery) != 0)
			return GW_FAILED;
	return GW_CONTINUE;
}

GW_MODULE(.name = "policy", .version = "1.0",
	  .summary = "refuses mail of a form that receivers refuse, and adds what it lacks",
	  .options = options, .conf_size = sizeof(struct conf), .message = on_message,
	  .prepare = on_prepare)

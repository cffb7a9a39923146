#include "reply.h"

#include "../common/row_check.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>

#define AT(member) offsetof(struct reply_row, member)
const struct gw_option reply_options[] = {
	{ "class", GW_OPTION_STRING, AT(class), .help = "Its name, for logs and warnings.",
	  .flags = GW_OPTION_REQUIRED },
	{ "stages", GW_OPTION_LIST, AT(stages),
	  .help = "Where it was said: \"auth\", \"mail\", ...; none: anywhere." },
	{ "codes", GW_OPTION_LIST, AT(codes), .help = "Reply codes: \"535\", \"4*\"; none: any." },
	{ "status", GW_OPTION_LIST, AT(status),
	  .help = "Enhanced codes: \"5.7.3\", \"4.3.*\", \"5.7.70?\", \"none\" (there is no such code); an empty list: any, or none." },
	{ "words", GW_OPTION_LIST, AT(words),
	  .help = "One of these is in the text, in capitals or not, and not in what the message itself put there; none: any text." },
	{ "fault", GW_OPTION_WORD, AT(fault), .help = "Whose fault it is.",
	  .flags = GW_OPTION_REQUIRED, .words = REPLY_FAULTS },
	{ "counts", GW_OPTION_BOOL, AT(counts), "false",
	  "Whether it is one of the failures after which the relay is suspended." },
	{ "action", GW_OPTION_WORD, AT(action), "none",
	  "What is done with the relay: slowed down, closed until its next day as a limit is, or suspended at once.",
	  .words = REPLY_ACTIONS },
	{ "hint", GW_OPTION_STRING, AT(hint), .help = "What to do about it, for the warning." },
	GW_OPTIONS_END
};
#undef AT

/* --- the built-in rows --- */

#define LIST(...)                                                                                  \
	{                                                                                          \
		(const struct gw_str[]){ __VA_ARGS__ },                                            \
			sizeof((const struct gw_str[]){ __VA_ARGS__ }) / sizeof(struct gw_str)     \
	}
#define S(text) GW_STR(text)
#define FAULT(name) (GW_FAULT_##name - GW_FAULT_RELAY)

/* The stages from MAIL on: there a reply may be about this sender, this recipient or this content.
 */
#define SENDING S("mail"), S("rcpt"), S("data"), S("body"), S("dot")
#define CONTENT S("mail"), S("data"), S("body"), S("dot")
#define GREYLIST                                                                                   \
	S("greylist"), S("graylist"), S("grey list"), S("gray list"), S("grey-list"), S("postgrey")

/* They hold for every host, also where one relay stands for many. What counts is what the next hop
 * says of itself, and what no message can make it say: neither a rate, nor a recipient, nor a
 * sender's domain, nor what the content brought about. 5.3.0 at RCPT is a favourite word for an
 * unknown user. What is too large for the next hop is so by its system's settings, and still the
 * message's fault. */
static const struct reply_row built_in[] = {
	{ .class = S("greylist"),
	  .stages = LIST(S("rcpt")),
	  .codes = LIST(S("4*")),
	  .words = LIST(GREYLIST),
	  .fault = FAULT(RECIPIENT) },
	{ .class = S("greylist"),
	  .stages = LIST(CONTENT),
	  .codes = LIST(S("4*")),
	  .words = LIST(GREYLIST),
	  .fault = FAULT(MESSAGE) },
	{ .class = S("sender_domain"),
	  .stages = LIST(SENDING),
	  .status = LIST(S("4.7.2[0-7]"), S("4.7.29"), S("4.7.3[0-2]"), S("4.7.40"),
			 S("5.7.2[0-7]"), S("5.7.29"), S("5.7.3[0-2]"), S("5.7.40"), S("5.7.9"),
			 S("5.7.509"), S("5.7.515")),
	  .words = LIST(S("spf"), S("dkim"), S("dmarc"), S("unauthenticated"),
			S("not authenticated"), S("ptr"), S("reverse dns"), S("authentication"),
			S("encrypt"), S("tls")),
	  .fault = FAULT(MESSAGE) },
	{ .class = S("sender_domain"),
	  .stages = LIST(SENDING),
	  .status = LIST(S("4.1.7"), S("4.1.8"), S("5.1.7")),
	  .fault = FAULT(MESSAGE) },
	{ .class = S("recipient"),
	  .stages = LIST(S("rcpt")),
	  .status = LIST(S("?.1.[1236]"), S("5.1.10")),
	  .fault = FAULT(RECIPIENT) },
	{ .class = S("sender_domain"),
	  .stages = LIST(SENDING),
	  .codes = LIST(S("4*"), S("5*")),
	  .words = LIST(S("domain not found"), S("domain of sender"), S("sender domain"),
			S("sender's domain"), S("sending domain"), S("does not resolve"),
			S("not resolve"), S("cannot resolve"), S("can't resolve"),
			S("unresolvable"), S("could not be resolved"), S("unable to resolve"),
			S("domain does not exist"), S("domain doesn't exist"), S("no mx record"),
			S("dmarc policy"), S("dmarc record"), S("spf record"), S("spf check"),
			S("spf validation"), S("sender policy framework"), S("invalid dns mx"),
			S("verify sender"), S("sender verify failed"),
			S("sender address verification")),
	  .fault = FAULT(MESSAGE) },
	{ .class = S("busy"), .status = LIST(S("4.3.2"), S("4.4.5")), .fault = FAULT(RELAY) },
	{ .class = S("connection"),
	  .stages = LIST(S("resolve"), S("connect"), S("greeting"), S("ehlo"), S("tls")),
	  .fault = FAULT(RELAY),
	  .counts = true },
	{ .class = S("login"), .stages = LIST(S("auth")), .fault = FAULT(ACCOUNT), .counts = true },
	{ .class = S("login"), .codes = LIST(S("530")), .fault = FAULT(ACCOUNT), .counts = true },
	{ .class = S("too_fast"),
	  .stages = LIST(SENDING),
	  .codes = LIST(S("421")),
	  .status = LIST(S("4.7.*")),
	  .fault = FAULT(ACCOUNT),
	  .action = ACTION_THROTTLE },
	{ .class = S("closing"), .codes = LIST(S("421")), .fault = FAULT(RELAY), .counts = true },
	{ .class = S("system"),
	  .stages = LIST(S("rcpt")),
	  .status = LIST(S("4.3.1"), S("4.3.5")),
	  .fault = FAULT(RELAY) },
	{ .class = S("recipient"), .stages = LIST(S("rcpt")), .fault = FAULT(RECIPIENT) },
	{ .class = S("message"),
	  .stages = LIST(CONTENT),
	  .status = LIST(S("4.3.4"), S("5.3.4")),
	  .fault = FAULT(MESSAGE) },
	{ .class = S("system"),
	  .stages = LIST(S("mail"), S("data")),
	  .status = LIST(S("4.3.*")),
	  .fault = FAULT(RELAY),
	  .counts = true },
	{ .class = S("system"),
	  .stages = LIST(S("mail"), S("data")),
	  .codes = LIST(S("451"), S("452")),
	  .status = LIST(S("none"), S("4.0.0")),
	  .fault = FAULT(RELAY),
	  .counts = true },
	{ .class = S("system"),
	  .stages = LIST(S("body"), S("dot")),
	  .status = LIST(S("4.3.*")),
	  .words = LIST(S("queue file"), S("write error"), S("insufficient system"),
			S("system storage"), S("disk")),
	  .fault = FAULT(RELAY),
	  .counts = true },
	{ .class = S("system"),
	  .stages = LIST(CONTENT),
	  .status = LIST(S("4.3.*"), S("5.3.*"), S("4.4.*")),
	  .fault = FAULT(RELAY) },
	{ .class = S("message"), .stages = LIST(CONTENT), .fault = FAULT(MESSAGE) },
};

#define BUILT_IN (sizeof built_in / sizeof *built_in)

/* --- does a row fit? --- */

/* A reply's lines are parted by '\n', and where they break means nothing. */
static char plain(char c)
{
	return c == '\n' ? ' ' : (char)tolower((unsigned char)c);
}

static bool begins(const char *at, struct gw_str word)
{
	size_t i;

	for (i = 0; i < word.len; i++)
		if (plain(at[i]) != plain(word.ptr[i]))
			return false;
	return true;
}

static bool has_word(struct gw_str text, struct gw_str word)
{
	size_t i;

	for (i = 0; i + word.len <= text.len; i++)
		if (begins(text.ptr + i, word))
			return true;
	return false;
}

static bool fits_words(struct gw_list words, struct gw_str text)
{
	size_t i;

	for (i = 0; i < words.count; i++)
		if (has_word(text, words.items[i]))
			return true;
	return words.count == 0;
}

static bool fits_pattern(struct gw_list patterns, const char *value)
{
	size_t i;

	for (i = 0; i < patterns.count; i++)
		if (fnmatch(patterns.items[i].ptr, value, 0) == 0)
			return true;
	return patterns.count == 0;
}

static bool fits_stage(struct gw_list stages, struct gw_str stage)
{
	size_t i;

	for (i = 0; i < stages.count; i++)
		if (gw_str_ieq(stages.items[i], stage))
			return true;
	return stages.count == 0;
}

static const struct reply_row *find(const struct reply_row *rows, size_t count,
				    const struct reply *reply)
{
	const char *status = *reply->status ? reply->status : "none";
	char code[12];
	size_t i;

	snprintf(code, sizeof code, "%d", reply->code);
	for (i = 0; i < count; i++)
		if (fits_stage(rows[i].stages, reply->stage) && fits_pattern(rows[i].codes, code) &&
		    fits_pattern(rows[i].status, status) && fits_words(rows[i].words, reply->text))
			return &rows[i];
	return NULL;
}

/* Nobody said anything, or a module did: the gateway knows best. */
static struct verdict judge_silence(enum gw_fault fault)
{
	static const struct verdict by_fault[] = {
		[GW_FAULT_NONE] = { .class = S("none") },
		[GW_FAULT_RELAY] = { .class = S("connection"), .counts = true },
		[GW_FAULT_ACCOUNT] = { .class = S("login"), .counts = true },
		[GW_FAULT_RECIPIENT] = { .class = S("recipient") },
		[GW_FAULT_MESSAGE] = { .class = S("message") },
		[GW_FAULT_UNKNOWN] = { .class = S("unknown"), .counts = true },
		/* this machine's own says nothing about the relay */
		[GW_FAULT_LOCAL] = { .class = S("local") },
	};
	struct verdict verdict = by_fault[fault <= GW_FAULT_LOCAL ? fault : GW_FAULT_NONE];

	verdict.fault = fault <= GW_FAULT_UNKNOWN ? fault : GW_FAULT_NONE;
	return verdict;
}

struct verdict reply_judge(const struct reply *reply, const struct gw_groups *rows)
{
	const struct reply_row *own = rows->items, *row = NULL;

	if (reply->code && reply->fault != GW_FAULT_UNKNOWN) {
		row = find(own, rows->count, reply);
		if (!row)
			row = find(built_in, BUILT_IN, reply);
	}
	if (!row)
		return judge_silence(reply->fault);
	return (struct verdict){
		.class = row->class,
		.hint = row->hint.ptr ? row->hint : gw_str(""),
		.fault = (enum gw_fault)(row->fault + GW_FAULT_RELAY),
		.counts = row->counts,
		.action = (enum action)row->action,
		.row = row >= built_in && row < built_in + BUILT_IN ? 0 : (size_t)(row - own) + 1,
	};
}

/* --- the reply --- */

/* An enhanced code at the start of the text, with nothing but a blank or a bracket behind it. */
static bool take_status(struct reply *reply, const char *text)
{
	size_t len = strspn(text, "0123456789."), i, dots = 0;

	for (i = 0; i < len; i++)
		dots += text[i] == '.';
	if (dots != 2 || len >= sizeof reply->status || !strchr("245", *text) ||
	    text[len - 1] == '.' || (text[len] && !strchr(" ])\n:-", text[len])))
		return false;
	snprintf(reply->status, sizeof reply->status, "%.*s", (int)len, text);
	return true;
}

/* Codes with numbers over 255 (Microsoft's 5.7.708) are left in the text; some write "#5.1.0", and
 * qmail puts "(#5.1.0)" behind it. */
void reply_status_from_text(struct reply *reply)
{
	const char *text = reply->text.ptr ? reply->text.ptr : "", *late;

	if (take_status(reply, text + strspn(text, "#([")))
		return;
	late = strstr(text, "(#");
	if (late)
		take_status(reply, late + 2);
}

void reply_of(struct reply *reply, const struct gw_result *result)
{
	const struct gw_outcome *outcome = result->outcome;
	const uint8_t *enhanced = outcome->enhanced;

	*reply = (struct reply){ .code = outcome->code,
				 .stage = result->stage,
				 .text = outcome->text,
				 .fault = result->fault };
	if (enhanced[0])
		snprintf(reply->status, sizeof reply->status, "%u.%u.%u", enhanced[0], enhanced[1],
			 enhanced[2]);
	else
		reply_status_from_text(reply);
}

/* --- checks --- */

static const struct gw_list all_stages = LIST(S("resolve"), S("connect"), S("greeting"), S("ehlo"),
					      S("tls"), S("auth"), S("mail"), S("rcpt"), S("data"),
					      S("body"), S("dot"), S("module"));

bool reply_is_stage(struct gw_str word)
{
	return fits_stage(all_stages, word);
}

static bool is_made_of(struct gw_str text, const char *characters)
{
	return text.len != 0 && !gw_str_has_nul(text) && strspn(text.ptr, characters) == text.len;
}

static bool is_code(struct gw_str text)
{
	return is_made_of(text, "0123456789*?") &&
	       (text.len == 3 || (text.len < 3 && text.ptr[text.len - 1] == '*'));
}

static bool is_status(struct gw_str text)
{
	if (gw_str_eq(text, gw_str("none")))
		return true;
	return is_made_of(text, "0123456789.*?[]-") && (strchr("245?", text.ptr[0]) != NULL) &&
	       gw_str_find(text, '.') != text.len;
}

static bool is_word(struct gw_str text)
{
	return text.len != 0;
}

/* Words alone may come from anybody whose mail the next hop talks about: what is done with the
 * relay, for all, needs the codes too. */
static bool check_action(struct gw_call *call, size_t nth, const struct reply_row *row)
{
	char place[48];

	if (row->action == ACTION_NONE || (row->codes.count && row->status.count))
		return true;
	snprintf(place, sizeof place, "replies[%zu].action", nth);
	gw->problem_at(
		call, NULL, place, true,
		"a row with an action needs codes and status (\"none\" where the reply has no enhanced code)");
	return false;
}

bool replies_check(struct gw_call *call, const struct gw_groups *rows)
{
	const struct reply_row *row = rows->items;
	bool good = true;
	size_t i;

	for (i = 0; i < rows->count; i++, row++) {
		good &= row_check_list(call, "replies", i, "stages", row->stages, reply_is_stage,
				       "stage");
		good &= row_check_list(call, "replies", i, "codes", row->codes, is_code,
				       "reply code and no pattern of one, as \"535\" or \"4*\"");
		good &= row_check_list(
			call, "replies", i, "status", row->status, is_status,
			"enhanced code and no pattern of one, as \"5.7.3\" or \"4.3.*\"");
		good &= row_check_list(call, "replies", i, "words", row->words, is_word, "word");
		good &= check_action(call, i, row);
	}
	return good;
}

const char *fault_name(enum gw_fault fault)
{
	static const char *const names[] = { "none",      "relay",   "account",
					     "recipient", "message", "unknown" };

	return fault <= GW_FAULT_UNKNOWN ? names[fault] : "none";
}

const char *action_name(enum action action)
{
	static const char *const names[] = { "none", "throttle", "limit", "suspend" };

	return action <= ACTION_SUSPEND ? names[action] : "none";
}

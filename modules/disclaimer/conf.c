#include "conf.h"

#include <gateway/domain.h>

#define NOTICE(member) offsetof(struct notice_conf, member)
static const struct gw_option notice_options[] = {
	{ .key = "name",
	  .type = GW_OPTION_STRING,
	  .offset = NOTICE(name),
	  .help = "What rules call it.",
	  .flags = GW_OPTION_REQUIRED },
	{ .key = "text", .type = GW_OPTION_STRING, .offset = NOTICE(text), .help = "Its text." },
	{ .key = "text_file",
	  .type = GW_OPTION_PATH,
	  .offset = NOTICE(text_file),
	  .help = "The file with its text, UTF-8, instead of text." },
	{ .key = "html",
	  .type = GW_OPTION_STRING,
	  .offset = NOTICE(html),
	  .help = "Its HTML, as it stands within <body>; none: made of the text." },
	{ .key = "html_file",
	  .type = GW_OPTION_PATH,
	  .offset = NOTICE(html_file),
	  .help = "The file with its HTML, UTF-8, instead of html." },
	{ .key = "place",
	  .type = GW_OPTION_WORD,
	  .offset = NOTICE(place),
	  .fallback = "bottom",
	  .help = "Above the mail's own text, or below it.",
	  .words = "bottom|top" },
	{ .key = "once",
	  .type = GW_OPTION_BOOL,
	  .offset = NOTICE(once),
	  .fallback = "true",
	  .help = "Leaves a mail alone that has the notice already, in a quoted mail for example." },
	{ .key = "mark",
	  .type = GW_OPTION_STRING,
	  .offset = NOTICE(mark),
	  .help = "Words of the notice that it is known by; none: its longest line." },
	GW_OPTIONS_END,
};

#define RULE(member) offsetof(struct rule_conf, member)
static const struct gw_option rule_options[] = {
	{ .key = "notice",
	  .type = GW_OPTION_STRING,
	  .offset = RULE(notice),
	  .help = "The name of the notice, or none.",
	  .flags = GW_OPTION_REQUIRED },
	{ .key = "from",
	  .type = GW_OPTION_LIST,
	  .offset = RULE(from),
	  .help = "Mail of these authors (From): addresses and domains; none: of any." },
	{ .key = "from_file",
	  .type = GW_OPTION_PATH,
	  .offset = RULE(from_file),
	  .help = "The same from a file, one a line." },
	{ .key = "to",
	  .type = GW_OPTION_LIST,
	  .offset = RULE(to),
	  .help = "Mail to these recipients: addresses and domains; none: to any." },
	{ .key = "to_file",
	  .type = GW_OPTION_PATH,
	  .offset = RULE(to_file),
	  .help = "The same from a file, one a line." },
	{ .key = "direction",
	  .type = GW_OPTION_WORD,
	  .offset = RULE(direction),
	  .fallback = "any",
	  .help = "Only to recipients in domains of one's own, or only to others.",
	  .words = "any|internal|external" },
	{ .key = "type",
	  .type = GW_OPTION_LIST,
	  .offset = RULE(type),
	  .help = "Mail of these types; none: of any." },
	{ .key = "client",
	  .type = GW_OPTION_LIST,
	  .offset = RULE(client),
	  .help = "Mail of these clients; none: of any." },
	{ .key = "relay",
	  .type = GW_OPTION_LIST,
	  .offset = RULE(relay),
	  .help = "Mail through these relays; none: through any." },
	GW_OPTIONS_END,
};

#define CONF(member) offsetof(struct conf, member)
const struct gw_option disclaimer_options[] = {
	{ .key = "notices",
	  .type = GW_OPTION_GROUPS,
	  .offset = CONF(notices),
	  .group = notice_options,
	  .group_size = sizeof(struct notice_conf),
	  .help = "The notices.",
	  .flags = GW_OPTION_REQUIRED },
	{ .key = "rules",
	  .type = GW_OPTION_GROUPS,
	  .offset = CONF(rules),
	  .group = rule_options,
	  .group_size = sizeof(struct rule_conf),
	  .help = "Which mail gets which notice; for each recipient the first rule that fits counts.",
	  .flags = GW_OPTION_REQUIRED },
	{ .key = "people",
	  .type = GW_OPTION_PATH,
	  .offset = CONF(people),
	  .help = "A CSV file about authors: its columns are {{person.COLUMN}} in notices." },
	{ .key = "own",
	  .type = GW_OPTION_LIST,
	  .offset = CONF(own),
	  .flags = GW_OPTION_DOMAINS,
	  .help = "Domains of one's own, for direction; none: the author's." },
	{ .key = "unfit",
	  .type = GW_OPTION_WORD,
	  .offset = CONF(unfit),
	  .fallback = "pass",
	  .help = "Mail that can take no notice (no text in it, broken, too large): it goes without, waits, or is returned.",
	  .words = "pass|wait|reject" },
	{ .key = "signatures",
	  .type = GW_OPTION_WORD,
	  .offset = CONF(signatures),
	  .fallback = "keep",
	  .help = "DKIM signatures that came with a mail, which a notice breaks: kept as they are, taken off, or the mail gets no notice.",
	  .words = "keep|strip|leave" },
	{ .key = "unsigned",
	  .type = GW_OPTION_WORD,
	  .offset = CONF(unsigned_mail),
	  .fallback = "error",
	  .help = "Mail with a notice that no key of dkim signs, where the fragments show it: an error at the start, or nothing.",
	  .words = "error|pass" },
	GW_OPTIONS_END,
};

const struct gw_option disclaimer_relay_options[] = {
	{ .key = "domains",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct relay_conf, domains),
	  .help = "Sender domains that go this way; with a notice they need a key of dkim." },
	GW_OPTIONS_END,
};

/* --- the start --- */

static void __attribute__((format(printf, 5, 6)))
tell(struct gw_call *call, const char *group, size_t nth, const char *key, const char *format, ...)
{
	char place[80], text[700];
	va_list args;

	g_snprintf(place, sizeof place, key ? "%s[%zu].%s" : "%s[%zu]", group, nth, key);
	va_start(args, format);
	g_vsnprintf(text, sizeof text, format, args);
	va_end(args);
	gw->problem_at(call, NULL, place, true, "%s", text);
}

static bool take_people(struct gw_call *call, struct disclaimer *disclaimer)
{
	const struct conf *conf = gw->conf(call);
	char why[400];

	if (!conf->people.len)
		return true;
	disclaimer->people = people_read(conf->people.ptr, why, sizeof why);
	if (!disclaimer->people)
		gw->problem_at(call, NULL, "people", true, "%s", why);
	return disclaimer->people != NULL;
}

static const struct notice *notice_named(const struct disclaimer *disclaimer, struct gw_str name,
					 size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (gw_str_eq(disclaimer->notices[i].name, name))
			return &disclaimer->notices[i];
	return NULL;
}

static bool take_notice(struct gw_call *call, struct disclaimer *disclaimer,
			const struct notice_conf *conf, size_t nth)
{
	struct notice *notice = &disclaimer->notices[nth];
	struct notice_source source = { conf->text, conf->html, conf->text_file, conf->html_file };
	char why[600];

	notice->name = conf->name;
	notice->top = conf->place == 1;
	if (notice_named(disclaimer, conf->name, nth) || gw_str_eq(conf->name, gw_str("none"))) {
		tell(call, "notices", nth, "name", "\"%s\" is taken", conf->name.ptr);
		return false;
	}
	if (!notice_read(notice, &source, disclaimer->people, why, sizeof why)) {
		tell(call, "notices", nth, NULL, "%s", why);
		return false;
	}
	if (!conf->once || notice_know(notice, conf->mark))
		return true;
	tell(call, "notices", nth, conf->mark.len ? "mark" : NULL,
	     "no line of it is long enough to know it again: say mark = \"...\" with more words of it, or once = false");
	return false;
}

static bool take_notices(struct gw_call *call, struct disclaimer *disclaimer)
{
	const struct conf *conf = gw->conf(call);
	const struct notice_conf *notices = conf->notices.items;
	bool good = true;
	size_t i;

	disclaimer->notices = g_new0(struct notice, conf->notices.count + 1);
	disclaimer->notice_count = conf->notices.count;
	for (i = 0; i < conf->notices.count; i++)
		good &= take_notice(call, disclaimer, &notices[i], i);
	return good;
}

static bool take_list(struct gw_call *call, struct names *names, const struct gw_list *list,
		      size_t nth, const char *key)
{
	bool good = true;
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (names_add(call, names, list->items[i]))
			continue;
		tell(call, "rules", nth, key, "\"%s\" is no address and no domain",
		     list->items[i].ptr);
		good = false;
	}
	return good;
}

static bool take_file(struct gw_call *call, struct names *names, struct gw_str path, size_t nth,
		      const char *key)
{
	char why[400];

	if (!path.len || names_add_file(call, names, path.ptr, why, sizeof why))
		return true;
	tell(call, "rules", nth, key, "%s", why);
	return false;
}

static bool take_relays(struct gw_call *call, const struct rule_conf *conf, size_t nth)
{
	size_t i;

	for (i = 0; i < conf->relay.count; i++)
		if (!gw->relay_named(call, conf->relay.items[i])) {
			tell(call, "rules", nth, "relay", "there is no relay \"%s\"",
			     conf->relay.items[i].ptr);
			return false;
		}
	return true;
}

/* One that could not be read was told of. */
static bool is_configured(struct gw_call *call, struct gw_str name)
{
	const struct conf *conf = gw->conf(call);
	const struct notice_conf *notices = conf->notices.items;
	size_t i;

	for (i = 0; i < conf->notices.count; i++)
		if (gw_str_eq(notices[i].name, name))
			return true;
	return false;
}

static bool take_rule(struct gw_call *call, struct disclaimer *disclaimer,
		      const struct rule_conf *conf, size_t nth)
{
	struct rule *rule = &disclaimer->rules[nth];
	bool none = gw_str_eq(conf->notice, gw_str("none"));

	rule->conf = conf;
	rule->from = names_create();
	rule->to = names_create();
	rule->notice = none ? NULL
			    : notice_named(disclaimer, conf->notice, disclaimer->notice_count);
	if (!none && !is_configured(call, conf->notice)) {
		tell(call, "rules", nth, "notice", "there is no notice \"%s\"", conf->notice.ptr);
		return false;
	}
	return take_list(call, rule->from, &conf->from, nth, "from") &&
	       take_list(call, rule->to, &conf->to, nth, "to") &&
	       take_file(call, rule->from, conf->from_file, nth, "from_file") &&
	       take_file(call, rule->to, conf->to_file, nth, "to_file") &&
	       take_relays(call, conf, nth);
}

static bool take_rules(struct gw_call *call, struct disclaimer *disclaimer)
{
	const struct conf *conf = gw->conf(call);
	const struct rule_conf *rules = conf->rules.items;
	bool good = true;
	size_t i;

	disclaimer->rules = g_new0(struct rule, conf->rules.count + 1);
	disclaimer->rule_count = conf->rules.count;
	for (i = 0; i < conf->rules.count; i++)
		good &= take_rule(call, disclaimer, &rules[i], i);
	return good;
}

static bool take_own(struct gw_call *call, struct disclaimer *disclaimer)
{
	const struct conf *conf = gw->conf(call);
	size_t i;

	disclaimer->own = names_create();
	for (i = 0; i < conf->own.count; i++)
		if (!names_add(call, disclaimer->own, conf->own.items[i])) {
			gw->problem_at(call, NULL, "own", true, "\"%s\" is no domain",
				       conf->own.items[i].ptr);
			return false;
		}
	return true;
}

/* All of them are tried, so that one start tells all that is wrong. */
struct disclaimer *disclaimer_create(struct gw_call *call)
{
	struct disclaimer *disclaimer = g_new0(struct disclaimer, 1);
	bool good = take_people(call, disclaimer);

	good = good && take_notices(call, disclaimer);
	good &= take_rules(call, disclaimer);
	good &= take_own(call, disclaimer);
	if (good)
		return disclaimer;
	disclaimer_destroy(disclaimer);
	return NULL;
}

void disclaimer_destroy(struct disclaimer *disclaimer)
{
	size_t i;

	for (i = 0; i < disclaimer->rule_count; i++) {
		names_destroy(disclaimer->rules[i].from);
		names_destroy(disclaimer->rules[i].to);
	}
	for (i = 0; i < disclaimer->notice_count; i++)
		notice_finish(&disclaimer->notices[i]);
	names_destroy(disclaimer->own);
	people_destroy(disclaimer->people);
	g_free(disclaimer->rules);
	g_free(disclaimer->notices);
	g_free(disclaimer);
}

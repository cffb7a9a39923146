#include "policy.h"

/* A word of a rule that stands for "as the module says" comes first. */
struct rule {
	struct gw_list type, client;
	bool scan;
	int64_t infected, on_error, oversize, encrypted;
};

#define INFECTED_WORDS "reject|hold|quarantine"
#define ERROR_WORDS "tempfail|reject|hold|skip"
#define OTHER_WORDS "reject|hold|skip"

/* In the order of the words. */
static const enum act infected_acts[] = { ACT_REJECT, ACT_HOLD, ACT_HOLD };
static const enum act error_acts[] = { ACT_TEMPFAIL, ACT_REJECT, ACT_HOLD, ACT_PASS };
static const enum act other_acts[] = { ACT_REJECT, ACT_HOLD, ACT_PASS };

static const struct decision {
	const char *option;
	const enum act *acts;
	size_t of_conf, of_rule; /* offsets of the words' numbers */
} decisions[SCANS] = {
	[SCAN_FAILED] = { "on_error", error_acts, offsetof(struct conf, on_error),
			  offsetof(struct rule, on_error) },
	[SCAN_INFECTED] = { "infected", infected_acts, offsetof(struct conf, infected),
			    offsetof(struct rule, infected) },
	[SCAN_ENCRYPTED] = { "encrypted", other_acts, offsetof(struct conf, encrypted),
			     offsetof(struct rule, encrypted) },
	[SCAN_OVERSIZE] = { "oversize", other_acts, offsetof(struct conf, oversize),
			    offsetof(struct rule, oversize) },
};

static bool is_meant(struct gw_list list, struct gw_str name)
{
	return list.count == 0 || gw_list_has(list, name);
}

static const struct rule *rule_of(const struct conf *conf, const struct gw_message *message)
{
	const struct rule *rules = conf->rules.items;
	struct gw_str type = gw->message_fact(message, GW_MESSAGE_TYPE);
	struct gw_str client = gw->message_fact(message, GW_MESSAGE_CLIENT);
	size_t i;

	for (i = 0; i < conf->rules.count; i++)
		if (is_meant(rules[i].type, type) && is_meant(rules[i].client, client))
			return &rules[i];
	return NULL;
}

bool policy_scans(const struct conf *conf, const struct gw_message *message)
{
	const struct rule *rule = rule_of(conf, message);

	return !rule || rule->scan;
}

static int64_t word_at(const void *options, size_t offset)
{
	int64_t word;

	memcpy(&word, (const char *)options + offset, sizeof word);
	return word;
}

enum act policy_act(const struct conf *conf, const struct gw_message *message, enum scan scan)
{
	const struct decision *decision = &decisions[scan];
	const struct rule *rule = rule_of(conf, message);
	int64_t word;

	if (scan == SCAN_CLEAN)
		return ACT_PASS;
	word = rule ? word_at(rule, decision->of_rule) : 0;
	return decision->acts[word ? word - 1 : word_at(conf, decision->of_conf)];
}

const char *policy_option(enum scan scan)
{
	return decisions[scan].option;
}

#define RULE(member) offsetof(struct rule, member)
static const struct gw_option rule_options[] = {
	{ .key = "type",
	  .type = GW_OPTION_LIST,
	  .offset = RULE(type),
	  .help = "Mail of these types; none: of any." },
	{ .key = "client",
	  .type = GW_OPTION_LIST,
	  .offset = RULE(client),
	  .help = "Mail of these clients; none: of any." },
	{ .key = "scan",
	  .type = GW_OPTION_BOOL,
	  .offset = RULE(scan),
	  .fallback = "true",
	  .help = "Whether it is scanned at all." },
	{ .key = "infected",
	  .type = GW_OPTION_WORD,
	  .offset = RULE(infected),
	  .fallback = "default",
	  .help = "As the module's; default: what that says.",
	  .words = "default|" INFECTED_WORDS },
	{ .key = "on_error",
	  .type = GW_OPTION_WORD,
	  .offset = RULE(on_error),
	  .fallback = "default",
	  .help = "As the module's; default: what that says.",
	  .words = "default|" ERROR_WORDS },
	{ .key = "oversize",
	  .type = GW_OPTION_WORD,
	  .offset = RULE(oversize),
	  .fallback = "default",
	  .help = "As the module's; default: what that says.",
	  .words = "default|" OTHER_WORDS },
	{ .key = "encrypted",
	  .type = GW_OPTION_WORD,
	  .offset = RULE(encrypted),
	  .fallback = "default",
	  .help = "As the module's; default: what that says.",
	  .words = "default|" OTHER_WORDS },
	GW_OPTIONS_END,
};

#define CONF(member) offsetof(struct conf, member)
const struct gw_option antivirus_options[] = {
	{ .key = "clamd",
	  .type = GW_OPTION_LIST,
	  .offset = CONF(clamd),
	  .fallback = "/run/clamav/clamd.ctl",
	  .help = "The scanners, asked in this order: paths of clamd's sockets, its addresses with a port, or icap://ADDRESS:PORT/SERVICE." },
	{ .key = "connections",
	  .type = GW_OPTION_INT,
	  .offset = CONF(connections),
	  .fallback = "6",
	  .min = 1,
	  .max = 1000,
	  .help = "Messages that each worker has scanned at once." },
	{ .key = "queue",
	  .type = GW_OPTION_INT,
	  .offset = CONF(queue),
	  .fallback = "1000",
	  .min = 1,
	  .max = 1000000,
	  .help = "Messages of each worker that wait to be scanned; of more than these on_error decides." },
	{ .key = "timeout",
	  .type = GW_OPTION_DURATION,
	  .offset = CONF(timeout),
	  .fallback = "60s",
	  .min = 100,
	  .max = 240000,
	  .help = "Until when a message has to be scanned, waiting and failover included." },
	{ .key = "check",
	  .type = GW_OPTION_DURATION,
	  .offset = CONF(check),
	  .fallback = "20s",
	  .min = 100,
	  .max = 3600000,
	  .help = "How often each clamd is asked whether it is there, and which signatures it has." },
	{ .key = "max_size",
	  .type = GW_OPTION_SIZE,
	  .offset = CONF(max_size),
	  .fallback = "25M",
	  .min = 1,
	  .max = 4000000000,
	  .help = "Larger mail is not scanned: oversize decides. No more than clamd's own StreamMaxLength and MaxFileSize." },
	{ .key = "cache",
	  .type = GW_OPTION_INT,
	  .offset = CONF(cache),
	  .fallback = "10000",
	  .max = 10000000,
	  .help = "Contents whose scan is remembered until the signatures change; 0: none." },
	{ .key = "cache_time",
	  .type = GW_OPTION_DURATION,
	  .offset = CONF(cache_time),
	  .fallback = "15m",
	  .max = 86400000,
	  .help = "How long it is remembered at most." },
	{ .key = "infected",
	  .type = GW_OPTION_WORD,
	  .offset = CONF(infected),
	  .fallback = "reject",
	  .help = "Mail with a virus: refused with 554, or kept on hold; hold and quarantine are one.",
	  .words = INFECTED_WORDS },
	{ .key = "on_error",
	  .type = GW_OPTION_WORD,
	  .offset = CONF(on_error),
	  .fallback = "tempfail",
	  .help = "Mail that no clamd scanned: told 451, refused, kept on hold, or let through unscanned.",
	  .words = ERROR_WORDS },
	{ .key = "oversize",
	  .type = GW_OPTION_WORD,
	  .offset = CONF(oversize),
	  .fallback = "reject",
	  .help = "Mail that is too large to be scanned whole.",
	  .words = OTHER_WORDS },
	{ .key = "encrypted",
	  .type = GW_OPTION_WORD,
	  .offset = CONF(encrypted),
	  .fallback = "hold",
	  .help = "Mail with content that clamd calls encrypted (its AlertEncrypted).",
	  .words = OTHER_WORDS },
	{ .key = "rules",
	  .type = GW_OPTION_GROUPS,
	  .offset = CONF(rules),
	  .group = rule_options,
	  .group_size = sizeof(struct rule),
	  .help = "Mail that is treated otherwise; the first rule that fits counts." },
	GW_OPTIONS_END,
};

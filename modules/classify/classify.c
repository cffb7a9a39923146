/* classify.c - the type of a message: decided once, when its bytes are complete; the first that has
 * a word decides. README.md has the order. */
#include "rules.h"
#include "text.h"

#include <stdio.h>

static const struct gw_option rule_options[] = {
	{ .key = "name",
	  .type = GW_OPTION_STRING,
	  .offset = offsetof(struct rule_config, name),
	  .flags = GW_OPTION_REQUIRED,
	  .help = "Name of the rule, for logs and `message explain`." },
	{ .key = "type",
	  .type = GW_OPTION_STRING,
	  .offset = offsetof(struct rule_config, type),
	  .flags = GW_OPTION_REQUIRED,
	  .help = "Type of the mail it holds for." },
	{ .key = "header",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct rule_config, header),
	  .help = "One of these fields is in the header; of a field that is there more than once the first counts." },
	{ .key = "value",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct rule_config, value),
	  .help = "... and has one of these values; none: any." },
	{ .key = "clients",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct rule_config, clients),
	  .help = "It comes from one of these clients." },
	{ .key = "logins",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct rule_config, logins),
	  .help = "... with one of these logins." },
	{ .key = "senders",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct rule_config, senders),
	  .help = "MAIL FROM is one of these." },
	{ .key = "from",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct rule_config, from),
	  .help = "The address in From is one of these." },
	{ .key = "min_rcpts",
	  .type = GW_OPTION_INT,
	  .offset = offsetof(struct rule_config, min_rcpts),
	  .fallback = "0",
	  .help = "It has at least so many recipients." },
	{ .key = "max_rcpts",
	  .type = GW_OPTION_INT,
	  .offset = offsetof(struct rule_config, max_rcpts),
	  .fallback = "0",
	  .help = "... and at most so many; 0: any number." },
	{ .key = "same_subject",
	  .type = GW_OPTION_INT,
	  .offset = offsetof(struct rule_config, same_subject),
	  .fallback = "0",
	  .help = "Its client, From and subject (without digits) have had more than so many recipients lately; 0: not looked at." },
	{ .key = "within",
	  .type = GW_OPTION_DURATION,
	  .offset = offsetof(struct rule_config, within),
	  .fallback = "10m",
	  .min = 1000,
	  .max = 86400000,
	  .help = "... within this time." },
	GW_OPTIONS_END,
};

static const struct gw_option options[] = {
	{ .key = "types",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct config, types),
	  .help = "Types of mail besides individual, workflow and mass." },
	{ .key = "header",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct config, header),
	  .fallback = "X-Mail-Type X-Relay-Type",
	  .help = "Fields in which a trusted client may name the type. They never leave the gateway, whoever wrote them." },
	{ .key = "trust_header_from",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct config, trust_header_from),
	  .help = "Clients whose word in such a field counts; \"*\": all." },
	{ .key = "rules",
	  .type = GW_OPTION_GROUPS,
	  .offset = offsetof(struct config, rules),
	  .group = rule_options,
	  .group_size = sizeof(struct rule_config),
	  .help = "What a message looks like, and its type then; the first that holds decides." },
	GW_OPTIONS_END,
};

static const struct gw_option relay_options[] = {
	{ .key = "types",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct relay_config, types),
	  .help = "Types of mail that go this way; the words are checked." },
	GW_OPTIONS_END,
};

/* --- message: who decides --- */

static enum gw_verdict decided(struct gw_call *call, struct gw_message *message, const char *by,
			       struct gw_str name)
{
	struct gw_str type = gw->message_fact(message, GW_MESSAGE_TYPE);
	char text[200];

	snprintf(text, sizeof text, "%s%s%.*s", by, name.len ? " " : "",
		 (int)(name.len < 150 ? name.len : 150), name.ptr);
	if (gw->note_set(call, message, "rule", gw_str(text)) != 0)
		return GW_FAILED;
	gw->reason(call, "%.*s, decided by %s", GW_STR_ARGS(type), text);
	return GW_CONTINUE;
}

static enum gw_verdict decide(struct gw_call *call, struct gw_message *message, struct gw_str type,
			      const char *by, struct gw_str name)
{
	return gw->type_set(call, message, type) == 0 ? decided(call, message, by, name)
						      : GW_FAILED;
}

static bool is_trusted(const struct config *config, struct gw_str client)
{
	return gw_list_has(config->trust_header_from, gw_str("*")) ||
	       (client.len != 0 && gw_list_has(config->trust_header_from, client));
}

/* The type that a field of the client names, and counts; ptr NULL: none does. */
static struct gw_str type_in_field(struct gw_call *call, struct gw_message *message,
				   struct gw_str name)
{
	const struct config *config = gw->conf(call);
	struct gw_str client = gw->message_fact(message, GW_MESSAGE_CLIENT), value,
		      type = { NULL, 0 };
	struct gw_header header = { .size = sizeof header };

	if (gw->header_named(message, name, 0, &header) != 0)
		return type;
	value = gw_str_trim(header.value);
	if (!is_trusted(config, client))
		gw->reason(call,
			   "%.*s is not believed: client \"%.*s\" is not in trust_header_from",
			   GW_STR_ARGS(name), GW_STR_ARGS(client));
	else if (!(type = type_known(config, value)).ptr)
		gw->reason(call, "%.*s names no type: \"%.*s\"", GW_STR_ARGS(name),
			   value.len < 60 ? (int)value.len : 60, value.ptr);
	return type;
}

static enum gw_verdict by_rules(struct gw_call *call, struct gw_message *message)
{
	const struct rule *rule;

	if (rules_find(call, message, &rule) != 0)
		return GW_FAILED;
	return rule ? decide(call, message, rule->type, "rule", rule->config->name)
		    : decided(call, message, "default", gw_str(""));
}

static enum gw_verdict on_message(struct gw_call *call, struct gw_message *message)
{
	const struct config *config = gw->conf(call);
	struct gw_str by = gw->message_fact(message, GW_MESSAGE_TYPE_BY), type;
	size_t i;

	if (gw->message_number(message, GW_MESSAGE_OWN) == 1)
		return GW_CONTINUE;
	if (by.len)
		return decided(call, message, by.ptr, gw_str(""));
	for (i = 0; i < config->header.count; i++)
		if ((type = type_in_field(call, message, config->header.items[i])).ptr)
			return decide(call, message, type, "header", config->header.items[i]);
	return by_rules(call, message);
}

/* --- prepare: nobody outside learns from these fields --- */

static enum gw_verdict on_prepare(struct gw_call *call, struct gw_delivery *delivery)
{
	const struct config *config = gw->conf(call);
	struct gw_header header = { .size = sizeof header };
	size_t nth = 0;

	while (gw->delivery_header(delivery, nth, &header) == 0) {
		if (!gw_list_has(config->header, header.name))
			nth++;
		else if (gw->header_drop(call, delivery, nth) != 0)
			return GW_FAILED;
	}
	return GW_CONTINUE;
}

GW_MODULE(.name = "classify", .version = "1.0",
	  .summary = "the type of a message: individual, workflow, mass, or a word of yours",
	  .options = options, .conf_size = sizeof(struct config), .relay_options = relay_options,
	  .relay_conf_size = sizeof(struct relay_config), .start = rules_start,
	  .message = on_message, .prepare = on_prepare)

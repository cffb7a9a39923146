/* rules.c - which rule holds for a message. */
#include "rules.h"
#include "text.h"

/* Octets of a field that are looked at: nobody makes the gateway work by sending long ones. */
#define VALUE_MAX 998

/* A field of the message, once it was looked for. */
struct field {
	bool looked, there;
	struct gw_str value;
};

/* What is looked at. */
struct subject {
	struct gw_message *message;
	const struct rules *rules;
	struct gw_str client, login, sender, from;
	bool from_read;
	int64_t rcpts;
	struct field *fields; /* parallel to rules->names */
	struct gw_call *call;
	bool counted; /* its recipients are in the crowd */
};

static void look_for(struct gw_message *message, struct gw_str name, struct field *field)
{
	struct gw_header header = { .size = sizeof header };

	field->looked = true;
	field->there = gw->header_named(message, name, 0, &header) == 0;
	if (!field->there)
		return;
	field->value = gw_str_trim(header.value);
	if (field->value.len > VALUE_MAX)
		field->value.len = VALUE_MAX;
}

static const struct field *field_of(struct subject *subject, size_t place)
{
	struct field *field = &subject->fields[place];

	if (!field->looked)
		look_for(subject->message, subject->rules->names[place], field);
	return field;
}

static struct gw_str from_of(struct subject *subject)
{
	struct field field = { .there = false };

	if (!subject->from_read) {
		look_for(subject->message, gw_str("From"), &field);
		subject->from = field.there ? text_address(field.value) : gw_str("");
		subject->from_read = true;
	}
	return subject->from;
}

static bool rcpts_hold(const struct rule_config *rule, int64_t rcpts)
{
	return rcpts >= rule->min_rcpts && (rule->max_rcpts == 0 || rcpts <= rule->max_rcpts);
}

static bool list_holds(struct gw_list patterns, struct gw_str text)
{
	return patterns.count == 0 || text_matches_any(patterns, text);
}

static bool fields_hold(const struct rule *rule, struct subject *subject)
{
	size_t i;

	for (i = 0; i < rule->config->header.count; i++) {
		const struct field *field = field_of(subject, rule->fields[i]);
		if (field->there && list_holds(rule->config->value, field->value))
			return true;
	}
	return rule->config->header.count == 0;
}

/* A message counts once, whatever the number of rules that ask. */
static bool is_in_crowd(const struct rule_config *config, struct subject *subject)
{
	struct crowd *crowd = subject->rules->crowd;
	struct field field = { .there = false };
	uint64_t key;
	bool counts = !subject->counted &&
		      gw->message_number(subject->message, GW_MESSAGE_DRY) != 1;

	look_for(subject->message, gw_str("Subject"), &field);
	key = crowd_key(crowd, subject->client, from_of(subject),
			field.there ? field.value : gw_str(""));
	subject->counted |= counts;
	return crowd_size(crowd, key, gw->now(subject->call), config->within,
			  counts || !subject->counted ? subject->rcpts : 0,
			  counts) > config->same_subject;
}

static bool rule_holds(const struct rule *rule, struct subject *subject)
{
	const struct rule_config *config = rule->config;

	return rcpts_hold(config, subject->rcpts) && list_holds(config->clients, subject->client) &&
	       list_holds(config->logins, subject->login) &&
	       list_holds(config->senders, subject->sender) &&
	       (config->from.count == 0 || list_holds(config->from, from_of(subject))) &&
	       fields_hold(rule, subject) &&
	       (config->same_subject == 0 || is_in_crowd(config, subject));
}

int rules_find(struct gw_call *call, struct gw_message *message, const struct rule **rule)
{
	const struct rules *rules = gw->instance_data(call);
	struct subject subject = {
		.call = call,
		.message = message,
		.rules = rules,
		.client = gw->message_fact(message, GW_MESSAGE_CLIENT),
		.login = gw->message_fact(message, GW_MESSAGE_LOGIN),
		.sender = gw->message_fact(message, GW_MESSAGE_SENDER),
		.rcpts = gw->message_number(message, GW_MESSAGE_RCPTS),
		.fields = gw->alloc(call, rules->name_count * sizeof(struct field) + 1),
	};
	size_t i;

	*rule = NULL;
	if (!subject.fields)
		return -1;
	for (i = 0; i < rules->count && !*rule; i++)
		if (rule_holds(&rules->items[i], &subject))
			*rule = &rules->items[i];
	return 0;
}

/* start.c - rules are checked and made ready before mail depends on them. */
#include "rules.h"

static const char *const usual[] = { "individual", "workflow", "mass" };

struct gw_str type_known(const struct config *config, struct gw_str word)
{
	struct gw_str none = { NULL, 0 };
	size_t i;

	for (i = 0; i < sizeof usual / sizeof *usual; i++)
		if (gw_str_ieq(gw_str(usual[i]), word))
			return gw_str(usual[i]);
	for (i = 0; i < config->types.count; i++)
		if (gw_str_ieq(config->types.items[i], word))
			return config->types.items[i];
	return none;
}

/* --- what is wrong; the number of errors told --- */

static bool is_word(struct gw_str text)
{
	return text.len != 0 &&
	       strspn(text.ptr,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
		       text.len;
}

static size_t check_types(struct gw_call *call, const struct config *config)
{
	size_t i, errors = 0;

	for (i = 0; i < config->types.count; i++) {
		if (is_word(config->types.items[i]))
			continue;
		gw->problem_at(
			call, NULL, "types", true,
			"\"%.*s\" cannot be a type: a word of letters, digits, -, _ and . is needed",
			GW_STR_ARGS(config->types.items[i]));
		errors++;
	}
	return errors;
}

static size_t check_relay(struct gw_call *call, const struct gw_relay *relay)
{
	const struct relay_config *relay_config = gw->relay_conf(call, relay);
	size_t i, errors = 0;

	for (i = 0; i < relay_config->types.count; i++) {
		if (type_known(gw->conf(call), relay_config->types.items[i]).ptr)
			continue;
		gw->problem_at(
			call, relay, "types", true,
			"no mail is of the type \"%.*s\": known are individual, workflow, mass and the `types` of classify",
			GW_STR_ARGS(relay_config->types.items[i]));
		errors++;
	}
	return errors;
}

static size_t check_relays(struct gw_call *call)
{
	struct gw_relay *relay;
	size_t nth, errors = 0;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++)
		errors += check_relay(call, relay);
	return errors;
}

static size_t rule_error(struct gw_call *call, const struct rule_config *config, const char *why)
{
	gw->problem_at(call, NULL, "rules", true, "rule %.*s: %s", GW_STR_ARGS(config->name), why);
	return 1;
}

static size_t check_rule(struct gw_call *call, const struct rule *rule)
{
	const struct rule_config *config = rule->config;

	if (!rule->type.ptr) {
		gw->problem_at(
			call, NULL, "rules", true,
			"rule %.*s: \"%.*s\" is no type: known are individual, workflow, mass and the words in `types`",
			GW_STR_ARGS(config->name), GW_STR_ARGS(config->type));
		return 1;
	}
	if (config->value.count != 0 && config->header.count == 0)
		return rule_error(call, config,
				  "it has a value, but no header that should have it");
	if (config->max_rcpts != 0 && config->max_rcpts < config->min_rcpts)
		return rule_error(call, config,
				  "max_rcpts is less than min_rcpts: it can never hold");
	return 0;
}

/* --- making them ready --- */

static size_t place_of(struct rules *rules, struct gw_str name)
{
	size_t i;

	for (i = 0; i < rules->name_count; i++)
		if (gw_str_ieq(rules->names[i], name))
			return i;
	rules->names[rules->name_count] = name;
	return rules->name_count++;
}

static int make_rule(struct gw_call *call, struct rules *rules, struct rule *rule,
		     const struct rule_config *config)
{
	size_t i;

	rule->config = config;
	rule->type = type_known(gw->conf(call), config->type);
	rule->fields = gw->alloc(call, config->header.count * sizeof *rule->fields + 1);
	if (!rule->fields)
		return -1;
	for (i = 0; i < config->header.count; i++)
		rule->fields[i] = place_of(rules, config->header.items[i]);
	return 0;
}

static size_t count_names(struct gw_groups rows)
{
	const struct rule_config *configs = rows.items;
	size_t i, count = 0;

	for (i = 0; i < rows.count; i++)
		count += configs[i].header.count;
	return count;
}

static struct rules *make_rules(struct gw_call *call, struct gw_groups rows)
{
	const struct rule_config *configs = rows.items;
	struct rules *rules = gw->alloc(call, sizeof *rules);

	if (!rules)
		return NULL;
	rules->items = gw->alloc(call, rows.count * sizeof *rules->items + 1);
	rules->names = gw->alloc(call, count_names(rows) * sizeof *rules->names + 1);
	rules->crowd = crowd_make(call);
	if (!rules->items || !rules->names || !rules->crowd)
		return NULL;
	for (; rules->count < rows.count; rules->count++)
		if (make_rule(call, rules, &rules->items[rules->count], &configs[rules->count]) !=
		    0)
			return NULL;
	return rules;
}

int rules_start(struct gw_call *call)
{
	const struct config *config = gw->conf(call);
	struct rules *rules = make_rules(call, config->rules);
	size_t i, errors = check_types(call, config) + check_relays(call);

	if (!rules) {
		gw->problem(call, true, "no memory");
		return -1;
	}
	for (i = 0; i < rules->count; i++)
		errors += check_rule(call, &rules->items[i]);
	gw->instance_data_set(call, rules);
	return errors ? -1 : 0;
}

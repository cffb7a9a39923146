#include "rules.h"

#include "author.h"

#include <gateway/domain.h>

static bool names_one(const struct gw_list *list, struct gw_str name)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (gw_str_ieq(list->items[i], name))
			return true;
	return list->count == 0;
}

static bool is_internal(struct gw_call *call, const struct disclaimer *disclaimer,
			const struct subject *subject, struct gw_str recipient)
{
	struct gw_str domain = domain_of(subject->author);

	if (!names_empty(disclaimer->own))
		return names_have(call, disclaimer->own, recipient);
	return gw_domain_in_list(call, (struct gw_list){ &domain, 1 }, domain_of(recipient));
}

static bool fits_direction(struct gw_call *call, const struct disclaimer *disclaimer,
			   const struct rule *rule, const struct subject *subject,
			   struct gw_str recipient)
{
	if (rule->conf->direction == DIRECTION_ANY)
		return true;
	return is_internal(call, disclaimer, subject, recipient) ==
	       (rule->conf->direction == DIRECTION_INTERNAL);
}

static bool fits(struct gw_call *call, const struct disclaimer *disclaimer, const struct rule *rule,
		 const struct subject *subject, struct gw_str recipient)
{
	return names_one(&rule->conf->type, subject->type) &&
	       names_one(&rule->conf->client, subject->client) &&
	       names_one(&rule->conf->relay, subject->relay) &&
	       (names_empty(rule->from) || names_have(call, rule->from, subject->author)) &&
	       (names_empty(rule->to) || names_have(call, rule->to, recipient)) &&
	       fits_direction(call, disclaimer, rule, subject, recipient);
}

size_t rules_find(struct gw_call *call, const struct disclaimer *disclaimer,
		  const struct subject *subject, struct gw_str recipient)
{
	size_t i;

	for (i = 0; i < disclaimer->rule_count; i++)
		if (fits(call, disclaimer, &disclaimer->rules[i], subject, recipient))
			return i + 1;
	return 0;
}

const struct notice *rules_notice(const struct disclaimer *disclaimer, size_t number)
{
	return number ? disclaimer->rules[number - 1].notice : NULL;
}

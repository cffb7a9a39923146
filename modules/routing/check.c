/* check.c - rules that cannot work, found before mail depends on them. */
#include "routing.h"

#include <stdio.h>

static struct gw_str name_of(const struct gw_relay *relay)
{
	return gw->relay_fact(relay, GW_RELAY_NAME);
}

static size_t number_of(const struct gw_relay *relay)
{
	return (size_t)gw->relay_number(relay, GW_RELAY_INDEX);
}

static size_t count_relays(struct gw_call *call)
{
	size_t count = 0;

	while (gw->relay_at(call, count))
		count++;
	return count;
}

/* The two lists of a relay. */
struct list_kind {
	const char *key;
	enum gw_cause cause;
};
static const struct list_kind kinds[] = { { "fallback", GW_CAUSE_FAILURE },
					  { "on_limit", GW_CAUSE_LIMIT } };
#define KINDS (sizeof kinds / sizeof *kinds)

/* --- names --- */

static size_t check_default(struct gw_call *call)
{
	const struct config *config = gw->conf(call);
	size_t i, errors = 0;

	for (i = 0; i < config->defaults.count; i++) {
		if (gw->relay_named(call, config->defaults.items[i]))
			continue;
		gw->problem_at(call, NULL, "default", true,
			       "default names \"%.*s\", and there is no such relay",
			       GW_STR_ARGS(config->defaults.items[i]));
		errors++;
	}
	return errors;
}

static const char *wrong_member(struct gw_call *call, struct gw_list names, size_t nth)
{
	struct member member = member_of(call, names.items[nth]);

	if (member.stop)
		return nth + 1 < names.count ? "and what follows it is never asked" : NULL;
	if (member.relay)
		return NULL;
	return gw_str_ieq(names.items[nth], gw_str("mx")) ? "and no relay has host = \"mx\""
							  : "and there is no such relay";
}

static size_t check_list(struct gw_call *call, const struct gw_relay *relay,
			 const struct list_kind *kind)
{
	struct gw_list names = list_after(call, relay, kind->cause);
	size_t i, errors = 0;

	for (i = 0; i < names.count; i++) {
		const char *wrong = wrong_member(call, names, i);

		if (!wrong)
			continue;
		gw->problem_at(call, relay, kind->key, true, "relay %.*s: %s names \"%.*s\", %s",
			       GW_STR_ARGS(name_of(relay)), kind->key, GW_STR_ARGS(names.items[i]),
			       wrong);
		errors++;
	}
	return errors;
}

static size_t check_reserved(struct gw_call *call, const struct gw_relay *relay)
{
	struct gw_str name = name_of(relay);

	if (!gw_str_eq(name, gw_str("wait")) && !gw_str_eq(name, gw_str("refuse")))
		return 0;
	gw->problem_at(
		call, relay, "name", true,
		"a relay cannot be named \"%.*s\": in fallback and on_limit the word has a meaning of its own",
		GW_STR_ARGS(name));
	return 1;
}

/* --- circles --- */

enum { NEW, OPEN, DONE };

struct circle {
	struct gw_call *call;
	const struct list_kind *kind;
	char *marks;    /* by relay */
	char path[300]; /* "a -> b -> a" */
	size_t errors;
};

static void tell_circle(struct circle *circle, const struct gw_relay *relay, struct gw_relay *again)
{
	gw->problem_at(circle->call, relay, circle->kind->key, true,
		       "relay %.*s: %s leads in a circle: %s -> %.*s", GW_STR_ARGS(name_of(relay)),
		       circle->kind->key, circle->path, GW_STR_ARGS(name_of(again)));
	circle->errors++;
}

static void follow(struct circle *circle, struct gw_relay *relay)
{
	struct gw_list names = list_after(circle->call, relay, circle->kind->cause);
	char *mark = &circle->marks[number_of(relay)];
	size_t i, len = 0;

	*mark = OPEN;
	while (circle->path[len])
		len++;
	snprintf(circle->path + len, sizeof circle->path - len, "%s%.*s", len ? " -> " : "",
		 GW_STR_ARGS(name_of(relay)));
	for (i = 0; i < names.count; i++) {
		struct gw_relay *next = member_of(circle->call, names.items[i]).relay;

		if (next && circle->marks[number_of(next)] == OPEN)
			tell_circle(circle, relay, next);
		else if (next && circle->marks[number_of(next)] == NEW)
			follow(circle, next);
	}
	circle->path[len] = '\0';
	*mark = DONE;
}

static size_t check_circles(struct gw_call *call, const struct list_kind *kind, size_t count)
{
	struct circle circle = { .call = call, .kind = kind, .marks = gw->alloc(call, count + 1) };
	size_t nth;

	for (nth = 0; circle.marks && nth < count; nth++)
		if (circle.marks[nth] == NEW)
			follow(&circle, gw->relay_at(call, nth));
	if (circle.marks)
		return circle.errors;
	gw->problem(call, true, "no memory");
	return 1;
}

/* --- relays that nothing leads to --- */

static bool is_reached(struct gw_call *call, const struct gw_relay *relay)
{
	const struct config *config = gw->conf(call);
	const struct rule *rule = gw->relay_conf(call, relay);
	const struct gw_relay *other;
	size_t i;

	for (i = 0; i < config->defaults.count; i++)
		if (gw_str_eq(config->defaults.items[i], name_of(relay)))
			return true;
	for (i = 0; (other = gw->relay_at(call, i)) != NULL; i++)
		if (other != relay && list_naming(call, other, relay))
			return true;
	return rule->domains.count != 0;
}

static size_t check_relay(struct gw_call *call, const struct gw_relay *relay)
{
	size_t k, errors = check_reserved(call, relay);

	for (k = 0; k < KINDS; k++)
		errors += check_list(call, relay, &kinds[k]);
	if (!is_reached(call, relay))
		gw->problem_at(
			call, relay, "name", false,
			"relay %.*s: no mail can reach it: it has no domains, and is neither in a list nor a default",
			GW_STR_ARGS(name_of(relay)));
	return errors;
}

int rules_check(struct gw_call *call)
{
	size_t nth, count = count_relays(call), errors = check_default(call);

	for (nth = 0; nth < count; nth++)
		errors += check_relay(call, gw->relay_at(call, nth));
	for (nth = 0; errors == 0 && nth < KINDS; nth++)
		errors += check_circles(call, &kinds[nth], count);
	return errors ? -1 : 0;
}

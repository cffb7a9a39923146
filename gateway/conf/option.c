#include "conf/option_private.h"

#include "conf/conf_private.h"

#include <stdio.h>

struct parsing {
	const struct option_context *context;
	const struct option_set *sets;
	size_t count;
	const char *const *known;
};

/* The first set with that key, or NULL. */
static const struct option_set *first_set(const struct parsing *p, const char *key)
{
	for (size_t i = 0; i < p->count; i++)
		for (const struct gw_option *row = p->sets[i].options; row && row->key; row++)
			if (strcmp(row->key, key) == 0)
				return &p->sets[i];
	return NULL;
}

/* True when `name` is the group of a dotted key: "auth" of "auth.user". */
static bool is_inner_group(const struct parsing *p, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < p->count; i++)
		for (const struct gw_option *row = p->sets[i].options; row && row->key; row++)
			if (strncmp(row->key, name, len) == 0 && row->key[len] == '.')
				return true;
	return false;
}

static bool is_known(const struct parsing *p, const char *name)
{
	for (const char *const *word = p->known; word && *word; word++)
		if (strcmp(*word, name) == 0)
			return true;
	return false;
}

static void consider_sets(struct option_best *best, const struct option_set *sets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (const struct gw_option *row = sets[i].options; row && row->key; row++) {
			option_consider(best, row->key, strlen(row->key));
			option_consider(best, row->key, strcspn(row->key, "."));
		}
}

const char *option_nearest(const struct option_set *sets, size_t count, const char *key)
{
	static __thread struct option_best best;

	best = (struct option_best){ .key = key };
	consider_sets(&best, sets, count);
	return best.found[0] ? best.found : NULL;
}

static void tell_unknown(const struct parsing *p, const config_setting_t *at, const char *name)
{
	struct option_best best = { .key = name };

	consider_sets(&best, p->sets, p->count);
	for (const char *const *word = p->known; word && *word; word++)
		option_consider(&best, *word, strlen(*word));
	option_unknown(p->context->problems, conf_file(conf_group_of(at)), (int)at->line, name,
		       best.found[0] ? best.found : NULL);
}

/* Every key must be somebody's. `prefix` is "" or "auth.". */
static void check_keys(const struct parsing *p, const config_setting_t *group, const char *prefix)
{
	char name[2 * OPTION_KEY_MAX];

	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *at = config_setting_get_elem(group, (unsigned)i);
		snprintf(name, sizeof(name) - 1, "%s%s", prefix, at->name);
		if (is_known(p, name) || first_set(p, name))
			continue;
		if (!is_inner_group(p, name)) {
			tell_unknown(p, at, name);
		} else if (config_setting_is_group(at)) {
			strcat(name, "."); /* fits: snprintf was told of one byte less */
			check_keys(p, at, name);
		} else {
			problem_add(p->context->problems, true, conf_file(conf_group_of(at)),
				    (int)at->line, "\"%s\" must be a group: %s: { ... };", name,
				    name);
		}
	}
}

static void parse_row(const struct parsing *p, const struct conf_group *group,
		      const struct option_set *set, const struct gw_option *row)
{
	const config_setting_t *at = group ? conf_lookup(group, row->key) : NULL;
	const struct conf_group *place = at ? conf_group_of(at) : group;
	struct option_job job = { p->context,
				  row,
				  at,
				  (char *)set->into + row->offset,
				  place ? conf_file(place) : p->context->file,
				  place ? conf_line(place, NULL) : p->context->line };

	if (at || !(row->flags & GW_OPTION_REQUIRED))
		option_assign(&job);
	else if (first_set(p, row->key) == set)
		option_error(&job, "\"%s\" is missing, %s needs it%s%s", row->key, set->owner,
			     row->help ? ": " : "", row->help ? row->help : "");
}

size_t option_parse(const struct option_context *context, const struct conf_group *group,
		    const struct option_set *sets, size_t count, const char *const *known)
{
	struct parsing p = { context, sets, count, known };
	size_t before = context->problems->errors;

	for (size_t i = 0; i < count; i++)
		for (const struct gw_option *row = sets[i].options; row && row->key; row++)
			parse_row(&p, group, &sets[i], row);
	if (group)
		check_keys(&p, conf_setting(group), "");
	return context->problems->errors - before;
}

bool option_given(const struct conf_group *group, const char *key)
{
	return group && conf_lookup(group, key) != NULL;
}

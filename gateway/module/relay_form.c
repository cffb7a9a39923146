#include "module/relay_form.h"

#include <stdlib.h>

struct relay_form relay_form_make(struct load *load, struct gw_relay *relay)
{
	struct snapshot *snapshot = load->snapshot;
	struct arena *arena = &snapshot->arena;
	struct relay_form form = { .sets = arena_alloc(arena, (snapshot->instance_count + 1) *
								      sizeof(*form.sets)) };

	relay->conf = arena_alloc(arena, (snapshot->instance_count + 1) * sizeof(*relay->conf));
	if (!form.sets || !relay->conf)
		return form;
	form.sets[form.count++] = (struct option_set){ "relay", relay_options, relay };
	for (size_t i = 0; i < snapshot->instance_count; i++) {
		const struct instance *instance = &snapshot->instances[i];
		const struct gw_module *table = &instance->module->table;
		if (!table->relay_options)
			continue;
		void *into = arena_alloc(arena,
					 table->relay_conf_size ? table->relay_conf_size : 1);
		if (!into)
			return form;
		relay->conf[instance->relay_slot] = into;
		form.sets[form.count++] = (struct option_set){ instance->module->name,
							       table->relay_options, into };
	}
	form.ready = true;
	return form;
}

static bool set_has_key(const struct option_set *set, const char *key)
{
	for (const struct gw_option *row = set->options; row && row->type != GW_OPTION_END; row++)
		if (strcmp(row->key, key) == 0)
			return true;
	return false;
}

static bool form_has_key(const struct relay_form *form, const char *key)
{
	for (size_t i = 0; i < form->count; i++)
		if (set_has_key(&form->sets[i], key))
			return true;
	return false;
}

bool relay_form_gives_next_hop(const struct relay_form *form, const struct conf_group *group)
{
	for (size_t i = 1; i < form->count; i++)
		for (const struct gw_option *row = form->sets[i].options;
		     row->type != GW_OPTION_END; row++)
			if ((row->flags & GW_OPTION_NEXT_HOP) && option_given(group, row->key))
				return true;
	return false;
}

/* --- keys of modules that are not on --- */

#define STRANGERS_MAX 32

struct strangers {
	const char *keys[STRANGERS_MAX + 1]; /* as option_parse wants them */
	size_t count;
};

static bool is_on(const struct snapshot *snapshot, const struct module *module)
{
	for (size_t i = 0; i < snapshot->instance_count; i++)
		if (snapshot->instances[i].module == module)
			return true;
	return false;
}

/* The group a dotted key is in, unless keys of ours are in that group too; else the key itself. */
static const char *skipped_as(struct load *load, const struct relay_form *form, const char *key)
{
	size_t len = strcspn(key, ".");

	for (size_t i = 0; i < form->count; i++)
		for (const struct gw_option *row = form->sets[i].options;
		     row->type != GW_OPTION_END; row++)
			if (key[len] && strncmp(row->key, key, len + 1) == 0)
				return key;
	return arena_str(&load->snapshot->arena, gw_str_n(key, len)).ptr;
}

static void tell_stranger(struct load *load, const struct gw_relay *relay, const char *key,
			  const char *module)
{
	const char *off = conf_find_off(load->snapshot->conf, module);
	int line = conf_line(relay->fragment->group, key);

	if (conf_unread(load->snapshot->conf) > 0)
		return; /* it may be on in the file that is told of */
	if (off)
		problem_add(load->problems, true, relay->fragment->path, line,
			    "%s belongs to %s, which is not on: %s", key, module, off);
	else
		problem_add(
			load->problems, true, relay->fragment->path, line,
			"%s belongs to %s, which is not on: a file with module = \"%s\"; in %s turns it on",
			key, module, module, load->options->config_dir);
}

static bool is_known(const struct strangers *strangers, const char *key)
{
	for (size_t i = 0; i < strangers->count; i++)
		if (strcmp(strangers->keys[i], key) == 0)
			return true;
	return false;
}

/* One key of a group speaks for the others of it. */
static bool is_told(const struct strangers *strangers, const char *key)
{
	size_t len = strcspn(key, ".");

	for (size_t i = 0; i < strangers->count; i++)
		if (strcspn(strangers->keys[i], ".") == len &&
		    strncmp(strangers->keys[i], key, len) == 0)
			return true;
	return false;
}

static void look_in_module(struct load *load, const struct gw_relay *relay,
			   const struct relay_form *form, const struct module *module,
			   struct strangers *strangers)
{
	for (const struct gw_option *row = module->table.relay_options;
	     row && row->type != GW_OPTION_END; row++) {
		if (strangers->count == STRANGERS_MAX ||
		    !option_given(relay->fragment->group, row->key) || form_has_key(form, row->key))
			continue;
		const char *key = skipped_as(load, form, row->key);
		if (!key || is_known(strangers, key))
			continue;
		if (!is_told(strangers, key))
			tell_stranger(load, relay, row->key, module->name);
		strangers->keys[strangers->count++] = key;
	}
}

static size_t count_given(const struct gw_relay *relay, const struct relay_form *form,
			  const struct module *module)
{
	size_t count = 0;

	for (const struct gw_option *row = module->table.relay_options;
	     row && row->type != GW_OPTION_END; row++)
		count += option_given(relay->fragment->group, row->key) &&
			 !form_has_key(form, row->key);
	return count;
}

/* Takes out the one that knows the most of the relay's keys; NULL: none knows any. */
static const struct module *take_best(struct module **modules, size_t count,
				      const struct gw_relay *relay, const struct relay_form *form)
{
	size_t most = 0, best = 0;

	for (size_t i = 0; i < count; i++) {
		size_t given = modules[i] ? count_given(relay, form, modules[i]) : 0;
		if (given > most) {
			most = given;
			best = i;
		}
	}
	if (most == 0)
		return NULL;
	const struct module *module = modules[best];
	modules[best] = NULL;
	return module;
}

/* Whose keys are these? A look at the modules that nobody uses, taken only when a relay has keys
 * that nobody knows. A key of several is told of the one that knows the others too. */
static void find_strangers(struct load *load, const struct gw_relay *relay,
			   const struct relay_form *form, struct strangers *strangers)
{
	size_t count;
	struct module **modules = modules_in(load, &count);
	const struct module *module;

	for (size_t i = 0; i < count; i++)
		if (is_on(load->snapshot, modules[i]))
			modules[i] = NULL;
	while ((module = take_best(modules, count, relay, form)))
		look_in_module(load, relay, form, module, strangers);
	free(modules);
}

/* --- parsing it --- */

static void clear_form(const struct load *load, struct gw_relay *relay)
{
	struct gw_relay fresh = { .index = relay->index,
				  .fragment = relay->fragment,
				  .conf = relay->conf };

	for (size_t i = 0; i < load->snapshot->instance_count; i++)
		if (relay->conf[i])
			memset(relay->conf[i], 0,
			       load->snapshot->instances[i].module->table.relay_conf_size);
	*relay = fresh;
}

/* Parsed on the side first: an unknown key may turn out to be one of a module that is off. */
size_t relay_form_parse(struct load *load, struct gw_relay *relay, const struct relay_form *form)
{
	struct problems aside;
	struct option_context context = load->context;
	struct strangers strangers = { 0 };

	problems_init(&aside);
	context.problems = &aside;
	size_t errors = option_parse(&context, relay->fragment->group, form->sets, form->count,
				     NULL);
	if (errors)
		find_strangers(load, relay, form, &strangers);
	if (strangers.count) {
		clear_form(load, relay);
		option_parse(&load->context, relay->fragment->group, form->sets, form->count,
			     strangers.keys);
	} else {
		problems_move(&aside, load->problems);
	}
	problems_finish(&aside);
	return errors;
}

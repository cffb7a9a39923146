#include "module/chain_private.h"
#include "module/load.h"
#include "module/on_worker.h"

#include <dirent.h>
#include <stdlib.h>

#define ALIGN ((size_t)16)

/* The keys of a module's fragment beside its own group. */
struct fragment_keys {
	int64_t on_error, on_crash, deadline;
};

const struct gw_option fragment_options[] = {
	{ "on_error", GW_OPTION_WORD, offsetof(struct fragment_keys, on_error), "default",
	  "What a failure of this instance means, where the hook allows it.",
	  .words = "default|continue|tempfail|wait|hold|reject" },
	{ "on_crash", GW_OPTION_WORD, offsetof(struct fragment_keys, on_crash), "broken",
	  "When the gateway died in it four times within five minutes, and until the next reload: its hooks answer as broken, or are off.",
	  .words = "broken|off" },
	{ "deadline", GW_OPTION_DURATION, offsetof(struct fragment_keys, deadline), "30s",
	  "Longest time an answer may take; later it counts as a failure.", .min = 10,
	  .max = 3600 * 1000 },
	GW_OPTIONS_END
};

/* --- counters: by the instance's name, for the life of the process --- */

static struct instance_counters *all_counters;

const struct instance_counters *instance_counters_first(void)
{
	return all_counters;
}

static struct instance_counters *counters_of(const char *name)
{
	struct instance_counters *counters = all_counters;

	while (counters && strcmp(counters->name, name) != 0)
		counters = counters->next;
	if (counters)
		return counters;
	counters = calloc(1, sizeof(*counters));
	if (counters)
		counters->name = strdup(name);
	if (!counters || !counters->name) {
		free(counters);
		return NULL;
	}
	counters->next = all_counters;
	return all_counters = counters;
}

/* --- one instance --- */

struct gw_str module_path(const struct load *load, const char *name)
{
	return arena_printf(load->context.arena, "%s/%s.so", load->options->module_dir, name);
}

static int is_module_file(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 3 && strcmp(entry->d_name + len - 3, ".so") == 0;
}

/* Files that no fragment names: only their tables are of interest, and only to say what a key
 * belongs to. */
struct module **modules_in(struct load *load, size_t *count)
{
	struct dirent **entries;
	int found = scandir(load->options->module_dir, &entries, is_module_file, alphasort);
	struct module **modules = found > 0 ? calloc((size_t)found, sizeof(struct module *)) : NULL;
	struct problems ignored;

	*count = 0;
	problems_init(&ignored);
	for (int i = 0; i < found; i++) {
		struct gw_str path = arena_printf(&load->snapshot->arena, "%s/%s",
						  load->options->module_dir, entries[i]->d_name);
		if (modules && path.ptr)
			modules[*count] = module_load(
				&(struct module_source){ path.ptr, load->options->copies,
							 load->options->services },
				NULL, 0, &ignored);
		*count += modules && modules[*count];
		free(entries[i]);
	}
	if (found >= 0)
		free(entries);
	problems_finish(&ignored);
	return modules;
}

static void out_of_memory(struct load *load, const struct conf_fragment *fragment)
{
	problem_add(load->problems, true, fragment->path, fragment->line, "no memory");
}

static struct module *find_module(struct load *load, const struct conf_fragment *fragment)
{
	if (!is_word(gw_str(fragment->module), "_-")) {
		problem_add(
			load->problems, true, fragment->path, fragment->line,
			"module = \"%s\": a module is named by letters, digits, '_' and '-', as its file in %s is",
			fragment->module, load->options->module_dir);
		return NULL;
	}
	struct gw_str path = module_path(load, fragment->module);
	if (!path.ptr) {
		out_of_memory(load, fragment);
		return NULL;
	}
	struct module_source source = { path.ptr, load->options->copies, load->options->services };
	return module_load(&source, fragment->path, fragment->line, load->problems);
}

static void parse_fragment(struct load *load, struct instance *instance)
{
	const struct conf_fragment *fragment = instance->fragment;
	const char *const known[] = { "module", fragment->module, NULL };
	struct fragment_keys keys = { 0 };
	struct option_set set = { "a module's file", fragment_options, &keys };
	struct problems aside;
	struct option_context context = load->context;

	problems_init(&aside);
	context.problems = &aside;
	option_parse(&context, fragment->top, &set, 1, known);
	problems_move(&aside, load->problems);
	instance->on_error = (enum on_error)keys.on_error;
	instance->on_crash = (enum on_crash)keys.on_crash;
	instance->deadline_ms = (uint32_t)keys.deadline;
}

static void parse_options(struct load *load, struct instance *instance)
{
	const struct gw_module *table = &instance->module->table;
	struct option_set set = { instance->module->name, table->options, NULL };
	struct option_context context = load->context;

	context.file = instance->fragment->path;
	context.line = instance->fragment->line;
	instance->conf = set.into = arena_alloc(load->context.arena,
						table->conf_size ? table->conf_size : 1);
	if (!instance->conf)
		out_of_memory(load, instance->fragment);
	else
		option_parse(&context, instance->fragment->group, &set, 1, NULL);
}

/* Gives room in the private bytes of an object. */
static size_t reserve(size_t *sum, size_t size)
{
	size_t offset = *sum;

	*sum += (size + ALIGN - 1) / ALIGN * ALIGN;
	return offset;
}

static bool is_broken(const struct load_options *options, const char *name)
{
	const char *const *broken = options->broken;
	while (broken && *broken && strcmp(*broken, name) != 0)
		broken++;
	return broken && *broken;
}

static bool make_instance(struct load *load, const struct conf_fragment *fragment,
			  struct instance *instance)
{
	struct snapshot *snapshot = load->snapshot;

	*instance = (struct instance){ .snapshot = snapshot,
				       .fragment = fragment,
				       .name = fragment->name };
	instance->broken = is_broken(load->options, instance->name);
	parse_fragment(load, instance);
	instance->module = find_module(load, fragment);
	if (!instance->module)
		return false;
	parse_options(load, instance);
	instance->counters = counters_of(instance->name);
	instance->call = arena_alloc(&snapshot->arena, sizeof(*instance->call));
	if (!instance->counters || !instance->call)
		out_of_memory(load, fragment);
	return true;
}

static const struct instance *first_of(const struct snapshot *snapshot, const char *module)
{
	for (size_t i = 0; i < snapshot->instance_count; i++)
		if (strcmp(snapshot->instances[i].module->name, module) == 0)
			return &snapshot->instances[i];
	return NULL;
}

/* What a module counts or decides once for all mail is named after the module, not after the
 * fragment. */
static void refuse_second(struct load *load, const struct instance *instance)
{
	const struct module *module = instance->module;
	const struct instance *first = module->table.once ? first_of(load->snapshot, module->name)
							  : NULL;
	if (first)
		problem_add(load->problems, true, instance->fragment->path,
			    instance->fragment->line,
			    "a second fragment of %s %s: put it into the first one, %s:%d",
			    module->name, module->table.once, first->fragment->path,
			    first->fragment->line);
}

static void place_instance(struct snapshot *snapshot, struct instance *instance)
{
	const struct gw_module *table = &instance->module->table;

	instance->session_offset = reserve(&snapshot->session_bytes, table->session_size);
	instance->message_offset = reserve(&snapshot->message_bytes, table->message_size);
	instance->delivery_offset = reserve(&snapshot->delivery_bytes, table->delivery_size);
	instance->relay_slot = (size_t)(instance - snapshot->instances);
}

/* --- the chains --- */

static bool has_hook(const struct gw_module *table, const struct hook_row *row)
{
	void (*function)(void);

	memcpy(&function, (const char *)table + row->offset, sizeof(function));
	return function != NULL;
}

static bool make_chains(struct snapshot *snapshot)
{
	for (size_t hook = 0; hook < GW_HOOKS; hook++) {
		snapshot->chains[hook] = arena_alloc(&snapshot->arena,
						     (snapshot->instance_count + 1) *
							     sizeof(struct instance *));
		if (!snapshot->chains[hook])
			return false;
		for (size_t i = 0; i < snapshot->instance_count; i++)
			if (has_hook(&snapshot->instances[i].module->table, &hook_table[hook]))
				snapshot->chains[hook][snapshot->chain_length[hook]++] =
					&snapshot->instances[i];
	}
	return true;
}

void load_instances(struct load *load)
{
	struct snapshot *snapshot = load->snapshot;
	size_t count = conf_count(snapshot->conf);

	snapshot->instances = arena_alloc(&snapshot->arena,
					  (count + 1) * sizeof(*snapshot->instances));
	for (size_t i = 0; snapshot->instances && i < count; i++) {
		const struct conf_fragment *fragment = conf_at(snapshot->conf, i);
		struct instance *instance = &snapshot->instances[snapshot->instance_count];
		if (fragment->kind != CONF_MODULE || !make_instance(load, fragment, instance))
			continue;
		refuse_second(load, instance);
		place_instance(snapshot, instance);
		snapshot->instance_count++;
	}
	if (!snapshot->instances || !make_chains(snapshot) || !on_worker_prepare(snapshot))
		problem_add(load->problems, true, NULL, 0, "no memory");
}

/* --- start and stop --- */

static void begin_call(struct instance *instance, struct problems *problems)
{
	chain_init(instance->call, NULL, instance->snapshot, &instance->snapshot->arena);
	instance->call->instance = instance;
	instance->call->problems = problems;
}

static void start_instance(struct load *load, struct instance *instance)
{
	const struct gw_module *table = &instance->module->table;
	size_t errors = load->problems->errors;
	struct call_guard guard;
	int result = 0;

	begin_call(instance, load->problems);
	call_guard_begin(&guard, instance, GW_HOOKS, 0);
	if (table->start)
		result = table->start(instance->call);
	call_guard_end_offloaded(&guard);
	instance->call->problems = NULL;
	instance->started = result == 0;
	if (result != 0 && load->problems->errors == errors)
		problem_add(load->problems, true, instance->fragment->path,
			    instance->fragment->line, "%s did not start and did not say why",
			    instance->module->name);
}

void start_instances(struct load *load)
{
	struct snapshot *snapshot = load->snapshot;

	for (size_t i = 0; i < snapshot->instance_count; i++)
		if (!snapshot->instances[i].broken)
			start_instance(load, &snapshot->instances[i]);
}

void stop_instances(struct snapshot *snapshot)
{
	for (size_t i = snapshot->instance_count; i-- > 0;) {
		struct instance *instance = &snapshot->instances[i];
		struct call_guard guard;
		if (!instance->started || !instance->module->table.stop)
			continue;
		call_guard_begin(&guard, instance, GW_HOOKS, 0);
		instance->module->table.stop(instance->call);
		call_guard_end_offloaded(&guard);
		instance->started = false;
	}
}

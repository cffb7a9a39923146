#include "conf/conf_private.h"

#include "base/arena.h"
#include "conf/option_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

struct conf {
	struct arena arena;
	const char *dir;
	struct conf_fragment *fragments;
	size_t count;
	size_t unread; /* files of which nothing is known */
	const struct conf_file *files, **last_file;
};

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name), tail = strlen(suffix);

	return name[0] != '.' && len > tail && strcmp(name + len - tail, suffix) == 0;
}

static int is_on(const struct dirent *entry)
{
	return has_suffix(entry->d_name, ".conf");
}

static int is_off(const struct dirent *entry)
{
	return has_suffix(entry->d_name, ".conf.off");
}

/* As `ls` does in the C locale: the order of the chain may not depend on anybody's language. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void free_names(struct dirent **names, int count)
{
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static const char *const kind_keys[] = {
	[CONF_GATEWAY] = "gateway",
	[CONF_RELAY] = "relay",
	[CONF_MODULE] = "module",
	[CONF_PROVIDERS] = "providers",
};
#define KINDS (sizeof(kind_keys) / sizeof(kind_keys[0]))

/* The setting that tells the kind, or NULL and a problem. */
static const config_setting_t *find_kind(const config_setting_t *root, const char *path,
					 struct problems *problems, enum conf_kind *kind)
{
	const config_setting_t *found = NULL;

	for (size_t k = 0; k < KINDS; k++) {
		const config_setting_t *here = config_setting_get_member(root, kind_keys[k]);
		if (here && found) {
			problem_add(problems, true, path, (int)here->line,
				    "\"%s\" and \"%s\" in one file: one file is one fragment",
				    kind_keys[*kind], kind_keys[k]);
			return NULL;
		}
		if (here) {
			found = here;
			*kind = (enum conf_kind)k;
		}
	}
	if (!found && config_setting_length(root) == 0)
		problem_add(problems, true, path, 0,
			    "is empty: name it \"....conf.off\" to switch it off");
	else if (!found)
		problem_add(
			problems, true, path, 0,
			"is no fragment: one has a group \"gateway\" or \"relay\", or module = \"NAME\", or providers = ( ... )");
	return found;
}

static void check_top_keys(const config_setting_t *root, const char *path, const char *const *valid,
			   struct problems *problems)
{
	for (int i = 0; i < config_setting_length(root); i++) {
		const config_setting_t *here = config_setting_get_elem(root, (unsigned)i);
		struct option_best best = { .key = here->name };
		bool known = false;
		for (const char *const *word = valid; *word; word++) {
			known = known || strcmp(*word, here->name) == 0;
			option_consider(&best, *word, strlen(*word));
		}
		if (!known)
			option_unknown(problems, path, (int)here->line, here->name,
				       best.found[0] ? best.found : NULL);
	}
}

static bool is_module_name(const char *name)
{
	return name[0] && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(name);
}

static bool read_module(struct conf_fragment *fragment, const config_setting_t *root,
			const config_setting_t *at, struct problems *problems)
{
	const char *name = config_setting_get_string(at);
	const config_setting_t *group;

	if (!name || !is_module_name(name)) {
		problem_add(problems, true, fragment->path, (int)at->line,
			    "\"module\" must be the name of a module in quotes");
		return false;
	}
	check_top_keys(
		root, fragment->path,
		(const char *const[]){ "module", name, "on_error", "on_crash", "deadline", NULL },
		problems);
	group = config_setting_get_member(root, name);
	if (group && !config_setting_is_group(group)) {
		problem_add(problems, true, fragment->path, (int)group->line,
			    "\"%s\" must be a group: %s: { ... };", name, name);
		return false;
	}
	fragment->module = name;
	fragment->group = conf_group_of(group);
	return true;
}

static bool read_group(struct conf_fragment *fragment, const config_setting_t *root,
		       const config_setting_t *at, struct problems *problems)
{
	check_top_keys(root, fragment->path, (const char *const[]){ at->name, NULL }, problems);
	if (!config_setting_is_group(at)) {
		problem_add(problems, true, fragment->path, (int)at->line,
			    "\"%s\" must be a group: %s: { ... };", at->name, at->name);
		return false;
	}
	fragment->group = conf_group_of(at);
	return true;
}

/* What is in the list is read as the options of the whole file. */
static bool read_providers(struct conf_fragment *fragment, const config_setting_t *root,
			   const config_setting_t *at, struct problems *problems)
{
	check_top_keys(root, fragment->path, (const char *const[]){ at->name, NULL }, problems);
	fragment->group = fragment->top;
	return true;
}

static void add_file(struct conf *conf, const char *name, const char *text)
{
	struct conf_file *file = arena_alloc(&conf->arena, sizeof(*file));

	if (!file) {
		conf->unread++;
		return;
	}
	*file = (struct conf_file){ .name = name, .text = gw_str(text) };
	*conf->last_file = file;
	conf->last_file = &file->next;
}

/* An included file may be included by several. */
static bool has_file(const struct conf *conf, const char *name)
{
	const struct conf_file *file = conf->files;

	while (file && strcmp(file->name, name) != 0)
		file = file->next;
	return file != NULL;
}

static void add_files(struct conf *conf, const config_t *config, const char *name)
{
	const struct conf_source *source = config_setting_get_hook(config_root_setting(config));

	add_file(conf, name, source->text);
	for (unsigned i = 0; i < config->num_filenames; i++)
		if (source->included_texts[i] && !has_file(conf, config->filenames[i]))
			add_file(conf, config->filenames[i], source->included_texts[i]);
}

static bool read_fragment(struct conf *conf, struct conf_fragment *fragment, const char *file,
			  struct problems *problems)
{
	static bool (*const readers[])(struct conf_fragment *, const config_setting_t *,
				       const config_setting_t *, struct problems *) = {
		[CONF_GATEWAY] = read_group,
		[CONF_RELAY] = read_group,
		[CONF_MODULE] = read_module,
		[CONF_PROVIDERS] = read_providers,
	};
	const config_setting_t *root, *at;
	config_t *config;

	fragment->path = arena_printf(&conf->arena, "%s/%s", conf->dir, file).ptr;
	fragment->name =
		arena_str(&conf->arena, gw_str_n(file, strlen(file) - strlen(".conf"))).ptr;
	if (!fragment->path || !fragment->name) {
		problem_add(problems, true, NULL, 0, "out of memory");
		return false;
	}
	config = conf_parse(&conf->arena, conf->dir, fragment->path, problems);
	if (!config) {
		conf->unread++;
		return false;
	}
	add_files(conf, config, strrchr(fragment->path, '/') + 1);
	root = config_root_setting(config);
	at = find_kind(root, fragment->path, problems, &fragment->kind);
	if (!at)
		return false;
	fragment->top = conf_group_of(root);
	fragment->line = (int)at->line;
	return readers[fragment->kind](fragment, root, at, problems);
}

static const char *without_slashes(struct arena *arena, const char *dir)
{
	size_t len = strlen(dir);

	while (len > 1 && dir[len - 1] == '/')
		len--;
	return arena_str(arena, gw_str_n(dir, len)).ptr;
}

struct conf *conf_load(const char *dir, struct problems *problems)
{
	struct conf *conf = calloc(1, sizeof(*conf));
	struct dirent **names;
	int count;

	if (!conf) {
		problem_add(problems, true, NULL, 0, "out of memory");
		return NULL;
	}
	arena_init(&conf->arena, 4096);
	conf->last_file = &conf->files;
	count = scandir(dir, &names, is_on, by_name);
	if (count < 0) {
		problem_add(problems, true, dir, 0, "cannot be read: %s", strerrordesc_np(errno));
		conf_destroy(conf);
		return NULL;
	}
	conf->dir = without_slashes(&conf->arena, dir);
	conf->fragments = arena_alloc(&conf->arena, (size_t)count * sizeof(*conf->fragments));
	if (conf->dir && conf->fragments) {
		for (int i = 0; i < count; i++) {
			struct conf_fragment *next = &conf->fragments[conf->count];
			if (read_fragment(conf, next, names[i]->d_name, problems))
				conf->count++;
			else
				memset(next, 0, sizeof(*next));
		}
	} else {
		problem_add(problems, true, NULL, 0, "out of memory");
		conf_destroy(conf);
		conf = NULL;
	}
	free_names(names, count);
	return conf;
}

void conf_destroy(struct conf *conf)
{
	if (!conf)
		return;
	arena_finish(&conf->arena);
	free(conf);
}

size_t conf_unread(const struct conf *conf)
{
	return conf->unread;
}

size_t conf_count(const struct conf *conf)
{
	return conf->count;
}

const struct conf_file *conf_files(const struct conf *conf)
{
	return conf->files;
}

const struct conf_fragment *conf_at(const struct conf *conf, size_t nth)
{
	return nth < conf->count ? &conf->fragments[nth] : NULL;
}

const char *conf_find_off(struct conf *conf, const char *module)
{
	struct problems ignored;
	struct dirent **names;
	const char *found = NULL;
	int count = scandir(conf->dir, &names, is_off, by_name);

	if (count < 0)
		return NULL;
	problems_init(&ignored);
	for (int i = 0; i < count && !found; i++) {
		const char *path = arena_printf(&conf->arena, "%s/%s", conf->dir, names[i]->d_name)
					   .ptr,
			   *name;
		const config_t *config = path ? conf_parse(&conf->arena, conf->dir, path, &ignored)
					      : NULL;
		if (config && config_lookup_string(config, "module", &name) &&
		    strcmp(name, module) == 0)
			found = path;
	}
	problems_finish(&ignored);
	free_names(names, count);
	return found;
}

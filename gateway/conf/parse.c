#include "conf/conf_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_MOST (4 * 1024 * 1024)

static void close_config(void *config)
{
	config_destroy(config);
}

static char *read_all(struct arena *arena, int fd, size_t size, size_t *len)
{
	char *text = arena_alloc(arena, size + 1);
	size_t held = 0;
	ssize_t got = 1;

	while (text && held < size && (got = read(fd, text + held, size - held)) > 0)
		held += (size_t)got;
	*len = held;
	return got < 0 ? NULL : text;
}

/* The text of a file and its mode, or NULL and a problem. */
static char *read_text(struct arena *arena, const char *path, mode_t *mode,
		       struct problems *problems)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *why = NULL;
	char *text = NULL;
	size_t len = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		why = strerrordesc_np(errno);
	else if (!S_ISREG(st.st_mode))
		why = "it is not a file";
	else if (st.st_size > FILE_MOST)
		why = "it is larger than 4 MB";
	else if (!(text = read_all(arena, fd, (size_t)st.st_size, &len)))
		why = strerrordesc_np(errno);
	else if (memchr(text, '\0', len))
		why = "there is a NUL in it, and what stands behind it would be passed over";
	else
		*mode = st.st_mode;
	if (fd >= 0)
		close(fd);
	if (why)
		problem_add(problems, true, path, 0, "cannot be read: %s", why);
	return why ? NULL : text;
}

/* The library gives an included file's name as it was written. */
static const char *included_path(struct arena *arena, const char *dir, const char *name)
{
	return name[0] == '/' ? name : arena_printf(arena, "%s/%s", dir, name).ptr;
}

static void add_syntax_problem(struct arena *arena, const config_t *config, const char *path,
			       struct problems *problems)
{
	const char *what = config_error_text(config), *more = "";

	if (config_error_file(config))
		path = included_path(arena, config_get_include_dir(config),
				     config_error_file(config));
	if (strcmp(what, "syntax error") == 0)
		more = ": is a comma, a ';', a quote or a bracket missing here or on the line before?";
	else if (strncmp(what, "duplicate setting", 17) == 0)
		more = ": this key stands twice in its group";
	problem_add(problems, true, path, config_error_line(config), "%s%s", what, more);
}

/* Included files are known by name only after the parser has read them. */
static int scan_included(struct arena *arena, const config_t *config, struct conf_source *source,
			 struct problems *problems)
{
	mode_t mode;

	source->included = arena_alloc(arena, config->num_filenames * sizeof(*source->included));
	source->included_texts = arena_alloc(arena, config->num_filenames *
							    sizeof(*source->included_texts));
	for (unsigned i = 0;
	     source->included && source->included_texts && i < config->num_filenames; i++) {
		const char *path = included_path(arena, config_get_include_dir(config),
						 config->filenames[i]);
		char *text = path ? read_text(arena, path, &mode, problems) : NULL;
		source->included[i] = path;
		source->included_texts[i] = text;
		if (text)
			conf_scan_numbers(source, text, path, problems);
	}
	return source->included && source->included_texts ? 0 : -1;
}

static void out_of_memory(const char *path, struct problems *problems)
{
	problem_add(problems, true, path, 0, "out of memory");
}

/* A tree that the arena destroys, with its source at the root; NULL when memory is out. */
static config_t *make_config(struct arena *arena, const char *dir, struct conf_source **source)
{
	config_t *config = arena_alloc(arena, sizeof(*config));

	*source = arena_alloc(arena, sizeof(**source));
	if (!config || !*source || arena_defer(arena, close_config, config) != 0)
		return NULL;
	config_init(config);
	config_set_include_dir(config, dir);
	return config;
}

config_t *conf_parse(struct arena *arena, const char *dir, const char *path,
		     struct problems *problems)
{
	struct conf_source *source;
	config_t *config = make_config(arena, dir, &source);
	char *text;

	if (!config) {
		out_of_memory(path, problems);
		return NULL;
	}
	source->arena = arena;
	source->path = path;
	text = read_text(arena, path, &source->mode, problems);
	if (!text)
		return NULL;
	source->text = text;
	conf_scan_numbers(source, text, path, problems);
	if (!config_read_string(config, text)) {
		add_syntax_problem(arena, config, path, problems);
		return NULL;
	}
	config_setting_set_hook(config_root_setting(config), source);
	if (scan_included(arena, config, source, problems) == 0)
		return config;
	out_of_memory(path, problems);
	return NULL;
}

/* One step of a key: "codes", or "replies[3]". */
static config_setting_t *step(config_setting_t *at, const char *key)
{
	size_t len = strcspn(key, ".["),
	       row = key[len] == '[' ? strtoul(key + len + 1, NULL, 10) : 0;
	char name[128];

	if (!config_setting_is_group(at) || len >= sizeof(name))
		return NULL;
	memcpy(name, key, len);
	name[len] = '\0';
	at = config_setting_get_member(at, name);
	return at && key[len] == '[' ? config_setting_get_elem(at, (unsigned)row) : at;
}

config_setting_t *conf_lookup(const struct conf_group *group, const char *key)
{
	config_setting_t *at = conf_setting(group);

	for (size_t len; at && *key; key += len + (key[len] == '.')) {
		len = strcspn(key, ".");
		at = step(at, key);
	}
	return at;
}

int conf_line(const struct conf_group *group, const char *key)
{
	config_setting_t *at = conf_setting(group), *below = at;

	for (size_t len; at && key && *key && below; key += len + (key[len] == '.')) {
		len = strcspn(key, ".");
		below = step(at, key);
		at = below ? below : at;
	}
	return at ? (int)at->line : 0;
}

const char *conf_text(const struct conf_group *group, const char *key, size_t nth)
{
	const config_setting_t *at = group ? conf_lookup(group, key) : NULL;

	if (at && config_setting_is_aggregate(at))
		return nth < (size_t)config_setting_length(at)
			       ? config_setting_get_string_elem(at, (int)nth)
			       : NULL;
	return at && nth == 0 ? config_setting_get_string(at) : NULL;
}

static const char *file_of(const config_setting_t *at)
{
	const struct conf_source *source = config_setting_get_hook(config_root_setting(at->config));

	for (unsigned i = 0; at->file && i < at->config->num_filenames; i++)
		if (strcmp(at->config->filenames[i], at->file) == 0)
			return source->included[i];
	return source->path;
}

const char *conf_file(const struct conf_group *group)
{
	return group ? file_of(conf_setting(group)) : NULL;
}

bool conf_is_public(const config_setting_t *setting)
{
	const struct conf_source *source = config_setting_get_hook(
		config_root_setting(setting->config));
	struct stat st;

	if (setting->file)
		return stat(file_of(setting), &st) != 0 || (st.st_mode & 07);
	return source->mode & 07;
}

bool conf_is_cut(const config_setting_t *setting)
{
	const struct conf_source *source = config_setting_get_hook(
		config_root_setting(setting->config));

	for (const struct conf_cut *cut = source->cuts; cut; cut = cut->next)
		if (cut->line == (int)setting->line && strcmp(cut->path, file_of(setting)) == 0)
			return true;
	return false;
}

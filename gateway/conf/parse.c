#include "conf/conf_private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FILE_MOST (4 * 1024 * 1024)

static void close_config(void *config)
{
	config_destroy(config);
}

static char *read_all(struct arena *arena, int fd, size_t size)
{
	char *text = arena_alloc(arena, size + 1);
	size_t held = 0;
	ssize_t got = 1;

	while (text && held < size && (got = read(fd, text + held, size - held)) > 0)
		held += (size_t)got;
	return got < 0 ? NULL : text;
}

/* The text of a file and its mode, or NULL and a problem. */
static char *read_text(struct arena *arena, const char *path, mode_t *mode, struct problems *problems)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *why = NULL;
	char *text = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		why = strerrordesc_np(errno);
	else if (!S_ISREG(st.st_mode))
		why = "it is not a file";
	else if (st.st_size > FILE_MOST)
		why = "it is larger than 4 MB";
	else if (!(text = read_all(arena, fd, (size_t)st.st_size)))
		why = strerrordesc_np(errno);
	else
		*mode = st.st_mode;
	if (fd >= 0)
		close(fd);
	if (why)
		problem_add(problems, true, path, 0, "cannot be read: %s", why);
	return text;
}

static void add_syntax_problem(const config_t *config, const char *path, struct problems *problems)
{
	const char *what = config_error_text(config), *more = "";

	if (strcmp(what, "syntax error") == 0)
		more = ": is a ';', a quote or a bracket missing here or on the line before?";
	else if (strncmp(what, "duplicate setting", 17) == 0)
		more = ": this key stands twice in its group";
	problem_add(problems, true, config_error_file(config) ? config_error_file(config) : path, config_error_line(config), "%s%s", what,
		    more);
}

/* Included files are known by name only after the parser has read them. */
static void scan_included(struct arena *arena, const config_t *config, struct problems *problems)
{
	mode_t mode;

	for (unsigned i = 0; i < config->num_filenames; i++) {
		char *text = read_text(arena, config->filenames[i], &mode, problems);
		if (text)
			conf_scan_numbers(text, config->filenames[i], problems);
	}
}

config_t *conf_parse(struct arena *arena, const char *dir, const char *path, struct problems *problems)
{
	struct conf_source *source = arena_alloc(arena, sizeof(*source));
	config_t *config = arena_alloc(arena, sizeof(*config));
	char *text = source && config ? read_text(arena, path, &source->mode, problems) : NULL;

	if (!text)
		return NULL;
	source->path = path;
	conf_scan_numbers(text, path, problems);
	config_init(config);
	if (arena_defer(arena, close_config, config) != 0) {
		config_destroy(config);
		return NULL;
	}
	config_set_include_dir(config, dir);
	if (!config_read_string(config, text)) {
		add_syntax_problem(config, path, problems);
		return NULL;
	}
	config_setting_set_hook(config_root_setting(config), source);
	scan_included(arena, config, problems);
	return config;
}

config_setting_t *conf_lookup(const struct conf_group *group, const char *key)
{
	config_setting_t *at = conf_setting(group);
	char name[128];

	for (size_t len; at && *key; key += len + (key[len] == '.')) {
		len = strcspn(key, ".");
		if (!config_setting_is_group(at) || len >= sizeof(name))
			return NULL;
		memcpy(name, key, len);
		name[len] = '\0';
		at = config_setting_get_member(at, name);
	}
	return at;
}

int conf_line(const struct conf_group *group, const char *key)
{
	const config_setting_t *at = key ? conf_lookup(group, key) : NULL;

	if (!at)
		at = conf_setting(group);
	return at ? (int)at->line : 0;
}

const char *conf_file(const struct conf_group *group)
{
	const config_setting_t *at = conf_setting(group);
	const struct conf_source *source;

	if (!at)
		return NULL;
	if (at->file)
		return at->file;
	source = config_setting_get_hook(config_root_setting(at->config));
	return source ? source->path : NULL;
}

bool conf_is_public(const config_setting_t *setting)
{
	const struct conf_source *source = config_setting_get_hook(config_root_setting(setting->config));
	struct stat st;

	if (setting->file)
		return stat(setting->file, &st) != 0 || (st.st_mode & 07);
	return source && (source->mode & 07);
}

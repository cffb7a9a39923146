#include "conf/option_private.h"

#include "conf/conf_private.h"

#include <gateway/domain.h>
#include <stdio.h>
#include <unistd.h>

void option_error(const struct option_job *job, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	problem_vadd(job->context->problems, true, job->file, job->line, format, args);
	va_end(args);
}

void option_warning(const struct option_job *job, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	problem_vadd(job->context->problems, false, job->file, job->line, format, args);
	va_end(args);
}

void option_wrong_type(const struct option_job *job)
{
	static const char *const wanted[] = {
		[GW_OPTION_STRING] = "a text in quotes",
		[GW_OPTION_PATH] = "a path in quotes",
		[GW_OPTION_INT] = "a number",
		[GW_OPTION_BOOL] = "true or false, without quotes",
		[GW_OPTION_SIZE] = "a size such as \"25M\"",
		[GW_OPTION_DURATION] = "a time such as \"90s\", \"5m\", \"4h\" or \"2d\"",
		[GW_OPTION_WORD] = "a word in quotes",
		[GW_OPTION_LIST] = "a list of texts such as [\"a\", \"b\"]",
		[GW_OPTION_SECRET] =
			"a secret in quotes: \"file:/path\", \"credential:NAME\", \"env:NAME\", \"exec:/program\" or the text itself",
		[GW_OPTION_GROUPS] = "a list of groups: ( { ... }, { ... } )",
	};

	option_error(job, "\"%s\" must be %s", job->option->key, wanted[job->option->type]);
}

static void out_of_memory(const struct option_job *job)
{
	option_error(job, "out of memory");
}

const char *option_text(const struct option_job *job)
{
	if (job->setting)
		return config_setting_type(job->setting) == CONFIG_TYPE_STRING
			       ? config_setting_get_string(job->setting)
			       : NULL;
	return job->option->fallback ? job->option->fallback : "";
}

static void assign_string(const struct option_job *job)
{
	const char *text = option_text(job);
	struct gw_str *member = job->member;

	if (!text) {
		option_wrong_type(job);
		return;
	}
	*member = arena_str(job->context->arena, gw_str(text));
	if (!member->ptr)
		out_of_memory(job);
}

struct gw_str option_path(const struct option_context *context, const char *text)
{
	const char *below = context->state_dir, *rest = text;
	char here[4096] = "";
	size_t len;

	if (text[0] == '/' || text[0] == '\0')
		return arena_str(context->arena, gw_str(text));
	if (strncmp(text, "STATE", 5) == 0 && (text[5] == '/' || text[5] == '\0'))
		rest = text + 5 + (text[5] == '/');
	else
		below = context->config_dir;
	if (below[0] != '/' && !getcwd(here, sizeof(here)))
		return gw_str_n(NULL, 0);
	len = strlen(below);
	if (rest == text) { /* the folder above */
		while (len > 1 && below[len - 1] == '/')
			len--;
		while (len > 0 && below[len - 1] != '/')
			len--;
	}
	while (len > 0 && below[len - 1] == '/')
		len--;
	return arena_printf(context->arena, "%s%s%.*s/%s", here, here[0] && len ? "/" : "",
			    (int)len, below, rest);
}

static void assign_path(const struct option_job *job)
{
	const char *text = option_text(job);
	struct gw_str *member = job->member;

	if (!text) {
		option_wrong_type(job);
		return;
	}
	*member = option_path(job->context, text);
	if (!member->ptr)
		out_of_memory(job);
}

static void assign_bool(const struct option_job *job)
{
	bool *member = job->member;

	if (!job->setting)
		*member = strcmp(option_text(job), "true") == 0;
	else if (config_setting_type(job->setting) == CONFIG_TYPE_BOOL)
		*member = config_setting_get_bool(job->setting);
	else
		option_wrong_type(job);
}

/* "none|starttls|implicit" -> "none, starttls or implicit" */
static void list_words(const char *words, char *text, size_t size)
{
	size_t used = 0;

	for (const char *at = words; *at && used + 5 < size; at++) {
		const char *part = *at != '|' ? NULL : strchr(at + 1, '|') ? ", " : " or ";
		if (part)
			used += (size_t)snprintf(text + used, size - used, "%s", part);
		else
			text[used++] = *at;
	}
	text[used] = '\0';
}

static int64_t find_word(const char *words, const char *word, struct option_best *best)
{
	int64_t index = 0;

	for (const char *at = words;; index++) {
		size_t len = strcspn(at, "|");
		if (gw_str_eq(gw_str_n(at, len), gw_str(word)))
			return index;
		option_consider(best, at, len);
		if (!at[len])
			return -1;
		at += len + 1;
	}
}

static void assign_word(const struct option_job *job)
{
	const char *text = option_text(job), *words = job->option->words ? job->option->words : "";
	struct option_best best = { .key = text };
	int64_t index = 0;
	char all[512];

	if (!text) {
		option_wrong_type(job);
		return;
	}
	if (job->setting || *text)
		index = find_word(words, text, &best);
	if (index < 0) {
		list_words(words, all, sizeof(all));
		if (best.found[0])
			option_error(job, "\"%s\" is \"%s\", did you mean \"%s\"? It can be %s",
				     job->option->key, text, best.found, all);
		else
			option_error(job, "\"%s\" is \"%s\", but must be %s", job->option->key,
				     text, all);
		return;
	}
	*(int64_t *)job->member = index;
}

static struct gw_str *make_list(const struct option_job *job, size_t count)
{
	struct gw_list *list = job->member;
	struct gw_str *items = arena_alloc(job->context->arena, count * sizeof(*items));

	if (!items) {
		out_of_memory(job);
		return NULL;
	}
	list->items = items;
	list->count = count;
	return items;
}

static size_t split(const char *text, struct arena *arena, struct gw_str *items)
{
	size_t count = 0;

	for (size_t len; *(text += strspn(text, " ")); text += len, count++) {
		len = strcspn(text, " ");
		if (items)
			items[count] = arena_str(arena, gw_str_n(text, len));
	}
	return count;
}

static void no_domain(const struct option_job *job, const char *text)
{
	option_error(
		job,
		"\"%s\": \"%s\" can be no domain; as \"example.com\", \"*.example.com\" or \"*\"",
		job->option->key, text);
}

static void assign_list(const struct option_job *job)
{
	const config_setting_t *from = job->setting;
	bool single = from && config_setting_type(from) == CONFIG_TYPE_STRING;
	struct gw_str *items;
	int count;

	if (!from) {
		items = make_list(job, split(option_text(job), NULL, NULL));
		if (items)
			split(option_text(job), job->context->arena, items);
		return;
	}
	if (!single && !config_setting_is_array(from) && !config_setting_is_list(from)) {
		option_wrong_type(job);
		return;
	}
	count = single ? 1 : config_setting_length(from);
	items = make_list(job, (size_t)count);
	for (int i = 0; items && i < count; i++) {
		const char *text = single ? config_setting_get_string(from)
					  : config_setting_get_string_elem(from, i);
		if (text)
			items[i] = arena_str(job->context->arena, gw_str(text));
		else
			option_wrong_type(job);
		if (text && !items[i].ptr)
			out_of_memory(job);
		if (text && items[i].ptr && (job->option->flags & GW_OPTION_DOMAINS) &&
		    !gw_domain_is_pattern(items[i]))
			no_domain(job, text);
	}
}

static void assign_secret(const struct option_job *job)
{
	const char *text = option_text(job);

	if (text)
		*(struct gw_str *)job->member = option_secret(job, text);
	else
		option_wrong_type(job);
}

static void assign_groups(const struct option_job *job)
{
	struct gw_groups *groups = job->member;
	const struct gw_option *option = job->option;
	bool single = job->setting && config_setting_is_group(job->setting);
	int count = single ? 1 : job->setting ? config_setting_length(job->setting) : 0;
	char *items;

	if (!job->setting)
		return;
	if (!single && !config_setting_is_list(job->setting) &&
	    !(config_setting_is_array(job->setting) && count == 0)) {
		option_wrong_type(job);
		return;
	}
	items = arena_alloc(job->context->arena, (size_t)count * option->group_size);
	if (!items) {
		out_of_memory(job);
		return;
	}
	groups->items = items;
	groups->count = (size_t)count;
	for (int i = 0; i < count; i++) {
		const config_setting_t *one = single ? job->setting
						     : config_setting_get_elem(job->setting,
									       (unsigned)i);
		struct option_set set = { option->key, option->group,
					  items + (size_t)i * option->group_size };
		if (config_setting_is_group(one))
			option_parse(job->context, conf_group_of(one), &set, 1, NULL);
		else
			option_wrong_type(job);
	}
}

void option_assign(const struct option_job *job)
{
	static void (*const assign[])(const struct option_job *job) = {
		[GW_OPTION_STRING] = assign_string,
		[GW_OPTION_PATH] = assign_path,
		[GW_OPTION_INT] = option_assign_int,
		[GW_OPTION_BOOL] = assign_bool,
		[GW_OPTION_SIZE] = option_assign_size,
		[GW_OPTION_DURATION] = option_assign_duration,
		[GW_OPTION_WORD] = assign_word,
		[GW_OPTION_LIST] = assign_list,
		[GW_OPTION_SECRET] = assign_secret,
		[GW_OPTION_GROUPS] = assign_groups,
	};
	size_t type = (size_t)job->option->type;

	if (type < sizeof(assign) / sizeof(assign[0]) && assign[type])
		assign[type](job);
	else
		option_error(job,
			     "\"%s\" is of a type this gateway does not know: the module is newer",
			     job->option->key);
}

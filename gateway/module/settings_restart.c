/* settings_restart.c - settings that only a start takes: what the process began with, beside what a
 * reload would have. The rows are those of settings_options with GW_OPTION_RESTART. */
#include "module/settings.h"

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#define ROWS_MOST 32

static char *began_with[ROWS_MOST];

static void add_list(struct buf *text, const struct gw_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		buf_printf(text, "%s%s", i ? " " : "", list->items[i].ptr);
}

/* As it would be written in the file, or near enough to tell two values apart. */
static char *value_text(const struct gw_option *row, const struct settings *settings)
{
	const void *at = (const char *)settings + row->offset;
	struct buf text;
	buf_init(&text, 0);
	if (row->type == GW_OPTION_LIST)
		add_list(&text, at);
	else if (row->type == GW_OPTION_BOOL)
		buf_add_text(&text, *(const bool *)at ? "true" : "false");
	else if (row->type == GW_OPTION_STRING || row->type == GW_OPTION_PATH)
		buf_add_str(&text, *(const struct gw_str *)at);
	else
		buf_printf(&text, "%lld", (long long)*(const int64_t *)at);
	char *copy = strndup(buf_len(&text) ? buf_ptr(&text) : "", buf_len(&text));
	buf_finish(&text);
	return copy;
}

void settings_begin(const struct settings *settings)
{
	size_t nth = 0;
	for (const struct gw_option *row = settings_options; row->key; row++)
		if (row->flags & GW_OPTION_RESTART && nth < ROWS_MOST)
			began_with[nth++] = value_text(row, settings);
}

static const struct conf_fragment *gateway_fragment(const struct conf *conf)
{
	size_t nth = 0;
	while (nth < conf_count(conf) && conf_at(conf, nth)->kind != CONF_GATEWAY)
		nth++;
	return conf_at(conf, nth);
}

static void tell(const struct conf *conf, const char *key, const char *in_use,
		 struct problems *problems)
{
	const struct conf_fragment *fragment = gateway_fragment(conf);
	if (fragment)
		problem_add(problems, false, fragment->path, conf_line(fragment->group, key),
			    "\"%s\" needs a restart: until then it is %s%s%s", key,
			    *in_use ? "\"" : "", *in_use ? in_use : "not set", *in_use ? "\"" : "");
}

size_t settings_need_restart(const struct settings *settings, const struct conf *conf,
			     struct problems *problems, char *keys, size_t size)
{
	size_t nth = 0, count = 0, len = 0;
	keys[0] = '\0';
	for (const struct gw_option *row = settings_options; row->key; row++) {
		if (!(row->flags & GW_OPTION_RESTART) || nth >= ROWS_MOST)
			continue;
		const char *in_use = began_with[nth++];
		char *value = in_use ? value_text(row, settings) : NULL;
		if (value && strcmp(value, in_use) != 0) {
			tell(conf, row->key, in_use, problems);
			len += len < size ? (size_t)snprintf(keys + len, size - len, "%s%s",
							     count++ ? ", " : "", row->key)
					  : 0;
		}
		free(value);
	}
	return count;
}

#include "presets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_MOST 65536

extern const char access_presets[]; /* presets.list, put into the module when it is built */

bool presets_word(struct gw_str *text, struct gw_str *word)
{
	size_t end;

	*text = gw_str_trim(*text);
	for (end = 0; end < text->len && !gw_is_space(text->ptr[end]); end++)
		;
	*word = gw_str_n(text->ptr, end);
	*text = gw_str_from(*text, end);
	return end != 0;
}

/* The next line that is a preset; false: there is none. `line` counts all. */
static bool next(struct gw_str *text, struct preset *preset, int *line)
{
	while (text->len) {
		size_t end = gw_str_find(*text, '\n');
		struct gw_str whole = gw_str_n(text->ptr, end), rest = whole;

		*text = gw_str_from(*text, end < text->len ? end + 1 : end);
		++*line;
		rest.len = gw_str_find(rest, '#');
		if (!presets_word(&rest, &preset->name))
			continue;
		preset->networks = gw_str_trim(rest);
		preset->note = gw_str_trim(gw_str_from(whole, gw_str_find(whole, '#') < whole.len
								      ? gw_str_find(whole, '#') + 1
								      : whole.len));
		return true;
	}
	return false;
}

static bool find_in(struct gw_str text, struct gw_str name, struct preset *preset)
{
	int line = 0;

	while (next(&text, preset, &line))
		if (gw_str_ieq(preset->name, name))
			return true;
	return false;
}

bool presets_shipped(struct gw_str name, struct preset *preset)
{
	preset->shipped = true;
	return find_in(gw_str(access_presets), name, preset);
}

bool presets_find(const struct presets *presets, struct gw_str name, struct preset *preset)
{
	preset->shipped = false;
	return find_in(presets->own, name, preset) || presets_shipped(name, preset);
}

bool presets_nth(const struct presets *presets, size_t nth, struct preset *preset)
{
	struct gw_str text = presets->own;
	struct preset own;
	int line = 0;

	preset->shipped = false;
	while (next(&text, preset, &line))
		if (nth-- == 0)
			return true;
	preset->shipped = true;
	text = gw_str(access_presets);
	while (next(&text, preset, &line))
		if (!find_in(presets->own, preset->name, &own) && nth-- == 0)
			return true;
	return false;
}

/* --- the admin's file --- */

static int check(struct gw_call *call, const struct presets *presets, struct gw_str path)
{
	struct gw_str text = presets->own;
	struct preset preset;
	int line = 0, errors = 0;

	while (next(&text, &preset, &line)) {
		if (preset.networks.len)
			continue;
		gw->problem_at(call, NULL, "presets", true,
			       "%.*s:%d: preset \"%.*s\" has no networks", GW_STR_ARGS(path), line,
			       GW_STR_ARGS(preset.name));
		errors++;
	}
	return errors ? -1 : 0;
}

int presets_read(struct gw_call *call, struct presets *presets, struct gw_str path)
{
	char *text;
	FILE *file;
	size_t len = 0;

	presets->own = gw_str("");
	if (path.len == 0)
		return 0;
	text = gw->alloc(call, FILE_MOST);
	file = text ? fopen(path.ptr, "re") : NULL;
	if (file)
		len = fread(text, 1, FILE_MOST, file);
	if (!file || ferror(file) || len == FILE_MOST) {
		gw->problem_at(call, NULL, "presets", true, "%.*s: %s", GW_STR_ARGS(path),
			       len == FILE_MOST ? "too large" : strerror(errno));
		if (file)
			fclose(file);
		return -1;
	}
	fclose(file);
	presets->own = gw_str_n(text, len);
	return check(call, presets, path);
}

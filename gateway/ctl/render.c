#include "ctl/render.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS_MAX 32

static char *cell(const json_t *row, const char *key)
{
	const json_t *value = json_object_get(row, key);
	char *text = NULL;
	if (json_is_integer(value)) {
		if (asprintf(&text, "%lld", (long long)json_integer_value(value)) < 0)
			return NULL;
		return text;
	}
	if (json_is_boolean(value))
		return strdup(json_is_true(value) ? "yes" : "no");
	return strdup(json_is_string(value) ? json_string_value(value) : "");
}

/* A column is ["key", "TITLE"]; what a module answered may be anything. */
static const char *column_text(const json_t *columns, size_t at, size_t which)
{
	const char *text = json_string_value(json_array_get(json_array_get(columns, at), which));
	return text ? text : "";
}

/* Words of a remote must not steer the terminal. */
static void clean(char *text)
{
	for (; text && *text; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			*text = '?';
}

/* Characters, not octets. */
static size_t width_of(const char *text)
{
	size_t width = 0;
	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* The last column ends with the screen; a file gets it whole. */
static size_t screen_width(void)
{
	struct winsize size;
	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return SIZE_MAX;
	return size.ws_col;
}

static void print_padded(const char *text, size_t width, bool last, size_t left)
{
	size_t own = width_of(text);
	if (last)
		printf("%.*s\n", left < strlen(text) ? (int)left : (int)strlen(text), text);
	else
		printf("%s%*s", text, (int)(width - own + 2), "");
}

static void print_row(const json_t *row, const json_t *columns, const size_t *widths, size_t screen)
{
	size_t count = json_array_size(columns), used = 0;
	for (size_t i = 0; i < count && i < COLUMNS_MAX; i++) {
		char *text = row ? cell(row, column_text(columns, i, 0)) : strdup(column_text(columns, i, 1));
		clean(text);
		print_padded(text ? text : "", widths[i], i + 1 == count, screen > used ? screen - used : 1);
		used += widths[i] + 2;
		free(text);
	}
}

static void measure(const json_t *columns, const json_t *rows, size_t *widths)
{
	size_t at;
	const json_t *row;
	for (size_t i = 0; i < json_array_size(columns) && i < COLUMNS_MAX; i++) {
		widths[i] = width_of(column_text(columns, i, 1));
		json_array_foreach(rows, at, row) {
			char *text = cell(row, column_text(columns, i, 0));
			size_t width = text ? width_of(text) : 0;
			widths[i] = width > widths[i] ? width : widths[i];
			free(text);
		}
	}
}

static void print_table(const json_t *columns, const json_t *rows)
{
	size_t widths[COLUMNS_MAX] = { 0 }, screen = screen_width(), at;
	const json_t *row;
	if (json_array_size(rows) == 0) {
		puts("(none)");
		return;
	}
	measure(columns, rows, widths);
	print_row(NULL, columns, widths, screen);
	json_array_foreach(rows, at, row)
		print_row(row, columns, widths, screen);
}

/* --- one thing with all that is known of it --- */

static void print_members(const json_t *object, int indent);

static void print_member(const char *key, const json_t *value, int indent, int width)
{
	size_t at;
	const json_t *item;
	if (json_is_array(value)) {
		printf("%*s%s:\n", indent, "", key);
		json_array_foreach(value, at, item) {
			print_members(item, indent + 4);
			putchar('\n');
		}
	} else if (json_is_object(value)) {
		printf("%*s%s:%s\n", indent, "", key, json_object_size(value) ? "" : " (none)");
		print_members(value, indent + 4);
	} else {
		json_t *row = json_pack("{s:O}", key, (json_t *)value);
		char *text = row ? cell(row, key) : NULL;
		clean(text);
		printf("%*s%-*s %s\n", indent, "", width, key, text && *text ? text : "-");
		free(text);
		json_decref(row);
	}
}

static void print_members(const json_t *object, int indent)
{
	const char *key;
	json_t *value;
	int width = 10;
	json_object_foreach((json_t *)object, key, value)
		width = (int)strlen(key) > width ? (int)strlen(key) : width;
	json_object_foreach((json_t *)object, key, value)
		print_member(key, value, indent, width);
}

/* --- */

static void print_text(const char *text)
{
	size_t len = strlen(text);
	char *copy = strdup(text);
	for (char *line = copy, *end; line && *line; line = end) {
		end = line + strcspn(line, "\n");
		char mark = *end;
		*end = '\0';
		clean(line);
		puts(line);
		end += mark != '\0';
	}
	if (!len)
		fflush(stdout);
	free(copy);
}

void render_rows(const json_t *answer)
{
	const json_t *columns = json_object_get(answer, "columns"), *rows = json_object_get(answer, "rows");
	size_t at;
	const json_t *row;
	if (!json_is_array(columns) || !json_is_array(rows))
		return;
	if (!json_is_true(json_object_get(answer, "form"))) {
		print_table(columns, rows);
		return;
	}
	json_array_foreach(rows, at, row)
		print_members(row, 0);
}

void render(const json_t *answer)
{
	const json_t *text = json_object_get(answer, "text");
	if (json_is_string(text))
		print_text(json_string_value(text));
	render_rows(answer);
}

void render_json(const json_t *answer)
{
	const json_t *what = json_object_get(answer, "data");
	if (!what)
		what = json_object_get(answer, "rows");
	json_dumpf(what ? what : answer, stdout, JSON_INDENT(2));
	putchar('\n');
}

#include "ctl/render.h"

#include "ctl/clean.h"
#include "ctl/octets.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sysexits.h>
#include <unistd.h>

#define COLUMNS_MAX 32

static char *value_text(const json_t *value)
{
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

static char *cell(const json_t *row, const char *key)
{
	return value_text(json_object_get(row, key));
}

/* A column is ["key", "TITLE"]; what a module answered may be anything. */
static const char *column_text(const json_t *columns, size_t at, size_t which)
{
	const char *text = json_string_value(json_array_get(json_array_get(columns, at), which));
	return text ? text : "";
}

/* Columns that the last one needs to be read; with fewer, rows become records. */
#define LAST_LEAST 24
#define RECORD_LABEL 12

/* A file gets everything in its row. */
static size_t screen_width(void)
{
	struct winsize size;
	const char *told = getenv("COLUMNS");
	if (told && atol(told) > 0)
		return (size_t)atol(told);
	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 ||
	    size.ws_col == 0)
		return SIZE_MAX;
	return size.ws_col;
}

/* Where a line of at most `width` columns ends: at a blank, where there is one. */
static size_t line_length(const char *text, size_t width)
{
	size_t len = 0, blank = 0, columns = 0;
	for (; text[len]; len++) {
		columns += ((unsigned char)text[len] & 0xc0) != 0x80;
		if (columns > width)
			return blank ? blank : len;
		if (text[len] == ' ')
			blank = len;
	}
	return len;
}

/* In a column that begins at `indent`, where the first line stands already. */
static void print_wrapped(const char *text, size_t indent, size_t screen)
{
	for (;;) {
		size_t len = line_length(text, screen > indent ? screen - indent : 1);
		len = len ? len : strlen(text);
		printf("%.*s\n", (int)len, text);
		text += len;
		text += strspn(text, " ");
		if (!*text)
			return;
		printf("%*s", (int)indent, "");
	}
}

struct table {
	const json_t *columns, *rows;
	size_t count, screen, last_at, widths[COLUMNS_MAX];
};

static char *cell_text(const struct table *table, const json_t *row, size_t column)
{
	char *text = row ? cell(row, column_text(table->columns, column, 0))
			 : strdup(column_text(table->columns, column, 1));
	clean(text);
	return text;
}

static void print_row(const struct table *table, const json_t *row)
{
	for (size_t i = 0; i < table->count; i++) {
		char *text = cell_text(table, row, i);
		if (i + 1 == table->count)
			print_wrapped(text ? text : "", table->last_at, table->screen);
		else
			printf("%s%*s", text ? text : "",
			       (int)(table->widths[i] - width_of(text ? text : "") + 2), "");
		free(text);
	}
}

static void measure(struct table *table)
{
	size_t at;
	const json_t *row;
	for (size_t i = 0; i < table->count; i++) {
		table->widths[i] = width_of(column_text(table->columns, i, 1));
		json_array_foreach(table->rows, at, row)
		{
			char *text = cell_text(table, row, i);
			size_t width = text ? width_of(text) : 0;
			table->widths[i] = width > table->widths[i] ? width : table->widths[i];
			free(text);
		}
		table->last_at += i + 1 < table->count ? table->widths[i] + 2 : 0;
	}
}

/* For a screen on which the row has no room: a line each, and a line between. */
static void print_record(const struct table *table, const json_t *row)
{
	for (size_t i = 0; i < table->count; i++) {
		char *text = cell_text(table, row, i);
		const char *title = column_text(table->columns, i, 1);
		if (text && *text) {
			printf("%-*s ", RECORD_LABEL, title);
			print_wrapped(text,
				      strlen(title) > RECORD_LABEL ? strlen(title) + 1
								   : RECORD_LABEL + 1,
				      table->screen);
		}
		free(text);
	}
	putchar('\n');
}

static void print_table(const json_t *columns, const json_t *rows)
{
	struct table table = { columns, rows, json_array_size(columns), screen_width(), 0, { 0 } };
	size_t at;
	const json_t *row;
	if (json_array_size(rows) == 0) {
		puts("(none)");
		return;
	}
	table.count = table.count < COLUMNS_MAX ? table.count : COLUMNS_MAX;
	measure(&table);
	bool records = table.screen != SIZE_MAX && table.count > 1 &&
		       table.last_at + LAST_LEAST > table.screen &&
		       table.last_at + table.widths[table.count - 1] > table.screen;
	if (!records)
		print_row(&table, NULL);
	json_array_foreach(rows, at, row)
	{
		if (records)
			print_record(&table, row);
		else
			print_row(&table, row);
	}
}

/* --- one thing with all that is known of it --- */

static void print_members(const json_t *object, int indent);

/* A list of plain values is one line. */
static void print_words(const char *key, const json_t *list, int indent, int width)
{
	char text[1000] = "";
	size_t at, used = 0;
	const json_t *value;
	json_array_foreach(list, at, value)
	{
		char *word = value_text(value);
		clean(word);
		if (used < sizeof(text))
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
						 at ? ", " : "", word ? word : "");
		free(word);
	}
	printf("%*s%-*s ", indent, "", width, key);
	print_wrapped(*text ? text : "-", (size_t)indent + (size_t)width + 1, screen_width());
}

/* What has lines keeps them, below its name: a mail, say. */
static void print_lines(const char *key, char *text, int indent)
{
	printf("%*s%s:\n", indent, "", key);
	for (char *line; (line = strsep(&text, "\n")) && (text || *line);) {
		size_t len = strlen(line);
		if (len && line[len - 1] == '\r')
			line[len - 1] = '\0';
		clean(line);
		printf("%*s%s\n", *line ? indent + 4 : 0, "", line);
	}
}

static void print_text_member(const char *key, char *text, int indent, int width)
{
	if (text && strchr(text, '\n')) {
		print_lines(key, text, indent);
		return;
	}
	clean(text);
	printf("%*s%-*s ", indent, "", width, key);
	print_wrapped(text && *text ? text : "-", (size_t)indent + (size_t)width + 1,
		      screen_width());
}

static void print_member(const char *key, const json_t *value, int indent, int width)
{
	size_t at;
	const json_t *item;
	if (json_is_array(value) && !json_is_object(json_array_get(value, 0))) {
		print_words(key, value, indent, width);
	} else if (json_is_array(value)) {
		printf("%*s%s:\n", indent, "", key);
		json_array_foreach(value, at, item)
		{
			print_members(item, indent + 4);
			putchar('\n');
		}
	} else if (json_is_object(value)) {
		printf("%*s%s:%s\n", indent, "", key, json_object_size(value) ? "" : " (none)");
		print_members(value, indent + 4);
	} else {
		char *text = value_text(value);
		print_text_member(key, text, indent, width);
		free(text);
	}
}

static void print_members(const json_t *object, int indent)
{
	const char *key;
	json_t *value;
	int width = 10;
	json_object_foreach((json_t *)object, key, value)
		width = (int)strlen(key) > width ? (int)strlen(key) : width;
	json_object_foreach((json_t *)object, key, value) print_member(key, value, indent, width);
}

/* --- */

static void print_text(FILE *out, const char *text)
{
	size_t len = strlen(text);
	char *copy = strdup(text);
	for (char *line = copy, *end; line && *line; line = end) {
		end = line + strcspn(line, "\n");
		char mark = *end;
		*end = '\0';
		clean(line);
		fprintf(out, "%s\n", line);
		end += mark != '\0';
	}
	if (!len)
		fflush(out);
	free(copy);
}

static void render_rows(const json_t *answer)
{
	const json_t *columns = json_object_get(answer, "columns"),
		     *rows = json_object_get(answer, "rows");
	size_t at;
	const json_t *row;
	if (!json_is_array(rows))
		return;
	if (json_is_true(json_object_get(answer, "form"))) {
		json_array_foreach(rows, at, row) print_members(row, 0);
	} else if (json_is_array(columns)) {
		print_table(columns, rows);
	}
}

void render(const json_t *answer)
{
	const json_t *text = json_object_get(answer, "text");
	if (json_is_string(text))
		print_text(stdout, json_string_value(text));
	render_rows(answer);
}

static void render_json(const json_t *answer)
{
	const json_t *what = json_object_get(answer, "data");
	if (!what)
		what = json_object_get(answer, "rows");
	/* On a terminal only what cannot steer it. */
	json_dumpf(what ? what : answer, stdout,
		   JSON_INDENT(2) | (isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0));
	putchar('\n');
}

int render_answer(const json_t *answer, bool json)
{
	int code = (int)json_integer_value(json_object_get(answer, "code"));
	const json_t *text = json_object_get(answer, "text");
	if (json) {
		render_json(answer);
	} else if (code != EX_OK && json_is_string(text)) {
		render_rows(answer);
		print_text(stderr, json_string_value(text));
	} else if (octets_of(answer)) {
		octets_print(octets_of(answer));
	} else {
		render(answer);
	}
	return code;
}

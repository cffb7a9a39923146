#include "people.h"

#include "file.h"

#include <glib.h>

#define FILE_MOST (64 * 1024 * 1024)
#define COLUMNS_MOST 100

struct people {
	char **columns;
	size_t column_count;
	GHashTable *rows; /* address in small letters -> char **, a cell for each column */
};

void people_destroy(struct people *people)
{
	if (!people)
		return;
	g_strfreev(people->columns);
	g_hash_table_destroy(people->rows);
	g_free(people);
}

/* --- reading --- */

struct reader {
	struct gw_str rest;
	char separator;
	size_t line; /* of the row that is read */
	size_t next_line;
};

static bool at_row_end(const struct reader *reader)
{
	return reader->rest.len == 0 || *reader->rest.ptr == '\n' || *reader->rest.ptr == '\r';
}

/* A cell in quotes may have anything in it; a quote is written twice. */
static void read_quoted(struct reader *reader, GString *cell)
{
	reader->rest = gw_str_from(reader->rest, 1);
	while (reader->rest.len) {
		char c = *reader->rest.ptr;

		reader->rest = gw_str_from(reader->rest, 1);
		reader->next_line += c == '\n';
		if (c == '"') {
			if (!reader->rest.len || *reader->rest.ptr != '"')
				return;
			reader->rest = gw_str_from(reader->rest, 1);
		}
		g_string_append_c(cell, c);
	}
}

static char *read_cell(struct reader *reader)
{
	GString *cell = g_string_new(NULL);

	if (reader->rest.len && *reader->rest.ptr == '"')
		read_quoted(reader, cell);
	while (!at_row_end(reader) && *reader->rest.ptr != reader->separator) {
		g_string_append_c(cell, *reader->rest.ptr);
		reader->rest = gw_str_from(reader->rest, 1);
	}
	return g_strstrip(g_string_free(cell, FALSE));
}

static void skip_row_end(struct reader *reader)
{
	if (reader->rest.len && *reader->rest.ptr == '\r')
		reader->rest = gw_str_from(reader->rest, 1);
	if (reader->rest.len && *reader->rest.ptr == '\n')
		reader->rest = gw_str_from(reader->rest, 1);
	reader->next_line++;
}

/* NULL: there are no more rows. */
static char **read_row(struct reader *reader)
{
	GPtrArray *cells;

	while (reader->rest.len && at_row_end(reader))
		skip_row_end(reader);
	reader->line = reader->next_line;
	if (!reader->rest.len)
		return NULL;
	cells = g_ptr_array_new();
	g_ptr_array_add(cells, read_cell(reader));
	while (!at_row_end(reader)) {
		reader->rest = gw_str_from(reader->rest, 1);
		g_ptr_array_add(cells, read_cell(reader));
	}
	skip_row_end(reader);
	g_ptr_array_add(cells, NULL);
	return (char **)g_ptr_array_free(cells, FALSE);
}

static void begin(struct reader *reader, struct gw_str text)
{
	struct gw_str first;

	if (text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0)
		text = gw_str_from(text, 3);
	first = gw_str_n(text.ptr, gw_str_find(text, '\n'));
	*reader = (struct reader){ .rest = text, .line = 1, .next_line = 1 };
	reader->separator = gw_str_find(first, ';') < gw_str_find(first, ',') ? ';' : ',';
}

/* False: the row is not as wide as the first. */
static bool add_row(struct people *people, char **row, int key)
{
	char *address;

	if (g_strv_length(row) != people->column_count) {
		g_strfreev(row);
		return false;
	}
	address = g_ascii_strdown(row[key], -1);
	g_hash_table_replace(people->rows, address, row);
	return true;
}

static bool read_rows(struct people *people, const char *path, struct gw_str text, char *why,
		      size_t size)
{
	struct reader reader;
	char **row;
	int key;

	begin(&reader, text);
	people->columns = read_row(&reader);
	people->column_count = people->columns ? g_strv_length(people->columns) : 0;
	key = people_column(people, gw_str("address"));
	if (key < 0 || people->column_count > COLUMNS_MOST) {
		g_snprintf(why, size, "%s: its first line names no column \"address\"", path);
		return false;
	}
	while ((row = read_row(&reader)) != NULL)
		if (!add_row(people, row, key)) {
			g_snprintf(why, size, "%s:%zu: it has not %zu cells as the first line has",
				   path, reader.line, people->column_count);
			return false;
		}
	return true;
}

static void free_row(void *row)
{
	g_strfreev(row);
}

struct people *people_read(const char *path, char *why, size_t size)
{
	size_t len;
	char *text = file_read(path, FILE_MOST, &len, why, size);
	struct people *people;
	bool good = false;

	if (!text)
		return NULL;
	people = g_new0(struct people, 1);
	people->rows = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_row);
	if (!g_utf8_validate_len(text, len, NULL))
		g_snprintf(why, size, "%s: it is no UTF-8", path);
	else
		good = read_rows(people, path, gw_str_n(text, len), why, size);
	g_free(text);
	if (good)
		return people;
	people_destroy(people);
	return NULL;
}

/* --- asking --- */

int people_column(const struct people *people, struct gw_str name)
{
	size_t i;

	for (i = 0; i < people->column_count; i++)
		if (gw_str_ieq(gw_str(people->columns[i]), name))
			return (int)i;
	return -1;
}

size_t people_count(const struct people *people)
{
	return g_hash_table_size(people->rows);
}

struct gw_str people_cell(const struct people *people, struct gw_str address, int column)
{
	char *key = g_ascii_strdown(address.ptr, (gssize)address.len);
	char **row = g_hash_table_lookup(people->rows, key);

	g_free(key);
	return gw_str(row ? row[column] : "");
}

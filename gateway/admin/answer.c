/* answer.c - what a request is answered: a text, problems, a table. */
#include "admin/connection.h"

#include "admin/audit.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdlib.h>

#define PROBLEMS_MAX (512 * 1024)

#define REPLACEMENT "\xef\xbf\xbd"

char *text_clean(struct gw_str text)
{
	char *clean = malloc(text.len * (sizeof(REPLACEMENT) - 1) + 1), *end = clean;
	for (size_t at = 0, len; clean && at < text.len; at += len ? len : 1) {
		len = utf8_char(gw_str_n(text.ptr + at, text.len - at));
		end = len ? mempcpy(end, text.ptr + at, len)
			  : mempcpy(end, REPLACEMENT, sizeof(REPLACEMENT) - 1);
	}
	if (clean)
		*end = '\0';
	return clean;
}

json_t *text_of(struct gw_str text)
{
	json_t *json = json_stringn(text.ptr ? text.ptr : "", text.len);
	char *clean = json ? NULL : text_clean(text);
	if (clean)
		json = json_string(clean);
	free(clean);
	return json ? json : json_string("");
}

json_t *table_create(const char *const columns[][2], size_t count, json_t **rows)
{
	json_t *table = json_object(), *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("[ss]", columns[i][0], columns[i][1]));
	*rows = json_array();
	json_object_set_new(table, "code", json_integer(EX_OK));
	json_object_set_new(table, "columns", list);
	json_object_set_new(table, "rows", *rows);
	return table;
}

char *answer_line(int code, const char *text)
{
	json_t *answer = json_pack("{s:i, s:o}", "code", code, "text", text_of(gw_str(text)));
	char *line = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	json_decref(answer);
	return line;
}

void request_answer_line(struct request *request, struct gw_str line)
{
	connection_answer(request->connection, line);
	if (request->out)
		fprintf(request->out, "%.*s\n", GW_STR_ARGS(line));
	if (request->inside)
		inside_answer(request, line);
	json_decref(request->json);
	arena_finish(&request->arena);
	free(request);
}

void request_answer(struct request *request, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	audit_end(request, json);
	request_answer_line(request, gw_str(text ? text : ANSWER_NO_MEMORY));
	free(text);
	json_decref(json);
}

void request_say(struct request *request, int code, const char *format, ...)
{
	char text[4096];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_t *json = json_object();
	json_object_set_new(json, "code", json_integer(code));
	json_object_set_new(json, "text", text_of(gw_str(text)));
	request_answer(request, json);
}

void request_problems(struct request *request, int code, const struct problems *problems,
		      const char *fine, const char *wrong)
{
	struct buf text;
	json_t *json = json_object(), *rows = json_array();
	char line[4096];
	buf_init(&text, PROBLEMS_MAX);
	for (const struct problem *problem = problems->first; problem; problem = problem->next) {
		buf_printf(&text, "%s\n", problem_format(problem, line, sizeof(line)));
		json_array_append_new(rows,
				      json_pack("{s:s?, s:i, s:b, s:o}", "file", problem->file,
						"line", problem->line, "fatal", (int)problem->fatal,
						"text", text_of(gw_str(problem->text))));
	}
	buf_add_text(&text, problems->errors ? wrong : fine);
	json_object_set_new(json, "code", json_integer(problems->errors ? code : EX_OK));
	json_object_set_new(json, "text", text_of(buf_str(&text)));
	json_object_set_new(json, "data",
			    json_pack("{s:i, s:i, s:o}", "errors", (int)problems->errors,
				      "warnings", (int)problems->warnings, "problems", rows));
	buf_finish(&text);
	request_answer(request, json);
}

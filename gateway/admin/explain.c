/* explain.c - message explain: all that happened to a message, from the journal; works for what is
 * done too. */
#include "admin/request.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>

#define LINES_MAX 2000

struct explanation {
	struct offload offload;
	struct request *request;
	uint64_t id;
	json_t *rows;
	int error;
};

/* Takes the next key=value off a line; values may be quoted. */
static bool next_pair(struct gw_str *line, struct gw_str *key, struct gw_str *value)
{
	while (line->len && line->ptr[0] == ' ')
		*line = gw_str_from(*line, 1);
	size_t equals = gw_str_find(*line, '='), blank = gw_str_find(*line, ' ');
	if (equals >= blank) {
		*key = gw_str_n(line->ptr, blank);
		*value = gw_str("");
		*line = gw_str_from(*line, blank);
		return key->len != 0;
	}
	*key = gw_str_n(line->ptr, equals);
	*line = gw_str_from(*line, equals + 1);
	bool quoted = line->len && line->ptr[0] == '"';
	size_t end = quoted ? 1 : 0;
	while (end < line->len && line->ptr[end] != (quoted ? '"' : ' '))
		end += line->ptr[end] == '\\' && end + 1 < line->len ? 2 : 1;
	*value = quoted ? gw_str_n(line->ptr + 1, end - 1) : gw_str_n(line->ptr, end);
	*line = gw_str_from(*line, end + quoted);
	return true;
}

static bool skipped(struct gw_str key)
{
	return gw_str_eq(key, gw_str("id"));
}

/* "2026-11-23T17:40:12.345Z info received id=... a=b" */
static int add_line(void *arg, struct gw_str line)
{
	struct explanation *explanation = arg;
	struct gw_str time, level, event, key, value;
	json_t *row = json_object(), *details = json_object();
	char text[LOG_LINE_MAX] = "";
	size_t used = 0;
	if (!next_pair(&line, &time, &value) || !next_pair(&line, &level, &value) ||
	    !next_pair(&line, &event, &value))
		event = gw_str("?");
	json_object_set_new(row, "time", text_of(time));
	json_object_set_new(row, "event", text_of(event));
	while (next_pair(&line, &key, &value)) {
		if (skipped(key) || used >= sizeof(text) - 1)
			continue;
		json_t *name = text_of(key);
		json_object_set_new(details, json_string_value(name), text_of(value));
		json_decref(name);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.*s=%.*s",
					 used ? "  " : "", (int)key.len, key.ptr, (int)value.len,
					 value.ptr);
	}
	json_object_set_new(row, "what", text_of(gw_str(text)));
	json_object_set_new(row, "details", details);
	json_array_append_new(explanation->rows, row);
	return json_array_size(explanation->rows) >= LINES_MAX;
}

static void read_journal(struct offload *offload)
{
	struct explanation *explanation = (struct explanation *)offload;
	explanation->error = log_journal_read(explanation->id, add_line, explanation) == 0 ? 0
											   : errno;
}

static void answer(struct post *post)
{
	static const char *const columns[][2] = { { "time", "TIME" },
						  { "event", "EVENT" },
						  { "what", "WHAT" } };
	struct explanation *explanation = (struct explanation *)post;
	char id[ID_TEXT];
	json_t *rows, *table;
	if (explanation->error || json_array_size(explanation->rows) == 0) {
		request_say(explanation->request, EX_UNAVAILABLE,
			    "the journal knows nothing of %s%s%s", id_format(explanation->id, id),
			    explanation->error ? ": " : "",
			    explanation->error ? strerror(explanation->error) : "");
	} else {
		table = table_create(columns, 3, &rows);
		json_array_extend(rows, explanation->rows);
		request_answer(explanation->request, table);
	}
	json_decref(explanation->rows);
	free(explanation);
}

void verb_explain(struct request *request, const char *const *words, size_t count)
{
	uint64_t id = id_parse(gw_str(words[0]));
	struct explanation *explanation = id ? calloc(1, sizeof(*explanation)) : NULL;
	if (!explanation) {
		request_usage(
			request,
			"\"%.100s\" is no id (it is in the 250, in the Received field and in the log)",
			words[0]);
		return;
	}
	explanation->request = request;
	explanation->id = id;
	explanation->rows = json_array();
	explanation->offload.work = read_journal;
	explanation->offload.post.run = answer;
	struct offload_line *line = offload_line(runtime.pool, "journal");
	if (!line || !offload_run(line, runtime.main, &explanation->offload))
		answer(&explanation->offload.post); /* with what the queue knows */
}

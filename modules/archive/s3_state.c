#include "s3_state.h"

#include <gateway/module.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void s3_state_init(struct s3_state *state)
{
	*state = (struct s3_state){ .etags = g_ptr_array_new_with_free_func(g_free),
				    .pending = g_array_new(FALSE, TRUE, sizeof(struct s3_span)),
				    .notices = g_array_new(FALSE, TRUE, sizeof(struct s3_notice)) };
}

void s3_state_finish(struct s3_state *state)
{
	g_free(state->target);
	g_free(state->upload);
	g_ptr_array_unref(state->etags);
	g_array_unref(state->pending);
	g_array_unref(state->notices);
}

void s3_state_drop_parts(struct s3_state *state)
{
	g_clear_pointer(&state->upload, g_free);
	g_ptr_array_set_size(state->etags, 0);
}

static char *path_of(const char *folder, const char *name)
{
	return g_build_filename(folder, "s3", name, NULL);
}

/* --- reading --- */

static void take_text(char *out, size_t size, const struct gw_json_value *json, const char *key)
{
	struct gw_str text = gw->json_value_string(gw->json_member(json, key));

	snprintf(out, size, "%s", text.ptr ? text.ptr : "");
}

static uint64_t number_of(const struct gw_json_value *value)
{
	return (uint64_t)gw->json_value_number(value, 0);
}

static void take_span(struct s3_span *span, const struct gw_json_value *json)
{
	take_text(span->name, sizeof span->name, json, "name");
	span->from = number_of(gw->json_member(json, "from"));
	span->end = number_of(gw->json_member(json, "end"));
}

static void take_spans(GArray *spans, const struct gw_json_value *json)
{
	struct s3_span span;
	size_t i;

	for (i = 0; i < gw->json_count(json); i++) {
		take_span(&span, gw->json_item(json, i));
		g_array_append_val(spans, span);
	}
}

static void take_lists(struct s3_state *state, const struct gw_json_value *json)
{
	const struct gw_json_value *etags = gw->json_member(json, "etags");
	const struct gw_json_value *notices = gw->json_member(json, "notices");
	struct gw_str upload = gw->json_value_string(gw->json_member(json, "upload"));
	size_t i;

	state->upload = g_strdup(upload.ptr);
	for (i = 0; i < gw->json_count(etags); i++)
		g_ptr_array_add(state->etags,
				g_strdup(gw->json_value_string(gw->json_item(etags, i)).ptr));
	for (i = 0; i + 1 < gw->json_count(notices); i += 2) {
		struct gw_str name = gw->json_value_string(gw->json_item(notices, i));
		struct s3_notice notice = { .at = number_of(gw->json_item(notices, i + 1)) };

		snprintf(notice.name, sizeof notice.name, "%s", name.ptr ? name.ptr : "");
		g_array_append_val(state->notices, notice);
	}
}

static void take(struct s3_state *state, const struct gw_json_value *json)
{
	take_text(state->name, sizeof state->name, json, "name");
	state->at = number_of(gw->json_member(json, "at"));
	state->until = gw->json_value_number(gw->json_member(json, "until"), 0);
	take_text(state->holds, sizeof state->holds, json, "holds");
	state->sweep = gw->json_value_bool(gw->json_member(json, "sweep"), false);
	take_spans(state->pending, gw->json_member(json, "pending"));
	take_lists(state, json);
}

bool s3_state_read(struct s3_state *state, const char *folder, const char *target)
{
	char *path = path_of(folder, "state"), *text = NULL;
	gsize len = 0;
	struct gw_json_value *json = NULL;
	struct gw_str whose;

	if (g_file_get_contents(path, &text, &len, NULL))
		json = gw->json_read(gw_str_n(text, len), NULL, 0);
	whose = gw->json_value_string(gw->json_member(json, "target"));
	if (whose.ptr && strcmp(whose.ptr, target) == 0) {
		state->target = g_strdup(target);
		take(state, json);
	}
	gw->json_free(json);
	g_free(text);
	g_free(path);
	return state->target != NULL;
}

/* --- writing --- */

static void write_lists(struct gw_json *json, const struct s3_state *state)
{
	guint i;

	gw->json_begin(json, "etags", GW_JSON_ARRAY);
	for (i = 0; i < state->etags->len; i++)
		gw->json_string(json, NULL, gw_str(state->etags->pdata[i]));
	gw->json_end(json);
	gw->json_begin(json, "notices", GW_JSON_ARRAY);
	for (i = 0; i < state->notices->len; i++) {
		const struct s3_notice *notice = &g_array_index(state->notices, struct s3_notice,
								i);

		gw->json_string(json, NULL, gw_str(notice->name));
		gw->json_number(json, NULL, (int64_t)notice->at);
	}
	gw->json_end(json);
}

static void write_spans(struct gw_json *json, const GArray *spans)
{
	guint i;

	gw->json_begin(json, "pending", GW_JSON_ARRAY);
	for (i = 0; i < spans->len; i++) {
		const struct s3_span *span = &g_array_index(spans, struct s3_span, i);

		gw->json_begin(json, NULL, GW_JSON_OBJECT);
		gw->json_string(json, "name", gw_str(span->name));
		gw->json_number(json, "from", (int64_t)span->from);
		gw->json_number(json, "end", (int64_t)span->end);
		gw->json_end(json);
	}
	gw->json_end(json);
}

static struct gw_json *to_json(const struct s3_state *state)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "target", gw_str(state->target));
	gw->json_string(json, "name", gw_str(state->name));
	gw->json_number(json, "at", (int64_t)state->at);
	gw->json_number(json, "until", state->until);
	gw->json_string(json, "holds", gw_str(state->holds));
	gw->json_bool(json, "sweep", state->sweep);
	write_spans(json, state->pending);
	if (state->upload)
		gw->json_string(json, "upload", gw_str(state->upload));
	write_lists(json, state);
	return json;
}

static int make_folder(const char *folder)
{
	char *path = path_of(folder, "");
	int error = (mkdir(folder, 0700) != 0 && errno != EEXIST) ||
				    (mkdir(path, 0700) != 0 && errno != EEXIST)
			    ? errno
			    : 0;

	g_free(path);
	return error;
}

static int put_file(const char *path, struct gw_str text)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int error = file < 0 ? errno : file_write(file, 0, text.ptr, text.len);

	if (file >= 0)
		close(file);
	return error;
}

int s3_state_write(const struct s3_state *state, const char *folder)
{
	struct gw_json *json = to_json(state);
	struct gw_str text = gw->json_text(json);
	char *fresh = path_of(folder, "state.new"), *path = path_of(folder, "state");
	int error = text.ptr ? make_folder(folder) : ENOMEM;

	if (!error)
		error = put_file(fresh, text);
	if (!error && rename(fresh, path) != 0)
		error = errno;
	gw->json_destroy(json);
	g_free(fresh);
	g_free(path);
	return error;
}

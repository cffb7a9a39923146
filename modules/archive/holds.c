#include "holds.h"

#include "asked.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

/* Of all folders: a removal in one waits for no more than a file that is written. */
static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint changes;

static char *path_of(const char *folder)
{
	return g_build_filename(folder, "holds", NULL);
}

static void free_hold(gpointer arg)
{
	struct hold *hold = arg;

	g_free(hold->name);
	g_ptr_array_unref(hold->words);
	g_free(hold);
}

static struct hold *make(const char *name, int64_t time)
{
	struct hold *hold = g_new0(struct hold, 1);

	hold->name = g_strdup(name);
	hold->time = time;
	hold->words = g_ptr_array_new_with_free_func(g_free);
	return hold;
}

/* NULL: the line is none. */
static struct hold *read_line(const char *line)
{
	struct gw_json_value *json = gw->json_read(gw_str(line), NULL, 0);
	const struct gw_json_value *words = gw->json_member(json, "words");
	struct gw_str name = gw->json_value_string(gw->json_member(json, "name"));
	struct hold *hold = NULL;
	size_t i;

	if (name.ptr && gw->json_count(words)) {
		hold = make(name.ptr, gw->json_value_number(gw->json_member(json, "time"), 0));
		for (i = 0; i < gw->json_count(words); i++)
			g_ptr_array_add(
				hold->words,
				g_strdup(gw->json_value_string(gw->json_item(words, i)).ptr));
	}
	gw->json_free(json);
	return hold;
}

void holds_read(struct holds *holds, const char *folder)
{
	char *path = path_of(folder), *text = NULL, **lines, **line;
	GError *error = NULL;
	struct hold *hold;

	holds->nth = changes; /* before they are read */
	holds->list = g_ptr_array_new_with_free_func(free_hold);
	if (!g_file_get_contents(path, &text, NULL, &error) &&
	    !g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
		holds_finish(holds);
	lines = g_strsplit(text ? text : "", "\n", -1);
	for (line = lines; *line && holds->list; line++) {
		hold = **line ? read_line(*line) : NULL;
		if (hold)
			g_ptr_array_add(holds->list, hold);
		else if (**line)
			holds_finish(holds);
	}
	g_strfreev(lines);
	g_clear_error(&error);
	g_free(text);
	g_free(path);
}

void holds_finish(struct holds *holds)
{
	if (holds->list)
		g_ptr_array_unref(holds->list);
	holds->list = NULL;
}

static void add_line(GString *text, const struct hold *hold)
{
	struct gw_json *json = gw->json_create();
	struct gw_str line;
	guint i;

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "name", gw_str(hold->name));
	gw->json_number(json, "time", hold->time);
	gw->json_begin(json, "words", GW_JSON_ARRAY);
	for (i = 0; i < hold->words->len; i++)
		gw->json_string(json, NULL, gw_str(hold->words->pdata[i]));
	gw->json_end(json);
	gw->json_end(json);
	line = gw->json_text(json);
	if (line.ptr)
		g_string_append_printf(text, "%s\n", line.ptr);
	gw->json_destroy(json);
}

/* All but the one of that name, and the new one. */
static int write_all(const char *folder, const struct holds *holds, const char *but,
		     const struct hold *added)
{
	char *path = path_of(folder);
	GString *text = g_string_new(NULL);
	guint i;
	bool done;

	for (i = 0; i < holds->list->len; i++) {
		const struct hold *hold = holds->list->pdata[i];

		if (strcmp(hold->name, but) != 0)
			add_line(text, hold);
	}
	if (added)
		add_line(text, added);
	done = g_file_set_contents_full(
		path, text->str, (gssize)text->len,
		G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, NULL);
	g_string_free(text, TRUE);
	g_free(path);
	return done ? 0 : EIO;
}

int holds_put(const char *folder, const char *name, struct gw_list words, int64_t time)
{
	struct holds holds;
	struct hold *hold = make(name, time);
	int error = EIO;
	size_t i;

	for (i = 0; i < words.count; i++)
		g_ptr_array_add(hold->words, g_strdup(words.items[i].ptr));
	pthread_mutex_lock(&changing);
	holds_read(&holds, folder);
	if (holds.list)
		error = write_all(folder, &holds, name, hold);
	changes++;
	pthread_mutex_unlock(&changing);
	holds_finish(&holds);
	free_hold(hold);
	return error;
}

int holds_drop(const char *folder, const char *name)
{
	struct holds holds;
	int error = EIO;
	guint i;
	bool is_there = false;

	pthread_mutex_lock(&changing);
	holds_read(&holds, folder);
	for (i = 0; holds.list && i < holds.list->len; i++)
		is_there |= strcmp(((struct hold *)holds.list->pdata[i])->name, name) == 0;
	if (holds.list)
		error = is_there ? write_all(folder, &holds, name, NULL) : ENOENT;
	changes++;
	pthread_mutex_unlock(&changing);
	holds_finish(&holds);
	return error;
}

bool holds_fasten(const struct holds *holds)
{
	pthread_mutex_lock(&changing);
	if (holds->nth == changes)
		return true;
	pthread_mutex_unlock(&changing);
	return false;
}

void holds_loosen(void)
{
	pthread_mutex_unlock(&changing);
}

static void note_hit(void *arg, const struct hit *hit)
{
	(void)hit;
	*(bool *)arg = true;
}

static bool covers(const struct hold *hold, struct index *index, const char *id)
{
	struct query query = { .mail = id };
	bool found = false, good;
	char why[200];

	good = asked_again(&query, hold->words, why, sizeof why);
	query.limit = 1;
	good = good && index_search(index, &query, note_hit, &found);
	return found || !good; /* what cannot be looked at is held */
}

const char *holds_cover(const struct holds *holds, struct index *index, const char *id)
{
	guint i;

	if (!holds->list)
		return "(the file of holds cannot be read)";
	for (i = 0; i < holds->list->len; i++)
		if (covers(holds->list->pdata[i], index, id))
			return ((struct hold *)holds->list->pdata[i])->name;
	return NULL;
}

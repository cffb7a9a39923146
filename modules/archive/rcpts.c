#include "rcpts.h"

#include <gateway/module.h>

#include <string.h>

#define PART (GW_JSON_READ_MAX / 2)

/* The strings of the array, one behind the other, of which `at` is the next; `stop` is where the
 * description ends. Before `at` stands "[" or ",". */
struct list {
	const char *at, *stop;
};

static bool find_list(const GByteArray *meta, struct list *list)
{
	static const char name[] = "\"rcpts\":["; /* quotes within a text have a backslash */
	const char *text = (const char *)meta->data;
	const char *begin = meta->len ? memmem(text, meta->len, name, sizeof name - 1) : NULL;

	if (!begin)
		return false;
	*list = (struct list){ begin + sizeof name - 1, text + meta->len };
	return true;
}

/* Behind the string that begins at `at`; NULL: there is none. */
static const char *end_of_string(const char *at, const char *stop)
{
	if (at >= stop || *at != '"')
		return NULL;
	for (at++; at < stop && *at != '"'; at++)
		at += *at == '\\';
	return at < stop ? at + 1 : NULL;
}

/* Passes as many strings as there is room for, one at least: ends behind the last of them. NULL:
 * there is none. */
static const char *pass_part(struct list *list)
{
	const char *begin = list->at, *end = NULL, *next;

	while ((next = end_of_string(list->at, list->stop)) != NULL &&
	       (!end || next - begin < PART)) {
		end = next;
		list->at = next < list->stop && *next == ',' ? next + 1 : next;
		if (list->at == next)
			break;
	}
	return end;
}

static bool add_part(GPtrArray *rcpts, const char *begin, const char *end)
{
	GString *text = g_string_new("[");
	struct gw_json_value *json;
	size_t i, count;

	g_string_append_len(text, begin, end - begin);
	g_string_append_c(text, ']');
	json = gw->json_read(gw_str_n(text->str, text->len), NULL, 0);
	count = gw->json_count(json);
	for (i = 0; i < count; i++)
		g_ptr_array_add(rcpts, g_strdup(gw->json_value_string(gw->json_item(json, i)).ptr));
	gw->json_free(json);
	g_string_free(text, TRUE);
	return count > 0;
}

GPtrArray *rcpts_take(GByteArray *meta)
{
	GPtrArray *rcpts;
	struct list list;
	const char *begin, *from, *end;
	bool good = true;

	if (!find_list(meta, &list))
		return NULL;
	rcpts = g_ptr_array_new_with_free_func(g_free);
	begin = from = list.at;
	while (good && (end = pass_part(&list)) != NULL) {
		good = add_part(rcpts, from, end);
		from = list.at;
	}
	if (!good || list.at >= list.stop || *list.at != ']') {
		g_ptr_array_unref(rcpts);
		return NULL;
	}
	g_byte_array_remove_range(meta, (guint)(begin - (const char *)meta->data),
				  (guint)(list.at - begin));
	g_ptr_array_add(rcpts, NULL);
	return rcpts;
}

void rcpts_bound(GByteArray *meta)
{
	struct list list;
	const char *end;

	if (!find_list(meta, &list) || (end = pass_part(&list)) == NULL)
		return;
	while (pass_part(&list))
		;
	if (list.at > end && list.at < list.stop && *list.at == ']')
		g_byte_array_remove_range(meta, (guint)(end - (const char *)meta->data),
					  (guint)(list.at - end));
}

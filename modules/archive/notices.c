#include "notices.h"

#include "stub.h"

#include <stdio.h>

struct gw_json_value *notice_read(int file, uint64_t at, const struct record *record)
{
	GByteArray *meta = g_byte_array_new();
	struct gw_json_value *json = NULL;

	if (record->kind == RECORD_NOTICE && record->flags & RECORD_PLAIN &&
	    record_meta(file, at, record, NULL, NULL, meta) == OPENED)
		json = gw->json_read(gw_str_n(meta->data, meta->len), NULL, 0);
	g_byte_array_unref(meta);
	return json;
}

static void take_destroyed(struct notices *notices, const struct gw_json_value *json)
{
	const struct gw_json_value *records = gw->json_member(json, "records");
	size_t i;

	for (i = 0; i < gw->json_count(records); i++) {
		const struct gw_json_value *pair = gw->json_item(records, i);
		struct gw_str name = gw->json_value_string(gw->json_item(pair, 0));
		int64_t at = gw->json_value_number(gw->json_item(pair, 1), -1);

		if (name.ptr)
			g_hash_table_add(notices->destroyed,
					 g_strdup_printf("%s:%lld", name.ptr, (long long)at));
	}
}

static void take_removed(struct notices *notices, const struct gw_json_value *json)
{
	struct gw_str name = gw->json_value_string(gw->json_member(json, "file"));
	struct removed removed = { .name = "" };

	snprintf(removed.name, sizeof removed.name, "%s", name.ptr ? name.ptr : "");
	removed.before.number = (uint64_t)gw->json_value_number(gw->json_member(json, "first"), 1) -
				1;
	removed.last.number = (uint64_t)gw->json_value_number(gw->json_member(json, "last"), 0);
	if (hex_read(gw->json_value_string(gw->json_member(json, "before")), removed.before.hash) &&
	    hex_read(gw->json_value_string(gw->json_member(json, "link")), removed.last.hash))
		g_array_append_val(notices->removed, removed);
}

static void take(struct notices *notices, const struct gw_json_value *json)
{
	struct gw_str what = gw->json_value_string(gw->json_member(json, "what"));

	if (!what.ptr)
		return;
	if (gw_str_eq(what, gw_str("forgotten")) || gw_str_eq(what, gw_str("expired")))
		take_destroyed(notices, json);
	else if (gw_str_eq(what, gw_str("removed")))
		take_removed(notices, json);
}

static bool is_set(const atomic_bool *stop)
{
	return stop && *stop;
}

static void read_file(struct notices *notices, const char *folder, const char *name,
		      const atomic_bool *stop)
{
	struct record record;
	struct heads heads;
	bool good = heads_open(&heads, folder, name, false);

	while (good && !is_set(stop) && heads_next(&heads, &record)) {
		struct gw_json_value *json = notice_read(heads.file, heads.here, &record);

		if (json)
			take(notices, json);
		gw->json_free(json);
	}
	heads_close(&heads);
}

bool notices_read(struct notices *notices, const char *folder, const atomic_bool *stop)
{
	GPtrArray *names = holdings_list(folder);
	guint i;

	notices->destroyed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	notices->removed = g_array_new(FALSE, FALSE, sizeof(struct removed));
	for (i = 0; names && i < names->len && !is_set(stop); i++)
		read_file(notices, folder, names->pdata[i], stop);
	if (names)
		g_ptr_array_unref(names);
	return names != NULL && !is_set(stop);
}

void notices_finish(struct notices *notices)
{
	g_hash_table_unref(notices->destroyed);
	g_array_unref(notices->removed);
}

bool notices_has(const struct notices *notices, const char *name, uint64_t at)
{
	char key[SEGMENT_NAME + 24];

	snprintf(key, sizeof key, "%s:%llu", name, (unsigned long long)at);
	return g_hash_table_contains(notices->destroyed, key);
}

const struct removed *notices_after(const struct notices *notices, const struct link *link)
{
	guint i;

	for (i = 0; i < notices->removed->len; i++) {
		const struct removed *removed = &g_array_index(notices->removed, struct removed, i);

		if (removed->before.number == link->number &&
		    memcmp(removed->before.hash, link->hash, HASH_SIZE) == 0)
			return removed;
	}
	return NULL;
}

#include "rows.h"

/* A TXT value as a zone file has it: strings of at most 255 octets, in quotes. */
static void add_strings(struct text *out, const struct text *record)
{
	size_t at, len;

	for (at = 0; at < record->len; at += len) {
		len = record->len - at < 255 ? record->len - at : 255;
		text_print(out, "%s\"", at ? " " : "");
		text_add(out, record->ptr + at, len);
		text_print(out, "\"");
	}
}

static const struct gw_column columns[] = {
	{ "name", "NAME" }, { "type", "TYPE" }, { "value", "VALUE" }, { NULL, NULL }
};

bool rows_add(struct gw_json *table, const struct key *key)
{
	struct text record = { 0 }, value = { 0 };
	char where[KEY_NAME_MAX];
	bool whole;

	key_name(key, where);
	key_record(key, &record);
	add_strings(&value, &record);
	gw->table_row(table);
	gw->json_string(table, "name", gw_str(where));
	gw->json_string(table, "type", gw_str("TXT"));
	gw->json_string(table, "value", gw_str_n(value.ptr, value.len));
	whole = !record.failed && !value.failed;
	text_finish(&record);
	text_finish(&value);
	return whole;
}

void rows_answer(struct gw_call *call, struct gw_json *table, bool whole)
{
	if (whole) {
		gw->answer_json(call, table);
	} else {
		gw->problem(call, true, "out of memory");
		gw->json_destroy(table);
	}
}

struct gw_json *rows_table(void)
{
	return gw->table_create(columns);
}

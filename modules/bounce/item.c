#include "item.h"

#include <string.h>

void item_text(struct gw_json *json, const char *key, const char *text)
{
	if (*text)
		gw->json_string(json, key, gw_str(text));
	else
		gw->json_format(json, key, "%s", "");
}

static void write_texts(struct gw_json *json, const struct row *row, const enum row_text *texts,
			size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		item_text(json, row_names[texts[i]], row->texts[texts[i]]);
}

static void write_message(struct gw_json *json, const struct row *row)
{
	gw->json_begin(json, "message", GW_JSON_OBJECT);
	item_text(json, "id", row->texts[ROW_queue_id]);
	item_text(json, "message_id", row->texts[ROW_message_id]);
	item_text(json, "envelope_id", row->texts[ROW_envelope_id]);
	item_text(json, "from", row->texts[ROW_author]);
	item_text(json, "return_path", row->texts[ROW_sender]);
	gw->json_number(json, "size", row->size);
	gw->json_time(json, "received", row->received);
	gw->json_end(json);
}

static void write_compat(struct gw_json *json, const struct row *row)
{
	const struct compat *compat = reason_compat(reason_named(row->texts[ROW_reason]));

	gw->json_begin(json, "compat", GW_JSON_OBJECT);
	gw->json_begin(json, "ses", GW_JSON_ARRAY);
	item_text(json, NULL, compat->ses_type);
	item_text(json, NULL, compat->ses_subtype);
	gw->json_end(json);
	item_text(json, "postmark", compat->postmark);
	item_text(json, "sendgrid", compat->sendgrid);
	gw->json_end(json);
}

static void write_bounce(struct gw_json *json, const struct row *row)
{
	static const enum row_text texts[] = { ROW_kind,       ROW_reason,    ROW_status,
					       ROW_diagnostic, ROW_stage,     ROW_source,
					       ROW_remote_mta, ROW_remote_ip, ROW_reporting_mta,
					       ROW_action,     ROW_rule };

	gw->json_begin(json, "bounce", GW_JSON_OBJECT);
	write_texts(json, row, texts, sizeof texts / sizeof *texts);
	gw->json_bool(json, "permanent", strcmp(row->texts[ROW_kind], "hard") == 0);
	gw->json_number(json, "code", row->code);
	gw->json_number(json, "attempt", row->attempt);
	gw->json_bool(json, "dump", row->report_number != 0);
	write_compat(json, row);
	gw->json_end(json);
}

void item_members(struct gw_json *json, const struct row *row)
{
	static const enum row_text texts[] = { ROW_client, ROW_type, ROW_relay, ROW_recipient,
					       ROW_original_recipient };

	gw->json_number(json, "id", row->number);
	item_text(json, "event", row->texts[ROW_event]);
	gw->json_time(json, "time", row->time);
	gw->json_number(json, "v", 1);
	write_texts(json, row, texts, sizeof texts / sizeof *texts);
	write_message(json, row);
	write_bounce(json, row);
	gw->json_bool(json, "infrastructure", row->is_infrastructure);
	gw->json_bool(json, "unread", row->is_unread);
	gw->json_bool(json, "suppressed", row->is_suppressed);
}

void item_write(struct gw_json *json, const char *key, const struct row *row)
{
	gw->json_begin(json, key, GW_JSON_OBJECT);
	item_members(json, row);
	gw->json_end(json);
}

void item_columns(struct gw_json *json, const struct gw_column *columns)
{
	gw->json_begin(json, "columns", GW_JSON_ARRAY);
	for (; columns->key; columns++) {
		gw->json_begin(json, NULL, GW_JSON_ARRAY);
		item_text(json, NULL, columns->key);
		item_text(json, NULL, columns->title);
		gw->json_end(json);
	}
	gw->json_end(json);
}

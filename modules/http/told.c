#include "told.h"

#include <glib.h>

static void write_message(struct gw_json *json, const struct gw_message *message)
{
	gw->json_begin(json, "message", GW_JSON_OBJECT);
	gw->json_string(json, "id", gw->message_fact(message, GW_MESSAGE_ID));
	gw->json_string(json, "from", gw->message_fact(message, GW_MESSAGE_SENDER));
	gw->json_number(json, "size", gw->message_number(message, GW_MESSAGE_SIZE));
	gw->json_end(json);
}

/* What the event says of itself, which is its module's text: as it stands, where it is an object.
 */
static bool is_object(struct gw_str text)
{
	struct gw_json_value *value = text.len ? gw->json_read(text, NULL, 0) : NULL;
	bool is = value && gw->json_kind(value) == GW_JSON_OBJECT;

	gw->json_free(value);
	return is;
}

static void append_detail(GString *json, struct gw_str detail)
{
	g_string_truncate(json, json->len - 1);
	g_string_append(json, ",\"detail\":");
	g_string_append_len(json, detail.ptr, (gssize)detail.len);
	g_string_append_c(json, '}');
}

static struct gw_str client_of(const struct gw_event *event)
{
	if (event->client.len || !event->message)
		return event->client;
	return gw->message_fact(event->message, GW_MESSAGE_CLIENT);
}

static void write_event(struct gw_json *json, const struct gw_event *event)
{
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "event", event->name);
	gw->json_time(json, "time", event->time);
	gw->json_number(json, "v", 1);
	gw->json_string(json, "client", client_of(event));
	gw->json_string(json, "relay", event->relay);
	if (event->message) {
		gw->json_string(json, "type", gw->message_fact(event->message, GW_MESSAGE_TYPE));
		write_message(json, event->message);
	}
	if (event->rcpt)
		gw->json_string(json, "recipient", gw->rcpt_fact(event->rcpt, GW_RCPT_ADDRESS));
	gw->json_string(json, "text", event->text);
	gw->json_number(json, "code", event->code);
	gw->json_end(json);
}

void told_event(const struct http_conf *conf, struct outbox *outbox, const struct gw_event *event)
{
	struct event kept = { .name = event->name, .time = event->time };
	struct gw_json *json;
	struct gw_str text;
	GString *whole;

	if (gw_str_eq(event->name, gw_str("bounce"))) {
		outbox_look(outbox); /* its record is what is owed */
		return;
	}
	if (!outbox_wants(conf, event->name))
		return;
	kept.client = client_of(event);
	json = gw->json_create();
	write_event(json, event);
	text = gw->json_text(json);
	whole = g_string_new_len(text.ptr, (gssize)text.len);
	if (text.ptr && is_object(event->json))
		append_detail(whole, event->json);
	kept.json = gw_str_n(whole->str, whole->len);
	if (text.ptr)
		outbox_put(outbox, &kept);
	g_string_free(whole, TRUE);
	gw->json_destroy(json);
}

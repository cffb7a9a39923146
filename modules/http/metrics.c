#include "metrics.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP gateway_%s %s\n# TYPE gateway_%s %s\n", name, help, name, type);
}

static void put_label(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else
			putc(*text, out);
	}
}

static void put_number(FILE *out, const char *name, const char *type, const char *help,
		       json_int_t number)
{
	put_head(out, name, type, help);
	fprintf(out, "gateway_%s %" JSON_INTEGER_FORMAT "\n", name, number);
}

/* One that goes down too, among those that only grow. */
static void put_counters(FILE *out, const json_t *counters)
{
	char name[128];
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)counters, key, value)
	{
		bool is_gauge = strcmp(key, "sessions_open") == 0;

		snprintf(name, sizeof name, "%s%s", key, is_gauge ? "" : "_total");
		put_number(out, name, is_gauge ? "gauge" : "counter",
			   "As gatewayctl status --json counts it.", json_integer_value(value));
	}
}

static void put_queue(FILE *out, const json_t *queue)
{
	const char *key;
	json_t *value;

	put_head(out, "queue_messages", "gauge", "Messages in the queue, by what they do.");
	json_object_foreach((json_t *)queue, key, value) if (strcmp(key, "in_memory") != 0)
		fprintf(out, "gateway_queue_messages{state=\"%s\"} %" JSON_INTEGER_FORMAT "\n", key,
			json_integer_value(value));
}

static void put_spool(FILE *out, const json_t *spool)
{
	static const char *const grows[] = { "appends", "groups", "syncs", "failed_groups",
					     "compacted" };
	char name[128];
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)spool, key, value)
	{
		bool is_counter = false;

		for (size_t i = 0; i < sizeof grows / sizeof *grows; i++)
			is_counter |= strcmp(key, grows[i]) == 0;
		snprintf(name, sizeof name, "spool_%s%s", key, is_counter ? "_total" : "");
		if (json_is_integer(value))
			put_number(out, name, is_counter ? "counter" : "gauge", "Of the spool.",
				   json_integer_value(value));
	}
}

/* "bounce.hard": of module bounce. */
static void put_modules(FILE *out, const json_t *metrics)
{
	const char *key;
	json_t *value;

	put_head(out, "module_total", "counter", "What modules count.");
	json_object_foreach((json_t *)metrics, key, value)
	{
		const char *dot = strchr(key, '.');

		fprintf(out, "gateway_module_total{module=\"%.*s\",metric=\"",
			(int)(dot ? dot - key : 0), key);
		put_label(out, dot ? dot + 1 : key);
		fprintf(out, "\"} %" JSON_INTEGER_FORMAT "\n", json_integer_value(value));
	}
}

static void put_relays(FILE *out, const json_t *relays)
{
	static const struct {
		const char *member, *name, *type, *help;
	} rows[] = {
		{ "connections", "relay_connections", "gauge", "Connections to the relay." },
		{ "idle", "relay_connections_idle", "gauge", "Those of them that are idle." },
		{ "waiting", "relay_waiting", "gauge", "Deliveries that wait for a connection." },
		{ "sent", "relay_sent_total", "counter", "Deliveries that the relay took." },
		{ "failed", "relay_failed_total", "counter", "Deliveries that failed there." },
	};
	const json_t *relay;
	size_t i, nth;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		put_head(out, rows[i].name, rows[i].type, rows[i].help);
		json_array_foreach((json_t *)relays, nth, relay)
		{
			fprintf(out, "gateway_%s{relay=\"", rows[i].name);
			put_label(out, json_string_value(json_object_get(relay, "name")));
			fprintf(out, "\"} %" JSON_INTEGER_FORMAT "\n",
				json_integer_value(json_object_get(relay, rows[i].member)));
		}
	}
}

char *metrics_text(const json_t *status, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (!out)
		return NULL;
	put_number(out, "up_seconds", "gauge", "Since it was started.",
		   json_integer_value(json_object_get(status, "up_seconds")));
	put_number(out, "wrong", "gauge", "Things that are wrong now: gatewayctl status.",
		   (json_int_t)json_array_size(json_object_get(status, "wrong")));
	put_queue(out, json_object_get(status, "queue"));
	put_spool(out, json_object_get(status, "spool"));
	put_counters(out, json_object_get(status, "counters"));
	put_modules(out, json_object_get(status, "metrics"));
	put_relays(out, json_object_get(status, "relays"));
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

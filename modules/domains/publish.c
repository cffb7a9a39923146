#include "publish.h"

#include <gateway/domain.h>

#include <stdio.h>
#include <stdlib.h>

static void put_row(struct gw_json *json, const char *name, const char *type, const char *value)
{
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "name", gw_str(name));
	gw->json_string(json, "type", gw_str(type));
	gw->json_string(json, "value", gw_str(value));
	gw->json_end(json);
}

/* As strings of a zone file, of 255 octets at most. */
static void quote(FILE *out, struct gw_str text)
{
	size_t at, len;

	for (at = 0; at < text.len; at += len) {
		len = text.len - at < 255 ? text.len - at : 255;
		fprintf(out, "%s\"%.*s\"", at ? " " : "", (int)len, text.ptr + at);
	}
}

/* Addresses from which the domain's mail leaves. */
static void write_spf(FILE *out, const struct plan *plan)
{
	size_t i;

	fprintf(out, "\"v=spf1");
	for (i = 0; i < plan->addresses.count; i++) {
		struct gw_str address = plan->addresses.items[i];

		fprintf(out, " %s:%.*s", gw_str_find(address, ':') < address.len ? "ip6" : "ip4",
			GW_STR_ARGS(address));
	}
	fprintf(out, " ~all\"");
}

static void put_spf(struct gw_json *json, const struct plan *plan, const char *name)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	write_spf(out, plan);
	fclose(out);
	put_row(json, name, "TXT", text);
	free(text);
}

static bool put_keys(struct gw_call *call, struct gw_json *json, const struct plan *plan,
		     struct gw_str domain)
{
	bool any = false;
	size_t i, size;

	for (i = 0; i < plan->key_count; i++) {
		char *text = NULL;
		FILE *out;

		if (!gw_domain_in_words(call, plan->keys[i].senders, domain) ||
		    !(out = open_memstream(&text, &size)))
			continue;
		quote(out, plan->keys[i].record);
		fclose(out);
		put_row(json, plan->keys[i].name.ptr, "TXT", text);
		free(text);
		any = true;
	}
	return any;
}

static void put_rows(struct gw_call *call, struct gw_json *json, const struct plan *plan,
		     struct gw_str domain, bool *has_key)
{
	char name[GW_DOMAIN_MAX + 16], value[2 * GW_DOMAIN_MAX + 80];

	put_spf(json, plan, domain.ptr);
	*has_key = put_keys(call, json, plan, domain);
	snprintf(name, sizeof name, "_dmarc.%s", domain.ptr);
	snprintf(value, sizeof value, "\"v=DMARC1; p=none; rua=mailto:dmarc@%s\"", domain.ptr);
	put_row(json, name, "TXT", value);
	if (plan->bounce_domain.len) {
		snprintf(value, sizeof value, "10 %.*s.", GW_STR_ARGS(gw->hostname(call)));
		put_row(json, plan->bounce_domain.ptr, "MX", value);
		put_spf(json, plan, plan->bounce_domain.ptr);
	}
}

static void put_columns(struct gw_json *json)
{
	static const char *const columns[][2] = { { "name", "NAME" },
						  { "type", "TYPE" },
						  { "value", "VALUE" } };
	size_t i;

	gw->json_begin(json, "columns", GW_JSON_ARRAY);
	for (i = 0; i < 3; i++) {
		gw->json_begin(json, NULL, GW_JSON_ARRAY);
		gw->json_string(json, NULL, gw_str(columns[i][0]));
		gw->json_string(json, NULL, gw_str(columns[i][1]));
		gw->json_end(json);
	}
	gw->json_end(json);
}

void publish_answer(struct gw_call *call, const struct plan *plan, struct gw_str domain)
{
	struct gw_json *json = gw->json_create();
	bool has_key = false;

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	put_columns(json);
	gw->json_begin(json, "rows", GW_JSON_ARRAY);
	put_rows(call, json, plan, domain, &has_key);
	gw->json_end(json);
	gw->json_format(
		json, "text",
		"%s is unverified. Publish these (into an SPF record that is there already only its "
		"terms), then: gatewayctl domains verify %s%s%s%s%s",
		domain.ptr, domain.ptr,
		has_key ? "" : "\nNo key signs for it yet: gatewayctl dkim keygen ",
		has_key ? "" : domain.ptr,
		has_key ? "" : " s1 FOLDER makes one; name it in the fragment of dkim",
		plan->addresses.count
			? ""
			: "\nNo address is known from which mail leaves: addresses in the "
			  "fragment of domains, sends_from on a relay");
	gw->answer_json(call, json);
}

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
		char term[TERM_MAX];

		source_term(plan->addresses.items[i], term);
		fprintf(out, " %s", term);
	}
	fprintf(out, " ~all\"");
}

/* One without addresses would say that no mail is from here. */
static void put_spf(struct gw_json *json, const struct plan *plan, const char *name)
{
	char *text = NULL;
	size_t size;
	FILE *out = plan->addresses.count ? open_memstream(&text, &size) : NULL;

	if (!out)
		return;
	write_spf(out, plan);
	fclose(out);
	put_row(json, name, "TXT", text);
	free(text);
}

bool publish_has_key(struct gw_call *call, const struct plan *plan, struct gw_str domain)
{
	size_t i;

	for (i = 0; i < plan->key_count; i++)
		if (gw_domain_in_words(call, plan->keys[i].senders, domain))
			return true;
	return false;
}

static void put_keys(struct gw_call *call, struct gw_json *json, const struct plan *plan,
		     struct gw_str domain)
{
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
	}
}

static void put_rows(struct gw_call *call, struct gw_json *json, const struct plan *plan,
		     struct gw_str domain, const struct new_key *key, enum dmarc_policy policy)
{
	char name[GW_DOMAIN_MAX + 16], value[2 * GW_DOMAIN_MAX + 80];

	put_spf(json, plan, domain.ptr);
	put_keys(call, json, plan, domain);
	if (key && key->name[0])
		put_row(json, key->name, "TXT", key->record);
	snprintf(name, sizeof name, "_dmarc.%s", domain.ptr);
	snprintf(value, sizeof value, "\"v=DMARC1; p=none; rua=mailto:dmarc@%s\"", domain.ptr);
	if (policy == DMARC_NO_POLICY)
		put_row(json, name, "TXT", value);
	if (plan->bounce_domain.len) {
		snprintf(value, sizeof value, "10 %.*s.", GW_STR_ARGS(gw->hostname(call)));
		put_row(json, plan->bounce_domain.ptr, "MX", value);
		put_spf(json, plan, plan->bounce_domain.ptr);
	}
}

/* What stands before the table: what there is still to do. */
static char *write_text(struct gw_call *call, const struct plan *plan, struct gw_str domain,
			const struct new_key *key, enum dmarc_policy policy)
{
	const struct domains_conf *conf = gw->conf(call);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out,
		"%s is unverified. Publish what is not there yet, then: gatewayctl domain verify %s\n"
		"What is there stays as strict as it is: an SPF record gets the terms that it lacks, "
		"and keeps its own \"all\"; a DMARC record is left alone%s%s\n",
		domain.ptr, domain.ptr, policy != DMARC_NO_POLICY ? ", and there is one: p=" : "",
		policy != DMARC_NO_POLICY ? dmarc_policies[policy] : "");
	if (key && key->name[0])
		fprintf(out,
			"A key was made. It signs once it stands in the fragment of dkim, and published:\n"
			"  { domain = \"%s\"; selector = \"s1\"; key = \"%.*s/%s-s1.pem\"; }\n",
			domain.ptr, GW_STR_ARGS(conf->keys), domain.ptr);
	else if (key)
		fprintf(out, "No key signs for it yet, and none was made: %s\n", key->why);
	if (plan->addresses.count == 0)
		fprintf(out,
			"No address is known from which mail leaves, so there is no SPF record "
			"yet: say addresses in the fragment of domains, or sends_from on a "
			"relay, and ask again\n");
	fclose(out);
	return text;
}

void publish_answer(struct gw_call *call, const struct plan *plan, struct gw_str domain,
		    const struct new_key *key, enum dmarc_policy policy)
{
	static const struct gw_column columns[] = {
		{ "name", "NAME" }, { "type", "TYPE" }, { "value", "VALUE" }, { NULL, NULL }
	};
	struct gw_json *json = gw->table_create(columns);
	char *text = write_text(call, plan, domain, key, policy);

	put_rows(call, json, plan, domain, key, policy);
	gw->json_end(json); /* of the rows: what follows stands beside them */
	gw->json_string(json, "text", gw_str(text ? text : "out of memory"));
	gw->answer_json(call, json);
	free(text);
}

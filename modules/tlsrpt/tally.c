#include "tally.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const type_names[] = {
	[GW_LINK_NO_POLICY] = "no-policy-found",
	[GW_LINK_DANE] = "tlsa",
	[GW_LINK_STS] = "sts",
};
#define TYPES (sizeof type_names / sizeof *type_names)

static void failure_finish(struct failure *failure)
{
	free(failure->type);
	free(failure->source);
	free(failure->host);
	free(failure->address);
	free(failure->reason);
}

static void policy_finish(struct policy *policy)
{
	free(policy->domain);
	free(policy->text);
	free(policy->hosts);
}

void tally_finish(struct tally *tally)
{
	size_t i, j;

	for (i = 0; i < tally->count; i++) {
		struct policy *policy = &tally->policies[i];

		for (j = 0; j < policy->failure_count; j++)
			failure_finish(&policy->failures[j]);
		policy_finish(policy);
	}
	tally->count = 0;
}

/* What others said, as one line of ASCII, cut. */
static char *line_of(struct gw_str text)
{
	size_t len = text.len < TALLY_WORDS ? text.len : TALLY_WORDS, i;
	char *line = malloc(len + 1);

	if (!line)
		return NULL;
	for (i = 0; i < len; i++)
		line[i] = text.ptr[i] < ' ' || text.ptr[i] >= 0x7f ? '?' : text.ptr[i];
	line[len] = '\0';
	return line;
}

/* A '\n' behind each; lines that do not fit any more are left out. */
static char *join(struct gw_list list)
{
	char text[TALLY_POLICY_TEXT];
	size_t len = 0, i;

	for (i = 0; i < list.count; i++) {
		struct gw_str line = list.items[i];

		if (len + line.len + 1 > sizeof text || gw_str_find(line, '\n') < line.len)
			break;
		memcpy(text + len, line.ptr, line.len);
		len += line.len;
		text[len++] = '\n';
	}
	return strndup(text, len);
}

/* --- finding --- */

static bool same(const char *one, const char *other)
{
	return strcmp(one, other) == 0;
}

static bool same_policy(const struct policy *one, const struct policy *other)
{
	return one->type == other->type && same(one->domain, other->domain) &&
	       same(one->text, other->text) && same(one->hosts, other->hosts);
}

static size_t policy_find(const struct tally *tally, const struct policy *wanted)
{
	size_t i = 0;

	while (i < tally->count && !same_policy(&tally->policies[i], wanted))
		i++;
	return i;
}

/* Takes over the strings. Of more policies in a day than anybody has, the last stands for the rest.
 */
static struct policy *take_policy(struct tally *tally, struct policy *wanted)
{
	size_t at = TALLY_POLICIES;
	bool whole = wanted->domain && wanted->text && wanted->hosts;

	if (whole)
		at = policy_find(tally, wanted);
	if (whole && at == tally->count && at < TALLY_POLICIES) {
		tally->policies[tally->count++] = *wanted;
		return &tally->policies[at];
	}
	policy_finish(wanted);
	if (!whole)
		return NULL;
	return &tally->policies[at < TALLY_POLICIES ? at : TALLY_POLICIES - 1];
}

static bool same_failure(const struct failure *one, const struct failure *other)
{
	return same(one->type, other->type) && same(one->source, other->source) &&
	       same(one->host, other->host) && same(one->address, other->address) &&
	       same(one->reason, other->reason);
}

static bool is_whole(const struct failure *failure)
{
	return failure->type && failure->source && failure->host && failure->address &&
	       failure->reason;
}

/* Takes over the strings. */
static void add_failure(struct policy *policy, struct failure *failure)
{
	size_t i;

	for (i = 0; is_whole(failure) && i < policy->failure_count; i++)
		if (same_failure(&policy->failures[i], failure)) {
			policy->failures[i].count += failure->count;
			failure_finish(failure);
			return;
		}
	if (is_whole(failure) && policy->failure_count < TALLY_FAILURES)
		policy->failures[policy->failure_count++] = *failure;
	else
		failure_finish(failure);
}

bool tally_add(struct tally *tally, const struct gw_link *link)
{
	struct policy wanted = { .type = link->policy,
				 .domain = line_of(link->policy_domain),
				 .text = join(link->policy_text),
				 .hosts = join(link->policy_hosts) };
	struct policy *policy = take_policy(tally, &wanted);
	struct failure failure = { .count = 1 };

	if (!policy)
		return false;
	policy->good += link->failure.len == 0;
	policy->bad += link->failure.len > 0;
	if (!link->failure.len)
		return true;
	failure.type = line_of(link->failure);
	failure.source = line_of(link->source);
	failure.host = line_of(link->host);
	failure.address = line_of(link->address);
	failure.reason = line_of(link->reason);
	add_failure(policy, &failure);
	return true;
}

/* --- as JSON --- */

static void write_lines(struct gw_json *json, const char *key, const char *lines)
{
	const char *end;

	gw->json_begin(json, key, GW_JSON_ARRAY);
	for (; (end = strchr(lines, '\n')); lines = end + 1)
		gw->json_string(json, NULL, gw_str_n(lines, (size_t)(end - lines)));
	gw->json_end(json);
}

static void put(struct gw_json *json, const char *key, const char *text)
{
	if (*text)
		gw->json_string(json, key, gw_str(text));
}

static void write_failure(struct gw_json *json, const struct failure *failure)
{
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	put(json, "result-type", failure->type);
	put(json, "sending-mta-ip", failure->source);
	put(json, "receiving-mx-hostname", failure->host);
	put(json, "receiving-ip", failure->address);
	gw->json_number(json, "failed-session-count", failure->count);
	put(json, "failure-reason-code", failure->reason);
	gw->json_end(json);
}

static void write_policy(struct gw_json *json, const struct policy *policy)
{
	size_t i;

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_begin(json, "policy", GW_JSON_OBJECT);
	gw->json_string(json, "policy-type", gw_str(type_names[policy->type]));
	if (policy->type != GW_LINK_NO_POLICY)
		write_lines(json, "policy-string", policy->text);
	gw->json_string(json, "policy-domain", gw_str(policy->domain));
	if (*policy->hosts)
		write_lines(json, "mx-host", policy->hosts);
	gw->json_end(json);
	gw->json_begin(json, "summary", GW_JSON_OBJECT);
	gw->json_number(json, "total-successful-session-count", policy->good);
	gw->json_number(json, "total-failure-session-count", policy->bad);
	gw->json_end(json);
	if (policy->failure_count)
		gw->json_begin(json, "failure-details", GW_JSON_ARRAY);
	for (i = 0; i < policy->failure_count; i++)
		write_failure(json, &policy->failures[i]);
	if (policy->failure_count)
		gw->json_end(json);
	gw->json_end(json);
}

void tally_write(const struct tally *tally, struct gw_json *json)
{
	size_t i;

	gw->json_begin(json, "policies", GW_JSON_ARRAY);
	for (i = 0; i < tally->count; i++)
		write_policy(json, &tally->policies[i]);
	gw->json_end(json);
}

static struct gw_str text_of(const struct gw_json_value *object, const char *key)
{
	struct gw_str text = gw->json_value_string(gw->json_member(object, key));

	return text.ptr ? text : gw_str("");
}

static int64_t number_of(const struct gw_json_value *object, const char *key)
{
	return gw->json_value_number(gw->json_member(object, key), 0);
}

static char *join_array(const struct gw_json_value *array)
{
	struct gw_str lines[TALLY_POLICY_TEXT / 8];
	struct gw_list list = { lines, 0 };
	size_t i;

	for (i = 0; i < gw->json_count(array) && i < sizeof lines / sizeof *lines; i++) {
		lines[i] = gw->json_value_string(gw->json_item(array, i));
		if (!lines[i].ptr)
			break;
		list.count++;
	}
	return join(list);
}

static enum gw_link_policy type_of(struct gw_str name)
{
	size_t i = 0;

	while (i + 1 < TYPES && !gw_str_eq(name, gw_str(type_names[i])))
		i++;
	return (enum gw_link_policy)i;
}

static void read_failure(struct policy *policy, const struct gw_json_value *object)
{
	struct failure failure = { .type = line_of(text_of(object, "result-type")),
				   .source = line_of(text_of(object, "sending-mta-ip")),
				   .host = line_of(text_of(object, "receiving-mx-hostname")),
				   .address = line_of(text_of(object, "receiving-ip")),
				   .reason = line_of(text_of(object, "failure-reason-code")),
				   .count = number_of(object, "failed-session-count") };

	add_failure(policy, &failure);
}

static void read_policy(struct tally *tally, const struct gw_json_value *object)
{
	const struct gw_json_value *said = gw->json_member(object, "policy"),
				   *summary = gw->json_member(object, "summary"),
				   *failures = gw->json_member(object, "failure-details");
	struct policy wanted = { .type = type_of(text_of(said, "policy-type")),
				 .domain = line_of(text_of(said, "policy-domain")),
				 .text = join_array(gw->json_member(said, "policy-string")),
				 .hosts = join_array(gw->json_member(said, "mx-host")) };
	struct policy *policy = take_policy(tally, &wanted);
	size_t i;

	if (!policy)
		return;
	policy->good += number_of(summary, "total-successful-session-count");
	policy->bad += number_of(summary, "total-failure-session-count");
	for (i = 0; i < gw->json_count(failures); i++)
		read_failure(policy, gw->json_item(failures, i));
}

void tally_read(struct tally *tally, const struct gw_json_value *object)
{
	const struct gw_json_value *policies = gw->json_member(object, "policies");
	size_t i;

	for (i = 0; i < gw->json_count(policies); i++)
		read_policy(tally, gw->json_item(policies, i));
}

int64_t tally_sum(const struct tally *tally, bool bad)
{
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < tally->count; i++)
		sum += bad ? tally->policies[i].bad : tally->policies[i].good;
	return sum;
}

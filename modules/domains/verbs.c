/* verbs.c - a look at the DNS takes its time: verbs that want one answer "again" until it is there.
 */
#include "verbs.h"

#include "bulk.h"
#include "new_key.h"
#include "publish.h"
#include "registry.h"

#include <stdio.h>
#include <stdlib.h>

#define EX_UNAVAILABLE 69
#define EX_CONFIG 78
#define AGAIN_MS 250
#define NOUN "domain"
#define OTHERS "somebody else asked meanwhile: try again"

/* --- words --- */

struct words {
	struct gw_call *call;
	struct instance *instance;
	struct gw_list list; /* the verb first */
};

static struct gw_str word(const struct words *words, size_t nth)
{
	return nth < words->list.count ? words->list.items[nth] : gw_str("");
}

/* "... again NUMBER" at the end: the number, and the words without these. 0: they are not there. */
static uint64_t take_again(struct words *words)
{
	size_t count = words->list.count;
	uint64_t number;

	if (count < 3 || !gw_str_eq(words->list.items[count - 2], gw_str("again")))
		return 0;
	number = strtoull(words->list.items[count - 1].ptr, NULL, 10);
	words->list.count -= 2;
	return number;
}

static void answer_again(const struct words *words, uint64_t number)
{
	struct gw_json *json = gw->json_create();
	bool is_auth = gw_str_eq(word(words, 0), gw_str("auth"));
	size_t i;

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_begin(json, "again", GW_JSON_ARRAY);
	gw->json_string(json, NULL, gw_str(is_auth ? "check" : NOUN));
	for (i = 0; i < words->list.count; i++)
		gw->json_string(json, NULL, words->list.items[i]);
	gw->json_string(json, NULL, gw_str("again"));
	gw->json_format(json, NULL, "%llu", (unsigned long long)number);
	gw->json_end(json);
	gw->json_number(json, "after", AGAIN_MS);
	gw->answer_json(words->call, json);
}

static void answer_text(struct gw_call *call, int code, const char *text)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "text", gw_str(text));
	gw->json_number(json, "code", code);
	gw->answer_json(call, json);
}

/* The domain as the DNS knows it; false: it is none, which was told. */
static bool read_domain(const struct words *words, struct gw_str given,
			char name[GW_DOMAIN_MAX + 1])
{
	if (gw->domain_ascii(words->call, given, name) > 0 && strchr(name, '.') &&
	    !strchr(name, '*'))
		return true;
	gw->problem(words->call, true, "\"%.*s\" is no domain", GW_STR_ARGS(given));
	return false;
}

/* A look that has seen all that is there now; NULL: it is on its way, and gatewayctl asks again. */
static struct result *look_now(struct words *words)
{
	uint64_t number = take_again(words);
	struct result *result = instance_result(words->instance);
	struct plan *plan;

	if (number && result && result->number >= number)
		return result;
	if (result)
		result_release(words->instance, result);
	if (!number) {
		plan = plan_create(words->call);
		if (!plan) {
			gw->problem(words->call, true, "out of memory");
			return NULL;
		}
		number = instance_renew(words->instance, plan);
	}
	answer_again(words, number);
	return NULL;
}

/* --- what is shown of a report --- */

static bool is_about(struct gw_str sender, struct gw_str domain)
{
	return domain.len == 0 || sender.len == 0 || gw_str_ieq(sender, domain);
}

static void put_verdict(struct gw_json *json, const struct verdict *verdict)
{
	char text[VERDICT_TEXT];

	report_verdict_text(verdict, text);
	gw->json_string(json, "domain", verdict->sender);
	gw->json_string(json, "relay", verdict->relay);
	gw->json_string(json, "mode", gw_str(modes[verdict->mode]));
	gw->json_string(json, "return_domain", verdict->return_domain);
	gw->json_string(json, "address", verdict->address);
	gw->json_string(json, "predicted", gw_str(text));
	if (!verdict->is_known)
		return;
	gw->json_string(json, "spf", gw_str(spf_results[verdict->spf]));
	gw->json_bool(json, "spf_aligned", verdict->spf_aligned);
	gw->json_string(json, "dkim", gw_str(dkim_results[verdict->dkim]));
	gw->json_bool(json, "dkim_aligned", verdict->dkim_aligned);
	gw->json_string(json, "dmarc", gw_str(verdict->dmarc_pass ? "pass" : "fail"));
	gw->json_string(json, "policy", gw_str(dmarc_policies[verdict->policy]));
}

static void put_finding(struct gw_json *json, const struct finding *finding)
{
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "level", gw_str(levels[finding->level]));
	gw->json_string(json, "domain", finding->sender.ptr ? finding->sender : gw_str(""));
	gw->json_string(json, "relay", finding->relay.ptr ? finding->relay : gw_str(""));
	gw->json_string(json, "address", finding->address.ptr ? finding->address : gw_str(""));
	gw->json_string(json, "text", gw_str(finding->text));
	gw->json_string(json, "fix", gw_str(finding->fix));
	gw->json_end(json);
}

static void put_verdicts(struct gw_json *json, const struct report *report, struct gw_str domain)
{
	size_t i;

	for (i = 0; i < report->verdict_count; i++)
		if (is_about(report->verdicts[i].sender, domain)) {
			gw->json_begin(json, NULL, GW_JSON_OBJECT);
			put_verdict(json, &report->verdicts[i]);
			gw->json_end(json);
		}
}

static void put_data(struct gw_json *json, const struct report *report, struct gw_str domain)
{
	size_t i;

	gw->json_begin(json, "data", GW_JSON_OBJECT);
	gw->json_number(json, "errors", (int64_t)report->errors);
	gw->json_number(json, "warnings", (int64_t)report->warnings);
	gw->json_begin(json, "verdicts", GW_JSON_ARRAY);
	put_verdicts(json, report, domain);
	gw->json_end(json);
	gw->json_begin(json, "findings", GW_JSON_ARRAY);
	for (i = 0; i < report->finding_count; i++)
		if (is_about(report->findings[i].sender, domain))
			put_finding(json, &report->findings[i]);
	gw->json_end(json);
	gw->json_end(json);
}

/* The worst first, each with what to do. */
static char *findings_text(const struct report *report, struct gw_str domain, const char *head)
{
	char *text = NULL;
	size_t size, i;
	int level;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "%s", head);
	for (level = LEVEL_ERROR; level >= LEVEL_NOTE; level--)
		for (i = 0; i < report->finding_count; i++) {
			const struct finding *finding = &report->findings[i];

			if ((int)finding->level != level || !is_about(finding->sender, domain))
				continue;
			fprintf(out, "%s: %s\n", levels[level], finding->text);
			if (finding->fix[0])
				fprintf(out, "  fix: %s\n", finding->fix);
		}
	fclose(out);
	return text;
}

static void answer_report(struct gw_call *call, const struct report *report, struct gw_str domain,
			  const char *head, bool is_wrong)
{
	static const struct gw_column columns[] = { { "domain", "DOMAIN" },
						    { "relay", "RELAY" },
						    { "mode", "RETURN PATH" },
						    { "address", "ADDRESS" },
						    { "predicted", "A RECEIVER CONCLUDES" },
						    { NULL, NULL } };
	struct gw_json *json = gw->table_create(columns);
	char *text = findings_text(report, domain, head);

	put_verdicts(json, report, domain);
	gw->json_end(json); /* of the rows: what follows stands beside them */
	gw->json_string(json, "text", gw_str(text ? text : head));
	put_data(json, report, domain);
	gw->json_number(json, "code", is_wrong ? EX_CONFIG : 0);
	gw->answer_json(call, json);
	free(text);
}

/* --- verbs --- */

static size_t count_errors(const struct report *report, struct gw_str domain)
{
	return domain.len ? report_errors_of(report, domain) : report->errors;
}

/* Something was found out about it, or could not be. */
static bool is_known(const struct report *report, struct gw_str domain)
{
	size_t i;

	for (i = 0; i < report->verdict_count; i++)
		if (gw_str_ieq(report->verdicts[i].sender, domain))
			return true;
	for (i = 0; i < report->finding_count; i++)
		if (gw_str_ieq(report->findings[i].sender, domain))
			return true;
	return false;
}

static void verb_check(struct words *words)
{
	char name[GW_DOMAIN_MAX + 1] = "", head[120];
	struct result *result = look_now(words);

	if (!result)
		return;
	if (word(words, 1).len && read_domain(words, word(words, 1), name) &&
	    !is_known(&result->report, gw_str(name))) {
		gw->problem(
			words->call, true,
			"%s is no sender domain that a relay, a client or `domain add` names: gatewayctl domain list",
			name);
	} else if (word(words, 1).len == 0 || name[0]) {
		size_t errors = count_errors(&result->report, gw_str(name));

		snprintf(head, sizeof head, "%zu errors, %zu warnings\n", errors,
			 result->report.warnings);
		answer_report(words->call, &result->report, gw_str(name), head, errors != 0);
	}
	result_release(words->instance, result);
}

static bool has_verdict(const struct report *report, struct gw_str domain)
{
	size_t i;

	for (i = 0; i < report->verdict_count; i++)
		if (report->verdicts[i].is_known && gw_str_ieq(report->verdicts[i].sender, domain))
			return true;
	return false;
}

/* There is a way for its mail, but the DNS does not tell now what receivers conclude of it. */
static bool is_untold(const struct report *report, struct gw_str domain)
{
	size_t i;

	for (i = 0; i < report->verdict_count; i++)
		if (gw_str_ieq(report->verdicts[i].sender, domain))
			return !has_verdict(report, domain);
	return false;
}

/* Name servers that fail for a while take nothing back: a strict relay would refuse all its mail.
 */
static void judge_domain(struct words *words, const struct report *report, struct gw_str domain)
{
	bool has_errors = report_errors_of(report, domain) != 0,
	     is_good = !has_errors && has_verdict(report, domain);
	enum standing before = registry_standing(words->call, domain), standing = before;
	char head[GW_DOMAIN_MAX + 120];

	if (has_errors || !is_untold(report, domain))
		standing = is_good ? STANDING_VERIFIED : STANDING_UNVERIFIED;
	if (standing != before)
		registry_set(words->call, domain, standing);
	snprintf(head, sizeof head, "%s is %s%s\n", domain.ptr, standings[standing],
		 is_good      ? ""
		 : has_errors ? ": mend the errors, and verify again"
		 : is_untold(report, domain)
			 ? ", as before: the DNS does not tell it now, verify again"
			 : ": no relay takes its mail from an address that is known");
	answer_report(words->call, report, domain, head, !is_good);
}

static void verb_verify(struct words *words)
{
	char name[GW_DOMAIN_MAX + 1];
	struct result *result;

	if (!read_domain(words, word(words, 1), name))
		return;
	if (registry_standing(words->call, gw_str(name)) == STANDING_UNKNOWN)
		registry_set(words->call, gw_str(name), STANDING_UNVERIFIED);
	result = look_now(words);
	if (!result)
		return;
	judge_domain(words, &result->report, gw_str(name));
	result_release(words->instance, result);
}

/* Has dkim make a key, one at a time; false: there is nothing to show yet, which was told. */
static bool await_key(const struct words *words, const char *name, uint64_t number)
{
	const struct new_key *key = &words->instance->key;
	bool is_busy = key->number && !key->done;

	if (!number && !is_busy)
		number = key_make(words->call, words->instance, name);
	if (key->number != number)
		answer_text(words->call, EX_UNAVAILABLE, OTHERS);
	else if (!key->done)
		answer_again(words, number);
	return key->number == number && key->done;
}

/* What is published of the domain's DMARC, as far as it was looked at. */
static enum dmarc_policy policy_of(const struct words *words, struct gw_str domain)
{
	struct result *result = instance_result(words->instance);
	enum dmarc_policy policy = DMARC_NO_POLICY;
	size_t i;

	for (i = 0; result && i < result->report.verdict_count; i++) {
		const struct verdict *verdict = &result->report.verdicts[i];

		if (verdict->is_known && gw_str_ieq(verdict->sender, domain))
			policy = verdict->policy;
	}
	if (result)
		result_release(words->instance, result);
	return policy;
}

static void verb_add(struct words *words)
{
	uint64_t number = take_again(words);
	const struct new_key *key = NULL;
	char name[GW_DOMAIN_MAX + 1];
	struct plan *plan;

	if (!read_domain(words, word(words, 1), name))
		return;
	if (registry_standing(words->call, gw_str(name)) == STANDING_UNKNOWN)
		registry_set(words->call, gw_str(name), STANDING_UNVERIFIED);
	plan = plan_create(words->call);
	if (!plan) {
		gw->problem(words->call, true, "out of memory");
		return;
	}
	if (!publish_has_key(words->call, plan, gw_str(name))) {
		key = &words->instance->key;
		if (!await_key(words, name, number)) {
			plan_destroy(plan);
			return;
		}
	}
	publish_answer(words->call, plan, gw_str(name), key, policy_of(words, gw_str(name)));
	instance_renew(words->instance, plan);
}

static void verb_rm(struct words *words)
{
	char name[GW_DOMAIN_MAX + 1];
	struct plan *plan;

	if (!read_domain(words, word(words, 1), name))
		return;
	if (registry_standing(words->call, gw_str(name)) == STANDING_UNKNOWN) {
		gw->problem(words->call, true, "%s was not added", name);
		return;
	}
	registry_drop(words->call, gw_str(name));
	plan = plan_create(words->call);
	if (plan)
		instance_renew(words->instance, plan);
	answer_text(words->call, 0, "forgotten; its keys and records stay as they are");
}

static void put_domain(struct gw_call *call, struct gw_json *table, const struct report *report,
		       struct gw_str domain)
{
	const struct domains_conf *conf = gw->conf(call);
	size_t i, errors = 0, warnings = 0;
	struct gw_str organisation = domain;
	const char *policy = "";

	for (i = 0; report && i < report->finding_count; i++)
		if (gw_str_ieq(report->findings[i].sender, domain)) {
			errors += report->findings[i].level == LEVEL_ERROR;
			warnings += report->findings[i].level == LEVEL_WARNING;
		}
	for (i = 0; report && i < report->verdict_count; i++)
		if (report->verdicts[i].is_known &&
		    gw_str_ieq(report->verdicts[i].sender, domain)) {
			policy = dmarc_policies[report->verdicts[i].policy];
			organisation = report->verdicts[i].organisation;
		}
	gw->table_row(table);
	gw->json_string(table, "domain", domain);
	gw->json_string(table, "state", gw_str(standings[registry_standing(call, domain)]));
	gw->json_string(table, "dmarc", gw_str(policy));
	gw->json_number(table, "errors", (int64_t)errors);
	gw->json_number(table, "warnings", (int64_t)warnings);
	gw->json_string(table, "organisation", organisation);
	gw->json_format(table, "gmail", "%lld/%lld", (long long)bulk_today(call, organisation),
			(long long)conf->bulk);
}

static void verb_list(struct words *words)
{
	static const struct gw_column columns[] = {
		{ "domain", "DOMAIN" }, { "state", "STATE" },       { "dmarc", "DMARC" },
		{ "errors", "ERRORS" }, { "warnings", "WARNINGS" }, { NULL, NULL }
	};
	struct gw_json *table = gw->table_create(columns);
	struct result *result = instance_result(words->instance);
	struct plan *plan = plan_create(words->call);
	size_t i;

	for (i = 0; plan && i < plan->sender_count; i++)
		put_domain(words->call, table, result ? &result->report : NULL, plan->senders[i]);
	gw->answer_json(words->call, table);
	plan_destroy(plan);
	if (result)
		result_release(words->instance, result);
}

/* --- spf --- */

static void copy_word(char *out, size_t size, struct gw_str text)
{
	snprintf(out, size, "%.*s", GW_STR_ARGS(text));
}

static uint64_t begin_query(const struct words *words)
{
	struct instance *instance = words->instance;
	uint64_t number;

	pthread_mutex_lock(&instance->lock);
	number = instance->query.number + 1;
	instance->query = (struct spf_query){ .number = number };
	copy_word(instance->query.address, sizeof instance->query.address, word(words, 1));
	copy_word(instance->query.helo, sizeof instance->query.helo, word(words, 2));
	copy_word(instance->query.sender, sizeof instance->query.sender, word(words, 3));
	pthread_mutex_unlock(&instance->lock);
	return number;
}

static void answer_query(struct gw_call *call, const struct spf_query *query)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_format(json, "text", "%s%s%s%s%s%s", spf_results[query->result],
			query->why[0] ? " (" : "", query->why, query->why[0] ? ")" : "",
			query->explanation[0] ? "\n" : "", query->explanation);
	gw->json_begin(json, "data", GW_JSON_OBJECT);
	gw->json_string(json, "result", gw_str(spf_results[query->result]));
	gw->json_string(json, "why", gw_str(query->why));
	gw->json_string(json, "explanation", gw_str(query->explanation));
	gw->json_end(json);
	gw->answer_json(call, json);
}

static void verb_spf(struct words *words)
{
	uint64_t number = take_again(words);
	struct spf_query query;
	struct network peer;

	if (!network_of_peer(&peer, word(words, 1))) {
		gw->problem(words->call, true, "\"%.*s\" is no address",
			    GW_STR_ARGS(word(words, 1)));
		return;
	}
	if (!number)
		number = begin_query(words);
	pthread_mutex_lock(&words->instance->lock);
	query = words->instance->query;
	pthread_mutex_unlock(&words->instance->lock);
	if (query.number != number)
		answer_text(words->call, EX_UNAVAILABLE, OTHERS);
	else if (query.done)
		answer_query(words->call, &query);
	else
		answer_again(words, number);
}

static const struct verb {
	const char *name;
	size_t least, most; /* words behind it */
	void (*run)(struct words *words);
} verbs[] = {
	{ "list", 0, 0, verb_list }, { "check", 0, 1, verb_check }, { "auth", 0, 1, verb_check },
	{ "spf", 3, 3, verb_spf },   { "add", 1, 1, verb_add },     { "verify", 1, 1, verb_verify },
	{ "rm", 1, 1, verb_rm },
};

/* Only with the noun in front: that is what the table names, and what is audited. "check auth" is
 * a name of "domain check". */
static bool take_noun(struct words *words)
{
	bool is_auth = gw_str_eq(word(words, 0), gw_str("check")) &&
		       gw_str_eq(word(words, 1), gw_str("auth"));

	if (!is_auth && !gw_str_eq(word(words, 0), gw_str(NOUN)))
		return false;
	words->list.items++;
	words->list.count--;
	return true;
}

void verbs_control(struct gw_call *call, const struct gw_command *command)
{
	struct words words = { call, gw->instance_data(call), command->words };
	bool is_ours = take_noun(&words);
	struct words bare = words;
	size_t i;

	take_again(&bare);
	for (i = 0; is_ours && i < sizeof verbs / sizeof *verbs; i++)
		if (gw_str_eq(word(&words, 0), gw_str(verbs[i].name)) &&
		    bare.list.count > verbs[i].least && bare.list.count <= verbs[i].most + 1) {
			verbs[i].run(&words);
			return;
		}
	gw->problem(
		call, true,
		"domain knows: list; check [DOMAIN]; spf ADDRESS HELO SENDER; add DOMAIN; verify DOMAIN; rm DOMAIN");
}

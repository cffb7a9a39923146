#include "incoming.h"

#include "classify.h"
#include "control.h"
#include "instance.h"
#include "mail.h"
#include "reflect.h"
#include "suppress.h"

#include <stdio.h>
#include <stdlib.h>

/* --- rcpt: who may get in --- */

static enum gw_verdict one_at_a_time(struct gw_call *call)
{
	gw->reply(call, 452, "4.5.3", "A bounce has one recipient: send the others another time");
	return GW_TEMPFAIL;
}

static enum gw_verdict refuse(struct gw_call *call, enum token token)
{
	gw->count(call, token == TOKEN_EXPIRED ? "expired" : "forged", 1);
	if (token == TOKEN_EXPIRED)
		gw->reply(call, 550, "5.7.1", "This return path takes no bounces any more");
	else
		gw->reply(call, 550, "5.1.1", "There is no such return path");
	return GW_REJECT;
}

static enum token read_token(struct gw_call *call, struct instance *instance,
			     const struct gw_rcpt *rcpt, uint64_t *id)
{
	struct gw_str address = gw->rcpt_fact(rcpt, GW_RCPT_ADDRESS),
		      domain = gw->rcpt_fact(rcpt, GW_RCPT_DOMAIN);
	struct keys keys;

	if (!instance_keys(instance, &keys) || address.len <= domain.len)
		return TOKEN_FORGED;
	return token_read(&keys, gw_str_n(address.ptr, address.len - domain.len - 1), domain,
			  gw->now(call) / DAY_MS, id);
}

static bool is_first(struct gw_message *message, const struct gw_rcpt *rcpt)
{
	struct gw_rcpt *first = gw->message_rcpt(message, 0);

	return !first || first == rcpt;
}

enum gw_verdict incoming_rcpt(struct gw_call *call, struct gw_message *message,
			      struct gw_rcpt *rcpt)
{
	struct instance *instance = gw->instance_data(call);
	struct incoming *incoming = gw->message_data(call);
	const char *domain = instance_domain(instance);
	enum token token;

	if (!incoming)
		return GW_FAILED;
	if (incoming->is_bounce)
		return one_at_a_time(call);
	if (!*domain || !gw_str_ieq(gw->rcpt_fact(rcpt, GW_RCPT_DOMAIN), gw_str(domain)))
		return GW_CONTINUE;
	token = read_token(call, instance, rcpt, &incoming->id);
	if (token != TOKEN_FINE)
		return refuse(call, token);
	if (!is_first(message, rcpt))
		return one_at_a_time(call);
	incoming->is_bounce = true;
	return GW_ACCEPT;
}

/* --- message: on the pool --- */

/* What is looked at and kept while the client waits for its 250. */
struct arrival {
	const struct bounce_conf *conf;
	struct store *store;
	const char *domain; /* the bounce domain */
	int64_t now;
	char *bytes;
	size_t len;
	struct sent sent;
	bool known; /* sent is filled */
	struct findings *findings;
	int64_t numbers[FINDINGS_MAX]; /* 0: it is a copy */
	bool is_matched[FINDINGS_MAX]; /* the message had that recipient */
	bool failed;
};

/* --- message: of which recipient --- */

/* A report may name the address that mail was passed on to. The token says which message, so where
 * that had one recipient it is about him; else a recipient that it never had is nobody's, for
 * whoever knows a token may write anything. */
static void match(struct arrival *arrival)
{
	struct findings *findings = arrival->findings;
	const struct sent *sent = &arrival->sent;
	size_t i;

	for (i = 0; i < findings->count && arrival->known; i++) {
		arrival->is_matched[i] = sent_rcpt(sent, findings->items[i].recipient, NULL);
		if (arrival->is_matched[i] || sent->rcpt_count != 1 || findings->count != 1)
			continue;
		text_keep(findings->items[i].recipient, ADDRESS_MAX,
			  gw_str_n(sent->rcpts, strcspn(sent->rcpts, "\t\n")));
		arrival->is_matched[i] = *findings->items[i].recipient != '\0';
	}
}

/* Only what failed, and never to an address of the bounce domain: a report about a report goes
 * nowhere. */
static bool is_owed(const struct arrival *arrival, size_t nth)
{
	const struct finding *finding = &arrival->findings->items[nth];
	struct gw_str sender = gw_str(arrival->sent.sender);

	return arrival->conf->reflect && arrival->known && sender.len && arrival->is_matched[nth] &&
	       finding->action == ACTION_FAILED && finding->kind != KIND_INFO &&
	       !gw_str_ieq(words_domain(sender), gw_str(arrival->domain));
}

static void remember(struct arrival *arrival)
{
	struct record records[FINDINGS_MAX];
	size_t i;

	for (i = 0; i < arrival->findings->count; i++) {
		records[i] = (struct record){ .time = arrival->now,
					      .sent = &arrival->sent,
					      .finding = &arrival->findings->items[i],
					      .source = arrival->findings->source,
					      .reporting = arrival->findings->reporting,
					      .report = { arrival->bytes, arrival->len },
					      .of_others = !arrival->is_matched[i],
					      .owed = is_owed(arrival, i) };
		suppress_record(arrival->conf, &records[i]);
	}
	arrival->failed = store_mail(arrival->store, records, i, arrival->numbers) != 0;
}

static void work(void *arg)
{
	struct arrival *arrival = arg;
	int found = store_find(arrival->store, arrival->sent.id, &arrival->sent);

	arrival->failed = found < 0;
	arrival->known = found == 0;
	arrival->findings = classify_mail(&arrival->conf->rules,
					  gw_str_n(arrival->bytes, arrival->len));
	match(arrival);
	if (!arrival->failed && arrival->findings->count)
		remember(arrival);
}

static void arrival_free(void *arg)
{
	struct arrival *arrival = arg;

	findings_free(arrival->findings);
	free(arrival->bytes);
	free(arrival);
}

/* --- message: what follows --- */

static void tell(struct gw_call *call, const struct arrival *arrival, const struct finding *finding)
{
	struct gw_event event = { .size = sizeof event,
				  .name = GW_STR("bounce"),
				  .time = arrival->now,
				  .client = gw_str(arrival->sent.client),
				  .relay = gw_str(arrival->sent.relay),
				  .code = finding->code };
	struct gw_json *json = gw->json_create();
	char text[160 + ADDRESS_MAX];

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_format(json, "id", "%016llx", (unsigned long long)arrival->sent.id);
	finding_write(json, "bounce", arrival->findings, finding);
	gw->json_end(json);
	event.json = gw->json_text(json);
	snprintf(text, sizeof text, "%s: %s %s (%s), came back", finding->recipient,
		 kind_name(finding->kind), reason_name(finding->reason), finding->rule);
	event.text = gw_str(text);
	if (event.json.ptr)
		gw->emit(call, &event);
	gw->json_destroy(json);
}

/* What is not taken is still owed: keeper.h. */
static void reflect(struct gw_call *call, const struct arrival *arrival)
{
	const struct finding *findings[FINDINGS_MAX];
	struct reflection reflection = { .hostname = gw->hostname(call),
					 .now = arrival->now,
					 .sent = &arrival->sent,
					 .findings = findings };
	GString *report;
	size_t i;

	for (i = 0; i < arrival->findings->count; i++)
		if (arrival->numbers[i] && is_owed(arrival, i))
			findings[reflection.count++] = &arrival->findings->items[i];
	if (!reflection.count)
		return;
	report = reflect_write(&reflection);
	reflect_submit(call, &arrival->sent, gw_str_n(report->str, report->len));
	g_string_free(report, TRUE);
}

static enum gw_verdict no_bounce(struct gw_call *call)
{
	gw->count(call, "no_bounce", 1);
	gw->reply(call, 550, "5.7.1", "This address takes bounces, and this is none");
	return GW_REJECT;
}

static enum gw_verdict resumed(struct gw_call *call, void *arg)
{
	struct arrival *arrival = arg;
	enum gw_verdict verdict = GW_DISCARD;
	size_t i;

	if (arrival->failed) {
		gw->log(call, GW_LOG_ERROR, "a bounce cannot be kept: it is asked for again");
		gw->reply(call, 451, "4.3.0", "It cannot be kept now");
		verdict = GW_TEMPFAIL;
	} else if (!arrival->findings->count) {
		verdict = no_bounce(call);
	} else {
		for (i = 0; i < arrival->findings->count; i++)
			if (arrival->numbers[i]) {
				gw->count(call, kind_name(arrival->findings->items[i].kind), 1);
				tell(call, arrival, &arrival->findings->items[i]);
			}
		reflect(call, arrival);
	}
	arrival_free(arrival);
	return verdict;
}

static struct arrival *arrival_create(struct gw_call *call, struct gw_message *message,
				      struct store *store, uint64_t id)
{
	struct arrival *arrival = calloc(1, sizeof *arrival);
	long got = -1;

	if (!arrival)
		return NULL;
	arrival->conf = gw->conf(call);
	arrival->domain = instance_domain(gw->instance_data(call));
	arrival->store = store;
	arrival->now = gw->now(call);
	arrival->sent.id = id;
	arrival->bytes = malloc(MAIL_MAX);
	if (arrival->bytes)
		got = gw->read(message, 0, arrival->bytes, MAIL_MAX);
	if (got < 0) {
		arrival_free(arrival);
		return NULL;
	}
	arrival->len = (size_t)got;
	return arrival;
}

enum gw_verdict incoming_message(struct gw_call *call, struct gw_message *message)
{
	static const struct gw_async async = { .resumed = resumed, .dropped = arrival_free };
	struct incoming *incoming = gw->message_data(call);
	struct store *store = instance_store(gw->instance_data(call));
	struct arrival *arrival;
	enum gw_verdict verdict;

	if (!incoming)
		return GW_FAILED;
	if (!incoming->is_bounce)
		return GW_CONTINUE;
	arrival = store ? arrival_create(call, message, store, incoming->id) : NULL;
	if (!arrival)
		return GW_FAILED;
	verdict = gw->offload(call, &async, work, arrival);
	if (verdict != GW_PENDING)
		arrival_free(arrival);
	return verdict;
}

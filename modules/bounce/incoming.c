#include "incoming.h"

#include "control.h"
#include "instance.h"
#include "mail.h"
#include "reflect.h"
#include "returned.h"

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
			     const struct gw_rcpt *rcpt, struct path *path)
{
	struct gw_str address = gw->rcpt_fact(rcpt, GW_RCPT_ADDRESS),
		      domain = gw->rcpt_fact(rcpt, GW_RCPT_DOMAIN);
	struct keys keys;

	if (!instance_keys(instance, &keys) || address.len <= domain.len)
		return TOKEN_FORGED;
	return token_read(&keys, gw_str_n(address.ptr, address.len - domain.len - 1), domain,
			  gw->now(call) / DAY_MS, path);
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
	token = read_token(call, instance, rcpt, &incoming->path);
	if (token != TOKEN_FINE)
		return refuse(call, token);
	if (!is_first(message, rcpt))
		return one_at_a_time(call);
	/* it goes nowhere, so it is held to nothing that mail which leaves is held to */
	if (gw->note_set(call, message, "incoming", gw_str("yes")) != 0)
		return GW_FAILED;
	incoming->is_bounce = true;
	return GW_ACCEPT;
}

/* --- message: on the pool --- */

static void work(void *arg)
{
	returned_read(arg, false);
}

/* --- message: what follows --- */

static void tell(struct gw_call *call, const struct returned *returned,
		 const struct finding *finding, int64_t number)
{
	struct gw_event event = { .size = sizeof event,
				  .name = GW_STR("bounce"),
				  .time = returned->now,
				  .client = gw_str(returned->sent.client),
				  .relay = gw_str(returned->sent.relay),
				  .code = finding->code };
	struct gw_json *json = gw->json_create();
	char text[160 + ADDRESS_MAX];

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "id", gw_str(returned->sent.queue_id));
	gw->json_number(json, "record", number);
	finding_write(json, "bounce", returned->findings, finding);
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
static void reflect(struct gw_call *call, const struct returned *returned)
{
	const struct finding *findings[FINDINGS_MAX];
	struct reflection reflection = { .hostname = gw->hostname(call),
					 .now = returned->now,
					 .sent = &returned->sent,
					 .findings = findings };
	GString *report;
	size_t i;

	for (i = 0; i < returned->findings->count; i++)
		if (returned->numbers[i] && returned->records[i].owed)
			findings[reflection.count++] = &returned->findings->items[i];
	if (!reflection.count)
		return;
	report = reflect_write(&reflection);
	reflect_submit(call, &returned->sent, gw_str_n(report->str, report->len));
	g_string_free(report, TRUE);
}

static enum gw_verdict no_bounce(struct gw_call *call)
{
	gw->count(call, "no_bounce", 1);
	gw->reply(call, 550, "5.7.1", "This address takes bounces, and this is none");
	return GW_REJECT;
}

static enum gw_verdict not_kept(struct gw_call *call)
{
	gw->log(call, GW_LOG_ERROR, "a bounce cannot be kept: it is asked for again");
	gw->reply(call, 451, "4.3.0", "It cannot be kept now");
	return GW_TEMPFAIL;
}

static void say(struct gw_call *call, const struct returned *returned)
{
	const struct findings *findings = returned->findings;
	size_t i;

	for (i = 0; i < findings->count; i++)
		if (returned->numbers[i]) {
			gw->count(call, kind_name(findings->items[i].kind), 1);
			tell(call, returned, &findings->items[i], returned->numbers[i]);
		}
	reflect(call, returned);
}

static enum gw_verdict kept(struct gw_call *call, void *arg)
{
	struct returned *returned = arg;
	enum gw_verdict verdict = GW_DISCARD;

	if (returned->failed)
		verdict = not_kept(call);
	else
		say(call, returned);
	returned_free(returned);
	return verdict;
}

static enum gw_verdict keep(struct gw_call *call, struct returned *returned)
{
	static const struct gw_async async = { .resumed = kept };
	enum gw_verdict verdict = gw->hold(call, &async, returned, &returned->ticket);

	if (verdict == GW_PENDING)
		returned_keep(returned);
	else
		returned_free(returned);
	return verdict;
}

static enum gw_verdict was_read(struct gw_call *call, void *arg)
{
	struct returned *returned = arg;
	enum gw_verdict verdict;

	if (returned_has_records(returned, false))
		return keep(call, returned);
	verdict = returned->failed ? not_kept(call) : no_bounce(call);
	returned_free(returned);
	return verdict;
}

static struct returned *read_message(struct gw_call *call, struct gw_message *message,
				     struct store *store, struct path path)
{
	struct returned *returned = returned_create(call, store);
	long got = returned ? gw->read(message, 0, returned->bytes, MAIL_MAX) : -1;

	if (got < 0) {
		returned_free(returned);
		return NULL;
	}
	returned->len = (size_t)got;
	returned->sent.path = path;
	return returned;
}

enum gw_verdict incoming_message(struct gw_call *call, struct gw_message *message)
{
	static const struct gw_async async = { .resumed = was_read, .dropped = returned_free };
	struct incoming *incoming = gw->message_data(call);
	struct store *store = instance_store(gw->instance_data(call));
	struct returned *returned;
	enum gw_verdict verdict;

	if (!incoming)
		return GW_FAILED;
	if (!incoming->is_bounce)
		return GW_CONTINUE;
	returned = store ? read_message(call, message, store, incoming->path) : NULL;
	if (!returned)
		return GW_FAILED;
	verdict = gw->offload(call, &async, work, returned);
	if (verdict != GW_PENDING)
		returned_free(returned);
	return verdict;
}

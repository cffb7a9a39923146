#include "failed.h"

#include "classify.h"
#include "control.h"
#include "instance.h"
#include "outgoing.h"
#include "suppress.h"
#include "writer.h"

#include <stdio.h>
#include <stdlib.h>

#define OWN_MOST 6

static struct gw_str field(struct gw_message *message, const char *name)
{
	struct gw_header header = { .size = sizeof header };

	return gw->header_named(message, gw_str(name), 0, &header) == 0 ? header.value : gw_str("");
}

/* What the mail itself may have put into the words. */
static size_t own_words(struct gw_message *message, const struct gw_result *result,
			struct gw_str own[OWN_MOST])
{
	size_t count = 0;

	own[count++] = gw->rcpt_fact(result->rcpt, GW_RCPT_ADDRESS);
	own[count++] = gw->message_fact(message, GW_MESSAGE_SENDER);
	own[count++] = gw->message_fact(message, GW_MESSAGE_FROM_DOMAIN);
	own[count++] = gw->message_fact(message, GW_MESSAGE_HELO);
	own[count++] = field(message, "Subject");
	own[count++] = field(message, "Message-ID");
	return count;
}

static void status_of(const struct gw_outcome *outcome, char status[STATUS_SIZE])
{
	const uint8_t *enhanced = outcome->enhanced;

	status[0] = '\0';
	if (enhanced[0])
		snprintf(status, STATUS_SIZE, "%u.%u.%u", enhanced[0], enhanced[1], enhanced[2]);
}

static void emit(struct gw_call *call, const struct gw_message *message,
		 const struct gw_result *result, const struct finding *finding)
{
	struct gw_event event = { .size = sizeof event,
				  .name = GW_STR("bounce"),
				  .time = gw->now(call),
				  .message = message,
				  .rcpt = result->rcpt,
				  .client = gw->message_fact(message, GW_MESSAGE_CLIENT),
				  .relay = result->relay,
				  .code = finding->code };
	struct gw_json *json = gw->json_create();
	char text[160];

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	finding_write(json, "bounce", NULL, finding);
	gw->json_end(json);
	event.json = gw->json_text(json);
	snprintf(text, sizeof text, "%s %s (%s)", kind_name(finding->kind),
		 reason_name(finding->reason), finding->rule);
	event.text = gw_str(text);
	if (event.json.ptr)
		gw->emit(call, &event);
	gw->json_destroy(json);
}

/* --- the record --- */

struct failure {
	struct writing writing;
	gw_ticket ticket;
	struct record record;
	struct sent sent;
	struct finding finding;
	char stage[32];
	int64_t number;
	bool failed;
};

static int work(struct store *store, struct writing *writing)
{
	struct failure *failure = (struct failure *)writing;

	return store_add_records(store, &failure->record, 1, &failure->number);
}

static void done(struct store *store, struct writing *writing, bool kept)
{
	struct failure *failure = (struct failure *)writing;

	failure->failed = !kept;
	if (kept)
		store_learn(store, &failure->record, 1, &failure->number);
	if (gw->wake(failure->ticket) != 0)
		free(failure);
}

/* What cannot be remembered is in the log all the same, and in the report. */
static enum gw_verdict resumed(struct gw_call *call, void *arg)
{
	struct failure *failure = arg;

	if (failure->failed)
		gw->log(call, GW_LOG_WARNING, "a bounce of %s cannot be remembered",
			failure->finding.recipient);
	free(failure);
	return GW_CONTINUE;
}

static struct failure *failure_create(struct gw_call *call, struct gw_message *message,
				      const struct gw_result *result, const struct finding *finding)
{
	struct failure *failure = calloc(1, sizeof *failure);

	if (!failure)
		return NULL;
	failure->writing = (struct writing){ .urgency = WRITE_SOON, .work = work, .done = done };
	failure->finding = *finding;
	text_keep(failure->stage, sizeof failure->stage, result->stage);
	outgoing_describe(call, message, &failure->sent);
	text_keep(failure->sent.relay, sizeof failure->sent.relay, result->relay);
	failure->record = (struct record){ .time = gw->now(call),
					   .sent = &failure->sent,
					   .finding = &failure->finding,
					   .source = SOURCE_SMTP,
					   .stage = failure->stage,
					   .attempt = result->attempt };
	suppress_record(gw->conf(call), &failure->record);
	return failure;
}

static enum gw_verdict remember(struct gw_call *call, struct gw_message *message,
				const struct gw_result *result, const struct finding *finding)
{
	static const struct gw_async async = { .resumed = resumed };
	struct store *store = instance_store(gw->instance_data(call));
	struct failure *failure = store ? failure_create(call, message, result, finding) : NULL;

	if (!failure)
		return GW_CONTINUE;
	if (gw->hold(call, &async, failure, &failure->ticket) == GW_PENDING) {
		store_write(store, &failure->writing);
		return GW_PENDING;
	}
	free(failure);
	return GW_CONTINUE;
}

enum gw_verdict failed_bounce(struct gw_call *call, struct gw_message *message,
			      const struct gw_result *result)
{
	const struct bounce_conf *conf = gw->conf(call);
	const struct gw_outcome *outcome = result->outcome;
	struct finding finding = { .action = result->delayed ? ACTION_DELAYED : ACTION_FAILED };
	struct gw_str own[OWN_MOST], recipient = gw->rcpt_fact(result->rcpt, GW_RCPT_ADDRESS);
	char status[STATUS_SIZE];

	status_of(outcome, status);
	text_keep(finding.recipient, sizeof finding.recipient, recipient);
	text_keep(finding.remote, sizeof finding.remote, outcome->host);
	classify_reply(&conf->rules, outcome->code, status, outcome->text, own,
		       own_words(message, result, own), &finding);
	if (suppress_said(result))
		finding_suppressed(&finding);
	gw->reason(call, "%.*s: %s %s, by %s", GW_STR_ARGS(recipient), kind_name(finding.kind),
		   reason_name(finding.reason), finding.rule);
	gw->count(call, kind_name(finding.kind), 1);
	if (gw->message_number(message, GW_MESSAGE_DRY) == 1)
		return GW_CONTINUE;
	emit(call, message, result, &finding);
	return remember(call, message, result, &finding);
}

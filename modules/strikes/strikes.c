/* strikes.c - counts what each client would count against us. A CRM that was refused a few times in
 * a day stops using its relay until the next one, and its mail goes round the gateway: that has to
 * be seen before it happens. README.md tells it with examples. */
#include "address.h"

#include <stdio.h>

static const struct gw_option client_options[] = {
	{ .key = "name",
	  .type = GW_OPTION_STRING,
	  .offset = offsetof(struct client_config, name),
	  .flags = GW_OPTION_REQUIRED,
	  .help = "Name of the client." },
	{ .key = "policy_reject",
	  .type = GW_OPTION_WORD,
	  .offset = offsetof(struct client_config, policy),
	  .words = "refuse|accept+dsn",
	  .fallback = "refuse",
	  .help = "Mail that a module refuses for good: the client hears 5xx, or it hears 250 and gets the refusal as a DSN." },
	{ .key = "accept",
	  .type = GW_OPTION_WORD,
	  .offset = offsetof(struct client_config, accept),
	  .words = "listener|queued|cutthrough",
	  .fallback = "listener",
	  .help = "What it hears of its mail: that it is queued, or what the next hop says of it; default: as its listener says." },
	{ .key = "accept_wait",
	  .type = GW_OPTION_DURATION,
	  .offset = offsetof(struct client_config, accept_wait),
	  .fallback = "10s",
	  .min = 10,
	  .max = 300000,
	  .help = "How long it waits for the next hop's answer before it hears that its mail is queued." },
	{ .key = "limit",
	  .type = GW_OPTION_INT,
	  .offset = offsetof(struct client_config, limit),
	  .fallback = "0",
	  .help = "So many refusals a day this client bears; 0: as the module's limit." },
	GW_OPTIONS_END,
};

static const struct gw_option options[] = {
	{ .key = "timezone",
	  .type = GW_OPTION_STRING,
	  .offset = offsetof(struct config, timezone),
	  .fallback = "UTC",
	  .help = "IANA zone in which a client's day begins." },
	{ .key = "warn_at",
	  .type = GW_OPTION_INT,
	  .offset = offsetof(struct config, warn_at),
	  .fallback = "2",
	  .min = 1,
	  .max = 1000000,
	  .help = "A warning at so many refusals of a client in a day." },
	{ .key = "limit",
	  .type = GW_OPTION_INT,
	  .offset = offsetof(struct config, limit),
	  .fallback = "3",
	  .min = 1,
	  .max = 1000000,
	  .help = "So many refusals a day clients bear, as far as is known." },
	{ .key = "clients",
	  .type = GW_OPTION_GROUPS,
	  .offset = offsetof(struct config, clients),
	  .group = client_options,
	  .group_size = sizeof(struct client_config),
	  .help = "Clients of which more is known." },
	GW_OPTIONS_END,
};

/* Of a message: one mail is one failure for its client, however many replies said so. */
struct mark {
	bool counted;
};

const struct client_config *client_named(const struct config *config, struct gw_str name)
{
	const struct client_config *clients = config->clients.items;
	size_t i;

	for (i = 0; i < config->clients.count; i++)
		if (gw_str_ieq(clients[i].name, name))
			return &clients[i];
	return NULL;
}

int64_t client_limit(const struct config *config, struct gw_str name)
{
	const struct client_config *client = client_named(config, name);

	return client && client->limit ? client->limit : config->limit;
}

/* --- start --- */

static int on_start(struct gw_call *call)
{
	const struct config *config = gw->conf(call);
	struct gw_day day = { .size = sizeof day };

	if (gw->day(call, config->timezone, gw->now(call), &day) == 0)
		return 0;
	gw->problem_at(call, NULL, "timezone", true, "there is no time zone \"%.*s\"",
		       GW_STR_ARGS(config->timezone));
	return -1;
}

/* --- mail --- */

static enum gw_verdict on_mail(struct gw_call *call, struct gw_message *message)
{
	const struct client_config *client = client_named(
		gw->conf(call), gw->message_fact(message, GW_MESSAGE_CLIENT));

	if (!client)
		return GW_CONTINUE;
	if (client->policy == POLICY_ACCEPT_DSN)
		gw->accept_then_bounce(call, message);
	if (client->accept != ACCEPT_LISTENER)
		gw->await_next_hop(call, message,
				   client->accept == ACCEPT_CUTTHROUGH ? client->accept_wait : 0);
	return GW_CONTINUE;
}

/* --- event --- */

static bool counted_before(struct gw_call *call)
{
	struct mark *mark = gw->message_data(call);
	bool before = mark && mark->counted;

	if (mark)
		mark->counted = true;
	return before;
}

static void tell(struct gw_call *call, const struct gw_event *event, const char *name,
		 enum gw_log_level level, const char *text)
{
	struct gw_event told = { .size = sizeof told,
				 .client = event->client,
				 .code = event->code,
				 .name = gw_str(name) };

	told.text = gw_str(text);
	gw->log(call, level, "%s", text);
	gw->emit(call, &told);
}

/* Who was refused: a client, or an address. */
struct struck {
	const char *what;
	struct gw_str name;
	int64_t limit;
};

static void say(char *text, size_t size, const struct struck *struck, const struct gw_event *event,
		long long count, const char *meaning)
{
	char code[16] = "";

	if (event->code)
		snprintf(code, sizeof code, "%d ", event->code);
	snprintf(text, size, "%s %.*s was refused %lld times today%s; the last time: %s%.*s",
		 struck->what, GW_STR_ARGS(struck->name), count, meaning, code,
		 GW_STR_ARGS(event->text));
}

static void warn(struct gw_call *call, const struct struck *struck, const struct gw_event *event,
		 int64_t count)
{
	const struct config *config = gw->conf(call);
	char text[800], meaning[80];

	snprintf(meaning, sizeof meaning, ", and may go another way at %lld",
		 (long long)struck->limit);
	if (count == config->warn_at) {
		say(text, sizeof text, struck, event, count, meaning);
		tell(call, event, "strike-warning", GW_LOG_WARNING, text);
	}
	if (count == struck->limit) {
		say(text, sizeof text, struck, event, count,
		    ", so that its mail may go round this gateway until tomorrow");
		tell(call, event, "strike-limit", GW_LOG_ERROR, text);
	}
}

/* The details of an event are an object, or nothing. */
static struct gw_json_value *details(const struct gw_event *event)
{
	return event->json.len ? gw->json_read(event->json, NULL, 0) : NULL;
}

/* The record parts what it has by blanks, so a stage is a word. */
static void read_stage(const struct gw_json_value *details, char stage[STAGE_MAX])
{
	struct gw_str told = gw->json_value_string(gw->json_member(details, "stage"));

	if (!told.len || strspn(told.ptr, "abcdefghijklmnopqrstuvwxyz") != told.len)
		told = gw_str("message");
	snprintf(stage, STAGE_MAX, "%.*s", GW_STR_ARGS(told));
}

/* `peer`: what the details call so becomes the name of an address, empty where it is none; or NULL.
 */
static void read_refusal(struct gw_call *call, const struct gw_event *event,
			 struct refusal *refusal, char *peer)
{
	struct gw_json_value *known = details(event);

	*refusal = (struct refusal){ .time = gw->now(call), .code = event->code };
	read_stage(known, refusal->stage);
	snprintf(refusal->words, sizeof refusal->words, "%.*s", GW_STR_ARGS(event->text));
	if (peer && !address_name(gw->json_value_string(gw->json_member(known, "peer")), peer))
		peer[0] = '\0';
	gw->json_free(known);
}

static void strike(struct gw_call *call, const struct gw_event *event)
{
	struct struck struck = { "client", event->client,
				 client_limit(gw->conf(call), event->client) };
	struct refusal refusal;

	if (counted_before(call))
		return;
	read_refusal(call, event, &refusal, NULL);
	warn(call, &struck, event, ledger_refusal(call, event->client, &refusal));
}

/* Nobody knows yet who it is, and it may be one of ours: a CRM that opens too many sessions. */
static void strike_address(struct gw_call *call, const struct gw_event *event)
{
	const struct config *config = gw->conf(call);
	char name[ADDRESS_MAX];
	struct refusal refusal;

	read_refusal(call, event, &refusal, name);
	if (strcmp(refusal.stage, "sessions") != 0 || !name[0])
		return;
	int64_t count = address_refusal(call, name, &refusal);
	struct struck struck = { "address", gw_str(name), config->limit };
	warn(call, &struck, event, count);
}

/* It is kept and goes out, but its client had left before it could hear so. */
static void strike_unanswered(struct gw_call *call, const struct gw_event *accepted)
{
	struct gw_event event = *accepted;

	event.text = gw_str("it did not wait for the answer");
	strike(call, &event);
}

static bool is_unanswered(const struct gw_event *accepted)
{
	struct gw_json_value *known = details(accepted);
	bool answered = gw->json_value_bool(gw->json_member(known, "answered"), true);

	gw->json_free(known);
	return !answered;
}

/* A stranger who fails to log in is nobody's refusal. */
static void on_event(struct gw_call *call, const struct gw_event *event)
{
	bool refused = gw_str_eq(event->name, gw_str("refused"));

	if (event->client.len == 0) {
		if (refused)
			strike_address(call, event);
	} else if (refused) {
		strike(call, event);
	} else if (gw_str_eq(event->name, gw_str("accepted"))) {
		ledger_message(call, event->client);
		if (is_unanswered(event))
			strike_unanswered(call, event);
	}
}

GW_MODULE(.name = "strikes", .version = "1.0",
	  .summary = "what each client would count against this gateway, and a warning in time",
	  .options = options, .conf_size = sizeof(struct config),
	  .message_size = sizeof(struct mark),
	  .verbs = "list\teach client with what it would count against the gateway",
	  .start = on_start, .mail = on_mail, .event = on_event, .control = report,
	  .once = "would count each refusal twice")

#include "suppress.h"

#include "instance.h"
#include "suppression.h"

#define WORDS "This address is on the suppression list of this gateway: no mail is sent to it"

/* --- which --- */

/* "mass", "crm-eu/mass", "crm-eu/" followed by "*", "*". */
static bool names(struct gw_str entry, struct gw_str client, struct gw_str type)
{
	size_t slash = gw_str_find(entry, '/');
	struct gw_str of = gw_str_from(entry, slash < entry.len ? slash + 1 : 0);

	if (slash < entry.len && !gw_str_eq(gw_str_n(entry.ptr, slash), client))
		return false;
	return gw_str_eq(of, gw_str("*")) || gw_str_eq(of, type);
}

bool suppress_learns(const struct bounce_conf *conf, struct gw_str client, struct gw_str type)
{
	size_t i;

	for (i = 0; i < conf->suppress.count; i++)
		if (names(conf->suppress.items[i], client, type))
			return true;
	return false;
}

bool suppress_check(struct gw_call *call, const struct bounce_conf *conf)
{
	bool good = true;
	size_t i, slash;

	for (i = 0; i < conf->suppress.count; i++) {
		struct gw_str entry = conf->suppress.items[i];

		slash = gw_str_find(entry, '/');
		if (entry.len && slash != 0 && slash + 1 != entry.len)
			continue;
		gw->problem_at(
			call, NULL, "suppress", true,
			"\"%.*s\" is neither TYPE nor CLIENT/TYPE, as \"mass\" or \"crm-eu/*\"",
			GW_STR_ARGS(entry));
		good = false;
	}
	return good;
}

/* Whoever got the mail knows its return path and whom else it went to, and may write a report about
 * any of them: only where he is the one recipient does it speak of nobody but himself. A session is
 * our own. */
static bool is_trusted(const struct record *record)
{
	return record->source == SOURCE_SMTP ||
	       (!record->of_others && record->sent->rcpt_count == 1);
}

void suppress_record(const struct bounce_conf *conf, struct record *record)
{
	record->suppresses = record->finding->kind == KIND_HARD && is_trusted(record) &&
			     record->finding->action == ACTION_FAILED &&
			     *record->finding->recipient &&
			     suppress_learns(conf, gw_str(record->sent->client),
					     gw_str(record->sent->type));
	if (record->suppresses && conf->suppress_for)
		record->suppressed_until = record->time + conf->suppress_for;
}

/* --- who --- */

/* What the gateway makes itself, and a report, goes to whom it is for. */
static bool is_exempt(const struct gw_message *message)
{
	return gw->message_number(message, GW_MESSAGE_OWN) == 1 ||
	       gw->message_fact(message, GW_MESSAGE_SENDER).len == 0;
}

static bool is_suppressed(struct gw_call *call, const struct gw_message *message,
			  const struct gw_rcpt *rcpt, struct suppressed_why *why)
{
	const struct bounce_conf *conf = gw->conf(call);
	struct store *store = instance_store(gw->instance_data(call));
	struct gw_str client = gw->message_fact(message, GW_MESSAGE_CLIENT),
		      type = gw->message_fact(message, GW_MESSAGE_TYPE);

	return store && suppression_find(store, gw->rcpt_fact(rcpt, GW_RCPT_ADDRESS), client, type,
					 suppress_learns(conf, client, type), gw->now(call), why);
}

enum gw_verdict suppress_rcpt(struct gw_call *call, struct gw_message *message,
			      struct gw_rcpt *rcpt)
{
	const struct bounce_conf *conf = gw->conf(call);
	struct suppressed_why why;

	if (conf->suppressed != SUPPRESSED_REFUSE || is_exempt(message) ||
	    !is_suppressed(call, message, rcpt, &why))
		return GW_CONTINUE;
	gw->count(call, "suppressed", 1);
	gw->reply(call, 550, "5.1.1", WORDS " (%s)", why.reason);
	return GW_REJECT;
}

/* --- admit: those that are and those that are not go as deliveries of their own --- */

/* How many recipients from the first one on are as it is. */
static size_t run_of(struct gw_call *call, struct gw_delivery *delivery, bool first)
{
	const struct gw_message *message = gw->delivery_message(delivery);
	struct suppressed_why why;
	struct gw_rcpt *rcpt;
	size_t nth;

	for (nth = 1; (rcpt = gw->delivery_rcpt(delivery, nth)) != NULL; nth++)
		if (is_suppressed(call, message, rcpt, &why) != first)
			break;
	return nth;
}

static enum gw_verdict refuse(struct gw_call *call, struct gw_delivery *delivery, size_t count)
{
	const struct gw_message *message = gw->delivery_message(delivery);
	struct suppressed_why why = { 0 };
	struct gw_rcpt *rcpt;
	size_t nth;

	for (nth = 0; nth < count && (rcpt = gw->delivery_rcpt(delivery, nth)) != NULL; nth++)
		if (is_suppressed(call, message, rcpt, &why))
			gw->reason(
				call,
				"%s is suppressed: %s; `gatewayctl suppression list address=%s` says since when",
				gw->rcpt_fact(rcpt, GW_RCPT_ADDRESS).ptr, why.reason,
				gw->rcpt_fact(rcpt, GW_RCPT_ADDRESS).ptr);
	if (gw->message_number(message, GW_MESSAGE_DRY) != 1)
		gw->count(call, "suppressed", (int64_t)count);
	gw->reply(call, 550, "5.1.1", "%s", WORDS);
	return GW_REJECT;
}

enum gw_verdict suppress_admit(struct gw_call *call, struct gw_delivery *delivery,
			       struct gw_relay *relay)
{
	const struct gw_message *message = gw->delivery_message(delivery);
	struct store *store = instance_store(gw->instance_data(call));
	struct gw_rcpt *first = gw->delivery_rcpt(delivery, 0);
	struct suppressed_why why;
	bool suppressed;
	size_t run;

	(void)relay;
	if (!first || !store || !suppression_count(store) || is_exempt(message))
		return GW_CONTINUE;
	suppressed = is_suppressed(call, message, first, &why);
	run = run_of(call, delivery, suppressed);
	if (gw->delivery_rcpt(delivery, run) && gw->split(call, delivery, run) != 0)
		return GW_FAILED;
	return suppressed ? refuse(call, delivery, run) : GW_CONTINUE;
}

bool suppress_said(const struct gw_result *result)
{
	const struct gw_outcome *outcome = result->outcome;
	struct gw_str words = GW_STR(WORDS), text = outcome->text;
	size_t i;

	/* the words may stand behind their code */
	for (i = 0; i + words.len <= text.len && i < 16; i++)
		if (memcmp(text.ptr + i, words.ptr, words.len) == 0)
			return gw_str_eq(result->stage, gw_str("module"));
	return false;
}

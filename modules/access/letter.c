/* letter.c - what a message says of itself: checked when it is complete, edited when it leaves. */
#include "honest.h"
#include "session.h"

#include <gateway/domain.h>

#include <stdio.h>

static enum gw_verdict refuse(struct gw_call *call, const struct finding *finding)
{
	char metric[64];

	snprintf(metric, sizeof metric, "refused.%s", finding->id);
	gw->reply(call, 550, "5.7.1", "%s", finding->text);
	gw->reason(call, "refused: %s", finding->id);
	gw->count(call, "refused", 1);
	gw->count(call, metric, 1);
	return GW_REJECT;
}

static void tell(struct gw_call *call, const struct gw_message *message, const char *what,
		 const struct finding *finding)
{
	struct gw_event event = { .size = sizeof event,
				  .name = gw_str(what),
				  .message = message,
				  .text = gw_str(finding->text),
				  .client = gw->message_fact(message, GW_MESSAGE_CLIENT) };

	gw->log(call, GW_LOG_WARNING, "%s: %s (%s)", what, finding->text, finding->id);
	gw->emit(call, &event);
	gw->count(call, what, 1);
}

/* The edits are made for each delivery, after a restart too: what is to be done is noted. */
static enum gw_verdict note(struct gw_call *call, struct gw_message *message, const char *key,
			    const char *what, struct gw_str value, const struct finding *finding)
{
	if (gw->note_set(call, message, key, value) != 0)
		return GW_FAILED;
	gw->reason(call, "%s: %s", what, finding->text);
	tell(call, message, what, finding);
	return GW_CONTINUE;
}

static enum gw_verdict judge(struct gw_call *call, struct gw_message *message,
			     const struct rules *rules, const struct finding *finding)
{
	struct gw_str address = rules->address, domains = session_domains(message),
		      domain = gw_str_from(address, gw_str_find(address, '@'));

	if (rules->from == FROM_FLAG)
		return note(call, message, "flag", "flagged", gw_str(finding->text), finding);
	if (rules->from == FROM_REWRITE && finding->is_foreign && domain.len > 1 &&
	    gw_domain_in_words(call, domains, gw_str_from(domain, 1)))
		return note(call, message, "rewrite", "rewritten", address, finding);
	return refuse(call, finding);
}

enum gw_verdict letter_message(struct gw_call *call, struct gw_message *message)
{
	const struct rules *rules = session_rules(call, message);
	struct gw_str domains = session_domains(message);
	struct finding finding;

	/* a bounce that comes to us has the words of its receiver, also where that is the client's
	 * own provider */
	if (rules->from == FROM_OFF || domains.len == 0 ||
	    gw->note(call, message, "bounce.incoming").len)
		return GW_CONTINUE;
	honest_check(call, message, domains, session_name(message), &finding);
	if (!finding.id || (rules->from == FROM_ENVELOPE && finding.is_foreign &&
			    gw_domain_in_words(call, domains, session_sender_domain(message))))
		return GW_CONTINUE;
	return judge(call, message, rules, &finding);
}

enum gw_verdict letter_prepare(struct gw_call *call, struct gw_delivery *delivery)
{
	const struct gw_message *message = gw->delivery_message(delivery);
	struct gw_str address = gw->note(call, message, "rewrite"),
		      flag = gw->note(call, message, "flag"),
		      spf = gw->note(call, message, "received-spf");

	if (address.ptr && honest_rewrite(call, delivery, address) != 0)
		return GW_FAILED;
	if (flag.ptr && honest_flag(call, delivery, flag) != 0)
		return GW_FAILED;
	if (spf.ptr && gw->header_add(call, delivery, 0, gw_str("Received-SPF"), spf) != 0)
		return GW_FAILED;
	return GW_CONTINUE;
}

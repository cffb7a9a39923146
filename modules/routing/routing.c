/* routing.c - which relays may take a message: those whose rule names its sender's domain and its
 * type, in the order of their files; and where it goes when a relay is left: to those of its
 * `fallback`, or of its `on_limit`. README.md tells it with examples. */
#include "routing.h"

static const struct gw_option options[] = {
	{ .key = "default",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct config, defaults),
	  .help = "Relays for mail that no relay's rule names." },
	{ .key = "no_route",
	  .type = GW_OPTION_WORD,
	  .offset = offsetof(struct config, no_route),
	  .words = "reject|wait",
	  .fallback = "reject",
	  .help = "What becomes of mail that has no relay at all: given back, or kept until there is one." },
	GW_OPTIONS_END,
};

static const struct gw_option relay_options[] = {
	{ .key = "domains",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct rule, domains),
	  .help = "Sender domains that go this way: \"example.com\", \"*.example.com\" (what is below it), \"*\" (all); none: only where "
		  "others name it." },
	{ .key = "types",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct rule, types),
	  .help = "Types of mail that go this way: \"mass\", \"workflow\", ...; none: all types." },
	{ .key = "fallback",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct rule, fallback),
	  .help = "Where mail goes when this relay fails or is off: relays in this order; \"mx\": the relay with that host; as the last one "
		  "\"wait\" or \"refuse\"." },
	{ .key = "on_limit",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct rule, on_limit),
	  .help = "The same for when its limit is reached. \"wait\": the mail is kept and goes when the limit opens; \"refuse\": the client "
		  "is told 451, so that its own server sends it." },
	GW_OPTIONS_END,
};

/* Only mail without a From field and with the null sender has no domain; "*" names that as well. */
static struct subject subject_with(struct gw_message *message, struct gw_str domain)
{
	return (struct subject){ .domain = domain.len ? domain : gw_str("<>"),
				 .type = gw->message_fact(message, GW_MESSAGE_TYPE) };
}

static struct subject subject_of(struct gw_message *message)
{
	return subject_with(message, gw->message_fact(message, GW_MESSAGE_FROM_DOMAIN));
}

static bool is_own(const struct gw_message *message)
{
	return gw->message_number(message, GW_MESSAGE_OWN) == 1;
}

/* --- refusing what nobody takes now --- */

/* Before the header is known: the one domain that the client sends for, else the sender's. */
static struct subject early_subject_of(struct gw_message *message)
{
	struct gw_str domains = gw->message_fact(message, GW_MESSAGE_DOMAINS),
		      sender = gw->message_fact(message, GW_MESSAGE_SENDER);
	size_t at = sender.len; /* behind the last '@': a quoted local part may have one too */

	if (domains.len && gw_str_find(domains, ' ') == domains.len && domains.ptr[0] != '*')
		return subject_with(message, domains);
	while (at > 0 && sender.ptr[at - 1] != '@')
		at--;
	return subject_with(message, gw_str_from(sender, at));
}

static bool may_refuse(struct gw_call *call)
{
	return gw->instance_data(call) != NULL;
}

static enum gw_verdict on_rcpt(struct gw_call *call, struct gw_message *message,
			       struct gw_rcpt *rcpt)
{
	struct subject subject;

	if (!may_refuse(call))
		return GW_CONTINUE;
	subject = early_subject_of(message);
	return is_refused_whatever_type(call, &subject) ? GW_TEMPFAIL : GW_CONTINUE;
}

/* Type and From are known for certain now. */
static enum gw_verdict on_message(struct gw_call *call, struct gw_message *message)
{
	struct subject subject;

	if (!may_refuse(call) || is_own(message))
		return GW_CONTINUE;
	subject = subject_of(message);
	return is_refused(call, &subject) ? GW_TEMPFAIL : GW_CONTINUE;
}

/* --- the route --- */

static enum gw_verdict no_relay(struct gw_call *call, const struct subject *subject)
{
	const struct config *config = gw->conf(call);
	bool wait = config->no_route == NO_ROUTE_WAIT;

	gw->reply(call, wait ? 451 : 550, wait ? "4.7.1" : "5.7.1",
		  "no relay is set for %.*s mail from %.*s", GW_STR_ARGS(subject->type),
		  GW_STR_ARGS(subject->domain));
	return wait ? GW_TEMPFAIL : GW_REJECT;
}

static enum gw_verdict on_route(struct gw_call *call, struct gw_message *message,
				struct gw_rcpt *rcpt)
{
	struct subject subject = subject_of(message);
	struct route route;
	size_t i;

	if (is_own(message))
		route_make_own(&route, call);
	else
		route_make(&route, call, &subject);
	route_explain(&route, call, message, &subject);
	if (route.count == 0)
		return no_relay(call, &subject);
	for (i = 0; i < route.count; i++)
		if (gw->route_add(call, route.relays[i]) != 0)
			return GW_FAILED;
	return GW_ACCEPT;
}

/* What was taken is not refused any more: it waits. Lists are for clients' mail: what the gateway
 * has to say has every relay in its route already, and waits for none of them. */
static enum gw_verdict on_fallback(struct gw_call *call, struct gw_delivery *delivery,
				   struct gw_relay *relay)
{
	enum gw_cause cause = (enum gw_cause)gw->delivery_number(delivery, GW_DELIVERY_CAUSE);
	struct gw_list names = list_after(call, relay, cause);
	size_t i;

	if (is_own(gw->delivery_message(delivery)))
		return GW_CONTINUE;
	for (i = 0; i < names.count; i++) {
		struct member member = member_of(call, names.items[i]);

		if (member.stop)
			return GW_WAIT;
		if (member.relay && gw->route_add(call, member.relay) != 0)
			return GW_FAILED;
	}
	return names.count ? GW_ACCEPT : GW_CONTINUE;
}

/* --- begin --- */

static bool somebody_refuses(struct gw_call *call)
{
	struct gw_relay *relay;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++)
		if (list_refuses(call, list_after(call, relay, GW_CAUSE_LIMIT)) ||
		    list_refuses(call, list_after(call, relay, GW_CAUSE_FAILURE)))
			return true;
	return false;
}

static int on_start(struct gw_call *call)
{
	static char yes;

	if (rules_check(call) != 0)
		return -1;
	rules_unwise(call);
	if (somebody_refuses(call))
		gw->instance_data_set(call, &yes);
	return 0;
}

GW_MODULE(.name = "routing", .version = "1.1",
	  .summary = "chooses relays by sender domain and type of mail", .options = options,
	  .conf_size = sizeof(struct config), .relay_options = relay_options,
	  .relay_conf_size = sizeof(struct rule), .start = on_start, .rcpt = on_rcpt,
	  .message = on_message, .route = on_route, .fallback = on_fallback)

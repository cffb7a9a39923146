/* facts.c - answers to questions by number: what the test said, else what can be counted, else
 * nothing. */
#include "kit.h"

#include <stdlib.h>

static void check_thread(struct testkit *kit)
{
	kit_elsewhere(kit, "a question for a fact");
}

static struct gw_str said(const struct facts *facts, unsigned fact)
{
	return fact < FACTS_MAX && facts->text[fact].ptr ? facts->text[fact] : gw_str("");
}

static bool is_said(const struct facts *facts, unsigned fact)
{
	return fact < FACTS_MAX && facts->text[fact].ptr;
}

static int64_t said_number(const struct facts *facts, unsigned fact)
{
	return is_said(facts, fact) ? strtoll(facts->text[fact].ptr, NULL, 10) : -1;
}

static struct gw_str domain_of(struct gw_str address)
{
	size_t at = address.len;

	while (at && address.ptr[at - 1] != '@')
		at--;
	return at ? gw_str_from(address, at) : gw_str("");
}

struct gw_str service_session_fact(const struct gw_session *session, enum gw_session_fact fact)
{
	check_thread(session->kit);
	return said(&session->facts, fact);
}

int64_t service_session_number(const struct gw_session *session, enum gw_session_fact fact)
{
	check_thread(session->kit);
	return said_number(&session->facts, fact);
}

/* What a message has from the session that handed it over; 0: nothing. */
static unsigned session_fact_of(enum gw_message_fact fact)
{
	switch (fact) {
	case GW_MESSAGE_CLIENT:
		return GW_SESSION_CLIENT;
	case GW_MESSAGE_LOGIN:
		return GW_SESSION_LOGIN;
	case GW_MESSAGE_TYPE:
		return GW_SESSION_TYPE;
	case GW_MESSAGE_DOMAINS:
		return GW_SESSION_DOMAINS;
	case GW_MESSAGE_PEER:
		return GW_SESSION_PEER;
	case GW_MESSAGE_HELO:
		return GW_SESSION_HELO;
	case GW_MESSAGE_LISTENER:
		return GW_SESSION_LISTENER;
	case GW_MESSAGE_TLS:
		return GW_SESSION_TLS;
	default:
		return 0;
	}
}

struct gw_str service_message_fact(const struct gw_message *message, enum gw_message_fact fact)
{
	struct gw_str from;

	check_thread(message->kit);
	if (is_said(&message->facts, fact))
		return said(&message->facts, fact);
	if (session_fact_of(fact) && message->session)
		return said(&message->session->facts, session_fact_of(fact));
	if (fact == GW_MESSAGE_ID)
		return gw_str(kit_format(message->kit, "%016llx", (unsigned long long)message->id));
	if (fact == GW_MESSAGE_FROM_DOMAIN) {
		from = content_from_domain((struct gw_message *)message);
		return from.len ? from : domain_of(said(&message->facts, GW_MESSAGE_SENDER));
	}
	return gw_str("");
}

static bool eight_bit(struct gw_str bytes)
{
	size_t i;

	for (i = 0; i < bytes.len; i++)
		if ((unsigned char)bytes.ptr[i] > 127)
			return true;
	return false;
}

int64_t service_message_number(const struct gw_message *message, enum gw_message_fact fact)
{
	check_thread(message->kit);
	if (is_said(&message->facts, fact))
		return said_number(&message->facts, fact);
	switch (fact) {
	case GW_MESSAGE_ID:
		return message->id;
	case GW_MESSAGE_SIZE:
		return (int64_t)message->bytes.len;
	case GW_MESSAGE_RCPTS:
		return (int64_t)message->rcpt_count;
	case GW_MESSAGE_RECEIVED_AT:
		return message->received_at;
	case GW_MESSAGE_EIGHT_BIT:
		return eight_bit(message->bytes);
	case GW_MESSAGE_SMTPUTF8:
	case GW_MESSAGE_OWN:
	case GW_MESSAGE_ATTEMPTS:
	case GW_MESSAGE_DRY:
	case GW_MESSAGE_HEADER_ODD:
		return 0;
	default:
		return -1;
	}
}

struct gw_str service_rcpt_fact(const struct gw_rcpt *rcpt, enum gw_rcpt_fact fact)
{
	check_thread(rcpt->kit);
	if (fact == GW_RCPT_DOMAIN && !is_said(&rcpt->facts, fact))
		return domain_of(said(&rcpt->facts, GW_RCPT_ADDRESS));
	return said(&rcpt->facts, fact);
}

int64_t service_rcpt_number(const struct gw_rcpt *rcpt, enum gw_rcpt_fact fact)
{
	check_thread(rcpt->kit);
	if (is_said(&rcpt->facts, fact))
		return said_number(&rcpt->facts, fact);
	if (fact == GW_RCPT_INDEX)
		return (int64_t)rcpt->index;
	return fact == GW_RCPT_NOTIFY || fact == GW_RCPT_STATUS ? 0 : -1;
}

struct gw_str service_delivery_fact(const struct gw_delivery *delivery, enum gw_delivery_fact fact)
{
	check_thread(delivery->kit);
	if (is_said(&delivery->facts, fact))
		return said(&delivery->facts, fact);
	if (fact == GW_DELIVERY_RELAY && delivery->relay)
		return said(&delivery->relay->facts, GW_RELAY_NAME);
	if (fact == GW_DELIVERY_RETURN_PATH)
		return delivery->return_path.ptr
			       ? delivery->return_path
			       : said(&delivery->message->facts, GW_MESSAGE_SENDER);
	if (fact == GW_DELIVERY_FROM_DOMAIN && delivery->fields)
		return content_from_domain_of(delivery->kit, delivery->fields,
					      delivery->field_count);
	if (fact == GW_DELIVERY_FROM_DOMAIN)
		return service_message_fact(delivery->message, GW_MESSAGE_FROM_DOMAIN);
	return gw_str("");
}

int64_t service_delivery_number(const struct gw_delivery *delivery, enum gw_delivery_fact fact)
{
	struct gw_delivery *view = (struct gw_delivery *)delivery;

	check_thread(delivery->kit);
	if (is_said(&delivery->facts, fact))
		return said_number(&delivery->facts, fact);
	switch (fact) {
	case GW_DELIVERY_RCPTS:
		return (int64_t)delivery->rcpt_count;
	case GW_DELIVERY_SIZE:
		return (int64_t)delivery_sent(view).len;
	case GW_DELIVERY_BODY_SIZE:
		return (int64_t)delivery_body_now(view).len;
	case GW_DELIVERY_HEADERS:
		return (int64_t)(delivery->fields ? delivery->field_count
						  : delivery->message->field_count);
	default:
		return -1;
	}
}

struct gw_str service_relay_fact(const struct gw_relay *relay, enum gw_relay_fact fact)
{
	check_thread(relay->kit);
	return said(&relay->facts, fact);
}

int64_t service_relay_number(const struct gw_relay *relay, enum gw_relay_fact fact)
{
	check_thread(relay->kit);
	if (fact == GW_RELAY_INDEX && !is_said(&relay->facts, fact))
		return (int64_t)relay->index;
	if (fact == GW_RELAY_MX && !is_said(&relay->facts, fact))
		return gw_str_ieq(said(&relay->facts, GW_RELAY_HOST), gw_str("mx"));
	return said_number(&relay->facts, fact);
}

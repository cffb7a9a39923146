/* world.c - the objects that a test puts around a module. */
#include "kit.h"

#include <stdlib.h>

static void set_fact(struct testkit *kit, struct facts *facts, unsigned fact, const char *text)
{
	if (fact < FACTS_MAX)
		facts->text[fact] = gw_str(kit_text(kit, text));
}

struct gw_relay *testkit_relay(struct testkit *kit, const char *name)
{
	struct gw_relay *relay = kit_alloc(kit, sizeof *relay), **at;

	if (kit->started)
		kit_misuse(kit, "testkit_relay() after testkit_start()");
	for (at = &kit->relays; *at; at = &(*at)->next)
		;
	*at = relay;
	relay->kit = kit;
	relay->index = kit->relay_count++;
	testkit_relay_fact(relay, GW_RELAY_NAME, name);
	testkit_relay_fact(relay, GW_RELAY_HOST, kit_format(kit, "%s.example", name));
	testkit_relay_fact(relay, GW_RELAY_PORT, "25");
	testkit_relay_fact(relay, GW_RELAY_ENABLED, "1");
	testkit_relay_fact(relay, GW_RELAY_CONNECTIONS, "10");
	testkit_relay_fact(relay, GW_RELAY_TIMEZONE, "UTC");
	return relay;
}

void testkit_relay_fact(struct gw_relay *relay, enum gw_relay_fact fact, const char *text)
{
	set_fact(relay->kit, &relay->facts, fact, text);
}

struct gw_session *testkit_session(struct testkit *kit, const char *peer)
{
	struct gw_session *session = kit_alloc(kit, sizeof *session);

	session->kit = kit;
	testkit_session_fact(session, GW_SESSION_PEER, peer);
	testkit_session_fact(session, GW_SESSION_PEER_PORT, "50000");
	testkit_session_fact(session, GW_SESSION_LISTENER, "0.0.0.0:587");
	testkit_session_fact(session, GW_SESSION_MESSAGES, "0");
	return session;
}

void testkit_session_fact(struct gw_session *session, enum gw_session_fact fact, const char *text)
{
	set_fact(session->kit, &session->facts, fact, text);
}

struct gw_message *testkit_message(struct testkit *kit, struct gw_session *session,
				   const char *sender, const char *bytes)
{
	struct gw_message *message = kit_alloc(kit, sizeof *message);

	message->awaits_ms = -1;
	message->kit = kit;
	message->session = session;
	message->id = kit->next_id++;
	message->received_at = kit->time;
	testkit_message_fact(message, GW_MESSAGE_SENDER, sender);
	testkit_message_bytes(message, bytes, strlen(bytes));
	return message;
}

void testkit_message_bytes(struct gw_message *message, const void *bytes, size_t len)
{
	message->bytes = kit_str(message->kit, gw_str_n(bytes, len));
	content_parse(message);
}

void testkit_message_fact(struct gw_message *message, enum gw_message_fact fact, const char *text)
{
	set_fact(message->kit, &message->facts, fact, text);
}

struct gw_rcpt *testkit_rcpt(struct gw_message *message, const char *address)
{
	struct testkit *kit = message->kit;
	struct gw_rcpt *rcpt = kit_alloc(kit, sizeof *rcpt);

	rcpt->kit = kit;
	rcpt->message = message;
	rcpt->index = message->rcpt_count;
	rcpt->route = kit_text(kit, "");
	message->rcpts = kit_grow(kit, message->rcpts, message->rcpt_count, sizeof rcpt);
	message->rcpts[message->rcpt_count++] = rcpt;
	testkit_rcpt_fact(rcpt, GW_RCPT_ADDRESS, address);
	return rcpt;
}

void testkit_rcpt_fact(struct gw_rcpt *rcpt, enum gw_rcpt_fact fact, const char *text)
{
	set_fact(rcpt->kit, &rcpt->facts, fact, text);
}

static void set_rcpts(struct gw_delivery *delivery, struct gw_rcpt **rcpts, size_t count)
{
	delivery->rcpts = rcpts;
	delivery->rcpt_count = count;
	delivery->outcomes = kit_alloc(delivery->kit, count * sizeof *delivery->outcomes);
}

struct gw_delivery *testkit_delivery(struct gw_message *message, struct gw_relay *relay)
{
	struct gw_delivery *delivery = kit_alloc(message->kit, sizeof *delivery);

	delivery->kit = message->kit;
	delivery->message = message;
	delivery->relay = relay;
	delivery->trace = gw_str("");
	delivery->fallback = kit_text(message->kit, "");
	set_rcpts(delivery, message->rcpts, message->rcpt_count);
	return delivery;
}

void testkit_delivery_only(struct gw_delivery *delivery, struct gw_rcpt *rcpt)
{
	struct gw_rcpt **one = kit_alloc(delivery->kit, sizeof *one);

	*one = rcpt;
	set_rcpts(delivery, one, 1);
}

void testkit_delivery_fact(struct gw_delivery *delivery, enum gw_delivery_fact fact,
			   const char *text)
{
	set_fact(delivery->kit, &delivery->facts, fact, text);
}

void testkit_delivery_trace(struct gw_delivery *delivery, const char *field)
{
	delivery->trace = gw_str(kit_text(delivery->kit, field));
	delivery->sent.ptr = NULL;
}

void testkit_set_note(struct gw_message *message, const char *key, const char *value)
{
	pair_set(message->kit, &message->notes, key, gw_str(value));
}

#include "services/services.h"

#include "deliver/delivery.h"
#include "module/providers.h"
#include "receive/session.h"

static const struct gw_str none = { "", 0 };

static struct gw_str known(struct gw_str value)
{
	return value.ptr ? value : none;
}

struct gw_str services_session_fact(const struct gw_session *session, enum gw_session_fact fact)
{
	switch (fact) {
	case GW_SESSION_PEER:
		return session->stream ? stream_peer(session->stream) : none;
	case GW_SESSION_LISTENER:
		return session->listener->name;
	case GW_SESSION_HELO:
		return known(session->helo);
	case GW_SESSION_TLS:
		return session->stream ? stream_tls_text(session->stream) : none;
	case GW_SESSION_TLS_FINGERPRINT:
		return session->stream ? stream_tls_fingerprint(session->stream) : none;
	case GW_SESSION_TLS_SUBJECT:
		return session->stream ? stream_tls_subject(session->stream) : none;
	case GW_SESSION_LOGIN:
		return known(session->login);
	case GW_SESSION_CLIENT:
		return known(session->client);
	case GW_SESSION_TYPE:
		return known(session->type.len ? session->type : session->listener->type);
	case GW_SESSION_DOMAINS:
		return known(session->domains);
	default:
		return none;
	}
}

int64_t services_session_number(const struct gw_session *session, enum gw_session_fact fact)
{
	if (fact == GW_SESSION_PEER_PORT)
		return session->stream ? stream_peer_port(session->stream) : -1;
	return fact == GW_SESSION_MESSAGES ? (int64_t)session->messages : -1;
}

/* Of its first mailbox; empty: there is none that can be read. */
static struct gw_str domain_in(struct gw_message *message, struct gw_str from)
{
	struct address address;
	bool has = address_in_header(from, &address, NULL) && address.domain.len;
	return has ? known(arena_str(&message->arena, address.domain)) : none;
}

/* The domain of the first From mailbox, else of the sender; where it stands in the message no NUL
 * follows it. */
static struct gw_str from_domain(struct gw_message *message)
{
	const struct header_block *headers = message_headers(message);
	const struct header_field *from = headers ? header_find(headers, gw_str("From"), 0) : NULL;
	struct gw_str domain = from ? domain_in(message, from->value) : none;
	size_t at = message->sender.len;
	if (domain.len)
		return domain;
	while (at > 0 && message->sender.ptr[at - 1] != '@')
		at--;
	return at ? gw_str_from(message->sender, at) : none;
}

static struct gw_str from_domain_now(struct gw_message *message, struct edits *edits)
{
	struct header_field field;
	size_t nth = 0;
	while (edits_header(edits, nth, &field) && !gw_str_ieq(field.name, gw_str("From")))
		nth++;
	struct gw_str domain = edits_header(edits, nth, &field) ? domain_in(message, field.value)
								: none;
	return domain.len ? domain : from_domain(message);
}

static struct gw_str id_text(struct gw_message *message)
{
	char text[ID_TEXT];
	return known(arena_str(&message->arena, gw_str(id_format(message->id, text))));
}

struct gw_str services_message_fact(const struct gw_message *message, enum gw_message_fact fact)
{
	/* its arena keeps what is worked out here */
	struct gw_message *owner = (struct gw_message *)message;
	switch (fact) {
	case GW_MESSAGE_ID:
		return id_text(owner);
	case GW_MESSAGE_SENDER:
		return known(message->sender);
	case GW_MESSAGE_CLIENT:
		return known(message->client);
	case GW_MESSAGE_LOGIN:
		return known(message->login);
	case GW_MESSAGE_TYPE:
		return known(message->type);
	case GW_MESSAGE_DOMAINS:
		return known(message->domains);
	case GW_MESSAGE_PEER:
		return known(message->peer);
	case GW_MESSAGE_HELO:
		return known(message->helo);
	case GW_MESSAGE_LISTENER:
		return known(message->listener);
	case GW_MESSAGE_TLS:
		return known(message->tls);
	case GW_MESSAGE_ENVID:
		return known(message->envid);
	case GW_MESSAGE_TYPE_BY:
		return known(message->type_by);
	case GW_MESSAGE_FROM_DOMAIN:
		return from_domain(owner);
	default:
		return none;
	}
}

static int64_t header_oddity(struct gw_message *message)
{
	const struct header_block *header = message_headers(message);
	return !header ? -1 : header->hidden ? 2 : header->odd;
}

int64_t services_message_number(const struct gw_message *message, enum gw_message_fact fact)
{
	switch (fact) {
	case GW_MESSAGE_ID:
		return (int64_t)message->id;
	case GW_MESSAGE_SIZE:
		return message->content.size || message->received_at
			       ? (int64_t)message->content.size
			       : -1;
	case GW_MESSAGE_RCPTS:
		return (int64_t)message->rcpt_count;
	case GW_MESSAGE_RECEIVED_AT:
		return message->received_at;
	case GW_MESSAGE_EIGHT_BIT:
		return message->eight_bit;
	case GW_MESSAGE_SMTPUTF8:
		return message->smtputf8;
	case GW_MESSAGE_OWN:
		return message->own;
	case GW_MESSAGE_ATTEMPTS:
		return message->attempts;
	case GW_MESSAGE_DRY:
		return message->dry;
	case GW_MESSAGE_HEADER_ODD:
		return header_oddity((struct gw_message *)message);
	default:
		return -1;
	}
}

struct gw_str services_rcpt_fact(const struct gw_rcpt *rcpt, enum gw_rcpt_fact fact)
{
	switch (fact) {
	case GW_RCPT_ADDRESS:
		return known(rcpt->address);
	case GW_RCPT_DOMAIN:
		return known(rcpt->domain);
	case GW_RCPT_ORCPT:
		return known(rcpt->orcpt);
	default:
		return none;
	}
}

int64_t services_rcpt_number(const struct gw_rcpt *rcpt, enum gw_rcpt_fact fact)
{
	switch (fact) {
	case GW_RCPT_NOTIFY:
		return rcpt->notify;
	case GW_RCPT_INDEX:
		return rcpt->index;
	case GW_RCPT_STATUS:
		return rcpt->status;
	default:
		return -1;
	}
}

struct gw_str services_delivery_fact(const struct gw_delivery *delivery, enum gw_delivery_fact fact)
{
	const struct attempt *attempt = delivery_attempt(delivery);
	switch (fact) {
	case GW_DELIVERY_RELAY:
		return attempt->relay->name;
	case GW_DELIVERY_RETURN_PATH:
		return edits_sender(delivery_edits(delivery));
	case GW_DELIVERY_HOST:
		return known(attempt->host);
	case GW_DELIVERY_CAPABILITIES:
		return known(attempt->capabilities);
	case GW_DELIVERY_MECHANISMS:
		return known(attempt->mechanisms);
	case GW_DELIVERY_TLS:
		return known(attempt->tls.text);
	case GW_DELIVERY_TLS_WANTED:
		return known(attempt->tls.wanted);
	case GW_DELIVERY_TLS_GOT:
		return known(attempt->tls.got);
	case GW_DELIVERY_LOGIN_REFUSED:
		return known(attempt->login_refused);
	case GW_DELIVERY_FROM_DOMAIN:
		return from_domain_now(delivery_message(delivery), delivery_edits(delivery));
	default:
		return none;
	}
}

static int64_t count_headers(struct edits *edits)
{
	struct header_field field;
	int64_t count = 0;
	while (edits_header(edits, (size_t)count, &field))
		count++;
	return count;
}

int64_t services_delivery_number(const struct gw_delivery *delivery, enum gw_delivery_fact fact)
{
	struct edits *edits = delivery_edits(delivery);
	switch (fact) {
	case GW_DELIVERY_RCPTS:
		return (int64_t)delivery_attempt(delivery)->count;
	case GW_DELIVERY_SIZE:
		return (int64_t)edits_size(edits);
	case GW_DELIVERY_BODY_SIZE:
		return (int64_t)edits_body_size(edits);
	case GW_DELIVERY_HEADERS:
		return count_headers(edits);
	case GW_DELIVERY_CAUSE:
		return (int64_t)delivery_cause(delivery);
	default:
		return -1;
	}
}

static struct gw_str provider_fact(const struct provider *provider, enum gw_relay_fact fact)
{
	switch (fact) {
	case GW_RELAY_AUTHORIZE_URL:
		return known(provider->authorize_url);
	case GW_RELAY_DEVICE_URL:
		return known(provider->device_url);
	case GW_RELAY_TOKEN_URL:
		return known(provider->token_url);
	case GW_RELAY_REVOKE_URL:
		return known(provider->revoke_url);
	case GW_RELAY_SCOPE:
		return known(provider->scope);
	default:
		return none;
	}
}

struct gw_str services_relay_fact(const struct gw_relay *relay, enum gw_relay_fact fact)
{
	switch (fact) {
	case GW_RELAY_NAME:
		return relay->name;
	case GW_RELAY_HOST:
		return relay->hosts.count ? relay->hosts.items[0] : none;
	case GW_RELAY_PROVIDER:
		return known(relay->provider_name);
	case GW_RELAY_TIMEZONE:
		return relay->timezone;
	default:
		return relay->provider ? provider_fact(relay->provider, fact) : none;
	}
}

/* 0 stands for what nobody knows. */
static int64_t known_limit(int64_t limit)
{
	return limit ? limit : -1;
}

int64_t services_relay_number(const struct gw_relay *relay, enum gw_relay_fact fact)
{
	switch (fact) {
	case GW_RELAY_PORT:
		return relay->port;
	case GW_RELAY_ENABLED:
		return relay->enabled;
	case GW_RELAY_INDEX:
		return (int64_t)relay->index;
	case GW_RELAY_PROVIDER_DAILY:
		return relay->provider ? known_limit(relay->provider->daily) : -1;
	case GW_RELAY_PROVIDER_MINUTE:
		return relay->provider ? known_limit(relay->provider->per_minute) : -1;
	case GW_RELAY_CONNECTIONS:
		return relay->connections;
	case GW_RELAY_MX:
		return relay->mx;
	default:
		return -1;
	}
}

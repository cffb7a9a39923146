/* access.c - who may send through this gateway, and in whose name. A client is known by its login
 * or by its network; what it may say it is from is the list of domains that its auth module or its
 * row here gave it. README.md has the rules. */
#include "access.h"
#include "from.h"

static const struct gw_option client_options[] = {
	{ .key = "name",
	  .type = GW_OPTION_STRING,
	  .offset = offsetof(struct client_config, name),
	  .flags = GW_OPTION_REQUIRED,
	  .help = "Name of the client, for logs and limits." },
	{ .key = "networks",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct client_config, networks),
	  .flags = GW_OPTION_REQUIRED,
	  .help = "Where it connects from: \"192.0.2.0/24\", \"2001:db8::/32\", \"192.0.2.7\"." },
	{ .key = "domains",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct client_config, domains),
	  .help = "Sender domains it may use: \"example.com\", \"*.example.com\" (what is below it)." },
	{ .key = "type",
	  .type = GW_OPTION_STRING,
	  .offset = offsetof(struct client_config, type),
	  .help = "Type of its mail." },
	{ .key = "login",
	  .type = GW_OPTION_BOOL,
	  .offset = offsetof(struct client_config, login),
	  .fallback = "false",
	  .help = "It must log in as well: the network alone gives no right." },
	{ .key = "logins",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct client_config, logins),
	  .help = "Logins that are good from its networks only." },
	GW_OPTIONS_END,
};

static const struct gw_option options[] = {
	{ .key = "logins",
	  .type = GW_OPTION_BOOL,
	  .offset = offsetof(struct config, logins),
	  .fallback = "true",
	  .help = "Whoever has logged in may send, from anywhere." },
	{ .key = "networks",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct config, networks),
	  .help = "Only these networks, and those of clients, may connect at all; none: everybody." },
	{ .key = "clients",
	  .type = GW_OPTION_GROUPS,
	  .offset = offsetof(struct config, clients),
	  .group = client_options,
	  .group_size = sizeof(struct client_config),
	  .help = "Clients known by their network." },
	{ .key = "sender",
	  .type = GW_OPTION_WORD,
	  .offset = offsetof(struct config, sender),
	  .words = "any|domains",
	  .fallback = "any",
	  .help = "MAIL FROM of a client that has domains: any (CRMs use bounce addresses of their own), or in its domains." },
	{ .key = "from",
	  .type = GW_OPTION_WORD,
	  .offset = offsetof(struct config, from),
	  .words = "strict|envelope|off",
	  .fallback = "strict",
	  .help = "The From field of a client that has domains: one address in its domains; that or a MAIL FROM in them; not looked at." },
	GW_OPTIONS_END,
};

static const struct client *client_at(struct gw_call *call, struct gw_str address)
{
	struct network peer;

	return network_of_peer(&peer, address) ? access_client(gw->instance_data(call), &peer)
					       : NULL;
}

/* --- connect: who is this? --- */

static bool may_connect(struct gw_call *call, struct gw_str address)
{
	const struct access *access = gw->instance_data(call);
	struct network peer;

	return access->networks.count == 0 ||
	       (network_of_peer(&peer, address) && networks_have(&access->networks, &peer));
}

static enum gw_verdict on_connect(struct gw_call *call, struct gw_session *session)
{
	struct gw_str address = gw->session_fact(session, GW_SESSION_PEER);
	const struct client *client = client_at(call, address);
	struct gw_identity identity = { .size = sizeof identity };

	if (!client && !may_connect(call, address)) {
		gw->reply(call, 554, "5.7.1",
			  "%.*s is not among the networks that may connect here",
			  GW_STR_ARGS(address));
		return GW_REJECT;
	}
	if (client) {
		identity.client = client->config->name;
		identity.type = client->config->type;
		identity.domains = client->domains;
		gw->identify(call, &identity);
	}
	return GW_CONTINUE;
}

/* --- rcpt: may it send? --- */

static bool login_is_elsewhere(struct gw_call *call, struct gw_str login, struct gw_str address)
{
	struct network peer;

	return access_login_is_elsewhere(gw->instance_data(call), login,
					 network_of_peer(&peer, address) ? &peer : NULL);
}

static bool may_send(struct gw_call *call, const struct gw_message *message)
{
	const struct config *config = gw->conf(call);
	const struct client *client = client_at(call, gw->message_fact(message, GW_MESSAGE_PEER));
	bool logged_in = gw->message_fact(message, GW_MESSAGE_LOGIN).len != 0;

	if (client && (logged_in || !client->config->login))
		return true;
	return logged_in && config->logins;
}

static enum gw_verdict on_rcpt(struct gw_call *call, struct gw_message *message,
			       struct gw_rcpt *rcpt)
{
	struct gw_str login = gw->message_fact(message, GW_MESSAGE_LOGIN),
		      peer = gw->message_fact(message, GW_MESSAGE_PEER);

	if (login_is_elsewhere(call, login, peer)) {
		gw->reply(call, 550, "5.7.1", "the login %.*s is not good from %.*s",
			  GW_STR_ARGS(login), GW_STR_ARGS(peer));
		gw->count(call, "refused", 1);
		return GW_REJECT;
	}
	return gw->message_number(message, GW_MESSAGE_OWN) == 1 || may_send(call, message)
		       ? GW_ACCEPT
		       : GW_CONTINUE;
}

/* --- mail, message: in whose name? --- */

/* Domains that the client is bound to; empty: it may write what it likes. */
static struct gw_str bound_to(const struct gw_message *message)
{
	return gw->message_number(message, GW_MESSAGE_OWN) == 1
		       ? gw_str("")
		       : gw->message_fact(message, GW_MESSAGE_DOMAINS);
}

static struct gw_str sender_domain(const struct gw_message *message)
{
	struct gw_str sender = gw->message_fact(message, GW_MESSAGE_SENDER);
	size_t at = sender.len;

	while (at && sender.ptr[at - 1] != '@')
		at--;
	return at ? gw_str_from(sender, at) : gw_str("");
}

static enum gw_verdict refuse(struct gw_call *call, const char *why)
{
	gw->reply(call, 550, "5.7.1", "%s", why);
	gw->count(call, "refused", 1);
	return GW_REJECT;
}

static enum gw_verdict refuse_domain(struct gw_call *call, const struct gw_message *message,
				     const char *what, struct gw_str domain)
{
	struct gw_str client = gw->message_fact(message, GW_MESSAGE_CLIENT);

	if (client.len == 0)
		client = gw->message_fact(message, GW_MESSAGE_LOGIN);
	gw->reply(call, 550, "5.7.1", "%s %.*s is not allowed for client %.*s", what,
		  GW_STR_ARGS(domain), GW_STR_ARGS(client));
	gw->count(call, "refused", 1);
	return GW_REJECT;
}

/* The null sender is nobody's domain: reports and automatic answers have it. */
static enum gw_verdict on_mail(struct gw_call *call, struct gw_message *message)
{
	const struct config *config = gw->conf(call);
	struct gw_str domains = bound_to(message),
		      sender = gw->message_fact(message, GW_MESSAGE_SENDER);

	if (config->sender == SENDER_ANY || domains.len == 0 || sender.len == 0 ||
	    domains_name(call, domains, sender_domain(message)))
		return GW_CONTINUE;
	return refuse_domain(call, message, "sender domain", sender_domain(message));
}

/* What the address says must be so, and what a reader is shown beside it must not say otherwise:
 * "ceo@other.example" <me@example.com>. */
static enum gw_verdict check_address(struct gw_call *call, const struct gw_message *message,
				     const struct from *from, struct gw_str domains)
{
	struct gw_str shown;
	size_t at = 0;

	if (!domains_name(call, domains, from->domain))
		return refuse_domain(call, message, "sender domain", from->domain);
	while (from_next_shown(gw_str(from->display), &at, &shown))
		if (!domains_name(call, domains, shown))
			return refuse_domain(call, message, "a From name that shows an address of",
					     shown);
	return GW_CONTINUE;
}

static enum gw_verdict refuse_flaw(struct gw_call *call, enum from_flaw flaw)
{
	switch (flaw) {
	case FROM_GROUP:
		return refuse(call, "the From field names a group");
	case FROM_SEVERAL:
		return refuse(call, "the From field has more than one address");
	default:
		return refuse(call,
			      "the From field has no address that can be read in one way only");
	}
}

static enum gw_verdict check_from(struct gw_call *call, const struct gw_message *message,
				  struct gw_str value, struct gw_str domains)
{
	struct from from;
	enum from_flaw flaw = from_read(&from, value);
	enum gw_verdict verdict = flaw == FROM_FINE ? check_address(call, message, &from, domains)
						    : refuse_flaw(call, flaw);

	from_finish(&from);
	return verdict;
}

static enum gw_verdict on_message(struct gw_call *call, struct gw_message *message)
{
	const struct config *config = gw->conf(call);
	struct gw_header field = { .size = sizeof field }, second = field;
	struct gw_str domains = bound_to(message);

	if (config->from == FROM_OFF || domains.len == 0)
		return GW_CONTINUE;
	if (gw->header_named(message, gw_str("From"), 0, &field) != 0)
		return refuse(call, "the message has no From field");
	if (gw->header_named(message, gw_str("From"), 1, &second) == 0)
		return refuse(call, "the message has more than one From field");
	if (config->from == FROM_ENVELOPE && domains_name(call, domains, sender_domain(message)))
		return GW_CONTINUE;
	return check_from(call, message, field.value, domains);
}

GW_MODULE(.name = "access", .version = "1.0", .summary = "who may send, and in whose name",
	  .options = options, .conf_size = sizeof(struct config), .start = access_start,
	  .clients = access_clients, .connect = on_connect, .mail = on_mail, .rcpt = on_rcpt,
	  .message = on_message, .once = "would allow what the first one forbids")

#include "session.h"

#include <gateway/domain.h>

/* --- connect, ehlo --- */

static void identify(struct gw_call *call, const struct client *client)
{
	struct gw_identity identity = { .size = sizeof identity,
					.client = client->config->name,
					.type = client->config->type,
					.domains = client->domains };

	gw->identify(call, &identity);
}

static enum source_answer may_connect(const struct access *access, struct gw_str address)
{
	struct network peer;

	if (access->networks.count + access->networks.source_count == 0)
		return SOURCE_HAS;
	return network_of_peer(&peer, address) ? networks_have(&access->networks, &peer)
					       : SOURCE_HAS_NOT;
}

static enum gw_verdict turn_away(struct gw_call *call, struct gw_str address)
{
	if (access_is_open(gw->instance_data(call), address)) {
		gw->reply(call, 451, "4.7.1", "who may connect here is not known yet: try again");
		return GW_TEMPFAIL;
	}
	gw->reply(call, 554, "5.7.1", "%.*s is not among the networks that may connect here",
		  GW_STR_ARGS(address));
	return GW_REJECT;
}

enum gw_verdict session_connect(struct gw_call *call, struct gw_session *session)
{
	struct gw_str address = gw->session_fact(session, GW_SESSION_PEER);
	const struct access *access = gw->instance_data(call);
	const struct client *client = access_client(access, &(struct who){ .address = address });
	struct session *known = gw->session_data(call);

	if (!client && may_connect(access, address) != SOURCE_HAS)
		return turn_away(call, address);
	if (known)
		*known = (struct session){ .network = client };
	if (client)
		identify(call, client);
	return GW_CONTINUE;
}

/* TLS stands, if it ever will before the next EHLO. */
enum gw_verdict session_ehlo(struct gw_call *call, struct gw_session *session)
{
	struct session *known = gw->session_data(call);
	struct who who = { .address = gw->session_fact(session, GW_SESSION_PEER),
			   .fingerprint = gw->session_fact(session, GW_SESSION_TLS_FINGERPRINT),
			   .subject = gw->session_fact(session, GW_SESSION_TLS_SUBJECT) };
	const struct client *client = who.fingerprint.len
					      ? access_client(gw->instance_data(call), &who)
					      : NULL;

	if (known)
		known->certified = client && client->config->certificates.count ? client : NULL;
	return GW_CONTINUE;
}

/* --- who it is --- */

static bool names_login(const struct client *client, struct gw_str login)
{
	struct gw_list logins = client->config->logins;
	size_t i;

	for (i = 0; login.len && i < logins.count; i++)
		if (gw_str_ieq(logins.items[i], login))
			return true;
	return false;
}

static const struct client *decide(struct gw_call *call, const struct gw_message *message,
				   const struct session *known)
{
	struct who who = { .address = gw->message_fact(message, GW_MESSAGE_PEER),
			   .login = gw->message_fact(message, GW_MESSAGE_LOGIN) };
	const struct client *client = access_client(gw->instance_data(call), &who);

	if (client && names_login(client, who.login))
		return client;
	if (known && known->certified)
		return known->certified;
	return known && known->network ? known->network : client;
}

const struct client *session_client(struct gw_call *call, const struct gw_message *message)
{
	const struct session *known = gw->session_data(call);

	return known && known->decided ? known->client : decide(call, message, known);
}

const struct rules *session_rules(struct gw_call *call, const struct gw_message *message)
{
	const struct access *access = gw->instance_data(call);
	const struct client *client = session_client(call, message);

	return client ? &client->rules : &access->rules;
}

struct gw_str session_name(const struct gw_message *message)
{
	struct gw_str client = gw->message_fact(message, GW_MESSAGE_CLIENT);

	return client.len ? client : gw->message_fact(message, GW_MESSAGE_LOGIN);
}

struct gw_str session_domains(const struct gw_message *message)
{
	return gw->message_number(message, GW_MESSAGE_OWN) == 1
		       ? gw_str("")
		       : gw->message_fact(message, GW_MESSAGE_DOMAINS);
}

struct gw_str session_sender_domain(const struct gw_message *message)
{
	struct gw_str sender = gw->message_fact(message, GW_MESSAGE_SENDER);
	size_t at = sender.len;

	while (at && sender.ptr[at - 1] != '@')
		at--;
	return at ? gw_str_from(sender, at) : gw_str("");
}

/* --- mail: who it is, for good --- */

/* What connect could not know yet: its login, its certificate, or a list that came since. A login
 * keeps the domains that its own module gave it. */
static void identify_late(struct gw_call *call, const struct gw_message *message)
{
	struct session *known = gw->session_data(call);
	const struct client *client = decide(call, message, known);
	struct gw_str login = gw->message_fact(message, GW_MESSAGE_LOGIN);

	if (known) {
		known->client = client;
		known->decided = true;
	}
	if (!client || client == (known ? known->network : NULL))
		return;
	if (login.len && !names_login(client, login) && (!known || client != known->certified))
		return;
	identify(call, client);
}

/* The null sender is nobody's domain: reports and automatic answers have it. */
static enum gw_verdict check_sender(struct gw_call *call, const struct gw_message *message)
{
	struct gw_str sender = gw->message_fact(message, GW_MESSAGE_SENDER),
		      domains = session_domains(message), domain = session_sender_domain(message);

	if (session_rules(call, message)->sender != SENDER_DOMAINS || domains.len == 0 ||
	    sender.len == 0 || gw_domain_in_words(call, domains, domain))
		return GW_CONTINUE;
	gw->reply(call, 550, "5.7.1", "sender domain %.*s is not allowed for client %.*s",
		  GW_STR_ARGS(domain), GW_STR_ARGS(session_name(message)));
	gw->count(call, "refused", 1);
	return GW_REJECT;
}

enum gw_verdict session_mail(struct gw_call *call, struct gw_message *message)
{
	const struct config *config = gw->conf(call);
	const struct client *client;
	enum gw_verdict verdict;
	bool is_needed;

	if (gw->message_number(message, GW_MESSAGE_OWN) == 1)
		return GW_CONTINUE;
	identify_late(call, message);
	client = session_client(call, message);
	is_needed = client && client->config->require_spf;
	verdict = check_sender(call, message);
	if (verdict != GW_CONTINUE || (config->spf == SPF_USE_OFF && !is_needed))
		return verdict;
	return return_path_check(call, message, is_needed);
}

/* --- rcpt: may it send? --- */

static bool login_is_elsewhere(struct gw_call *call, const struct gw_message *message)
{
	const struct session *known = gw->session_data(call);
	struct who who = { .address = gw->message_fact(message, GW_MESSAGE_PEER),
			   .login = gw->message_fact(message, GW_MESSAGE_LOGIN) };

	return access_login_is_elsewhere(gw->instance_data(call), &who) &&
	       !(known && known->certified && names_login(known->certified, who.login));
}

static bool may_send(struct gw_call *call, const struct gw_message *message)
{
	const struct config *config = gw->conf(call);
	const struct client *client = session_client(call, message);
	bool logged_in = gw->message_fact(message, GW_MESSAGE_LOGIN).len != 0;

	if (client && (logged_in || !client->config->login))
		return true;
	return logged_in && config->logins;
}

static enum gw_verdict refuse_login(struct gw_call *call, const struct gw_message *message)
{
	struct gw_str login = gw->message_fact(message, GW_MESSAGE_LOGIN),
		      peer = gw->message_fact(message, GW_MESSAGE_PEER);

	if (access_is_open(gw->instance_data(call), peer)) {
		gw->reply(call, 451, "4.7.1", "the networks of the login are not known yet");
		return GW_TEMPFAIL;
	}
	gw->reply(call, 550, "5.7.1", "the login %.*s is not good from %.*s", GW_STR_ARGS(login),
		  GW_STR_ARGS(peer));
	gw->count(call, "refused", 1);
	return GW_REJECT;
}

enum gw_verdict session_rcpt(struct gw_call *call, struct gw_message *message, struct gw_rcpt *rcpt)
{
	if (gw->message_number(message, GW_MESSAGE_OWN) == 1)
		return GW_ACCEPT;
	if (login_is_elsewhere(call, message))
		return refuse_login(call, message);
	if (may_send(call, message))
		return GW_ACCEPT;
	if (!access_is_open(gw->instance_data(call), gw->message_fact(message, GW_MESSAGE_PEER)))
		return GW_CONTINUE;
	gw->reply(call, 451, "4.7.1", "the networks of clients are not all known yet: try again");
	return GW_TEMPFAIL;
}

/* access.c - who may send through this gateway, and in whose name. A client is known by its login
 * or by its network; what it may say it is from is the list of domains that its auth module or its
 * row here gave it. README.md has the rules. */
#include "access.h"
#include "activity.h"
#include "asking.h"
#include "refused.h"
#include "session.h"
#include "verbs.h"

#include <gateway/domain.h>

static const struct gw_option client_options[] = {
	{ .key = "name",
	  .type = GW_OPTION_STRING,
	  .offset = offsetof(struct client_config, name),
	  .flags = GW_OPTION_REQUIRED,
	  .help = "Name of the client, for logs and limits." },
	{ .key = "networks",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct client_config, networks),
	  .help = "Where it connects from: \"192.0.2.0/24\", \"2001:db8::/32\", \"@/a/file\", \"spf:a.domain\"." },
	{ .key = "preset",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct client_config, presets),
	  .help = "Where it connects from, by name: \"zoho:eu\" (gatewayctl preset list)." },
	{ .key = "certificates",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct client_config, certificates),
	  .help = "What it shows instead of a login: SHA-256 fingerprints, or subjects that the listener's client_ca vouches for." },
	{ .key = "domains",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct client_config, domains),
	  .flags = GW_OPTION_DOMAINS,
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
	  .help = "Logins that are it; where it has networks, good from those only." },
	{ .key = "sender",
	  .type = GW_OPTION_WORD,
	  .offset = offsetof(struct client_config, sender),
	  .words = "default|any|domains",
	  .fallback = "default",
	  .help = "As sender of all clients, for this one." },
	{ .key = "from",
	  .type = GW_OPTION_WORD,
	  .offset = offsetof(struct client_config, from),
	  .words = "default|strict|envelope|rewrite|flag|off",
	  .fallback = "default",
	  .help = "As from of all clients, for this one." },
	{ .key = "require_spf",
	  .type = GW_OPTION_BOOL,
	  .offset = offsetof(struct client_config, require_spf),
	  .fallback = "false",
	  .help = "Mail from addresses that the SPF of its MAIL FROM does not pass is refused." },
	{ .key = "address",
	  .type = GW_OPTION_STRING,
	  .offset = offsetof(struct client_config, address),
	  .help = "From of mail that is rewritten: its address in one of its domains." },
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
	{ .key = "presets",
	  .type = GW_OPTION_STRING,
	  .offset = offsetof(struct config, presets),
	  .help = "File of presets of one's own, NAME NETWORK ... a line: they come before those that are shipped." },
	{ .key = "spf",
	  .type = GW_OPTION_WORD,
	  .offset = offsetof(struct config, spf),
	  .words = "off|record|field",
	  .fallback = "off",
	  .help = "What the SPF of MAIL FROM says of the client's address: not asked, in the log and in explain, in a Received-SPF field too." },
	{ .key = "sender",
	  .type = GW_OPTION_WORD,
	  .offset = offsetof(struct config, sender),
	  .words = "any|domains",
	  .fallback = "any",
	  .help = "MAIL FROM of a client that has domains: any (CRMs use bounce addresses of their own), or in its domains." },
	{ .key = "from",
	  .type = GW_OPTION_WORD,
	  .offset = offsetof(struct config, from),
	  .words = "strict|envelope|rewrite|flag|off",
	  .fallback = "strict",
	  .help = "From and Sender of a client that has domains: in its domains, else refused; that or a MAIL FROM in them; another From is replaced by its address; what is wrong is noted in the header; not looked at." },
	{ .key = "address",
	  .type = GW_OPTION_STRING,
	  .offset = offsetof(struct config, address),
	  .help = "What From becomes where it is rewritten, for clients without an address of their own." },
	GW_OPTIONS_END,
};

static void on_stop(struct gw_call *call)
{
	struct access *access = gw->instance_data(call);

	if (access)
		access_stop(call, access);
}

static void on_worker_start(struct gw_call *call)
{
	struct access *access = gw->instance_data(call);

	asking_worker_start(call);
	sources_watch(&access->sources);
}

static void on_tick(struct gw_call *call)
{
	struct access *access = gw->instance_data(call);

	sources_tick(call, &access->sources);
	activities_tick(call, access->activities);
	refused_save(call);
}

static void on_status(struct gw_call *call)
{
	struct access *access = gw->instance_data(call);

	activities_status(call, access->activities);
	sources_status(call, &access->sources);
}

/* --- event --- */

static void take_accepted(struct gw_call *call, struct access *access, const struct gw_event *event)
{
	const struct gw_message *message = event->message;

	if (message && gw->message_number(message, GW_MESSAGE_OWN) != 1)
		activity_mail(access->activities, event->client,
			      gw->message_fact(message, GW_MESSAGE_TYPE),
			      gw->message_fact(message, GW_MESSAGE_FROM_DOMAIN),
			      gw->message_fact(message, GW_MESSAGE_SENDER), gw->now(call));
}

static void take_stranger(struct gw_call *call, const struct gw_event *event)
{
	struct gw_json_value *json = gw->json_read(event->json, NULL, 0);
	struct gw_str stage = gw->json_value_string(gw->json_member(json, "stage")),
		      peer = gw->json_value_string(gw->json_member(json, "peer"));

	if (gw_str_eq(stage, gw_str("connect")) || gw_str_eq(stage, gw_str("rcpt")))
		refused_add(peer, event->text,
			    event->message ? session_sender_domain(event->message) : gw_str(""),
			    gw->now(call));

	gw->json_free(json);
}

static void on_event(struct gw_call *call, const struct gw_event *event)
{
	struct access *access = gw->instance_data(call);

	if (gw_str_eq(event->name, gw_str("accepted")))
		take_accepted(call, access, event);
	else if (!gw_str_eq(event->name, gw_str("refused")) || event->code < 500)
		return;
	else if (event->client.len)
		activity_refused(access->activities, event->client, gw->now(call));
	else
		take_stranger(call, event);
}

GW_MODULE(.name = "access", .version = "1.0", .summary = "who may send, and in whose name",
	  .options = options, .conf_size = sizeof(struct config), .start = access_start,
	  .stop = on_stop, .session_size = sizeof(struct session), .clients = access_clients,
	  .connect = session_connect, .ehlo = session_ehlo, .mail = session_mail,
	  .rcpt = session_rcpt, .message = letter_message, .prepare = letter_prepare,
	  .verbs = ACCESS_VERBS, .event = on_event, .tick = on_tick, .status = on_status,
	  .control = access_control, .worker_start = on_worker_start,
	  .worker_stop = asking_worker_stop, .dns = asking_dns,
	  .once = "would allow what the first one forbids")

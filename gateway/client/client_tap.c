/* client_tap.c - a connection on which somebody looks: what is told of it, and MAIL and RCPT that
 * only ask. */
#include "client/client.h"
#include "client/tap.h"

/* --- telling --- */

static const char *stage_of(const struct client *client)
{
	return client->at == AT_QUIT ? "quit" : stage_name(client_places[client->at].stage);
}

void client_tell(struct client *client, char who, struct gw_str text)
{
	if (client->tap)
		client->tap->line(client->tap, stage_of(client), who, text);
}

void client_say(struct client *client, const char *format, ...)
{
	char text[512];
	va_list args;

	if (!client->tap)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	client_tell(client, TAP_EVENT, gw_str(text));
}

/* Of AUTH and what follows it nobody sees more than the mechanism. */
void client_tell_command(struct client *client, struct gw_str line)
{
	char text[512];
	size_t shown = line.len;
	bool secret = client->at == AT_AUTH;

	if (!client->tap)
		return;
	while (shown && (line.ptr[shown - 1] == '\n' || line.ptr[shown - 1] == '\r'))
		shown--;
	if (secret) {
		size_t verb = line.len > 5 && memcmp(line.ptr, "AUTH ", 5) == 0 ? 5 : 0;
		size_t mechanism =
			verb ? verb + gw_str_find(gw_str_n(line.ptr + verb, shown - verb), ' ') : 0;
		secret = mechanism < shown;
		shown = mechanism;
	}
	snprintf(text, sizeof(text), "%.*s%s", (int)shown, line.ptr,
		 !secret ? ""
		 : shown ? " ***"
			 : "***");
	client_tell(client, TAP_OURS, gw_str(text));
}

void client_tell_place(struct client *client)
{
	if (client->at == AT_RESOLVE)
		client_say(client, "looking up %.*s", GW_STR_ARGS(client->name));
	else if (client->at == AT_CONNECT && client->stream)
		client_say(client, "connecting to %.*s", GW_STR_ARGS(client->host));
}

void client_tell_tls(struct client *client)
{
	static const char *const proven[TLS_CHECKS] = {
		[TLS_CHECK_NOTHING] = "was not looked at: verify is off for",
		[TLS_CHECK_CHAIN] = "is one that an authority vouches for, whatever its name, at",
		[TLS_CHECK_NAME] = "is right for",
		[TLS_CHECK_PIN] = "is the one that is pinned for",
		[TLS_CHECK_DANE] = "is the one in the DNS (DANE) of",
	};

	client_say(client, "%.*s; the %.*s%s %.*s", GW_STR_ARGS(client->tls),
		   GW_STR_ARGS(client->doubt.len ? client->doubt : gw_str("certificate ")),
		   client->doubt.len ? ", at" : proven[client->proven], GW_STR_ARGS(client->name));
}

/* --- MAIL and RCPT that only ask --- */

static void try_finish(struct client *client, const struct smtp_reply *reply)
{
	struct outcome outcome;

	outcome_reply(&outcome, client->attempt->arena,
		      reply->code / 100 == 2 ? GW_DELIVERED : GW_DEFERRED,
		      client_places[client->at].stage, true, reply, client->host);
	attempt_finish(client->attempt, &outcome);
}

static void end(struct client *client)
{
	struct attempt *attempt = client->attempt;

	client_detach(client);
	client_quit(client);
	attempt_end(client->queue->transport, attempt);
}

void client_try(struct client *client)
{
	struct smtp_reply fine = { .code = 250, .text = GW_STR("") };

	if (client->tap->rcpt.len) {
		client_enter(client, AT_TRY_MAIL);
		return;
	}
	try_finish(client, &fine);
	end(client);
}

void client_try_mail_begin(struct client *client)
{
	if (client_may_speak(client))
		client_put(client, "MAIL FROM:<%.*s>\r\n", GW_STR_ARGS(client->tap->sender));
}

void client_try_rcpt_begin(struct client *client)
{
	if (client_may_speak(client))
		client_put(client, "RCPT TO:<%.*s>\r\n", GW_STR_ARGS(client->tap->rcpt));
}

void client_try_rset_begin(struct client *client)
{
	if (client_may_speak(client))
		client_put(client, "RSET\r\n");
}

void client_try_mail_reply(struct client *client, const struct smtp_reply *reply)
{
	if (reply->code / 100 == 2) {
		client_enter(client, AT_TRY_RCPT);
		return;
	}
	try_finish(client, reply);
	end(client);
}

void client_try_rcpt_reply(struct client *client, const struct smtp_reply *reply)
{
	try_finish(client, reply);
	client_enter(client, AT_TRY_RSET);
}

void client_try_rset_reply(struct client *client, const struct smtp_reply *reply)
{
	end(client);
}

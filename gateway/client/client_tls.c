/* client_tls.c - how much TLS is wanted of a link, and what it got.
 *
 * A link that wants TLS goes on without for no reason; one that tries goes on without, over a new
 * connection, where none came about, and says so. */
#include "client/client.h"

#include <errno.h>

static const struct gw_relay *relay_of(const struct client *client)
{
	return client->attempt->relay;
}

/* --- words --- */

static const char *const required_words[TLS_CHECKS] = {
	[TLS_CHECK_NOTHING] = "encryption", [TLS_CHECK_CHAIN] = "chain",
	[TLS_CHECK_NAME] = "name",          [TLS_CHECK_PIN] = "pin",
	[TLS_CHECK_DANE] = "dane",
};

struct gw_str client_tls_wanted(const struct client *client)
{
	const struct link_level *level = &client->level;

	if (level->wish == LINK_CLEAR)
		return gw_str("none");
	if (level->sts)
		return gw_str("mta-sts");
	return gw_str(level->wish == LINK_TRY ? "opportunistic" : required_words[level->check]);
}

struct gw_str client_tls_got(const struct client *client)
{
	return gw_str(client->tls.len ? required_words[client->proven] : "none");
}

static void doubt(struct client *client, const char *what, struct gw_str why)
{
	client->doubt = arena_printf(&client->arena, "%s%.*s", what, GW_STR_ARGS(why));
	if (!client->doubt.ptr)
		client->doubt = gw_str("");
}

/* --- what is wanted --- */

/* RFC 8461 section 4.1 */
static void raise_to_sts(const struct client *client, struct link_level *level)
{
	if (client->sts && level->wish != LINK_CLEAR)
		*level = (struct link_level){ .wish = LINK_TLS,
					      .check = TLS_CHECK_NAME,
					      .sts = true };
}

/* RFC 7672 section 2.2: with records of which none is usable a link is encrypted, and no more. */
static void raise_to_dane(const struct client *client, struct link_level *level)
{
	const struct dns_host *host = client_mx_host(client);

	if (!host || !relay_of(client)->dane || level->wish == LINK_CLEAR ||
	    host->tlsa_state != DNS_TLSA_FOUND)
		return raise_to_sts(client, level);
	if (host->tlsa_count)
		*level = (struct link_level){ LINK_TLS, TLS_CHECK_DANE, host->tlsa,
					      host->tlsa_count };
	else if (level->wish == LINK_TRY)
		*level = (struct link_level){ .wish = LINK_TLS };
}

void client_tls_level(struct client *client)
{
	static const enum link_wish wishes[] = {
		[TLS_NONE] = LINK_CLEAR,
		[TLS_STARTTLS] = LINK_TLS,
		[TLS_IMPLICIT] = LINK_TLS,
		[TLS_OPPORTUNISTIC] = LINK_TRY,
	};
	const struct gw_relay *relay = relay_of(client);

	client->level = (struct link_level){ .wish = wishes[relay->tls], .check = relay->check };
	if (!client->queue->tls_not_required)
		raise_to_dane(client, &client->level);
	/* looked at and told, since somebody counts */
	if (client->attempt->sts_tested && client->level.wish == LINK_TRY)
		client->level.check = TLS_CHECK_NAME;
	client->tls = client->doubt = gw_str("");
	client->proven = TLS_CHECK_NOTHING;
	client->attempt->tls.wanted = client_tls_wanted(client);
}

bool client_tls_gives_up(struct client *client, struct gw_str why)
{
	if (client->level.wish != LINK_TRY || client->clear)
		return false;
	client->clear = true;
	client_say(client, "TLS did not come about, once more without: %.*s", GW_STR_ARGS(why));
	doubt(client, "TLS failed: ", why);
	return true;
}

static bool wants_starttls(struct client *client)
{
	if (stream_is_tls(client->stream) || client->level.wish == LINK_CLEAR || client->clear)
		return false;
	if (client->level.wish == LINK_TLS || (client->offers & OFFER_STARTTLS))
		return true;
	doubt(client, "STARTTLS is not offered", gw_str(""));
	client_link_clear(client);
	return false;
}

bool client_tls_follows(struct client *client)
{
	if (!wants_starttls(client))
		return false;
	client_enter(client, AT_STARTTLS);
	return true;
}

/* --- how it comes about --- */

void client_tls_begin(struct client *client)
{
	struct tls_demand demand = {
		.name = client->name,
		.check = client->level.check,
		.required = client->level.wish == LINK_TLS,
		.tlsa = client->level.tlsa,
		.tlsa_count = client->level.tlsa_count,
	};
	int started;

	client->offers = 0;
	client_enter(client, AT_TLS);
	started = stream_start_tls_client(client->stream, relay_of(client)->client, &demand);
	if (started > 0)
		client_broken(client, "the next hop sent text in clear behind its consent to TLS");
	else if (started < 0)
		client_failed(client, ENOMEM);
}

void client_tls_stands(struct client *client)
{
	struct gw_str text = arena_str(&client->arena, stream_tls_text(client->stream)),
		      wrong = stream_tls_doubt(client->stream);

	client->tls = text.ptr ? text : gw_str("");
	client->proven = stream_tls_proven(client->stream);
	if (wrong.len)
		doubt(client, "certificate: ", wrong);
	client_tell_tls(client);
	client_link_stands(client);
	client_enter(client, relay_of(client)->tls == TLS_IMPLICIT ? AT_GREETING : AT_EHLO);
}

void client_starttls_begin(struct client *client)
{
	if (!(client->offers & OFFER_STARTTLS))
		client_lost(
			client,
			gw_str(client->mx
				       ? "STARTTLS is not offered, and mail for there goes in TLS only"
				       : "STARTTLS is not offered, and the relay is configured to use it"));
	else if (client_may_speak(client))
		client_put(client, "STARTTLS\r\n");
}

void client_starttls_reply(struct client *client, const struct smtp_reply *reply)
{
	if (reply->code == 220)
		client_tls_begin(client);
	else if (reply->code / 100 == 2 || reply->code / 100 == 3)
		client_broken(client, "the next hop's answer to STARTTLS is none");
	else
		client_refused(client, reply);
}

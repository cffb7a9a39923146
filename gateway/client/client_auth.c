/* client_auth.c - the login at a next hop. A relay that is to be logged in to is never used
 * without. */
#include "client/client.h"

#define OFFERED_TOLD 200 /* octets of the next hop's list that are repeated to people */
/* A mechanism of ours has two at most, and one more is answered with "*". */
#define CHALLENGES_MOST 8

/* Those that are used unasked, the best first. What the login names itself (a token's mechanism) is
 * taken as named. */
static const struct gw_str preferred[] = { GW_STR("SCRAM-SHA-256-PLUS"), GW_STR("SCRAM-SHA-256"),
					   GW_STR("PLAIN"), GW_STR("LOGIN") };
static const struct gw_str unbound = GW_STR("SCRAM-SHA-256"),
			   /* where nothing better is offered, wherever it stands in a list */
	last = GW_STR("CRAM-MD5");

static bool is_offered(const struct client *client, struct gw_str mechanism)
{
	struct gw_str list = client->mechanisms;
	while (list.len) {
		size_t len = gw_str_find(list, ' ');
		if (gw_str_ieq(gw_str_n(list.ptr, len), mechanism))
			return true;
		list = gw_str_from(list, len + 1);
	}
	return false;
}

static bool is_loopback(struct gw_str peer)
{
	return gw_str_eq(peer, gw_str("::1")) || (peer.len > 4 && memcmp(peer.ptr, "127.", 4) == 0);
}

/* A secret is shown to nobody but the next hop, unless the relay is configured so. */
static bool is_private(const struct client *client)
{
	return stream_is_tls(client->stream) || client->attempt->relay->clear_login ||
	       is_loopback(stream_peer(client->stream));
}

void client_login_begin(struct client *client)
{
	struct attempt *attempt = client->attempt;
	struct gw_str mechanisms;

	if (!client_may_speak(client))
		return;
	if (!client->refused)
		attempt->login_refused = gw_str("");
	if (!is_private(client)) {
		client_lost(client, gw_str("a login in clear is refused: the relay has no TLS"));
		return;
	}
	if (!(client->offers & OFFER_AUTH)) {
		client_lost(client,
			    gw_str("AUTH is not offered, and the relay is configured to log in"));
		return;
	}
	mechanisms = arena_str(attempt->arena, client->mechanisms);
	attempt->mechanisms = mechanisms.ptr ? mechanisms : gw_str("");
	attempt->login(attempt, attempt->mechanisms);
}

/* As the relay or its preset says; those without a password are for logins that name them. */
static struct gw_list mechanisms_of(const struct gw_relay *relay)
{
	const struct gw_list usual = { preferred, sizeof preferred / sizeof *preferred };

	return relay->mechanisms.count ? relay->mechanisms : usual;
}

static bool is_listed(const struct client *client, struct gw_str mechanism)
{
	struct gw_list list = mechanisms_of(client->attempt->relay);
	size_t i;

	for (i = 0; i < list.count; i++)
		if (gw_str_ieq(list.items[i], mechanism))
			return true;
	return false;
}

/* An unbound one is told nothing of the link: libgsasl 2.2.0 cannot say that it saw no bound one
 * (RFC 5802's "y") and fails. */
static bool bind_login(const struct client *client, struct sasl *sasl, struct gw_str mechanism)
{
	char exporter[STREAM_BINDING_MAX], unique[STREAM_BINDING_MAX];
	struct sasl_binding binding;

	if (!sasl_is_bound(mechanism))
		return true;
	binding = (struct sasl_binding){
		gw_str_n(exporter,
			 stream_binding(client->stream, STREAM_BINDING_EXPORTER, exporter)),
		gw_str_n(unique, stream_binding(client->stream, STREAM_BINDING_UNIQUE, unique)),
	};
	return (binding.exporter.len || binding.unique.len) && sasl_bind(sasl, &binding) == 0;
}

/* NULL: it is not offered, not of ours, or cannot be had on this link. */
static struct sasl *create(const struct client *client, const struct gw_login *login,
			   struct gw_str mechanism)
{
	struct sasl *sasl = NULL;

	if (is_offered(client, mechanism))
		sasl = sasl_client_create(mechanism, login->user, login->secret);
	if (!sasl || bind_login(client, sasl, mechanism))
		return sasl;
	sasl_destroy(sasl);
	return NULL;
}

static struct sasl *create_best(const struct client *client, const struct gw_login *login,
				struct gw_str *mechanism)
{
	struct gw_list list = mechanisms_of(client->attempt->relay);
	struct sasl *sasl = NULL;
	size_t i;

	*mechanism = client->bound_refused ? unbound : login->mechanism;
	if (mechanism->len)
		return create(client, login, *mechanism);
	for (i = 0; i < list.count && !sasl; i++) {
		*mechanism = list.items[i];
		if (!gw_str_ieq(*mechanism, last) && !sasl_is_token(*mechanism))
			sasl = create(client, login, *mechanism);
	}
	if (!sasl && is_listed(client, last)) {
		*mechanism = last;
		sasl = create(client, login, *mechanism);
	}
	return sasl;
}

/* What the relay would log in by and the gateway can, "PLAIN, LOGIN". */
static void put_ours(struct buf *text, struct gw_list list)
{
	size_t i, count = 0;

	for (i = 0; i < list.count; i++)
		if (sasl_client_has(list.items[i]) && !sasl_is_token(list.items[i]))
			buf_printf(text, "%s%.*s", count++ ? ", " : "", GW_STR_ARGS(list.items[i]));
	if (count == 0)
		buf_printf(text, "nothing that the gateway has");
}

/* Says what each side has, so that nobody need guess which of them is to change. */
static void no_mechanism(struct client *client, const struct gw_login *login)
{
	struct gw_str offered = client->mechanisms, named = login->mechanism;
	struct buf text;

	buf_init(&text, 0);
	if (offered.len > OFFERED_TOLD)
		offered.len = OFFERED_TOLD;
	buf_printf(
		&text,
		"there is no login mechanism in common: the next hop offers %.*s, and the relay logs in by ",
		GW_STR_ARGS(offered.len ? offered : gw_str("none")));
	if (!named.len)
		put_ours(&text, mechanisms_of(client->attempt->relay));
	else
		buf_printf(&text, "%.*s%s", GW_STR_ARGS(named),
			   sasl_client_has(named) ? "" : ", which the gateway does not have");
	client_lost(client, arena_str(&client->arena, buf_str(&text)));
	buf_finish(&text);
}

static void begin_auth(struct client *client, const struct gw_login *login)
{
	struct gw_str mechanism, first;

	sasl_destroy(client->sasl);
	client->sasl = create_best(client, login, &mechanism);
	if (!client->sasl) {
		no_mechanism(client, login);
		return;
	}
	if (sasl_step(client->sasl, gw_str(""), &first) == SASL_BAD) {
		client_lost(client, gw_str("the login cannot be put into words for the next hop"));
		return;
	}
	client->challenges = 0;
	client_enter(client, AT_AUTH);
	if (client_may_speak(client))
		client_put(client, "AUTH %.*s%s%.*s\r\n", (int)mechanism.len, mechanism.ptr,
			   first.len ? " " : "", (int)first.len, first.ptr);
}

void attempt_login(struct attempt *attempt, enum gw_verdict verdict, const struct gw_login *login)
{
	struct client *client = attempt->client;
	struct transport *transport;

	if (!client || client->at != AT_LOGIN)
		return;
	transport = client->queue->transport;
	transport_enter(transport);
	if (verdict == GW_ACCEPT && login)
		begin_auth(client, login);
	else if (client->refused)
		client_still_refused(client);
	else
		client_turned_down(client, GW_DEFERRED, true, "4.7.0",
				   "there is no login for the relay now");
	transport_leave(transport, false);
}

static void answer(struct client *client, struct gw_str line)
{
	client_enter(client, AT_AUTH);
	if (client_may_speak(client))
		client_put(client, "%.*s\r\n", (int)line.len, line.ptr);
}

static void begin_proof(struct client *client)
{
	client_enter(client, AT_PROOF);
	if (!client_proof_begin(client, sasl_secret(client->sasl)))
		client_proven(client, NULL);
}

void client_proven(struct client *client, const char *salted)
{
	struct gw_str line;

	if (client->at != AT_PROOF)
		return;
	if (!salted || sasl_salted(client->sasl, salted, &line) == SASL_BAD)
		line = gw_str("*");
	answer(client, line);
}

static void answer_challenge(struct client *client, const struct smtp_reply *reply)
{
	struct gw_str line = { "*", 1 };

	switch (sasl_step(client->sasl, reply->text, &line)) {
	case SASL_ASK:
		begin_proof(client);
		return;
	case SASL_BAD:
		line = gw_str("*"); /* the next hop answers 501 or 535, which ends it */
		break;
	default:
		break;
	}
	answer(client, line);
}

/* What the next hop binds logins to may be something that libgsasl does not know. Once more, then,
 * by what shows the password to nobody either: never by the password itself. */
static bool is_tried_unbound(struct client *client, const struct smtp_reply *reply)
{
	if (reply->code / 100 != 5 || client->bound_refused ||
	    !sasl_is_bound(sasl_login(client->sasl)->mechanism) || !is_offered(client, unbound) ||
	    !is_listed(client, unbound))
		return false;
	client->bound_refused = true;
	client_enter(client, AT_LOGIN);
	return true;
}

static void logged_in(struct client *client)
{
	if (!sasl_is_done(client->sasl)) {
		client_broken(client, "the next hop did not prove that it knows the password");
		return;
	}
	sasl_destroy(client->sasl);
	client->sasl = NULL;
	client_established(client);
}

#define COMPLAINT_TOLD 300 /* octets of what a next hop says is wrong with a token */

/* In words that can stand in a log. */
static struct gw_str refusal_text(struct client *client, const struct smtp_reply *reply)
{
	struct gw_str said = sasl_complaint(client->sasl), text;

	if (said.len > COMPLAINT_TOLD)
		said.len = COMPLAINT_TOLD;
	text = arena_printf(client->attempt->arena, "%d %.*s%s%.*s", reply->code,
			    GW_STR_ARGS(reply->text), said.len ? " " : "", GW_STR_ARGS(said));
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < ' ' || (unsigned char)text.ptr[i] > 0x7e)
			((char *)text.ptr)[i] = ' ';
	return text.ptr ? text : gw_str("535");
}

/* Providers take tokens back before their time: whoever gave this one is asked once for another. */
static bool wants_another(const struct client *client, const struct smtp_reply *reply)
{
	return client->attempt && !client->refused && client->sasl &&
	       sasl_is_token(sasl_login(client->sasl)->mechanism) &&
	       (reply->code == 535 || client->challenges > 0);
}

static void ask_another(struct client *client, const struct smtp_reply *reply)
{
	struct attempt *attempt = client->attempt;

	client->refused = true;
	outcome_reply(&client->refusal, attempt->arena, GW_DEFERRED, STAGE_AUTH, true, reply,
		      client->host);
	attempt->login_refused = refusal_text(client, reply);
	sasl_destroy(client->sasl);
	client->sasl = NULL;
	client_enter(client, AT_LOGIN);
}

void client_auth_reply(struct client *client, const struct smtp_reply *reply)
{
	if (reply->code == 334 && client->challenges++ == CHALLENGES_MOST)
		client_broken(client, "the next hop's challenges have no end");
	else if (reply->code == 334)
		answer_challenge(client, reply);
	else if (reply->code / 100 == 2)
		logged_in(client);
	else if (reply->code / 100 == 3)
		client_broken(client, "the next hop's answer to AUTH is none");
	else if (wants_another(client, reply))
		ask_another(client, reply);
	else if (!is_tried_unbound(client, reply))
		client_refused(client, reply);
}

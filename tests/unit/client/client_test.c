/* What every kind of failure at every place of the conversation means for the recipient; and what
 * is never believed. */
#include "peer.c"
#include "rig.c"
#include "smtp/command.h"

#define TEXT "Subject: hello\r\n\r\nbody\r\n"
#define EHLO_PLAIN "250 peer.example\r\n"
#define EHLO_TLS "250-peer.example\r\n250 STARTTLS\r\n"
#define EHLO_TOKEN "250-peer.example\r\n250 AUTH XOAUTH2\r\n"
#define EHLO_AUTH "250-peer.example\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN\r\n"
#define GARBAGE "what do you want?\r\n"

/* Where the answer is given, and how the relay is configured so that the place is reached. */
struct place {
	const char *name;
	size_t answer; /* in struct peer_script */
	enum stage stage;
	enum gw_status temporary, permanent, lost; /* 4xx; 5xx; closed, garbage, silence */
	bool link_of_4xx, link_of_5xx;
	const char *ehlo;
	bool auth, starttls;
};
#define ANSWER(member) offsetof(struct peer_script, member)
static const struct place places[] = {
	{ "greeting", ANSWER(greeting), STAGE_GREETING, GW_DEFERRED, GW_DEFERRED, GW_DEFERRED, true,
	  true, NULL, false, false },
	{ "starttls", ANSWER(starttls), STAGE_TLS, GW_DEFERRED, GW_DEFERRED, GW_DEFERRED, true,
	  true, EHLO_TLS, false, true },
	{ "auth", ANSWER(auth), STAGE_AUTH, GW_DEFERRED, GW_DEFERRED, GW_DEFERRED, true, true,
	  EHLO_AUTH, true, false },
	{ "mail", ANSWER(mail), STAGE_MAIL, GW_DEFERRED, GW_BOUNCED, GW_DEFERRED, false, false,
	  NULL, false, false },
	{ "rcpt", ANSWER(rcpt), STAGE_RCPT, GW_DEFERRED, GW_BOUNCED, GW_DEFERRED, false, false,
	  NULL, false, false },
	{ "data", ANSWER(data), STAGE_DATA, GW_DEFERRED, GW_BOUNCED, GW_DEFERRED, false, false,
	  NULL, false, false },
	{ "dot", ANSWER(dot), STAGE_DOT, GW_DEFERRED, GW_BOUNCED, GW_UNKNOWN, false, false, NULL,
	  false, false },
	{ "mail in lock-step", ANSWER(mail), STAGE_MAIL, GW_DEFERRED, GW_BOUNCED, GW_DEFERRED,
	  false, false, EHLO_PLAIN, false, false },
	{ "rcpt in lock-step", ANSWER(rcpt), STAGE_RCPT, GW_DEFERRED, GW_BOUNCED, GW_DEFERRED,
	  false, false, EHLO_PLAIN, false, false },
	{ "data in lock-step", ANSWER(data), STAGE_DATA, GW_DEFERRED, GW_BOUNCED, GW_DEFERRED,
	  false, false, EHLO_PLAIN, false, false },
	{ "dot in lock-step", ANSWER(dot), STAGE_DOT, GW_DEFERRED, GW_BOUNCED, GW_UNKNOWN, false,
	  false, EHLO_PLAIN, false, false },
};

enum fault { FAULT_4XX, FAULT_5XX, FAULT_421, FAULT_CLOSE, FAULT_GARBAGE, FAULT_SILENCE, FAULTS };
static const char *const fault_answers[FAULTS] = {
	"451 4.7.1 not now\r\n",
	"554 5.7.1 never\r\n",
	"421 4.3.2 closing\r\n",
	PEER_CLOSE,
	GARBAGE,
	PEER_SILENCE,
};

static void expect(const struct place *place, enum fault fault, struct outcome *want)
{
	const enum gw_status statuses[FAULTS] = {
		place->temporary, place->permanent, GW_DEFERRED,
		place->lost,      place->lost,      place->lost,
	};
	want->status = statuses[fault];
	want->stage = place->stage;
	want->link = fault == FAULT_4XX   ? place->link_of_4xx
		     : fault == FAULT_5XX ? place->link_of_5xx
					  : true;
	want->reply.code = fault == FAULT_4XX   ? 451
			   : fault == FAULT_5XX ? 554
			   : fault == FAULT_421 ? 421
						: 0;
}

static void hurry(struct rig *rig)
{
	struct settings *settings = &rig->snapshot->settings;
	settings->delivery.greeting = settings->delivery.helo = settings->delivery.mail =
		settings->delivery.rcpt = 150;
	settings->delivery.data = settings->delivery.block = settings->delivery.dot = 150;
}

static struct tls_context *trusting(void)
{
	struct tls_client_options options = { .verify = false };
	struct problems problems;
	struct tls_context *tls;
	problems_init(&problems);
	tls = tls_client_create(&options, "test", 1, &problems);
	problems_finish(&problems);
	assert_non_null(tls);
	return tls;
}

static void fail_at(const struct place *place, enum fault fault)
{
	struct peer_script script = { .ehlo = place->ehlo };
	struct outcome want = { 0 }, got;
	struct sending sending;
	struct peer peer;
	struct rig rig;

	memcpy((char *)&script + place->answer, &fault_answers[fault], sizeof fault_answers[fault]);
	peer_start(&peer, &script);
	rig_init(&rig, 0, peer.port);
	if (fault == FAULT_SILENCE)
		hurry(&rig);
	rig.relay->auth = place->auth;
	if (place->starttls) {
		rig.relay->tls = TLS_STARTTLS;
		rig.relay->client = trusting();
	}
	got = rig_once(&rig, &sending, TEXT, "to@rcpt.example");
	expect(place, fault, &want);
	if (got.status != want.status || got.stage != want.stage || got.link != want.link ||
	    got.reply.code != want.reply.code)
		fail_msg("%s, fault %d: %s at %s, link %d, code %d \"%s\"", place->name, fault,
			 event_name(status_event(got.status)), stage_name(got.stage), got.link,
			 got.reply.code, got.reply.text.ptr);
	sending_finish(&sending);
	rig_finish(&rig);
	peer_stop(&peer);
}

static void every_fault_at_every_place(void **state)
{
	size_t i;
	int fault;
	for (i = 0; i < sizeof places / sizeof *places; i++)
		for (fault = 0; fault < FAULTS; fault++)
			fail_at(&places[i], (enum fault)fault);
}

/* --- single conversations: script and configuration in, outcome out --- */

struct conversation {
	const char *name;
	struct peer_script script;
	int64_t tls;
	bool auth, with_tls;
	enum gw_verdict login;
	const char *text, *rcpt;
	enum gw_status status;
	enum stage stage;
	bool link;
	const char *saw;    /* the peer must have seen this */
	const char *unseen; /* and not this */
	const char *words;  /* of the outcome */
	bool eight_bit;
	const char *mechanism; /* that the login names */
	int asked;             /* so often a login was asked for; 0: not looked at */
	const char *refused;   /* what it was told of the one before */
};

static const struct conversation conversations[] = {
	{ .name = "pipelined",
	  .status = GW_DELIVERED,
	  .stage = STAGE_DOT,
	  .saw = "EHLO gateway.example\r\nMAIL FROM:<from@sender.example> SIZE=24\r\nRCPT" },
	{ .name = "lock-step",
	  .script = { .ehlo = EHLO_PLAIN },
	  .status = GW_DELIVERED,
	  .stage = STAGE_DOT,
	  .saw = "MAIL FROM:<from@sender.example>\r\n" },
	{ .name = "only HELO",
	  .script = { .ehlo = "502 5.5.1 no\r\n" },
	  .status = GW_DELIVERED,
	  .stage = STAGE_DOT,
	  .saw = "HELO gateway.example\r\n" },
	{ .name = "EHLO not now",
	  .script = { .ehlo = "451 no\r\n" },
	  .status = GW_DEFERRED,
	  .stage = STAGE_EHLO,
	  .link = true,
	  .unseen = "HELO g" },
	{ .name = "neither EHLO nor HELO",
	  .script = { .ehlo = "502 no\r\n", .helo = "502 no\r\n" },
	  .status = GW_DEFERRED,
	  .stage = STAGE_EHLO,
	  .link = true },
	{ .name = "long greeting",
	  .script = { .greeting = "220-a\r\n220-b\r\n220 c\r\n" },
	  .status = GW_DELIVERED,
	  .stage = STAGE_DOT },
	{ .name = "codes that differ",
	  .script = { .greeting = "220-a\r\n250 b\r\n" },
	  .status = GW_DEFERRED,
	  .stage = STAGE_GREETING,
	  .link = true },
	/* replies to nothing */
	{ .name = "talks before EHLO",
	  .script = { .after_greeting = "250-forged\r\n250 PIPELINING\r\n" },
	  .status = GW_DEFERRED,
	  .stage = STAGE_EHLO,
	  .link = true,
	  .unseen = "EHLO" },
	{ .name = "forged reply with 354",
	  .script = { .chatters_after_354 = true },
	  .status = GW_DEFERRED,
	  .stage = STAGE_BODY,
	  .link = true },
	{ .name = "forged reply with 354, lock-step",
	  .script = { .ehlo = EHLO_PLAIN, .chatters_after_354 = true },
	  .status = GW_DEFERRED,
	  .stage = STAGE_BODY,
	  .link = true },
	{ .name = "refused with 354",
	  .script = { .data = "354 go on\r\n552 5.3.4 too big\r\n" },
	  .status = GW_BOUNCED,
	  .stage = STAGE_BODY,
	  .words = "too big" },
	{ .name = "two replies to RCPT",
	  .script = { .rcpt = "250 a\r\n250 b\r\n" },
	  .status = GW_DEFERRED,
	  .stage = STAGE_DATA,
	  .link = true },
	{ .name = "two replies to MAIL in lock-step",
	  .script = { .ehlo = EHLO_PLAIN, .mail = "250 a\r\n250 b\r\n" },
	  .status = GW_DEFERRED,
	  .stage = STAGE_RCPT,
	  .link = true,
	  .unseen = "RCPT" },
	{ .name = "354 to MAIL",
	  .script = { .mail = "354 a\r\n" },
	  .status = GW_DEFERRED,
	  .stage = STAGE_MAIL,
	  .link = true },
	{ .name = "250 to DATA",
	  .script = { .data = "250 a\r\n" },
	  .status = GW_DEFERRED,
	  .stage = STAGE_DATA,
	  .link = true },
	{ .name = "354 to the dot",
	  .script = { .dot = "354 a\r\n" },
	  .status = GW_UNKNOWN,
	  .stage = STAGE_DOT,
	  .link = true },
	/* what a refusal is about */
	{ .name = "MAIL: system",
	  .script = { .mail = "554 5.3.2 system not accepting\r\n" },
	  .status = GW_DEFERRED,
	  .stage = STAGE_MAIL,
	  .link = true },
	{ .name = "MAIL: size",
	  .script = { .mail = "552 5.3.4 too big\r\n" },
	  .status = GW_BOUNCED,
	  .stage = STAGE_MAIL },
	{ .name = "DATA: a loop",
	  .script = { .data = "554 5.4.6 too many hops\r\n" },
	  .status = GW_BOUNCED,
	  .stage = STAGE_DATA },
	{ .name = "DATA: routing",
	  .script = { .data = "554 5.4.4 no way\r\n" },
	  .status = GW_DEFERRED,
	  .stage = STAGE_DATA,
	  .link = true },
	{ .name = "MAIL: login wanted",
	  .script = { .mail = "530 5.7.0 log in\r\n" },
	  .status = GW_DEFERRED,
	  .stage = STAGE_MAIL,
	  .link = true },
	{ .name = "MAIL: out of order",
	  .script = { .mail = "503 5.5.1 out of order\r\n" },
	  .status = GW_DEFERRED,
	  .stage = STAGE_MAIL,
	  .link = true },
	{ .name = "byte by byte",
	  .script = { .drip_us = 1 },
	  .status = GW_DELIVERED,
	  .stage = STAGE_DOT },
	{ .name = "RCPT: routing",
	  .script = { .rcpt = "550 5.4.1 access denied\r\n" },
	  .status = GW_BOUNCED,
	  .stage = STAGE_RCPT },
	/* all refused, DATA is on its way */
	{ .name = "354 all the same",
	  .rcpt = "bad@x.example",
	  .status = GW_BOUNCED,
	  .stage = STAGE_RCPT },
	{ .name = "DATA refused",
	  .script = { .data = "503 5.5.1 no recipients\r\n" },
	  .rcpt = "bad@x.example",
	  .status = GW_BOUNCED,
	  .stage = STAGE_RCPT },
	{ .name = "no DATA in lock-step",
	  .script = { .ehlo = EHLO_PLAIN },
	  .rcpt = "bad@x.example",
	  .status = GW_BOUNCED,
	  .stage = STAGE_RCPT,
	  .unseen = "DATA" },
	/* TLS */
	{ .name = "STARTTLS",
	  .tls = TLS_STARTTLS,
	  .with_tls = true,
	  .script = { .ehlo = EHLO_TLS },
	  .status = GW_DELIVERED,
	  .stage = STAGE_DOT },
	{ .name = "implicit TLS",
	  .tls = TLS_IMPLICIT,
	  .with_tls = true,
	  .script = { .implicit = true },
	  .status = GW_DELIVERED,
	  .stage = STAGE_DOT },
	{ .name = "STARTTLS not offered",
	  .tls = TLS_STARTTLS,
	  .status = GW_DEFERRED,
	  .stage = STAGE_TLS,
	  .link = true,
	  .unseen = "MAIL",
	  .words = "STARTTLS is not offered" },
	{ .name = "STARTTLS and only HELO",
	  .tls = TLS_STARTTLS,
	  .script = { .ehlo = "502 no\r\n" },
	  .status = GW_DEFERRED,
	  .stage = STAGE_TLS,
	  .link = true,
	  .unseen = "MAIL" },
	{ .name = "text before TLS",
	  .tls = TLS_STARTTLS,
	  .script = { .ehlo = EHLO_TLS, .starttls = "220 go\r\n250-forged\r\n250 AUTH PLAIN\r\n" },
	  .status = GW_DEFERRED,
	  .stage = STAGE_TLS,
	  .link = true,
	  .unseen = "MAIL",
	  .words = "in clear" },
	{ .name = "no TLS after 220",
	  .tls = TLS_STARTTLS,
	  .script = { .ehlo = EHLO_TLS, .starttls = "220 go\r\n" },
	  .status = GW_DEFERRED,
	  .stage = STAGE_TLS,
	  .link = true,
	  .unseen = "MAIL" },
	{ .name = "clear text where TLS is due",
	  .tls = TLS_IMPLICIT,
	  .status = GW_DEFERRED,
	  .stage = STAGE_TLS,
	  .link = true,
	  .unseen = "MAIL" },
	/* logins */
	{ .name = "login",
	  .auth = true,
	  .script = { .ehlo = EHLO_AUTH },
	  .login = GW_ACCEPT,
	  .status = GW_DELIVERED,
	  .stage = STAGE_DOT,
	  .saw = "AUTH PLAIN AHVzZXIAc2VzYW1l\r\nMAIL" },
	{ .name = "LOGIN",
	  .auth = true,
	  .script = { .ehlo = "250-a\r\n250 AUTH=LOGIN\r\n" },
	  .login = GW_ACCEPT,
	  .status = GW_DELIVERED,
	  .stage = STAGE_DOT,
	  .saw = "AUTH LOGIN\r\nMAIL" },
	{ .name = "AUTH not offered",
	  .auth = true,
	  .login = GW_ACCEPT,
	  .status = GW_DEFERRED,
	  .stage = STAGE_AUTH,
	  .link = true,
	  .unseen = "MAIL",
	  .words = "AUTH is not offered" },
	{ .name = "no mechanism in common",
	  .auth = true,
	  .script = { .ehlo = "250-a\r\n250 AUTH NTLM GSSAPI\r\n" },
	  .login = GW_ACCEPT,
	  .status = GW_DEFERRED,
	  .stage = STAGE_AUTH,
	  .link = true,
	  .unseen = "AUTH",
	  .words =
		  "offers NTLM GSSAPI, and the relay logs in by SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN, LOGIN" },
	{ .name = "no login to be had",
	  .auth = true,
	  .script = { .ehlo = EHLO_AUTH },
	  .login = GW_WAIT,
	  .status = GW_DEFERRED,
	  .stage = STAGE_AUTH,
	  .link = true,
	  .unseen = "MAIL" },
	{ .name = "AUTH offered, not wanted",
	  .script = { .ehlo = EHLO_AUTH },
	  .status = GW_DELIVERED,
	  .stage = STAGE_DOT,
	  .unseen = "AUTH" },
	{ .name = "strange challenge",
	  .auth = true,
	  .script = { .ehlo = EHLO_AUTH, .auth = "334 !!\r\n501 5.7.0 given up\r\n" },
	  .login = GW_ACCEPT,
	  .status = GW_DEFERRED,
	  .stage = STAGE_AUTH,
	  .link = true,
	  .unseen = "MAIL" },
	{ .name = "prompts in words",
	  .auth = true,
	  .script = { .ehlo = "250-a\r\n250 AUTH LOGIN\r\n",
		      .login_prompt = "334 who, and what?\r\n" },
	  .login = GW_ACCEPT,
	  .status = GW_DELIVERED,
	  .stage = STAGE_DOT },
	{ .name = "challenges without end",
	  .auth = true,
	  .script = { .ehlo = EHLO_AUTH, .endless_login = true },
	  .login = GW_ACCEPT,
	  .status = GW_DEFERRED,
	  .stage = STAGE_AUTH,
	  .link = true,
	  .words = "no end" },
	/* a token that is refused: its owner is asked once for another, on the same link */
	{ .name = "token",
	  .auth = true,
	  .script = { .ehlo = "250-a\r\n250 AUTH LOGIN XOAUTH2\r\n" },
	  .login = GW_ACCEPT,
	  .mechanism = "XOAUTH2",
	  .asked = 1,
	  .status = GW_DELIVERED,
	  .stage = STAGE_DOT,
	  .saw = "AUTH XOAUTH2 dXNlcj11c2VyAWF1dGg9QmVhcmVyIHNlc2FtZQEB\r\nMAIL" },
	{ .name = "token refused once",
	  .auth = true,
	  .script = { .ehlo = EHLO_TOKEN,
		      .auth = "535 5.7.3 old\r\n",
		      .auth_again = "235 2.7.0 new\r\n" },
	  .login = GW_ACCEPT,
	  .mechanism = "XOAUTH2",
	  .asked = 2,
	  .refused = "535 old",
	  .status = GW_DELIVERED,
	  .stage = STAGE_DOT },
	{ .name = "token refused twice",
	  .auth = true,
	  .script = { .ehlo = EHLO_TOKEN, .auth = "535 5.7.3 no\r\n" },
	  .login = GW_ACCEPT,
	  .mechanism = "XOAUTH2",
	  .asked = 2,
	  .status = GW_DEFERRED,
	  .stage = STAGE_AUTH,
	  .link = true,
	  .unseen = "MAIL" },
	{ .name = "token refused for now",
	  .auth = true,
	  .script = { .ehlo = EHLO_TOKEN, .auth = "454 4.7.0 later\r\n" },
	  .login = GW_ACCEPT,
	  .mechanism = "XOAUTH2",
	  .asked = 1,
	  .status = GW_DEFERRED,
	  .stage = STAGE_AUTH,
	  .link = true },
	{ .name = "password refused",
	  .auth = true,
	  .script = { .ehlo = EHLO_AUTH, .auth = "535 5.7.8 no\r\n" },
	  .login = GW_ACCEPT,
	  .asked = 1,
	  .status = GW_DEFERRED,
	  .stage = STAGE_AUTH,
	  .link = true },
	{ .name = "a token's mechanism is not for passwords",
	  .auth = true,
	  .script = { .ehlo = "250-a\r\n250 AUTH XOAUTH2\r\n" },
	  .login = GW_ACCEPT,
	  .status = GW_DEFERRED,
	  .stage = STAGE_AUTH,
	  .link = true,
	  .unseen = "AUTH",
	  .words =
		  "offers XOAUTH2, and the relay logs in by SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN, LOGIN" },
	{ .name = "bare LF",
	  .script = { .greeting = "220-a\n220 b\n",
		      .ehlo = "250-a\n250 PIPELINING\n",
		      .mail = "250 a\n",
		      .rcpt = "250 b\n",
		      .data = "354 c\n",
		      .dot = "250-d\n250 e\n" },
	  .status = GW_DELIVERED,
	  .stage = STAGE_DOT },
	/* content */
	{ .name = "8-bit",
	  .text = "Subject: \303\244\r\n\r\n",
	  .eight_bit = true,
	  .status = GW_DELIVERED,
	  .stage = STAGE_DOT,
	  .saw = " BODY=8BITMIME\r\n" },
	{ .name = "8-bit not offered",
	  .script = { .ehlo = EHLO_PLAIN },
	  .eight_bit = true,
	  .status = GW_BOUNCED,
	  .stage = STAGE_MAIL,
	  .unseen = "MAIL",
	  .words = "8BITMIME" },
	{ .name = "SMTPUTF8 not offered",
	  .rcpt = "j\303\244n@x.example",
	  .status = GW_BOUNCED,
	  .stage = STAGE_MAIL,
	  .unseen = "MAIL",
	  .words = "SMTPUTF8" },
	{ .name = "SMTPUTF8",
	  .script = { .ehlo = "250-a\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n" },
	  .rcpt = "j\303\244n@x.example",
	  .status = GW_DELIVERED,
	  .stage = STAGE_DOT,
	  .saw = "MAIL FROM:<from@sender.example> SMTPUTF8\r\nRCPT TO:<j\303\244n@x.example>\r\n" },
	{ .name = "too big",
	  .script = { .ehlo = "250-a\r\n250 SIZE 10\r\n" },
	  .status = GW_BOUNCED,
	  .stage = STAGE_MAIL,
	  .unseen = "MAIL",
	  .words = "larger" },
	{ .name = "no limit",
	  .script = { .ehlo = "250-a\r\n250 SIZE 0\r\n" },
	  .status = GW_DELIVERED,
	  .stage = STAGE_DOT },
	{ .name = "control character",
	  .rcpt = "a\r\nRCPT TO:<b@x.example>",
	  .status = GW_BOUNCED,
	  .stage = STAGE_MAIL,
	  .unseen = "RCPT" },
};

static void hold_conversation(const struct conversation *talk)
{
	struct peer_script script = talk->script;
	struct sending sending;
	struct outcome *got = &sending.outcomes[0];
	struct peer peer;
	struct rig rig;

	if (talk->with_tls)
		script.tls = peer_tls();
	peer_start(&peer, &script);
	rig_init(&rig, 0, peer.port);
	rig.relay->tls = talk->tls;
	if (talk->tls != TLS_NONE)
		rig.relay->client = trusting();
	rig.relay->auth = talk->auth;
	rig.login = talk->login;
	rig.mechanism = talk->mechanism;
	sending_init(&sending, &rig, talk->text ? talk->text : TEXT, "to@rcpt.example");
	if (talk->rcpt)
		sending.rcpts[0].address = gw_str(talk->rcpt);
	sending.message.eight_bit = talk->eight_bit;
	rig_send(&sending);
	rig_run(&rig);
	if (got->status != talk->status || got->stage != talk->stage || got->link != talk->link)
		fail_msg("%s: %s at %s, link %d: %d %s", talk->name,
			 event_name(status_event(got->status)), stage_name(got->stage), got->link,
			 got->reply.code, got->reply.text.ptr);
	if (talk->asked && sending.asked_count != talk->asked)
		fail_msg("%s: asked %d times", talk->name, sending.asked_count);
	if (talk->refused && !gw_str_eq(sending.attempt.login_refused, gw_str(talk->refused)))
		fail_msg("%s: %s", talk->name, sending.attempt.login_refused.ptr);
	if (talk->saw && !peer_saw(&peer, talk->saw))
		fail_msg("%s: the peer saw %s", talk->name, peer.log.text);
	if (talk->unseen && peer_saw(&peer, talk->unseen))
		fail_msg("%s: the peer saw %s", talk->name, peer.log.text);
	if (talk->words && !strstr(got->reply.text.ptr, talk->words))
		fail_msg("%s: %s", talk->name, got->reply.text.ptr);
	assert_non_null(strstr(got->host.ptr, "127.0.0.1 [127.0.0.1]:"));
	sending_finish(&sending);
	rig_finish(&rig);
	peer_stop(&peer);
	SSL_CTX_free(script.tls);
}

static void conversations_end_as_they_should(void **state)
{
	size_t i;
	for (i = 0; i < sizeof conversations / sizeof *conversations; i++)
		hold_conversation(&conversations[i]);
}

/* --- recipients --- */

static void each_recipient_has_its_own_outcome(void **state)
{
	static const char *const ehlos[] = { NULL, EHLO_PLAIN };
	size_t i;
	for (i = 0; i < 2; i++) {
		struct peer_script script = { .ehlo = ehlos[i] };
		struct sending sending;
		struct peer peer;
		struct rig rig;
		peer_start(&peer, &script);
		rig_init(&rig, 0, peer.port);
		rig_once(&rig, &sending, TEXT,
			 "one@x.example bad@x.example two@x.example later@x.example");
		assert_int_equal(sending.outcomes[0].status, GW_DELIVERED);
		assert_int_equal(sending.outcomes[1].status, GW_BOUNCED);
		assert_int_equal(sending.outcomes[1].reply.code, 550);
		assert_int_equal(sending.outcomes[1].reply.enhanced[1], 1);
		assert_string_equal(sending.outcomes[1].reply.text.ptr, "no such user");
		assert_int_equal(sending.outcomes[2].status, GW_DELIVERED);
		assert_int_equal(sending.outcomes[3].status, GW_DEFERRED);
		assert_false(sending.outcomes[3].link);
		sending_finish(&sending);
		rig_finish(&rig);
		peer_stop(&peer);
	}
}

static void many_recipients_are_several_transactions(void **state)
{
	struct sending sending;
	struct peer peer;
	struct rig rig;
	size_t i;
	peer_start(&peer, NULL);
	rig_init(&rig, 0, peer.port);
	rig.relay->max_rcpts = 2;
	rig_once(&rig, &sending, TEXT,
		 "a@x.example bad@x.example c@x.example d@x.example bad@x.example");
	for (i = 0; i < 5; i++)
		assert_int_equal(sending.outcomes[i].status,
				 i == 1 || i == 4 ? GW_BOUNCED : GW_DELIVERED);
	assert_int_equal(peer_saw(&peer, "MAIL"), 3);
	assert_int_equal(peer.connections, 1);
	sending_finish(&sending);
	rig_finish(&rig);
	peer_stop(&peer);
}

static void a_refused_transaction_is_reset_before_the_next(void **state)
{
	struct peer_script script = { .ehlo = EHLO_PLAIN };
	struct sending first, second;
	struct peer peer;
	struct rig rig;
	peer_start(&peer, &script);
	rig_init(&rig, 0, peer.port);
	rig_once(&rig, &first, TEXT, "bad@x.example");
	assert_int_equal(rig_once(&rig, &second, TEXT, "good@x.example").status, GW_DELIVERED);
	assert_int_equal(peer.rsets, 1);
	assert_int_equal(peer.connections, 1);
	sending_finish(&first);
	sending_finish(&second);
	rig_finish(&rig);
	peer_stop(&peer);
}

/* The one before may still be open there: another connection is taken. */
static void where_reset_is_refused_no_transaction_is_begun(void **state)
{
	struct peer_script script = { .rset = "502 5.5.1 no\r\n" };
	struct sending first, second;
	struct peer peer;
	struct rig rig;
	script.data = "451 4.3.0 not now\r\n";
	script.once = true;
	peer_start(&peer, &script);
	rig_init(&rig, 0, peer.port);
	assert_int_equal(rig_once(&rig, &first, TEXT, "a@x.example").status, GW_DEFERRED);
	assert_int_equal(rig_once(&rig, &second, TEXT, "b@x.example").status, GW_DELIVERED);
	assert_int_equal(peer.connections, 2);
	sending_finish(&first);
	sending_finish(&second);
	rig_finish(&rig);
	peer_stop(&peer);
}

/* Lines and lengths without end, and replies that never come to theirs. */
static void endless_replies_are_cut(void **state)
{
	char *line = malloc(REPLY_LINE_MAX + 2000), *lines = malloc(REPLY_LINES_MAX * 16 + 100),
	     *at = lines;
	const char *greetings[3];
	struct sending sending;
	struct outcome got;
	struct peer peer;
	struct rig rig;
	size_t i;
	memset(line, '2', REPLY_LINE_MAX + 1999);
	line[REPLY_LINE_MAX + 1999] = 0;
	for (i = 0; i < REPLY_LINES_MAX + 4; i++)
		at += sprintf(at, "220-more\r\n");
	greetings[0] = line;
	greetings[1] = lines;
	greetings[2] = "220 so slowly that nobody waits\r\n";
	for (i = 0; i < 3; i++) {
		peer_start(&peer, &(struct peer_script){ .greeting = greetings[i],
							 .drip_us = i == 2 ? 10000 : 0 });
		rig_init(&rig, 0, peer.port);
		if (i == 2)
			hurry(&rig);
		got = rig_once(&rig, &sending, TEXT, "a@x.example");
		assert_int_equal(got.status, GW_DEFERRED);
		assert_int_equal(got.stage, STAGE_GREETING);
		assert_true(got.link);
		sending_finish(&sending);
		rig_finish(&rig);
		peer_stop(&peer);
	}
	free(line);
	free(lines);
}

static void dsn_parameters_go_on_where_offered(void **state)
{
	struct peer_script script = { .ehlo = "250-a\r\n250-PIPELINING\r\n250 DSN\r\n" };
	struct sending sending;
	struct peer peer;
	struct rig rig;
	peer_start(&peer, &script);
	rig_init(&rig, 0, peer.port);
	sending_init(&sending, &rig, TEXT, "a@x.example b@x.example");
	sending.message.ret = SMTP_RET_HDRS;
	sending.message.envid = gw_str("QQ314159");
	sending.rcpts[0].notify = SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY;
	sending.rcpts[0].orcpt = gw_str("rfc822;A@x.example");
	sending.rcpts[1].notify = SMTP_NOTIFY_NEVER;
	rig_send(&sending);
	rig_run(&rig);
	assert_int_equal(
		peer_saw(&peer,
			 "MAIL FROM:<from@sender.example> RET=HDRS ENVID=QQ314159\r\n"
			 "RCPT TO:<a@x.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;A@x.example\r\n"
			 "RCPT TO:<b@x.example> NOTIFY=NEVER\r\n"),
		1);
	assert_non_null(strstr(sending.attempt.capabilities.ptr, "DSN"));
	sending_finish(&sending);
	rig_finish(&rig);
	peer_stop(&peer);
}

/* Clients say it wherever it is offered; only a header or an address needs it. */
static void smtputf8_is_for_what_needs_it(void **state)
{
	static const struct {
		const char *ehlo, *text;
		enum gw_status status;
		bool said;
	} cases[] = {
		{ "250-a\r\n250 8BITMIME\r\n", "Subject: a\r\n\r\n\303\244\r\n", GW_DELIVERED,
		  false },
		{ "250-a\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n", "Subject: a\r\n\r\n\303\244\r\n",
		  GW_DELIVERED, false },
		{ "250-a\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n", "Subject: \303\244\r\n\r\n",
		  GW_DELIVERED, true },
		{ "250-a\r\n250 8BITMIME\r\n", "Subject: \303\244\r\n\r\n", GW_BOUNCED, false },
	};
	size_t i;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct peer_script script = { .ehlo = cases[i].ehlo };
		struct header_block block;
		struct sending sending;
		struct peer peer;
		struct rig rig;
		peer_start(&peer, &script);
		rig_init(&rig, 0, peer.port);
		sending_init(&sending, &rig, cases[i].text, "to@x.example");
		sending.message.smtputf8 = sending.message.eight_bit = true;
		assert_int_equal(header_parse(gw_str(cases[i].text), &sending.arena, &block), 0);
		sending.message.headers = &block;
		rig_send(&sending);
		rig_run(&rig);
		assert_int_equal(sending.outcomes[0].status, cases[i].status);
		assert_int_equal(sending.outcomes[0].unfit, cases[i].status == GW_BOUNCED);
		assert_int_equal(peer_saw(&peer, " SMTPUTF8\r\n"), cases[i].said);
		sending_finish(&sending);
		rig_finish(&rig);
		peer_stop(&peer);
	}
}

/* --- bytes --- */

static void bytes_arrive_with_their_dots_doubled(void **state)
{
	static const struct {
		const char *text, *wire;
	} cases[] = {
		{ "", "" },
		{ "a: b\r\n\r\n.\r\n..\r\n.x\r\n", "a: b\r\n\r\n..\r\n...\r\n..x\r\n" },
		{ "a: b\r\n\r\nno line end", "a: b\r\n\r\nno line end\r\n" },
		{ "a: b\r\n\r\nx.\r\ny\r\n", "a: b\r\n\r\nx.\r\ny\r\n" },
		{ ".first\r\n", "..first\r\n" },
	};
	size_t i;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sending sending;
		struct peer peer;
		struct rig rig;
		peer_start(&peer, NULL);
		rig_init(&rig, 0, peer.port);
		assert_int_equal(rig_once(&rig, &sending, cases[i].text, "a@x.example").status,
				 GW_DELIVERED);
		assert_string_equal(peer.message.text ? peer.message.text : "", cases[i].wire);
		sending_finish(&sending);
		rig_finish(&rig);
		peer_stop(&peer);
	}
}

static char *large_text(size_t lines)
{
	char *text = malloc(lines * 66 + 1), *at = text;
	size_t i;
	for (i = 0; i < lines; i++)
		at += sprintf(at, "%c%062zu\r\n", i % 5000 == 7 ? '.' : 'x', i);
	return text;
}

/* More than is kept unwritten: the stream drains in between. */
static void a_large_message_is_streamed(void **state)
{
	char *text = large_text(20000);
	size_t len = strlen(text);
	struct sending sending;
	struct peer peer;
	struct rig rig;
	peer_start(&peer, &(struct peer_script){ .ehlo = EHLO_PLAIN });
	rig_init(&rig, 0, peer.port);
	assert_int_equal(rig_once(&rig, &sending, text, "a@x.example").status, GW_DELIVERED);
	assert_int_equal(peer.message.len, len + 4); /* lines that begin with a dot */
	sending_finish(&sending);
	rig_finish(&rig);
	peer_stop(&peer);
	free(text);
}

/* The dot never left, so there is no doubt. */
static void a_next_hop_that_stops_reading_is_left(void **state)
{
	char *text = large_text(400000);
	struct sending sending;
	struct outcome got;
	struct peer peer;
	struct rig rig;
	peer_start(&peer, &(struct peer_script){ .deaf_ms = 300, .ehlo = EHLO_PLAIN });
	rig_init(&rig, 0, peer.port);
	rig.snapshot->settings.delivery.block = 50;
	got = rig_once(&rig, &sending, text, "a@x.example");
	assert_int_equal(got.status, GW_DEFERRED);
	assert_int_equal(got.stage, STAGE_BODY);
	assert_true(got.link);
	sending_finish(&sending);
	rig_finish(&rig);
	peer_stop(&peer);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fault_at_every_place),
		cmocka_unit_test(conversations_end_as_they_should),
		cmocka_unit_test(each_recipient_has_its_own_outcome),
		cmocka_unit_test(many_recipients_are_several_transactions),
		cmocka_unit_test(a_refused_transaction_is_reset_before_the_next),
		cmocka_unit_test(where_reset_is_refused_no_transaction_is_begun),
		cmocka_unit_test(endless_replies_are_cut),
		cmocka_unit_test(dsn_parameters_go_on_where_offered),
		cmocka_unit_test(smtputf8_is_for_what_needs_it),
		cmocka_unit_test(bytes_arrive_with_their_dots_doubled),
		cmocka_unit_test(a_large_message_is_streamed),
		cmocka_unit_test(a_next_hop_that_stops_reading_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

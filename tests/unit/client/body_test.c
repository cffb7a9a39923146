/* What is said, or happens, while the message is on its way: an early refusal is a refusal, and a
 * link that was lost before the last octet left leaves no doubt. */
#include "peer.c"
#include "rig.c"

#define PLAIN "250-peer.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
#define CHUNKING "250-peer.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n"
#define TRACE "Received: by gateway.example; Sat, 28 Nov 2026 03:00:00 +0000\r\n"
#define LARGE (14u << 20)

static char *large_text(size_t size)
{
	char *text = malloc(size + 80), *at = text;
	while ((size_t)(at - text) < size)
		at += sprintf(at, "%062d\r\n", 7);
	return text;
}

static struct tls_context *trusting(void)
{
	struct tls_client_options options = { .verify = false };
	struct problems problems;
	struct tls_context *tls;
	problems_init(&problems);
	tls = tls_client_create(&options, "test", 1, &problems);
	problems_finish(&problems);
	return tls;
}

struct early {
	const char *name, *reply;
	bool close;
	enum gw_status status;
	bool link;
};
static const struct early earlies[] = {
	{ "refused for good, and closed", "552 5.3.4 too big\r\n", true, GW_BOUNCED, false },
	{ "refused for good", "552-5.3.4 it is\r\n552 5.3.4 too big\r\n", false, GW_BOUNCED,
	  false },
	{ "later", "452 4.2.2 full\r\n", true, GW_DEFERRED, false },
	{ "out of step", "503 5.5.1 order\r\n", true, GW_DEFERRED, true },
	{ "going down", "421 4.3.2 closing\r\n", true, GW_DEFERRED, true },
	{ "gone", PEER_CLOSE, true, GW_DEFERRED, true },
	{ "believed before its time", "250 2.0.0 kept\r\n", true, GW_DEFERRED, true },
};

static void refuse_in_the_middle(const struct early *early, const char *ehlo, bool tls, int after,
				 const char *text)
{
	struct peer_script script = { .ehlo = ehlo,
				      .early = early->reply,
				      .early_after = after,
				      .early_close = early->close,
				      .tls = tls ? peer_tls() : NULL,
				      .implicit = tls };
	struct sending sending;
	struct peer peer;
	struct rig rig;

	peer_start(&peer, &script);
	rig_init(&rig, 0, peer.port);
	rig.relay->tls = tls ? TLS_IMPLICIT : TLS_NONE;
	rig.relay->client = tls ? trusting() : NULL;
	sending_init(&sending, &rig, text, "a@x.example b@x.example");
	sending.message.trace = gw_str(TRACE);
	rig_send(&sending);
	rig_run(&rig);
	if (sending.outcomes[0].status != early->status ||
	    sending.outcomes[1].link != early->link || sending.outcomes[0].stage != STAGE_BODY)
		fail_msg("%s, %s, tls %d: %s at %s, link %d: %s", early->name, ehlo, tls,
			 event_name(status_event(sending.outcomes[0].status)),
			 stage_name(sending.outcomes[0].stage), sending.outcomes[1].link,
			 sending.outcomes[0].reply.text.ptr);
	assert_int_equal(peer.connections, 1);
	sending_finish(&sending);
	rig_finish(&rig);
	peer_stop(&peer);
	SSL_CTX_free(script.tls);
}

static void an_early_refusal_is_that_refusal(void **state)
{
	char *text = large_text(LARGE);
	size_t i;
	for (i = 0; i < sizeof earlies / sizeof *earlies; i++) {
		refuse_in_the_middle(&earlies[i], PLAIN, false, 65000, text);
		refuse_in_the_middle(&earlies[i], CHUNKING, false, 65000, text);
		refuse_in_the_middle(&earlies[i], PLAIN, true, 65000, text);
	}
	free(text);
}

/* The first says no in the middle; those of the next transaction are not worse off for it. */
static void the_others_go_on_over_another_link(void **state)
{
	struct peer_script script = { .ehlo = PLAIN,
				      .early = "552 5.3.4 too big\r\n",
				      .early_after = 1000,
				      .early_once = true };
	char *text = large_text(LARGE);
	struct sending sending;
	struct peer peer;
	struct rig rig;

	peer_start(&peer, &script);
	rig_init(&rig, 0, peer.port);
	rig.relay->max_rcpts = 1;
	rig_once(&rig, &sending, text, "a@x.example b@x.example");
	assert_int_equal(sending.outcomes[0].status, GW_BOUNCED);
	assert_int_equal(sending.outcomes[1].status, GW_DELIVERED);
	assert_int_equal(peer.connections, 2);
	sending_finish(&sending);
	rig_finish(&rig);
	peer_stop(&peer);
	free(text);
}

/* All of it was read, and no word came: nobody knows. */
static void lost_after_the_last_octet_is_unknown(void **state)
{
	static const size_t sizes[] = { 100, 5000, 1 << 20 };
	size_t i;
	for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct peer_script script = { .ehlo = PLAIN, .dot = PEER_CLOSE };
		char *text = large_text(sizes[i]);
		struct sending sending;
		struct peer peer;
		struct rig rig;
		peer_start(&peer, &script);
		rig_init(&rig, 0, peer.port);
		assert_int_equal(rig_once(&rig, &sending, text, "a@x.example").status, GW_UNKNOWN);
		sending_finish(&sending);
		rig_finish(&rig);
		peer_stop(&peer);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_early_refusal_is_that_refusal),
		cmocka_unit_test(the_others_go_on_over_another_link),
		cmocka_unit_test(lost_after_the_last_octet_is_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
